# SPDX-License-Identifier: Apache-2.0
"""The AESM socket: one request a connection, bounded in number, size and time.

No client can make another one wait: a connection that does not deliver its request in time, or
does not take its reply, is closed; when there are too many, the one that has been silent for the
longest makes room. Requests then wait for their turn, in a line for each peer.

A request comes and goes in a few calls of the kernel, so the sockets are used as they are: streams
of the event loop would take more time than the quote.
"""

import asyncio
import contextlib
import errno
import select
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.socket_file import Credentials, SocketFile
from confcom.adapters.quoting.turns import Asked, Turns
from confcom.protocols.aesm import (
    Answer,
    Ask,
    Close,
    MakeQuote,
    Operation,
    Reply,
    ServerConnection,
)
from confcom.protocols.peers import Peer
from confcom.protocols.quotas import Limits

_AT_A_TIME: Final = 64
"""Connections to accept before those that are there have their turn."""
_PIECE_BYTES: Final = 64 * 1024
_PAUSE_S: Final = 0.1
_LOOK_S: Final = 0.25
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """Bounds.

    Attributes:
        most_connections: connections at once; beyond it the longest silent one is closed.
        limits: quotas of peers, and how many requests may wait; beyond it the answer is 18, busy.
        at_once: requests that the back end works on at the same time.
        wait_s: how long a request may wait for its turn, seconds.
        deliver_s: time to deliver a request, seconds.
        take_s: time to take a reply, seconds.
        backlog: connections that the kernel keeps before they are accepted.
    """

    most_connections: int = 1024
    limits: Limits = field(default_factory=Limits)
    at_once: int = 8
    wait_s: float = 10.0
    deliver_s: float = 10.0
    take_s: float = 5.0
    backlog: int = 1024


@dataclass(frozen=True, slots=True)
class Served:
    """One request and what became of it, for the audit.

    Attributes:
        connected: user, group and process that connected.
        peer: more about who asked the back end; None for what we answered ourselves.
        call: name of the request, or None where it could not be read.
        operation: what the back end was asked, or None.
        code: of the reply, or None where the connection was closed without one.
        why: of a refusal or a closed connection, else None.
        duration_s: from the complete request to the reply, seconds.
        answer: of the back end, or None.
    """

    connected: Credentials
    peer: Peer | None
    call: str | None
    operation: Operation | None
    code: int | None
    why: str | None
    duration_s: float
    answer: Answer | None = field(default=None, repr=False)


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
        )
        self._file = file
        self._listening: socket.socket | None = None
        self._silent: OrderedDict[_Connection, float] = OrderedDict()
        self._taking: OrderedDict[_Connection, float] = OrderedDict()
        self._open: set[_Connection] = set()
        self._look: asyncio.TimerHandle | None = None
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def __aenter__(self) -> Self:
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
        if self._look is not None:
            self._look.cancel()

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

    def opened(self, connection: "_Connection") -> None:
        """Count a connection, and make room for it."""
        self._open.add(connection)
        self._is_idle.clear()
        loop = asyncio.get_running_loop()
        self._silent[connection] = loop.time() + self.options.deliver_s
        if self._look is None:
            self._look = loop.call_later(_LOOK_S, self._look_at_clock)
        if len(self._open) > self.options.most_connections:
            self._make_room()

    def delivered(self, connection: "_Connection") -> None:
        """Note that a connection has delivered its request."""
        self._silent.pop(connection, None)

    def taking(self, connection: "_Connection") -> None:
        """Note that a connection is slow to take its reply."""
        self._taking[connection] = asyncio.get_running_loop().time() + self.options.take_s

    def closed(self, connection: "_Connection") -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self._silent.pop(connection, None)
        self._taking.pop(connection, None)
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
        for _ in range(_AT_A_TIME):
            if self._listening is None:
                return
            try:
                accepted, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:
                if exc.errno not in _NO_ROOM:
                    raise
                self._run_out()
                return
            accepted.setblocking(False)
            _Connection(self, accepted).start()

    def _run_out(self) -> None:
        """Get on without another descriptor: close who is silent, or accept nothing for a while."""
        if not self._make_room() and self._listening is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listening.fileno())
            loop.call_later(_PAUSE_S, self._listen)

    def _make_room(self) -> bool:
        if self._silent:
            next(iter(self._silent)).give_up("there were too many connections")
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


class _Connection:
    """One client."""

    __slots__ = (
        "_answer",
        "_delivered_s",
        "_is_watched",
        "_left",
        "_listener",
        "_machine",
        "_operation",
        "_peer",
        "_socket",
        "connected",
    )

    def __init__(self, listener: AesmListener, accepted: socket.socket) -> None:
        self._listener = listener
        self._socket = accepted
        self._machine = ServerConnection(listener.key_ids())
        self._operation: Operation | None = None
        self._peer: Peer | None = None
        self._delivered_s: float | None = None
        self._answer: Answer | None = None
        self._is_watched = False
        self._left = b""
        self.connected = Credentials.of(accepted)

    def start(self) -> None:
        """Read what is there, and watch for the rest."""
        self._listener.opened(self)
        self._receive()
        if self._delivered_s is None and self._socket.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._receive)
            self._is_watched = True

    def is_wanted(self) -> bool:
        """Tell whether the client has not left; it may have ended its own side."""
        poll = select.poll()
        poll.register(self._socket, 0)  # a hang-up is always told
        return not poll.poll(0)

    def finish(self, answer: Answer) -> None:
        """Send the back end's answer."""
        self._answer = answer
        self._send(self._machine.answer(answer), getattr(answer, "why", None))

    def give_up(self, why: str) -> None:
        """Close without a byte, and say why in the audit."""
        is_asking = not self._machine.is_empty  # who says nothing looks whether we live
        self.abort()
        if is_asking:
            self._record(None, why)

    def abort(self) -> None:
        """Close at once."""
        descriptor = self._socket.fileno()
        if descriptor < 0:
            return
        if self._is_watched:
            loop = asyncio.get_running_loop()
            loop.remove_reader(descriptor)
            loop.remove_writer(descriptor)
        self._socket.close()
        self._listener.closed(self)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.abort()
            return
        if not data:
            self.give_up("it ended before its request was complete")
            return
        match self._machine.receive(data):
            case Reply() as reply:
                self._stop_reading()
                self._send(reply, None)
            case Close(why):
                self._stop_reading()
                self.give_up(why)
            case Ask(_, operation):
                self._stop_reading()
                self._operation = operation
                self._peer = self._listener.identify(self._socket)
                self._listener.turns.enter(self, operation, self._peer)
            case None:
                pass

    def _stop_reading(self) -> None:
        """Ignore the rest of the input."""
        loop = asyncio.get_running_loop()
        self._delivered_s = loop.time()
        self._listener.delivered(self)
        if self._is_watched:
            loop.remove_reader(self._socket.fileno())

    def _send(self, reply: Reply, why: str | None) -> None:
        if self._socket.fileno() >= 0:
            self._left = reply.data
            self._push()
            if self._left and self._socket.fileno() >= 0:
                self._listener.taking(self)
                asyncio.get_running_loop().add_writer(self._socket.fileno(), self._push)
                self._is_watched = True
        self._record(reply.code, why)  # after the reply, which nobody waits for any longer

    def _push(self) -> None:
        """Send what is left: all of it in one call, as Intel's client needs, if there is room."""
        try:
            self._left = self._left[self._socket.send(self._left) :]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._left = b""  # the client has left
        if not self._left:
            self.abort()

    def _record(self, code: int | None, why: str | None) -> None:
        taken = 0.0
        if self._delivered_s is not None:
            taken = asyncio.get_running_loop().time() - self._delivered_s
        is_asked = isinstance(self._operation, MakeQuote)
        peer = self._peer if is_asked else None
        call = self._machine.call
        self._listener.record(
            Served(self.connected, peer, call, self._operation, code, why, taken, self._answer)
        )
