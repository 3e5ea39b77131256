# SPDX-License-Identifier: Apache-2.0
"""A QGS daemon in a thread, TDs that ask it, and a stand-in that sends what it is told to."""

import asyncio
import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confcom.adapters.peers import PeerReader
from confcom.adapters.quoting.qgs_listener import QgsListener
from confcom.adapters.quoting.qgs_places import Caller, Place, UnixPlace
from confcom.adapters.quoting.qgs_records import QgsListenerOptions, ServedTd
from confcom.adapters.quoting.qgs_simulated import SimulatedTdBackend
from confcom.adapters.quoting.qgs_turns import TdTurnOptions, TdTurns, td_turns
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.protocols.qgs import Answer, Operation
from confcom.protocols.quotas import Limits
from confcom.simulation import TrustDomain
from tests.simulated import authority, platform

TD = TrustDomain(mr_td=b"\x7d" * 48)
QUICK = QgsListenerOptions(most_connections=32, deliver_s=0.5, take_s=0.5)
FEW = TdTurnOptions(
    limits=Limits(waiting=6, waiting_per_peer=3), at_once=1, wait_s=20.0, answer_s=20.0
)
MANY = TdTurnOptions(wait_s=20.0, answer_s=20.0)

Ask = Callable[[Operation, Caller], Awaitable[Answer]]


def td_report(data: bytes = bytes(64), td: TrustDomain = TD) -> bytes:
    """Return a TDREPORT of a TD on the platform of all tests."""
    return platform().td_report(td, data).to_bytes()


async def simulated(operation: Operation, _caller: Caller) -> Answer:
    """Answer as the simulated back end does."""
    return await SimulatedTdBackend(platform(), authority()).ask(operation)


class Daemon:
    """A listener in a thread of its own; requests wait while its gate is closed."""

    def __init__(
        self,
        path: Path,
        options: QgsListenerOptions = QUICK,
        place: Place | None = None,
        *,
        turns: TdTurnOptions = MANY,
    ) -> None:
        self.path = path
        self.served: list[ServedTd] = []
        self.ask: Ask = simulated
        self.listener: QgsListener | None = None
        self._place = place or UnixPlace(SocketFile(path))
        self._options = options
        self._turn_options = turns
        self._turns: TdTurns | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._gate = asyncio.Event()
        self._gate.set()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))

    def __enter__(self) -> "Daemon":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.open_gate()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _run(self) -> None:
        self._turns = td_turns(self._ask, self._turn_options)
        async with QgsListener(
            self._place,
            turns=self._turns,
            identify=PeerReader().read,
            record=self.served.append,
            options=self._options,
        ) as self.listener:
            self._ready.set()
            await self._stop.wait()
            await self._turns.close()

    async def _ask(self, operation: Operation, caller: Caller) -> Answer:
        await self._gate.wait()
        return await self.ask(operation, caller)

    def wait_until_asked(self, count: int = 1) -> None:
        """Return once so many requests wait, for the back end or for their turn."""
        assert self._turns is not None
        ends = time.monotonic() + 5
        while self._turns.running + self._turns.waiting < count and time.monotonic() < ends:
            time.sleep(0.01)

    def close_gate(self) -> None:
        """Let requests wait."""
        self._loop.call_soon_threadsafe(self._gate.clear)

    def open_gate(self) -> None:
        """Let them go on."""
        self._loop.call_soon_threadsafe(self._gate.set)

    def drain(self, limit_s: float) -> None:
        """Drain the listener from its own thread."""
        assert self.listener is not None
        asyncio.run_coroutine_threadsafe(self.listener.drain(limit_s), self._loop).result(10)

    def connect(self) -> socket.socket:
        """Return a connection that waits for at most five seconds."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        try:
            client.connect(str(self.path))
        except OSError:
            client.close()
            raise
        return client

    def exchange(self, data: bytes) -> bytes:
        """Send bytes, and return all that comes back."""
        with self.connect() as client:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(data)
            return read_all(client)

    def wait_for(self, count: int) -> list[ServedTd]:
        """Return what the audit was told, once it has heard so often."""
        ends = time.monotonic() + 5
        while len(self.served) < count and time.monotonic() < ends:
            time.sleep(0.01)
        return self.served


class MachineSocket(socket.socket):
    """A UNIX socket that says it is one of vsock, whose other end is a virtual machine."""

    cid = 3
    cids: Sequence[int] = ()

    @property
    def family(self) -> Any:  # noqa: ANN401 as of every socket
        """Return what `socket.socket.family` would of a vsock."""
        return getattr(socket, "AF_VSOCK", 40)

    def getpeername(self) -> tuple[int, int]:
        """Return context id and port of the other end."""
        if not self.cid:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self.cid, 1234

    def accept(self) -> tuple[socket.socket, tuple[int, int]]:
        """Return a connection of a machine."""
        descriptor, _ = self._accept()  # type: ignore[attr-defined]  # what the library calls
        connection = MachineSocket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)
        connection.cid, *rest = self.cids
        self.cids = rest or self.cids
        return connection, (connection.cid, 0)


class MachinePlace:
    """A place at which only virtual machines ask; those of number 0 have gone at once.

    Args:
        path: where it is.
        cids: numbers of the machines that connect, one after the other; the last one again.
    """

    def __init__(self, path: Path, *cids: int) -> None:
        self._path = path
        self._cids = cids or (3,)

    def listen(self, backlog: int) -> socket.socket:
        """Listen at the path."""
        listening = MachineSocket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.cids = list(self._cids)
        listening.setblocking(False)
        listening.bind(str(self._path))
        listening.listen(backlog)
        return listening

    def remove(self) -> None:
        """Remove the path."""
        self._path.unlink()


def read_all(client: socket.socket) -> bytes:
    """Return all that comes until the other end closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):  # closed while we were still sending
        while part := client.recv(65536):
            data += part
    return data


@contextmanager
def stand_in(
    path: Path, act: Callable[[socket.socket, bytes], None], *, most: int = 64 * 1024
) -> Iterator[list[bytes]]:
    """Listen at a path, read each request as far as it comes at once, and act; then close.

    What is left unread then breaks the connection. The value of the context is what was read.
    """
    requests: list[bytes] = []
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                client, _ = listening.accept()
            except TimeoutError:
                continue
            with client, contextlib.suppress(OSError):
                client.settimeout(5)
                requests.append(client.recv(most))
                act(client, requests[-1])

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(8)
        listening.settimeout(0.02)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield requests
        finally:
            is_over.set()
            thread.join(10)
