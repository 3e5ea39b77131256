# SPDX-License-Identifier: Apache-2.0
"""The AESM socket: one request a connection, bounded in number, size and time.

No client can make another one wait: a connection that does not deliver its request in time, or
does not take its reply, is closed; when there are too many, the one that has been silent for the
longest makes room. Requests then wait for their turn, in a line for each peer.
"""

import asyncio
import contextlib
import errno
import resource
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from types import TracebackType
from typing import Final, Self

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.aesm_connection import ClientConnection, Served
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.adapters.quoting.turns import Asked, Turns
from confcom.protocols.aesm import Operation
from confcom.protocols.peers import Peer
from confcom.protocols.quotas import Limits

_AT_A_TIME: Final = 256
"""Most connections to accept before those that are there have their turn."""
_READ_AT_A_TIME: Final = 16
"""Of those that were accepted; the queue of the kernel is first come, first served, ours is not."""
_OWN_FILES: Final = 64
"""Descriptors that are left for looking at peers, for children, and for what else we do."""
_PAUSE_S: Final = 0.1
_LOOK_S: Final = 0.25
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """Bounds.

    Attributes:
        most_connections: connections at once, fewer where the process may not open as many files;
            beyond it the longest silent one is closed.
        limits: quotas of peers, and how many requests may wait; beyond it the answer is 18, busy.
        at_once: requests that the back end works on at the same time.
        wait_s: how long a request may wait for its turn, seconds.
        deliver_s: time to deliver a request, seconds.
        take_s: time to take a reply, seconds.
        backlog: connections that the kernel keeps before they are accepted.
        most_bytes: of requests that are not complete yet, all together; beyond it the connection
            that holds most is closed.
    """

    most_connections: int = 1024
    limits: Limits = field(default_factory=Limits)
    at_once: int = 8
    wait_s: float = 10.0
    deliver_s: float = 10.0
    take_s: float = 5.0
    backlog: int = 1024
    most_bytes: int = 4 * 1024 * 1024


class AesmListener:
    """Serves the AESM socket; use as an async context manager.

    Args:
        file: where the socket is.
        ask: the back end; its foreseeable failures are answers.
        identify: tells who made a connection.
        key_ids: what is offered at this moment, the default first.
        record: told of every request that was answered or could not be.
        options: bounds.
    """

    def __init__(
        self,
        file: SocketFile,
        *,
        ask: Callable[[Operation, Peer], Asked],
        identify: Callable[[Connection], Peer],
        key_ids: Callable[[], tuple[bytes, ...]],
        record: Callable[[Served], None],
        options: ListenerOptions | None = None,
    ) -> None:
        self.options = options or ListenerOptions()
        self.identify = identify
        self.key_ids = key_ids
        self.record = record
        self.turns = Turns(
            ask,
            limits=self.options.limits,
            at_once=self.options.at_once,
            wait_s=self.options.wait_s,
            is_quiet=lambda: self._is_alone,
        )
        self._file = file
        self._listening: socket.socket | None = None
        self._silent: OrderedDict[ClientConnection, float] = OrderedDict()
        self._taking: OrderedDict[ClientConnection, float] = OrderedDict()
        self._open: set[ClientConnection] = set()
        self._look: asyncio.TimerHandle | None = None
        self._most = self.options.most_connections
        self._at_a_time = 1
        self._is_alone = False
        self._fresh: OrderedDict[int, OrderedDict[ClientConnection, None]] = OrderedDict()
        self._reading: asyncio.Handle | None = None
        self._bytes = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def __aenter__(self) -> Self:
        soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(1, min(self.options.most_connections, soft - _OWN_FILES))
        self._listening = self._file.listen(self.options.backlog)
        self._listen()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop_listening()
        self._file.remove()
        await self.turns.close()
        for connection in tuple(self._open):
            connection.abort()
        for handle in (self._look, self._reading):
            if handle is not None:
                handle.cancel()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def drain(self, limit_s: float) -> None:
        """Accept nothing more, and wait for what was asked to be answered and taken."""
        self._stop_listening()
        for connection in tuple(self._silent):
            connection.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._is_idle.wait()

    def swap(self, listening: socket.socket) -> None:
        """Listen on another socket from now on; who waits at the one before is let in first."""
        if self._listening is None:  # no longer listening at all
            listening.close()
            return
        self._at_a_time = self.options.backlog + 1
        try:
            self._accept()
        finally:
            self._stop_listening()
            self._listening = listening
            self._listen()

    def opened(self, connection: ClientConnection) -> None:
        """Count a connection, and make room for it."""
        self._open.add(connection)
        self._is_idle.clear()
        loop = asyncio.get_running_loop()
        self._silent[connection] = loop.time() + self.options.deliver_s
        if self._look is None:
            self._look = loop.call_later(_LOOK_S, self._look_at_clock)
        if len(self._open) > self._most:
            self._make_room()

    def grew(self, connection: ClientConnection, size: int) -> None:
        """Count what has arrived of a request, and make room for it."""
        self._bytes += size
        connection.held += size
        while self._bytes > self.options.most_bytes and self._silent:
            largest = max(self._silent, key=attrgetter("held"))
            largest.give_up("others needed its memory")

    def delivered(self, connection: ClientConnection) -> None:
        """Note that a connection has delivered its request."""
        self._silent.pop(connection, None)
        self._bytes -= connection.held
        connection.held = 0

    def taking(self, connection: ClientConnection) -> None:
        """Note that a connection is slow to take its reply."""
        self._taking[connection] = asyncio.get_running_loop().time() + self.options.take_s

    def closed(self, connection: ClientConnection) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self.delivered(connection)
        self._taking.pop(connection, None)
        line = self._fresh.get(connection.connected.uid)
        if line is not None:
            line.pop(connection, None)
            if not line:
                del self._fresh[connection.connected.uid]
        if not self._open:
            self._is_idle.set()

    def _listen(self) -> None:
        if self._listening is not None:
            asyncio.get_running_loop().add_reader(self._listening.fileno(), self._accept)

    def _stop_listening(self) -> None:
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening.fileno())
            self._listening.close()
            self._listening = None

    def _accept(self) -> None:
        is_first = not self._fresh
        accepted = self._let_in()
        if self._reading is not None or not self._fresh:
            return
        if accepted == 1 and is_first:
            # Nobody else has come: who is alone needs no turn, once in each round of the loop.
            self._is_alone = True
            try:
                self._read()
            finally:
                self._is_alone = False
        else:
            self._reading = asyncio.get_running_loop().call_soon(self._read)

    def _let_in(self) -> int:
        """Accept some of those who wait; return how many."""
        # One after the other costs the least; a crowd is let in by more and more at a time.
        for count in range(self._at_a_time):
            if self._listening is None:
                return count
            try:
                accepted, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._at_a_time = 1
                return count
            except OSError as exc:
                if exc.errno not in _NO_ROOM:
                    raise
                self._run_out()
                return count
            accepted.setblocking(False)
            connection = ClientConnection(self, accepted)
            self.opened(connection)
            self._fresh.setdefault(connection.connected.uid, OrderedDict())[connection] = None
        count, self._at_a_time = self._at_a_time, min(2 * self._at_a_time, _AT_A_TIME)
        return count

    def _read(self) -> None:
        """Read from some of those who have come, a user after the other: no crowd goes first."""
        self._reading = None
        for _ in range(_READ_AT_A_TIME):
            if not self._fresh:
                return
            uid, line = self._fresh.popitem(last=False)
            connection, _nothing = line.popitem(last=False)
            if line:
                self._fresh[uid] = line  # behind all others
            connection.start()
        if self._fresh:
            self._reading = asyncio.get_running_loop().call_soon(self._read)

    def _run_out(self) -> None:
        """Get on without another descriptor: close who is silent, or accept nothing for a while."""
        if not self._make_room() and self._listening is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listening.fileno())
            loop.call_later(_PAUSE_S, self._listen)

    def _make_room(self) -> bool:
        if self._silent:
            next(iter(self._silent)).give_up("others needed its place")
            return True
        return False

    def _look_at_clock(self) -> None:
        """Close who has had its time; who came first is the first in either line."""
        loop = asyncio.get_running_loop()
        for line, why in (
            (self._silent, "it did not deliver its request in time"),
            (self._taking, None),
        ):
            while line:
                connection, ends = next(iter(line.items()))
                if ends > loop.time():
                    break
                if why is None:
                    connection.abort()
                else:
                    connection.give_up(why)
        self._look = loop.call_later(_LOOK_S, self._look_at_clock) if self._open else None
