# SPDX-License-Identifier: Apache-2.0
"""The place of a socket: taken from the dead, never from the living, never left empty."""

import os
import socket
import stat
from pathlib import Path

import pytest

from confcom.adapters.quoting.socket_file import Credentials, SocketFile, give_rights
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    return Path("run/aesm.socket")


def refusal(file: SocketFile) -> MisconfiguredError:
    with pytest.raises(MisconfiguredError) as caught:
        file.listen(1)
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert caught.value.message.startswith(f"cannot listen on {file.path}: ")
    return caught.value


def test_makes_folder_and_socket_with_their_modes(path: Path) -> None:
    file = SocketFile(path, mode=0o660, gid=os.getgid())
    with file.listen(1):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert list(path.parent.iterdir()) == [path]
        file.remove()
    assert not list(path.parent.iterdir())


def test_takes_the_place_of_a_daemon_that_is_gone(path: Path) -> None:
    SocketFile(path).listen(1).close()
    assert path.is_socket()
    with SocketFile(path).listen(1), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert list(path.parent.iterdir()) == [path]


def test_respects_a_living_owner_and_names_it(path: Path) -> None:
    with SocketFile(path).listen(1):
        before = path.stat().st_ino
        refused = refusal(SocketFile(path))
        assert f"process {os.getpid()} listens there already" in refused.message
        assert refused.hint == "stop that process, or name another path with --socket"
        assert path.stat().st_ino == before


def test_an_owner_that_accepts_nobody_lives_too(path: Path) -> None:
    with SocketFile(path).listen(0), socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(path))
        assert "a process that accepts nothing listens there" in refusal(SocketFile(path)).message


def test_a_socket_of_another_kind_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        assert "a socket is there" in refusal(SocketFile(path)).message
    assert path.is_socket()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_refuses_what_is_no_socket(path: Path, kind: str) -> None:
    path.parent.mkdir()
    if kind == "file":
        path.write_bytes(b"precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("elsewhere")
    refused = refusal(SocketFile(path, option="--status"))
    assert "no socket" in refused.message
    assert refused.hint == "move it away if nobody needs it, or name another path with --status"
    assert os.path.lexists(path)


def test_rights_are_given_to_a_socket_and_to_nothing_else(path: Path) -> None:
    path.parent.mkdir()
    precious = path.with_name("precious")
    precious.write_bytes(b"precious")
    precious.chmod(0o600)
    path.symlink_to("precious")
    for found in (path, precious):
        with pytest.raises(OSError, match="somebody else writes into its folder"):
            give_rights(found, mode=0o666, gid=os.getgid())
    assert stat.S_IMODE(precious.stat().st_mode) == 0o600


def test_refuses_a_path_that_no_address_can_hold(path: Path) -> None:
    assert "longer than 107 bytes" in refusal(SocketFile(path.with_name("x" * 120))).message


def test_refuses_a_folder_that_is_a_file(path: Path) -> None:
    path.parent.write_bytes(b"")
    refusal(SocketFile(path))


def test_removes_only_its_own(path: Path) -> None:
    first = SocketFile(path)
    with first.listen(1):
        path.unlink()
        with SocketFile(path).listen(1):
            first.remove()
            assert path.is_socket()


def test_knows_whether_its_own_is_there(path: Path) -> None:
    file, other = SocketFile(path), SocketFile(path)
    assert not file.is_there()
    with file.listen(1):
        assert file.is_there()
        path.rename(path.with_name("elsewhere"))
        assert not file.is_there()
        with other.listen(1):
            assert other.is_there()
            assert not file.is_there()
        path.with_name("elsewhere").rename(path)
        assert file.is_there()
        path.unlink()
        path.parent.rmdir()
        path.parent.write_bytes(b"")
        assert not file.is_there()


def test_removing_twice_or_too_early_harms_nobody(path: Path) -> None:
    file = SocketFile(path)
    file.remove()
    with file.listen(1):
        file.remove()
        file.remove()


def test_knows_who_is_at_the_other_end() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert Credentials.of(one) == Credentials(os.getpid(), os.geteuid(), os.getegid())
