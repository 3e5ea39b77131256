# SPDX-License-Identifier: Apache-2.0
"""Ask the kernel who is at the other end of a UNIX socket, and the node which pod that is.

Sources: unix(7) ``SO_PEERCRED``; Linux 6.5 ``SO_PEERPIDFD``; pidfd_open(2); proc_pid_cgroup(5).
"""

import contextlib
import errno
import itertools
import os
import select
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from confcom.protocols.cgroups import DEFAULT_ROOTS, MAX_CGROUP_BYTES, Container, parse_cgroup
from confcom.protocols.peers import (
    Certainty,
    Peer,
    PodFolder,
    parse_pidfd_info,
    parse_pod_folder,
    parse_stat,
)

SO_PEERPIDFD: Final = 77
"""A descriptor of the peer, made for whoever asks; Python has no name for it yet."""
MAX_POD_FOLDERS: Final = 8192
"""Entries of the folder of pod logs that are looked at; a kubelet runs some hundred pods."""
MAX_KNOWN_PODS: Final = 1024
"""Names that are remembered: a pod's name never changes, and no other pod gets its UID."""
MAX_SEEN: Final = 1024
"""Processes that are remembered."""
_MAX_LINE_BYTES: Final = 4096
_NOBODY: Final = 0xFFFFFFFF
_CREDENTIALS: Final = struct.Struct("=iII")
_DESCRIPTOR: Final = struct.Struct("=i")


class Connection(Protocol):
    """What is asked of a connected socket; `socket.socket` and asyncio's sockets have it."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """Return the value of an option."""
        ...


class PodNames:
    """Names of the node's pods, from the folder that the kubelet keeps their logs in.

    Args:
        folder: ``/var/log/pods``; reading it needs no rights at the API server.
        most_folders: entries of the folder that are looked at.
        most_known: names that are remembered; the one used least recently is forgotten first.
    """

    def __init__(
        self,
        folder: Path = Path("/var/log/pods"),
        *,
        most_folders: int = MAX_POD_FOLDERS,
        most_known: int = MAX_KNOWN_PODS,
    ) -> None:
        self._folder = folder
        self._most_folders = most_folders
        self._most_known = most_known
        self._known: OrderedDict[str, PodFolder] = OrderedDict()

    def find(self, uid: str) -> PodFolder | None:
        """Return the names of a pod, or None where they cannot be told."""
        if uid not in self._known:
            found = self._search(uid)
            if found is None:
                return None
            self._known[uid] = found
            if len(self._known) > self._most_known:
                self._known.popitem(last=False)
        self._known.move_to_end(uid)
        return self._known[uid]

    def _search(self, uid: str) -> PodFolder | None:
        try:
            with os.scandir(self._folder) as entries:
                names = [
                    entry.name
                    for entry in itertools.islice(entries, self._most_folders)
                    if entry.name.endswith(f"_{uid}") and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return None
        found = [pod for name in names if (pod := parse_pod_folder(name))]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class _Sight:
    """What was seen of a process, and until when that is good (monotonic seconds)."""

    container: Container | None
    until: float


class _Seen:
    """Containers of processes seen a moment ago, by the number that the kernel gives once."""

    def __init__(self, remember_s: float, number_of: Callable[[int], int | None]) -> None:
        self._remember_s = remember_s
        self._number_of = number_of
        self._sights: OrderedDict[int, _Sight] = OrderedDict()

    def find(self, descriptor: int) -> _Sight | None:
        """Return what was seen of the process of a pidfd."""
        number = self._number_of(descriptor)
        sight = None if number is None else self._sights.get(number)
        return None if sight is None or sight.until < time.monotonic() else sight

    def note(self, descriptor: int, container: Container | None) -> None:
        """Remember what was seen of the process of a pidfd."""
        number = self._number_of(descriptor)
        if number is None:
            return
        self._sights[number] = _Sight(container, time.monotonic() + self._remember_s)
        self._sights.move_to_end(number)
        if len(self._sights) > MAX_SEEN:
            self._sights.popitem(last=False)


class PeerReader:
    """Tells who made a connection.

    A look is about fifteen calls of the kernel, none of which can wait for the peer.

    What was read of a process is good for a few seconds, where the kernel tells processes apart for
    ever (pidfs, Linux 6.9): a process in a pod stays in that pod.

    Args:
        pod_names: who knows the names of pods; None off a Kubernetes node.
        cgroup_roots: the kubelet's setting ``cgroupRoot``, one or several to choose from.
        use_pidfd: False to do as on kernels before 6.5, which cannot pin a peer.
        proc: where the process file system of our own PID namespace is.
        remember_s: how long the container of a process is remembered, seconds.
        number_of: tells the number that no other process ever gets from a descriptor of one, or
            None where there is none, so that nothing is remembered; by default what the kernel has.
    """

    def __init__(
        self,
        *,
        pod_names: PodNames | None = None,
        cgroup_roots: Sequence[str] = DEFAULT_ROOTS,
        use_pidfd: bool = True,
        proc: Path = Path("/proc"),
        remember_s: float = 2.0,
        number_of: Callable[[int], int | None] | None = None,
    ) -> None:
        self._seen = _Seen(remember_s, number_of or lasting_numbers())
        self._pod_names = pod_names
        self._cgroup_roots = tuple(cgroup_roots)
        self._use_pidfd = use_pidfd
        self._proc = os.fspath(proc)

    def read(self, connection: Connection) -> Peer:
        """Return who made the connection; never raises for what a peer may do.

        1. The kernel's note of user, group and process at the time of the connection. Number 0 is
           a process outside our PID namespace, of which nothing more can be known.
        2. A descriptor of that process, where the kernel has it.
        3. Its cgroups, and after them whether its first thread still runs; without a descriptor,
           between two looks at its start time, by which another process of the same number is
           noticed if it comes in between.
        4. The descriptor once more: if the process has not ended, the number was its own all the
           time, and what was read is about it.
        """
        try:
            noted = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return Peer()
        pid, uid, gid = _CREDENTIALS.unpack(noted)
        user, group = _known(uid), _known(gid)
        if not pid:
            return Peer(uid=user, gid=group)
        descriptor = None
        try:
            descriptor = _open_pidfd(connection) if self._use_pidfd else None
            container = self._look(pid, descriptor)
        except OSError:
            return Peer(uid=user, gid=group, pid=pid)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        certainty = Certainty.UNPINNED if descriptor is None else Certainty.PINNED
        peer = Peer(uid=user, gid=group, pid=pid, certainty=certainty)
        return self._placed(peer, container)

    def _look(self, pid: int, descriptor: int | None) -> Container | None:
        if descriptor is None:
            return self._container(pid, is_pinned=False)
        seen = self._seen.find(descriptor)
        if seen is not None:
            _check_alive(descriptor)
            return seen.container
        self._check_number(pid, descriptor)
        container = self._container(pid, is_pinned=True)
        _check_alive(descriptor)
        self._seen.note(descriptor, container)
        return container

    def _placed(self, peer: Peer, container: Container | None) -> Peer:
        if container is None:
            return peer
        pod = None if self._pod_names is None else self._pod_names.find(container.pod_uid)
        return replace(
            peer,
            container_id=container.container_id,
            pod_uid=container.pod_uid,
            pod_namespace=None if pod is None else pod.namespace,
            pod_name=None if pod is None else pod.name,
        )

    def _check_number(self, pid: int, descriptor: int) -> None:
        """Refuse a ``/proc`` in which the peer has another number than the kernel told us."""
        info = self._read(f"self/fdinfo/{descriptor}")
        if parse_pidfd_info(info) != pid:
            raise ProcessLookupError(
                errno.ESRCH, "peer has ended, or /proc is of another namespace"
            )

    def _container(self, pid: int, *, is_pinned: bool) -> Container | None:
        before = None if is_pinned else parse_stat(self._read(f"{pid}/stat"))
        cgroup = self._read(f"{pid}/cgroup", MAX_CGROUP_BYTES)
        after = parse_stat(self._read(f"{pid}/stat"))
        # Without its first thread the kernel reports a process at the root, whatever it runs in.
        if after is None or after.has_ended or not (is_pinned or before == after):
            raise ProcessLookupError(errno.ESRCH, "peer has ended")
        return parse_cgroup(cgroup, roots=self._cgroup_roots)

    def _read(self, name: str, most: int = _MAX_LINE_BYTES) -> bytes:
        """Return a file of the kernel's, and one byte more than ``most`` where it is longer."""
        descriptor = os.open(f"{self._proc}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = part = os.read(descriptor, most + 1)
            while part and len(data) <= most:
                part = os.read(descriptor, most + 1 - len(data))
                data += part
            return data
        finally:
            os.close(descriptor)


def can_pin_peers() -> bool:
    """Whether this kernel gives out descriptors of peers, as Linux does since 6.5."""
    one, other = socket.socketpair()
    with one, other:
        descriptor = _open_pidfd(one)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def lasting_numbers() -> Callable[[int], int | None]:
    """Return what tells a process's number that this kernel never gives again, or None for it.

    There are such numbers where pidfds are of a file system of their own, with an inode for each
    process, as on Linux since 6.9.
    """
    return _inode if _has_pidfs() else _no_number


def _inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino


def _no_number(_descriptor: int) -> None:
    return None


def _has_pidfs() -> bool:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        pidfd = os.pidfd_open(os.getpid())
        stack.callback(os.close, pidfd)
        other = os.eventfd(0)
        stack.callback(os.close, other)
        return os.fstat(pidfd).st_dev != os.fstat(other).st_dev
    return False


def _open_pidfd(connection: Connection) -> int | None:
    try:
        value = connection.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, _DESCRIPTOR.size)
    except OSError as exc:
        if exc.errno == errno.ENOPROTOOPT:
            return None
        raise  # the peer is gone, or we have no descriptor left: nothing can be known
    return int(_DESCRIPTOR.unpack(value)[0])


def _check_alive(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if poll.poll(0):
        raise ProcessLookupError(errno.ESRCH, "peer has ended")


def _known(number: int) -> int | None:
    return None if number == _NOBODY else number
