# SPDX-License-Identifier: Apache-2.0
"""A socket that is taken away comes back, unless somebody who lives has the place."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from confcom.adapters.quoting.socket_file import SocketFile
from confcom.adapters.quoting.socket_keeper import SocketKeeper


class Daemon:
    """Listens, and writes down what the keeper does."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.told: list[str | None] = []
        self.swapped = 0
        self.was_swapped = asyncio.Event()
        self._stack = stack
        file = SocketFile(path)
        self.listening = stack.enter_context(file.listen(4))
        self.keeper = SocketKeeper(file, backlog=4, swap=self._swap, tell=self.told.append)

    def look(self, times: int = 1) -> str | None:
        """Let the keeper look, and return what it says now."""
        for _ in range(times):
            self.keeper.look()
        return self.keeper.problem

    def _swap(self, listening: socket.socket) -> None:
        self.swapped += 1
        self.was_swapped.set()
        self.listening.close()
        self.listening = self._stack.enter_context(listening)

    def is_found(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))
            connection, _ = self.listening.accept()  # fails where nobody waits
            connection.close()
        return True


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with ExitStack() as stack:
        yield Daemon(Path("run/aesm.socket"), stack)


def test_leaves_alone_what_is_there(daemon: Daemon) -> None:
    assert daemon.look(3) is None
    assert (daemon.swapped, daemon.told) == (0, [])
    assert daemon.is_found()


def _remove(path: Path) -> None:
    path.unlink()


def _remove_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


def _leave_another_behind(path: Path) -> None:
    path.unlink()
    SocketFile(path).listen(1).close()


@pytest.mark.parametrize("harm", [_remove, _remove_folder, _leave_another_behind])
def test_puts_back_what_nobody_has(daemon: Daemon, harm: Callable[[Path], None]) -> None:
    for count in (1, 2):
        harm(daemon.path)
        assert daemon.look() is None
        assert (daemon.swapped, daemon.told) == (count, [None] * count)
        assert daemon.is_found()
        assert list(daemon.path.parent.iterdir()) == [daemon.path]


def test_does_not_fight_with_the_living_and_tells_of_it_once(daemon: Daemon) -> None:
    daemon.path.unlink()
    other = SocketFile(daemon.path)
    with other.listen(8):
        why = daemon.look(3)
        assert why is not None
        assert "listens there already" in why
        assert other.is_there()
        assert daemon.told == [why]
    assert daemon.look() is None
    assert daemon.told == [why, None]
    assert daemon.is_found()


def test_never_removes_a_file_and_says_that_it_is_in_the_way(daemon: Daemon) -> None:
    daemon.path.unlink()
    daemon.path.write_bytes(b"precious")
    assert "a file that is no socket" in str(daemon.look())
    assert daemon.path.read_bytes() == b"precious"
    daemon.path.unlink()
    assert daemon.look() is None


def test_each_other_hindrance_is_told(daemon: Daemon) -> None:
    daemon.path.unlink()
    with SocketFile(daemon.path).listen(8):
        daemon.look()
    daemon.path.unlink()
    daemon.path.mkdir()
    daemon.look(2)
    assert len(daemon.told) == 2
    assert daemon.swapped == 0


def test_a_socket_that_comes_back_by_itself_is_kept(daemon: Daemon) -> None:
    aside = daemon.path.with_name("aside")
    daemon.path.rename(aside)
    daemon.path.mkdir()
    assert daemon.look() is not None
    daemon.path.rmdir()
    aside.rename(daemon.path)
    assert daemon.look() is None
    assert (daemon.swapped, daemon.told[-1]) == (0, None)
    assert daemon.is_found()


def test_looks_while_the_context_lasts_and_no_longer(daemon: Daemon) -> None:
    async def run() -> None:
        async with daemon.keeper.keep(0.001), asyncio.timeout(10):
            for _ in range(2):
                _remove(daemon.path)
                await daemon.was_swapped.wait()
                daemon.was_swapped.clear()
        _remove(daemon.path)
        await asyncio.sleep(0.02)

    asyncio.run(run())
    assert daemon.swapped == 2
    assert not daemon.path.exists()
