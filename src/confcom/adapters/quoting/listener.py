# SPDX-License-Identifier: Apache-2.0
"""The AESM socket: one request a connection, bounded in number, size and time.

No client can make another one wait: a connection that does not deliver its request in time, or
does not take its reply, is closed; when there are too many, the one that has been silent for the
longest makes room.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.socket_file import Credentials, SocketFile
from confcom.protocols.aesm import (
    AesmCode,
    Answer,
    Ask,
    Close,
    MakeQuote,
    Operation,
    Reply,
    ServerConnection,
)
from confcom.protocols.peers import Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """Bounds.

    Attributes:
        most_connections: connections at once; beyond it the longest silent one is closed.
        most_waiting: requests that may wait for the back end; beyond it the answer is 18, busy.
        deliver_s: time to deliver a request, seconds.
        take_s: time to take a reply, seconds.
        backlog: connections that the kernel keeps before they are accepted.
    """

    most_connections: int = 1024
    most_waiting: int = 256
    deliver_s: float = 10.0
    take_s: float = 5.0
    backlog: int = 1024


@dataclass(frozen=True, slots=True)
class Served:
    """One request and what became of it, for the audit.

    Attributes:
        connected: user, group and process that connected.
        peer: more about who asked for a quote; None for other requests.
        call: name of the request, or None where it could not be read.
        operation: what the back end was asked, or None.
        code: of the reply, or None where the connection was closed without one.
        why: of a refusal or a closed connection, else None.
    """

    connected: Credentials
    peer: Peer | None
    call: str | None
    operation: Operation | None
    code: int | None
    why: str | None


class AesmListener:
    """Serves the AESM socket; use as an async context manager.

    Args:
        file: where the socket is.
        ask: the back end; its foreseeable failures are answers. The peer is known for quotes.
        identify: tells who made a connection.
        key_ids: what is offered at this moment, the default first.
        record: told of every request that was answered or could not be.
        options: bounds.
    """

    def __init__(
        self,
        file: SocketFile,
        *,
        ask: Callable[[Operation, Peer | None], Awaitable[Answer]],
        identify: Callable[[Connection], Peer],
        key_ids: Callable[[], tuple[bytes, ...]],
        record: Callable[[Served], None],
        options: ListenerOptions | None = None,
    ) -> None:
        self.options = options or ListenerOptions()
        self.ask = ask
        self.identify = identify
        self.key_ids = key_ids
        self.record = record
        self._file = file
        self._server: asyncio.Server | None = None
        self._silent: OrderedDict[_Connection, None] = OrderedDict()
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        listening = self._file.listen(self.options.backlog)
        self._server = await loop.create_unix_server(
            lambda: _Connection(self),
            sock=listening,
            backlog=self.options.backlog,  # or the loop would set its own
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        self._file.remove()
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self._open):
            connection.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def waiting(self) -> int:
        """How many requests wait for the back end."""
        return len(self._tasks)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def drain(self, limit_s: float) -> None:
        """Accept nothing more, and wait for what was asked to be answered and taken."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._silent):
            connection.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._is_idle.wait()

    def opened(self, connection: "_Connection") -> None:
        """Count a connection, and make room for it."""
        self._open.add(connection)
        self._is_idle.clear()
        self._silent[connection] = None
        if len(self._open) > self.options.most_connections and self._silent:
            oldest, _ = self._silent.popitem(last=False)
            oldest.give_up("there were too many connections")

    def delivered(self, connection: "_Connection") -> None:
        """Note that a connection has delivered its request."""
        self._silent.pop(connection, None)

    def closed(self, connection: "_Connection") -> None:
        """Forget a connection."""
        self._open.discard(connection)
        if not self._open:
            self._is_idle.set()
        self._silent.pop(connection, None)

    def submit(self, connection: "_Connection", ask: Ask) -> bool:
        """Start asking the back end, unless too many wait already."""
        if len(self._tasks) >= self.options.most_waiting:
            return False
        task = asyncio.get_running_loop().create_task(self._answer(connection, ask.operation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _answer(self, connection: "_Connection", operation: Operation) -> None:
        connection.finish(await self.ask(operation, connection.peer))


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, listener: AesmListener) -> None:
        self._listener = listener
        self._machine = ServerConnection(listener.key_ids())
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._operation: Operation | None = None
        self._is_delivered = False
        self.connected = Credentials(0, 0, 0)
        self.peer: Peer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of a stream socket
        self.connected = Credentials.of(transport.get_extra_info("socket"))
        self._limit(self._listener.options.deliver_s, "it did not deliver its request in time")
        self._listener.opened(self)

    def data_received(self, data: bytes) -> None:
        match self._machine.receive(data):
            case Reply() as reply:
                self._done_reading()
                self._send(reply, None)
            case Close(why):
                self._done_reading()
                self.give_up(why)
            case Ask() as ask:
                self._done_reading()
                self._operation = ask.operation
                if isinstance(ask.operation, MakeQuote) and self._transport is not None:
                    self.peer = self._listener.identify(self._transport.get_extra_info("socket"))
                if not self._listener.submit(self, ask):
                    why = f"{self._listener.waiting} requests are waiting already"
                    self._send(self._machine.refuse(AesmCode.BUSY, why), why)
            case None:
                pass

    def eof_received(self) -> bool:
        """Keep the way back open for a client that has sent all it wants to send."""
        if not self._is_delivered:
            self.give_up("it ended before its request was complete")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self._listener.closed(self)

    def finish(self, answer: Answer) -> None:
        """Send the back end's answer, if the client is still there."""
        reply = self._machine.answer(answer)
        self._send(reply, getattr(answer, "why", None))

    def give_up(self, why: str) -> None:
        """Close without a byte, and say why in the audit."""
        if self._transport is not None and not self._machine.is_empty:
            self._record(None, why)  # who says nothing asks nothing: a look whether we live
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _done_reading(self) -> None:
        self._is_delivered = True
        self._listener.delivered(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.pause_reading()  # the rest of the input is ignored

    def _send(self, reply: Reply, why: str | None) -> None:
        self._record(reply.code, why)
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(reply.data)  # in one call; Intel's client needs that
        self._limit(self._listener.options.take_s, None)
        self._transport.close()

    def _limit(self, seconds: float, why: str | None) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(
            seconds, self.abort if why is None else lambda: self.give_up(why)
        )

    def _record(self, code: int | None, why: str | None) -> None:
        served = Served(self.connected, self.peer, self._machine.call, self._operation, code, why)
        self._listener.record(served)
