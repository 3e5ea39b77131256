# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end: real sockets, real processes, descriptors of them where they exist.

Everything that does not depend on descriptors is shown with and without them.
"""

import asyncio
import contextlib
import errno
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from confcom.adapters.peers import (
    SO_PEERPIDFD,
    PeerReader,
    PodNames,
    can_pin_peers,
    lasting_numbers,
)
from confcom.protocols.cgroups import parse_cgroup
from confcom.protocols.peers import Certainty, Peer, PodFolder, parse_pidfd_info

POD = "2c48913c-b29f-11e7-9350-020968147796"
OTHER_POD = "72f7f152-440c-66ac-9084-e0fc1d8a910c"
ID = "9b" * 32
CGROUP = f"0::/kubepods/burstable/pod{POD}/{ID}\n"
RELEASE = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
CAN_PIN = RELEASE >= (6, 5)
BEST = Certainty.PINNED if CAN_PIN else Certainty.UNPINNED

both = pytest.mark.parametrize("use_pidfd", [True, False], ids=["pidfd", "number"])

_CONNECT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.recv(1)
"""
# The first thread ends (system call 60 of x86-64); another one connects and waits.
_CONNECT_WITHOUT_FIRST_THREAD = """
import ctypes, socket, sys, threading, time
def connect():
    while open("/proc/self/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    connection.recv(1)
threading.Thread(target=connect).start()
ctypes.CDLL(None).syscall(60, 0)
"""


class Client:
    """A process that has connected to us."""

    def __init__(self, folder: Path, program: str = _CONNECT) -> None:
        path = folder / "s"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.fspath(path))
            listener.listen(1)
            listener.settimeout(10)
            self.process = subprocess.Popen([sys.executable, "-c", program, os.fspath(path)])
            self.connection, _ = listener.accept()

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self, *, reap: bool = True) -> None:
        self.process.kill()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        if reap:
            self.process.wait(10)

    def close(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(program: str = _CONNECT) -> Client:
        clients.append(Client(tmp_path, program))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A folder like /proc in which a test decides what is said of a process."""
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "self").symlink_to("/proc/self")
    return folder


def _describe(proc: Path, pid: int, cgroup: str | None = CGROUP) -> Path:
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "stat").symlink_to(f"/proc/{pid}/stat")
    if cgroup is not None:
        (folder / "cgroup").write_text(cgroup, encoding="ascii")
    return folder


def _logs(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "pods"
    folder.mkdir()
    for name in names:
        (folder / name).mkdir()
    return folder


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _unknown(pid: int | None) -> Peer:
    return Peer(uid=os.getuid(), gid=os.getgid(), pid=pid)


# --- who it is ---


def test_whether_peers_can_be_pinned_follows_from_the_kernel() -> None:
    assert can_pin_peers() is CAN_PIN


@both
def test_a_process_is_told_by_user_group_and_number(
    connect: Callable[..., Client], *, use_pidfd: bool
) -> None:
    client = connect()
    peer = PeerReader(use_pidfd=use_pidfd).read(client.connection)
    assert (peer.uid, peer.gid, peer.pid) == (os.getuid(), os.getgid(), client.pid)
    assert peer.certainty is (BEST if use_pidfd else Certainty.UNPINNED)
    container = parse_cgroup(Path("/proc/self/cgroup").read_bytes())
    assert peer.container_id == (container and container.container_id)


@both
def test_we_ourselves_are_a_peer_like_any_other(*, use_pidfd: bool) -> None:
    one, other = socket.socketpair()
    with one, other:
        peer = PeerReader(use_pidfd=use_pidfd).read(one)
    assert peer.pid == os.getpid()
    assert peer.certainty is (BEST if use_pidfd else Certainty.UNPINNED)


@both
def test_container_and_pod_are_named(
    connect: Callable[..., Client], tmp_path: Path, proc: Path, *, use_pidfd: bool
) -> None:
    client = connect()
    _describe(proc, client.pid)
    names = PodNames(_logs(tmp_path, f"prod_app-0_{POD}", f"dev_app-0_{OTHER_POD}"))
    reader = PeerReader(pod_names=names, proc=proc, use_pidfd=use_pidfd)
    assert reader.read(client.connection) == Peer(
        uid=os.getuid(),
        gid=os.getgid(),
        pid=client.pid,
        container_id=ID,
        pod_uid=POD,
        pod_namespace="prod",
        pod_name="app-0",
        certainty=BEST if use_pidfd else Certainty.UNPINNED,
    )


@both
def test_a_pod_without_a_known_name_is_still_told_by_its_uid(
    connect: Callable[..., Client], tmp_path: Path, proc: Path, *, use_pidfd: bool
) -> None:
    client = connect()
    _describe(proc, client.pid)
    for names in (None, PodNames(tmp_path / "absent")):
        reader = PeerReader(pod_names=names, proc=proc, use_pidfd=use_pidfd)
        peer = reader.read(client.connection)
        assert (peer.pod_uid, peer.pod_namespace, peer.pod_name) == (POD, None, None)
        assert peer.certain_namespace is None


def test_the_kubelets_own_root_is_respected(connect: Callable[..., Client], proc: Path) -> None:
    client = connect()
    _describe(proc, client.pid, CGROUP.replace("/kubepods", "/n2/kubepods"))
    assert PeerReader(proc=proc).read(client.connection).pod_uid is None
    assert PeerReader(proc=proc, cgroup_roots=["/n2"]).read(client.connection).pod_uid == POD


@both
@pytest.mark.parametrize(
    "cgroup",
    ["", "0::/\n", f"0::/user.slice/kubepods/pod{POD}/{ID}\n", CGROUP + "\n" * 70_000],
    ids=["empty", "root", "forged", "too long"],
)
def test_a_process_in_no_pod_that_we_can_tell_has_none(
    connect: Callable[..., Client], proc: Path, cgroup: str, *, use_pidfd: bool
) -> None:
    client = connect()
    _describe(proc, client.pid, cgroup)
    peer = PeerReader(proc=proc, use_pidfd=use_pidfd).read(client.connection)
    assert (peer.container_id, peer.pod_uid, peer.certain_namespace) == (None, None, None)


async def _serve_one(path: Path, reader: PeerReader) -> Peer:
    seen: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(reader.read(writer.get_extra_info("socket")))
        writer.close()

    async with await asyncio.start_unix_server(serve, path), asyncio.timeout(5):
        _, writer = await asyncio.open_unix_connection(path)
        peer = await seen
        writer.close()
        await writer.wait_closed()
    return peer


@both
def test_the_sockets_of_asyncio_will_do(tmp_path: Path, *, use_pidfd: bool) -> None:
    peer = asyncio.run(_serve_one(tmp_path / "s", PeerReader(use_pidfd=use_pidfd)))
    assert peer.pid == os.getpid()


# --- who it may not be taken for ---


@both
@pytest.mark.parametrize("reap", [True, False], ids=["reaped", "zombie"])
def test_a_peer_that_has_ended_is_unknown(
    connect: Callable[..., Client], *, use_pidfd: bool, reap: bool
) -> None:
    client = connect()
    client.end(reap=reap)
    assert PeerReader(use_pidfd=use_pidfd).read(client.connection) == _unknown(client.pid)


@both
def test_a_peer_without_its_first_thread_is_unknown(
    connect: Callable[..., Client], *, use_pidfd: bool
) -> None:
    # On version 1 the kernel says "/" of it: it must not pass for a process outside all pods.
    client = connect(_CONNECT_WITHOUT_FIRST_THREAD)
    assert client.process.poll() is None
    assert PeerReader(use_pidfd=use_pidfd).read(client.connection) == _unknown(client.pid)


def test_a_number_that_another_process_has_now_is_not_the_peer(
    connect: Callable[..., Client], tmp_path: Path, proc: Path
) -> None:
    client = connect()
    client.end()
    # What /proc says once the number has been given to a process of the pod that is aimed at.
    folder = _describe(proc, os.getpid())
    folder.rename(proc / str(client.pid))
    names = PodNames(_logs(tmp_path, f"prod_app-0_{POD}"))

    peer = PeerReader(pod_names=names, proc=proc, use_pidfd=False).read(client.connection)
    assert (peer.pod_namespace, peer.certainty) == ("prod", Certainty.UNPINNED)
    assert peer.certain_namespace is None

    peer = PeerReader(pod_names=names, proc=proc).read(client.connection)
    assert peer.certain_namespace is None
    assert peer == _unknown(client.pid) or not CAN_PIN


def _while_it_is_read(folder: Path, act: Callable[[], None]) -> threading.Thread:
    """Make the cgroup file one whose reader waits; act, and only then let the reader go on."""
    fifo = folder / "cgroup"
    os.mkfifo(fifo)

    def write() -> None:
        with fifo.open("w", encoding="ascii") as stream:
            act()
            stream.write(CGROUP)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@both
def test_a_file_that_comes_in_pieces_is_read_to_its_bound(
    connect: Callable[..., Client], proc: Path, *, use_pidfd: bool
) -> None:
    client = connect()
    fifo = _describe(proc, client.pid, None) / "cgroup"
    os.mkfifo(fifo)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), fifo.open("wb", buffering=0) as stream:
            stream.write(f"{CGROUP}1:x:/".encode().ljust(40_000, b"y"))
            stream.write(b"y" * 40_000)

    thread = threading.Thread(target=write)
    thread.start()
    peer = PeerReader(proc=proc, use_pidfd=use_pidfd).read(client.connection)
    thread.join(5)
    assert peer.pod_uid is None  # the first piece alone would name a pod
    assert peer.pid == client.pid


@both
def test_a_peer_that_ends_while_we_read_about_it_is_unknown(
    connect: Callable[..., Client], proc: Path, *, use_pidfd: bool
) -> None:
    client = connect()
    thread = _while_it_is_read(_describe(proc, client.pid, None), client.end)
    peer = PeerReader(proc=proc, use_pidfd=use_pidfd).read(client.connection)
    thread.join(5)
    assert peer == _unknown(client.pid)


def test_a_peer_that_ends_is_noticed_also_when_its_number_lives_on(
    connect: Callable[..., Client], proc: Path
) -> None:
    client = connect()
    folder = _describe(proc, client.pid, None)
    (folder / "stat").unlink()
    (folder / "stat").symlink_to("/proc/self/stat")
    thread = _while_it_is_read(folder, client.end)
    peer = PeerReader(proc=proc).read(client.connection)
    thread.join(5)
    assert peer == _unknown(client.pid) or not CAN_PIN
    assert peer.certain_namespace is None


def test_another_process_of_the_same_number_is_noticed_by_its_start(
    connect: Callable[..., Client], proc: Path
) -> None:
    client = connect()
    folder = _describe(proc, client.pid, None)

    def replace() -> None:
        (folder / "stat").unlink()
        (folder / "stat").symlink_to("/proc/1/stat")

    thread = _while_it_is_read(folder, replace)
    peer = PeerReader(proc=proc, use_pidfd=False).read(client.connection)
    thread.join(5)
    assert peer == _unknown(client.pid)


@both
@pytest.mark.parametrize("missing", ["stat", "cgroup"])
def test_a_peer_of_whom_something_cannot_be_read_is_unknown(
    connect: Callable[..., Client], proc: Path, missing: str, *, use_pidfd: bool
) -> None:
    client = connect()
    folder = _describe(proc, client.pid)
    (folder / missing).unlink()
    reader = PeerReader(proc=proc, use_pidfd=use_pidfd)
    assert reader.read(client.connection) == _unknown(client.pid)
    (folder / missing).mkdir()
    assert reader.read(client.connection) == _unknown(client.pid)


@both
def test_a_state_that_cannot_be_understood_is_no_state(
    connect: Callable[..., Client], proc: Path, *, use_pidfd: bool
) -> None:
    client = connect()
    folder = _describe(proc, client.pid)
    (folder / "stat").unlink()
    (folder / "stat").write_text(f"{client.pid} (app) ", encoding="ascii")
    reader = PeerReader(proc=proc, use_pidfd=use_pidfd)
    assert reader.read(client.connection) == _unknown(client.pid)


def test_a_proc_of_another_pid_namespace_is_not_believed(
    connect: Callable[..., Client], proc: Path
) -> None:
    client = connect()
    _describe(proc, client.pid)
    (proc / "self").unlink()
    (proc / "self" / "fdinfo").mkdir(parents=True)
    reader = PeerReader(proc=proc)
    assert reader.read(client.connection).certain_namespace is None
    for number in range(256):
        text = f"pos:\t0\nPid:\t{client.pid + 1}\nNSPid:\t{client.pid}\n"
        (proc / "self" / "fdinfo" / str(number)).write_text(text, encoding="ascii")
    peer = reader.read(client.connection)
    assert peer == _unknown(client.pid) or not CAN_PIN


@both
@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_a_socket_of_which_the_kernel_notes_no_process_has_an_unknown_peer(
    family: socket.AddressFamily, *, use_pidfd: bool
) -> None:
    with socket.socket(family) as connection:
        assert PeerReader(use_pidfd=use_pidfd).read(connection) == Peer()


@both
def test_a_closed_socket_has_an_unknown_peer(*, use_pidfd: bool) -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.close()
    assert PeerReader(use_pidfd=use_pidfd).read(connection) == Peer()


class _OfAnOlderKernel(socket.socket):
    """A socket without the option, or with another failure of it."""

    number = errno.ENOPROTOOPT

    def getsockopt(self, level: int, optname: int, buflen: int = 0) -> bytes:  # type: ignore[override]
        if optname == SO_PEERPIDFD:
            raise OSError(self.number, os.strerror(self.number))
        return super().getsockopt(level, optname, buflen)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOPROTOOPT, Certainty.UNPINNED),
        (errno.ESRCH, Certainty.UNKNOWN),
        (errno.EINVAL, Certainty.UNKNOWN),
        (errno.ENODATA, Certainty.UNKNOWN),
        (errno.EMFILE, Certainty.UNKNOWN),
    ],
)
def test_only_a_kernel_without_the_option_leaves_a_peer_unpinned(
    number: int, expected: Certainty
) -> None:
    one, other = socket.socketpair()
    with one, other, _OfAnOlderKernel(fileno=os.dup(one.fileno())) as older:
        older.number = number
        assert PeerReader().read(older).certainty is expected


def test_without_a_free_descriptor_the_peer_is_unknown() -> None:
    one, other = socket.socketpair()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with one, other:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            peer = PeerReader().read(one)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert peer == _unknown(os.getpid())


@both
def test_no_descriptor_stays_open(
    connect: Callable[..., Client], proc: Path, *, use_pidfd: bool
) -> None:
    client = connect()
    whole = PeerReader(use_pidfd=use_pidfd)
    broken = PeerReader(use_pidfd=use_pidfd, proc=proc)
    before = _open_descriptors()
    for _ in range(20):
        whole.read(client.connection)
        broken.read(client.connection)
        can_pin_peers()
    client.end()
    whole.read(client.connection)
    assert _open_descriptors() == before


def test_a_stopped_peer_is_told_as_well(connect: Callable[..., Client]) -> None:
    client = connect()
    client.process.send_signal(signal.SIGSTOP)
    assert PeerReader().read(client.connection).certainty is BEST


# --- names of pods ---


def test_the_name_of_a_pod_is_found_by_its_uid(tmp_path: Path) -> None:
    names = PodNames(_logs(tmp_path, "x", f"prod_app_{POD}", f"dev_app_{OTHER_POD}"))
    assert names.find(OTHER_POD) == PodFolder("dev", "app", OTHER_POD)


def test_a_pod_that_came_later_is_found_and_one_that_went_is_remembered(tmp_path: Path) -> None:
    folder = _logs(tmp_path)
    names = PodNames(folder)
    assert names.find(POD) is None
    (folder / f"prod_app_{POD}").mkdir()
    expected = PodFolder("prod", "app", POD)
    assert names.find(POD) == expected
    (folder / f"prod_app_{POD}").rmdir()
    assert names.find(POD) == expected


def test_two_names_for_one_uid_are_none(tmp_path: Path) -> None:
    assert PodNames(_logs(tmp_path, f"prod_app_{POD}", f"dev_app_{POD}")).find(POD) is None


@pytest.mark.parametrize("name", [f"prod_app_x_{POD}", f"app_{POD}", POD, f"prod_app_0{POD}"])
def test_a_folder_of_another_form_names_no_pod(tmp_path: Path, name: str) -> None:
    assert PodNames(_logs(tmp_path, name)).find(POD) is None


def test_only_a_folder_names_a_pod(tmp_path: Path) -> None:
    folder = _logs(tmp_path, "target")
    (folder / f"prod_app_{POD}").write_text("", encoding="ascii")
    (folder / f"prod_app_{OTHER_POD}").symlink_to(folder / "target")
    assert PodNames(folder).find(POD) is None
    assert PodNames(folder).find(OTHER_POD) is None


def test_names_that_are_remembered_are_bounded(tmp_path: Path) -> None:
    uids = [f"{number:032x}" for number in range(5)]
    folder = _logs(tmp_path, *(f"prod_app_{uid}" for uid in uids))
    names = PodNames(folder, most_known=3)
    assert all(names.find(uid) for uid in uids)
    assert names.find(uids[2])  # used again, so that the fourth is the oldest
    for uid in uids:
        (folder / f"prod_app_{uid}").rmdir()
    (folder / f"prod_app_{uids[0]}").mkdir()
    assert names.find(uids[0])
    (folder / f"prod_app_{uids[0]}").rmdir()
    assert [names.find(uid) is not None for uid in uids] == [True, False, True, False, True]


def test_entries_that_are_looked_at_are_bounded(tmp_path: Path) -> None:
    folder = _logs(tmp_path, f"prod_app_{POD}", *(f"prod_app_{n:032x}" for n in range(8)))
    found = [PodNames(folder, most_folders=most).find(POD) for most in (0, 9)]
    assert found == [None, PodFolder("prod", "app", POD)]


# --- who was seen a moment ago ---


class Pinned:
    """A connection as kernels from 6.5 on have it, on any: it gives descriptors of its peer."""

    def __init__(self, client: Client) -> None:
        self._connection = client.connection
        self._descriptor = os.pidfd_open(client.pid)

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        if optname == SO_PEERPIDFD:
            return struct.pack("=i", os.dup(self._descriptor))
        return self._connection.getsockopt(level, optname, buflen)

    def close(self) -> None:
        os.close(self._descriptor)


Pin = Callable[[], tuple[Client, Pinned]]


@pytest.fixture
def pin(connect: Callable[..., Client], tmp_path: Path) -> Iterator[Pin]:
    made: list[Pinned] = []

    def make() -> tuple[Client, Pinned]:
        (tmp_path / "s").unlink(missing_ok=True)
        client = connect()
        made.append(Pinned(client))
        return client, made[-1]

    yield make
    for one in made:
        one.close()


def _number(descriptor: int) -> int | None:
    """Stand in for a kernel from 6.9 on: while a test lasts no number is given again."""
    return parse_pidfd_info(Path(f"/proc/self/fdinfo/{descriptor}").read_bytes())


def test_whether_numbers_last_follows_from_the_kernel() -> None:
    descriptors = [os.pidfd_open(os.getpid()), os.pidfd_open(os.getpid()), os.pidfd_open(1)]
    try:
        one, again, other = map(lasting_numbers(), descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    assert one == again
    assert (one != other) is (one is not None) is (RELEASE >= (6, 9))


def test_this_kernel_remembers_what_it_can_tell_apart(
    connect: Callable[..., Client], proc: Path
) -> None:
    client = connect()
    folder = _describe(proc, client.pid)
    reader = PeerReader(proc=proc)
    first = reader.read(client.connection)
    (folder / "cgroup").unlink()
    second = reader.read(client.connection)
    assert first.pod_uid == POD
    assert second == (first if RELEASE >= (6, 9) else _unknown(client.pid))


def test_without_lasting_numbers_nothing_is_remembered(pin: Pin, proc: Path) -> None:
    client, connection = pin()
    folder = _describe(proc, client.pid)
    reader = PeerReader(proc=proc, number_of=lambda _: None)
    first = reader.read(connection)
    assert (first.pod_uid, first.certainty) == (POD, Certainty.PINNED)
    (folder / "cgroup").write_text(CGROUP.replace(POD, OTHER_POD), encoding="ascii")
    assert reader.read(connection).pod_uid == OTHER_POD


def test_a_process_is_looked_at_once_in_a_while(pin: Pin, proc: Path) -> None:
    client, connection = pin()
    folder = _describe(proc, client.pid)
    reader = PeerReader(proc=proc, number_of=_number)
    first = reader.read(connection)
    (folder / "cgroup").unlink()
    assert (first.pod_uid, first.certainty) == (POD, Certainty.PINNED)
    assert reader.read(connection) == first


def test_what_was_seen_is_forgotten_in_time(pin: Pin, proc: Path) -> None:
    client, connection = pin()
    folder = _describe(proc, client.pid)
    reader = PeerReader(proc=proc, remember_s=0, number_of=_number)
    assert reader.read(connection).pod_uid == POD
    (folder / "cgroup").write_text(CGROUP.replace(POD, OTHER_POD), encoding="ascii")
    assert reader.read(connection).pod_uid == OTHER_POD


def test_what_was_seen_is_of_that_process_alone(pin: Pin, proc: Path) -> None:
    (one, at_one), (other, at_other) = pin(), pin()
    _describe(proc, one.pid)
    _describe(proc, other.pid, CGROUP.replace(POD, OTHER_POD))
    reader = PeerReader(proc=proc, number_of=_number)
    for _ in range(2):
        assert reader.read(at_one).pod_uid == POD
        assert reader.read(at_other).pod_uid == OTHER_POD


def test_what_was_seen_of_a_process_that_has_ended_is_not_told(pin: Pin, proc: Path) -> None:
    client, connection = pin()
    _describe(proc, client.pid)
    reader = PeerReader(proc=proc, number_of=_number)
    assert reader.read(connection).pod_uid == POD
    client.end(reap=False)  # its number is its own still
    assert reader.read(connection) == _unknown(client.pid)


def test_only_so_many_processes_are_remembered(
    pin: Pin, proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("confcom.adapters.peers.MAX_SEEN", 1)
    (one, at_one), (other, at_other) = pin(), pin()
    folders = [_describe(proc, client.pid) for client in (one, other)]
    reader = PeerReader(proc=proc, number_of=_number)
    for connection in (at_one, at_other):
        assert reader.read(connection).pod_uid == POD
    for folder in folders:
        (folder / "cgroup").write_text(CGROUP.replace(POD, OTHER_POD), encoding="ascii")
    assert reader.read(at_other).pod_uid == POD
    assert reader.read(at_one).pod_uid == OTHER_POD
