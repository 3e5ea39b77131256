# SPDX-License-Identifier: Apache-2.0
"""The QGS socket: one request a connection, bounded in number, size and time.

No client can make another one wait: a connection that does not deliver its request in time, or
does not take its reply, is closed; when there are too many, the one that has been silent for the
longest makes room.
"""

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import Self, cast

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.qgs_places import Caller, Place
from confcom.adapters.quoting.qgs_records import QgsListenerOptions, ServedTd
from confcom.protocols.peers import Peer
from confcom.protocols.qgs import (
    Answer,
    Ask,
    Close,
    MakeTdQuote,
    Operation,
    Refusal,
    Reply,
    ServerConnection,
)


class QgsListener:
    """Serves QGS at one place; use as an async context manager.

    Args:
        place: where to listen.
        ask: the back end; its foreseeable failures are answers, and whatever else it raises
            fails one request only.
        identify: tells more about processes that ask over a UNIX socket, or None.
        record: told of every request that was answered or could not be.
        options: bounds.
    """

    def __init__(
        self,
        place: Place,
        *,
        ask: Callable[[Operation, Caller], Awaitable[Answer]],
        record: Callable[[ServedTd], None],
        identify: Callable[[Connection], Peer] | None = None,
        options: QgsListenerOptions | None = None,
    ) -> None:
        self.options = options or QgsListenerOptions()
        self.ask = ask
        self.identify = identify
        self.record = record
        self._place = place
        self._server: asyncio.Server | None = None
        self._silent: OrderedDict[_Connection, None] = OrderedDict()
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting_each: Counter[str] = Counter()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        # Not the loop's way for UNIX sockets: this one takes a socket of any family.
        self._server = await loop.create_server(
            lambda: _Connection(self),
            sock=self._place.listen(self.options.backlog),
            backlog=self.options.backlog,
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
        self._place.remove()
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

    def submit(self, connection: "_Connection", operation: Operation) -> str | None:
        """Start asking the back end; return why not, where too many wait already."""
        account = connection.caller.account
        if len(self._tasks) >= self.options.most_waiting:
            return f"{len(self._tasks)} requests are waiting already"
        if self._waiting_each[account] >= self.options.most_waiting_each:
            return f"{self._waiting_each[account]} requests of {account} are waiting already"
        self._waiting_each[account] += 1
        task = asyncio.get_running_loop().create_task(self._answer(connection, operation))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._answered(done, account))
        return None

    def _answered(self, task: asyncio.Task[None], account: str) -> None:
        self._tasks.discard(task)
        self._waiting_each -= Counter((account,))  # which forgets those at zero
        if not task.cancelled():
            task.result()  # a mistake of ours is not lost

    async def _answer(self, connection: "_Connection", operation: Operation) -> None:
        limit_s = self.options.answer_s
        answer: Answer | None = None
        try:
            async with asyncio.timeout(limit_s):
                answer = await self.ask(operation, connection.caller)
        except TimeoutError:
            answer = Refusal(f"the back end gave no answer within {limit_s:g} s")
        finally:
            if answer is None:  # a mistake of ours: it goes on to the log, others go on as well
                connection.give_up("the back end failed")
        connection.finish(answer)


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, listener: QgsListener) -> None:
        self._listener = listener
        self._machine = ServerConnection()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._operation: Operation | None = None
        self._is_delivered = False
        self._began_s = asyncio.get_running_loop().time()
        self.caller = Caller()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of a stream socket
        self._listener.opened(self)
        try:
            self.caller = Caller.of(transport.get_extra_info("socket"))
        except OSError:  # it has gone already
            self.abort()
            return
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
        event = self._machine.answer(answer)
        self._carry_out(event)

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
        is_process = self.caller.credentials is not None
        if isinstance(operation, MakeTdQuote) and is_process and identify and self._transport:
            peer = identify(self._transport.get_extra_info("socket"))
            self.caller = replace(self.caller, peer=peer)
        busy = self._listener.submit(self, operation)
        if busy is not None:
            self.finish(Refusal(busy))

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
        self._is_delivered = True
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
        duration_s = asyncio.get_running_loop().time() - self._began_s
        call = self._machine.call
        self._listener.record(ServedTd(self.caller, call, self._operation, code, why, duration_s))
