# SPDX-License-Identifier: Apache-2.0
"""One client of the AESM socket, from its first byte to the last one of its reply.

A request comes and goes in a few calls of the kernel, so the socket is used as it is: a stream of
the event loop would take more time than the quote.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.socket_file import Credentials
from confcom.adapters.quoting.turns import Turns
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

_PIECE_BYTES: Final = 64 * 1024


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


class Host(Protocol):
    """What a client needs of the listener that it belongs to.

    Attributes:
        identify: tells who made a connection.
        key_ids: what is offered at this moment, the default first.
        record: told of every request that was answered or could not be.
        turns: lets requests wait for the back end.
    """

    identify: Callable[[Connection], Peer]
    key_ids: Callable[[], tuple[bytes, ...]]
    record: Callable[[Served], None]
    turns: Turns

    def opened(self, connection: "ClientConnection") -> None:
        """Count a connection, and make room for it."""

    def grew(self, connection: "ClientConnection", size: int) -> None:
        """Count what has arrived of a request, and make room for it."""

    def delivered(self, connection: "ClientConnection") -> None:
        """Note that a connection has delivered its request."""

    def taking(self, connection: "ClientConnection") -> None:
        """Note that a connection is slow to take its reply."""

    def closed(self, connection: "ClientConnection") -> None:
        """Forget a connection."""


class ClientConnection:
    """One client.

    Args:
        host: the listener that it belongs to.
        accepted: the connected socket, which does not block.
    """

    __slots__ = (
        "_answer",
        "_delivered_s",
        "_host",
        "_is_watched",
        "_left",
        "_machine",
        "_operation",
        "_peer",
        "_socket",
        "connected",
        "held",
    )

    def __init__(self, host: Host, accepted: socket.socket) -> None:
        self._host = host
        self._socket = accepted
        self._machine = ServerConnection(host.key_ids())
        self._operation: Operation | None = None
        self._peer: Peer | None = None
        self._delivered_s: float | None = None
        self._answer: Answer | None = None
        self._is_watched = False
        self._left = b""
        self.held = 0
        self.connected = Credentials.of(accepted)

    def start(self) -> None:
        """Read what is there, and watch for the rest."""
        if self._socket.fileno() < 0:
            return  # it had to make room before its turn
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
        self._host.closed(self)

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
                self._peer = self._host.identify(self._socket)
                self._host.turns.enter(self, operation, self._peer)
            case None:
                self._host.grew(self, len(data))

    def _stop_reading(self) -> None:
        """Ignore the rest of the input."""
        loop = asyncio.get_running_loop()
        self._delivered_s = loop.time()
        self._host.delivered(self)
        if self._is_watched:
            loop.remove_reader(self._socket.fileno())

    def _send(self, reply: Reply, why: str | None) -> None:
        if self._socket.fileno() >= 0:
            self._left = reply.data
            self._push()
            if self._left and self._socket.fileno() >= 0:
                self._host.taking(self)
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
        self._host.record(
            Served(self.connected, peer, call, self._operation, code, why, taken, self._answer)
        )
