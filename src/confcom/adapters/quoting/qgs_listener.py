# SPDX-License-Identifier: Apache-2.0
"""The QGS socket: one request a connection, bounded in number, size and time.

No client can make another one wait: a connection that does not deliver its request in time, or
does not take its reply, is closed; when there are too many, whoever has most of those that say
nothing loses the one that has been silent for the longest. Requests then wait for their turn,
which listeners may share.
"""

import asyncio
import contextlib
import resource
import select
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Final, Self, cast

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.qgs_places import Caller, Place
from confcom.adapters.quoting.qgs_records import QgsListenerOptions, ServedTd
from confcom.adapters.quoting.qgs_turns import TdTurns
from confcom.protocols.peers import Peer
from confcom.protocols.qgs import (
    Answer,
    Ask,
    Close,
    Operation,
    Reply,
    ServerConnection,
)

_SHARE_OF_FILES: Final = 3
"""Of the files that the process may open, one in so many is a connection here."""
_LINGER_S: Final = 0.1
"""How long those who wait at a socket that was replaced have to be let in."""


class QgsListener:
    """Serves QGS at one place; use as an async context manager.

    Args:
        place: where to listen.
        turns: lets requests wait for the back end; whoever made it closes it.
        identify: tells more about processes that ask over a UNIX socket, or None.
        record: told of every request that was answered or could not be.
        options: bounds.
    """

    def __init__(
        self,
        place: Place,
        *,
        turns: TdTurns,
        record: Callable[[ServedTd], None],
        identify: Callable[[Connection], Peer] | None = None,
        options: QgsListenerOptions | None = None,
    ) -> None:
        self.options = options or QgsListenerOptions()
        self.turns = turns
        self.identify = identify
        self.record = record
        self._place = place
        self._server: asyncio.Server | None = None
        self._swaps: set[asyncio.Task[None]] = set()
        self._silent: dict[str, OrderedDict[_Connection, None]] = {}  # by machine or user
        self._open: set[_Connection] = set()
        self._most = self.options.most_connections
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def __aenter__(self) -> Self:
        soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(1, min(self.options.most_connections, soft // _SHARE_OF_FILES))
        self._server = await self._serve(self._place.listen(self.options.backlog))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop_listening()
        await asyncio.gather(*self._swaps, return_exceptions=True)
        self._place.remove()
        for connection in tuple(self._open):
            connection.abort()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def drain(self, limit_s: float) -> None:
        """Accept nothing more, and wait for what was asked to be answered and taken."""
        self._stop_listening()
        for connection in [one for line in self._silent.values() for one in line]:
            connection.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._is_idle.wait()

    def swap(self, listening: socket.socket) -> None:
        """Listen on another socket from now on; who waits at the one before is let in first."""
        if self._server is None:  # no longer listening at all
            listening.close()
            return
        task = asyncio.get_running_loop().create_task(self._swap(listening))
        self._swaps.add(task)
        task.add_done_callback(self._swaps.discard)

    async def _swap(self, listening: socket.socket) -> None:
        server = await self._serve(listening)
        before, self._server = self._server, server
        if before is None:  # we were told to stop meanwhile
            self._stop_listening()
            return
        await asyncio.sleep(_LINGER_S)
        before.close()

    async def _serve(self, listening: socket.socket) -> asyncio.Server:
        # Not the loop's way for UNIX sockets: this one takes a socket of any family.
        return await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), sock=listening, backlog=self.options.backlog
        )

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def opened(self, connection: "_Connection") -> None:
        """Count a connection, and make room for it."""
        self._open.add(connection)
        self._is_idle.clear()
        self._silent.setdefault(connection.origin, OrderedDict())[connection] = None
        if len(self._open) > self._most:
            crowd = max(self._silent.values(), key=len)
            oldest = next(iter(crowd))
            self.delivered(oldest)
            oldest.give_up("there were too many connections")

    def delivered(self, connection: "_Connection") -> None:
        """Note that a connection has delivered its request, or never will."""
        line = self._silent.get(connection.origin)
        if line is not None:
            line.pop(connection, None)
            if not line:
                del self._silent[connection.origin]

    def closed(self, connection: "_Connection") -> None:
        """Forget a connection."""
        self._open.discard(connection)
        if not self._open:
            self._is_idle.set()
        self.delivered(connection)


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, listener: QgsListener) -> None:
        self._listener = listener
        self._machine = ServerConnection()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._operation: Operation | None = None
        self._delivered_s: float | None = None
        self._answer: Answer | None = None
        self.caller = Caller()
        self.origin = ""  # the machine or the user; of a process more is known later

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of a stream socket
        try:
            self.caller = Caller.of(transport.get_extra_info("socket"))
        except OSError:  # it has gone already
            self.abort()
            return
        self.origin = self.caller.account
        self._listener.opened(self)
        self._limit(self._listener.options.deliver_s, "it did not deliver its request in time")

    def data_received(self, data: bytes) -> None:
        match self._machine.receive(data):
            case Ask(operation=operation):
                self._done_reading()
                self._ask(operation)
            case Reply() | Close() as event:
                self._done_reading()
                self._carry_out(event)
            case None:
                pass

    def eof_received(self) -> bool:
        """Keep the way back open for a client that has sent all it wants to send."""
        if self._delivered_s is None:
            self.give_up("it ended before its request was complete")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self._listener.closed(self)

    def is_wanted(self) -> bool:
        """Tell whether the client has not left; it may have ended its own side."""
        if self._transport is None or self._transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), 0)  # a hang-up is always told
        return not poll.poll(0)

    def finish(self, answer: Answer) -> None:
        """Send the back end's answer, if the client is still there."""
        self._answer = answer
        self._carry_out(self._machine.answer(answer))

    def give_up(self, why: str) -> None:
        """Close without a byte, and say why in the audit."""
        if self._transport is not None and not self._machine.is_empty:
            self._record(None, why)  # who says nothing asks nothing: a look whether we live
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _ask(self, operation: Operation) -> None:
        self._operation = operation
        identify = self._listener.identify
        if self.caller.credentials is not None and identify and self._transport:
            peer = identify(self._transport.get_extra_info("socket"))
            self.caller = replace(self.caller, peer=peer)
        self._listener.turns.enter(self, operation, self.caller)

    def _carry_out(self, event: Reply | Close) -> None:
        if isinstance(event, Close):
            self._record(None, event.why)
            self.abort()
            return
        self._record(event.code, event.why or None)
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(event.data)  # in one call
        self._limit(self._listener.options.take_s, None)
        self._transport.close()

    def _done_reading(self) -> None:
        self._delivered_s = asyncio.get_running_loop().time()
        self._listener.delivered(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.pause_reading()  # the rest of the input is ignored

    def _limit(self, seconds: float, why: str | None) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(
            seconds, self.abort if why is None else lambda: self.give_up(why)
        )

    def _record(self, code: int | None, why: str | None) -> None:
        taken_s = 0.0
        if self._delivered_s is not None:
            taken_s = asyncio.get_running_loop().time() - self._delivered_s
        call = self._machine.call
        self._listener.record(
            ServedTd(self.caller, call, self._operation, code, why, taken_s, self._answer)
        )
