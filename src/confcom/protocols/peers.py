# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end of a local socket, and how far that can be relied on.

Pure: an adapter reads the kernel's files, this module knows what their text means. Sources:
proc_pid_stat(5), proc_pid_fdinfo(5); the kubelet's folder of pod logs, ``NAMESPACE_NAME_UID``.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

POD_UID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}"
"""A pod's UID: a UUID, or for static pods the kubelet's digest of the manifest, 32 digits."""

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAMESPACE: Final = re.compile(_LABEL)
_POD_FOLDER: Final = re.compile(
    rf"({_LABEL})_([a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?)_({POD_UID})"
)
# The command may hold any byte, also ")" and line ends: what follows its last ")" is counted on.
# Field 3 is the state, field 22 the start time in ticks since boot.
_STAT: Final = re.compile(
    rb"\d{1,10} \(.*\) ([A-Za-z])(?: -?\d{1,20}){18} (\d{1,20})[ \n]", re.DOTALL
)
_FDINFO_PID: Final = re.compile(rb"^Pid:\t(-?\d{1,10})$", re.MULTILINE)
_ENDED: Final = (b"Z", b"X", b"x")


class Certainty(StrEnum):
    """How far the pod of a peer can be relied on.

    ``PINNED``: a descriptor of the process itself vouches that what was read is about the peer.
    ``UNPINNED``: read by process number, which may have been given to another process since the
    connection was made; good for a log, not for a decision. ``UNKNOWN``: nothing could be read.
    """

    PINNED = "pinned"
    UNPINNED = "unpinned"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The process that made a connection. It may since have handed the connection to another.

    Attributes:
        uid: effective user when it connected, as the kernel noted it; certain whatever
            ``certainty`` says. None where the kernel noted nothing.
        gid: effective group, likewise.
        pid: its number here; None for a process outside our PID namespace.
        container_id: 64 hexadecimal digits, or None where it is in no container we can tell.
        pod_uid: the pod of the container, or None.
        pod_namespace: the pod's namespace, or None where its name is not known.
        pod_name: the pod's name, or None likewise.
        certainty: about container and pod, which are None where it is ``UNKNOWN``.
    """

    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
    container_id: str | None = None
    pod_uid: str | None = None
    pod_namespace: str | None = None
    pod_name: str | None = None
    certainty: Certainty = Certainty.UNKNOWN

    @property
    def certain_namespace(self) -> str | None:
        """The pod's namespace where a decision may rest on it, else None."""
        return self.pod_namespace if self.certainty is Certainty.PINNED else None

    @property
    def account(self) -> str:
        """Whose quota the peer uses: its pod's where that is certain, else its user's."""
        if self.certainty is Certainty.PINNED and self.pod_uid is not None:
            return f"pod:{self.pod_uid}"
        return "uid:unknown" if self.uid is None else f"uid:{self.uid}"


@dataclass(frozen=True, slots=True)
class PodFolder:
    """What the name of a folder in ``/var/log/pods`` says."""

    namespace: str
    name: str
    uid: str


def is_namespace(text: str) -> bool:
    """Whether a text can be the name of a namespace: a DNS label (RFC 1123)."""
    return _NAMESPACE.fullmatch(text) is not None


def parse_pod_folder(name: str) -> PodFolder | None:
    """Return the pod that a folder NAMESPACE_NAME_UID is about, or None for any other name."""
    match = _POD_FOLDER.fullmatch(name)
    return None if match is None else PodFolder(*match.groups())


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """What ``/proc/PID/stat`` says.

    Attributes:
        started_ticks: when the process began, in clock ticks since boot.
        has_ended: its first thread is gone; the kernel then no longer tells its cgroup.
    """

    started_ticks: int
    has_ended: bool


def parse_stat(data: bytes) -> ProcessStat | None:
    """Return what a ``/proc/PID/stat`` says, or None where it does not have that form."""
    match = _STAT.match(data)
    return None if match is None else ProcessStat(int(match[2]), match[1] in _ENDED)


def parse_pidfd_info(data: bytes) -> int | None:
    """Return the process number in a pidfd's ``/proc/self/fdinfo/FD``, or None if it has none.

    The number is that of the PID namespace of the ``/proc`` which was read. It is not positive
    for a process that is gone or outside that namespace; None is returned for those too.
    """
    match = _FDINFO_PID.search(data)
    number = 0 if match is None else int(match[1])
    return number if number > 0 else None
