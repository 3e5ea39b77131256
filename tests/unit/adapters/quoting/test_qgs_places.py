# SPDX-License-Identifier: Apache-2.0
"""Places where TDs ask: a UNIX socket like every other, and vsock where the machine has it."""

import errno
import os
import secrets
import socket
from pathlib import Path

import pytest
from tests.qgs_service import MachineSocket

from confcom.adapters.quoting.qgs_places import Caller, UnixPlace, VsockPlace, explain_vsock
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.errors import MisconfiguredError
from confcom.protocols.peers import Certainty, Peer
from confcom.reasons import Reason


def any_port() -> int:
    """Return a port that nobody uses: one of four thousand million."""
    return 2**20 + secrets.randbelow(2**31)


def test_unix_place_is_there_until_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("qgs.socket")
    place = UnixPlace(SocketFile(path, mode=0o660))
    with place.listen(1), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert path.stat().st_mode & 0o777 == 0o660
        place.remove()
        assert not path.exists()
    assert str(place) == "qgs.socket"


def test_unix_place_that_is_taken_is_refused_with_the_option_it_was_given_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = UnixPlace(SocketFile(Path("qgs.socket"), option="--qgs-socket"))
    with place.listen(1):
        with pytest.raises(MisconfiguredError, match="listens there already") as caught:
            place.listen(1)
        place.remove()
    assert caught.value.hint == "stop that process, or name another path with --qgs-socket"


def test_vsock_listens_for_all_machines_or_says_why_not() -> None:
    """Which of the two depends on the machine that runs the test; both are right."""
    port = any_port()
    listening: socket.socket | MisconfiguredError
    try:
        listening = VsockPlace(port).listen(1)
    except MisconfiguredError as exc:
        listening = exc
    if isinstance(listening, MisconfiguredError):
        assert f"vsock port {port}" in listening.message
        assert listening.hint
        return
    with listening:
        assert listening.getsockname() == (socket.VMADDR_CID_ANY, port)
        assert not listening.getblocking()
        with pytest.raises(MisconfiguredError, match="listens there already") as caught:
            VsockPlace(port).listen(1)
        assert "--qgs-vsock" in str(caught.value.hint)


def test_default_is_the_port_of_intel_and_nothing_is_left_to_remove() -> None:
    place = VsockPlace()
    place.remove()
    assert str(place) == "vsock:4050"


@pytest.mark.parametrize("port", [-1, 0, 2**32 - 1, 2**32])
def test_ports_that_no_socket_has_are_refused(port: int) -> None:
    with pytest.raises(MisconfiguredError, match="ports are 1 to 4294967294"):
        VsockPlace(port).listen(1)


@pytest.mark.parametrize(
    ("number", "words", "hint"),
    [
        (errno.EAFNOSUPPORT, "there is no vsock here", "vhost_vsock"),
        (errno.EPROTONOSUPPORT, "there is no vsock here", "vhost_vsock"),
        (errno.ENODEV, "there is no vsock here", "vhost_vsock"),
        (errno.EADDRINUSE, "another process listens there already", "--qgs-vsock"),
        (errno.EACCES, "no permission", "CAP_NET_BIND_SERVICE"),
        (errno.EPERM, "no permission", "seccomp"),
    ],
)
def test_each_failure_of_the_kernel_has_a_cure(number: int, words: str, hint: str) -> None:
    error = explain_vsock(4050, OSError(number, os.strerror(number)))
    assert error.reason is Reason.SETTINGS_INVALID
    assert error.message.startswith(f"cannot listen on vsock port 4050: {words}")
    assert hint in str(error.hint)


def test_other_failures_are_told_as_the_kernel_does() -> None:
    assert (
        "Cannot allocate memory"
        in explain_vsock(1, OSError(errno.ENOMEM, "Cannot allocate memory")).message
    )
    assert "odd" in explain_vsock(1, OSError("odd")).message


def test_process_is_told_by_its_credentials() -> None:
    one, other = socket.socketpair()
    with one, other:
        caller = Caller.of(one)
    assert caller.credentials is not None
    assert (caller.credentials.pid, caller.cid) == (os.getpid(), None)
    assert caller.account == f"uid:{os.getuid()}"


def test_machine_is_told_by_its_context_id() -> None:
    with MachineSocket(socket.AF_UNIX) as connected:
        assert Caller.of(connected) == Caller(cid=3)
    assert Caller(cid=3).account == "cid:3"


def test_pod_has_an_account_of_its_own() -> None:
    peer = Peer(uid=107, pod_uid="a" * 32, certainty=Certainty.PINNED)
    assert Caller(peer=peer).account == f"pod:{'a' * 32}"
    assert Caller().account == "uid:unknown"
