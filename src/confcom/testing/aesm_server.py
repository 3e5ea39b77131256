# SPDX-License-Identifier: Apache-2.0
"""A stand-in for an AESM daemon: a real UNIX socket, our own server, and misbehaviour on demand.

It ends by itself after its lifetime, whatever the test does::

    with AesmServer(path, quotes) as server:
        server.misbehave(Misbehaviour.CUT, times=1)
        ...  # ask at path
        assert server.calls == ("get_quote_size_ex",)
"""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self, assert_never

from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    Answer,
    Ask,
    Operation,
    Reply,
    ServerConnection,
    write_frame,
)
from confcom.protocols.pb.aesm_pb2 import Response

_POLL_S: Final = 0.005
_PIECE_BYTES: Final = 64 * 1024


class Misbehaviour(StrEnum):
    """What the stand-in does in place of an answer."""

    STALL = "stall"
    """Takes the request and says nothing."""
    CLOSE = "close"
    """Closes without a byte."""
    CUT = "cut"
    """Closes after half of the reply."""
    DRIP = "drip"
    """Sends the reply byte by byte, with pauses; no mistake in itself."""
    WRONG_TYPE = "wrong_type"
    """Replies to another request."""
    UNSUPPORTED = "unsupported"
    """Replies with the message that Intel's clients crash on."""
    EMPTY = "empty"
    """Replies with an empty message."""
    GARBAGE = "garbage"
    """Replies with bytes that are no frame of a message."""
    OVERSIZED = "oversized"
    """Announces a reply of 4 GiB less one byte."""


class AesmServer:
    """Serves from entering the context until leaving it, or until its lifetime is over.

    Args:
        path: of the socket, which must not exist.
        answer: the back end, see `confcom.testing.aesm_quotes.CannedQuotes`; may be exchanged.
        key_ids: what is offered, 256 bytes each.
        pause_s: between the bytes of a reply that drips, seconds.
        lifetime_s: seconds after which it stops by itself.
    """

    def __init__(
        self,
        path: Path,
        answer: Callable[[Operation], Answer],
        *,
        key_ids: Sequence[bytes] = (DEFAULT_KEY_ID.to_bytes(),),
        pause_s: float = 0.0,
        lifetime_s: float = 120.0,
    ) -> None:
        self.answer = answer
        self.key_ids = tuple(key_ids)
        self.pause_s = pause_s
        self._path = path
        self._calls: list[str] = []
        self._misbehaviour: Misbehaviour | None = None
        self._times: int | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(str(path), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="aesm-stand-in", daemon=True
        )
        self._end_of_life = threading.Timer(lifetime_s, self.close)
        self._end_of_life.daemon = True

    def __enter__(self) -> Self:
        self._thread.start()
        self._end_of_life.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_of_life.cancel()
        self.close()

    @property
    def calls(self) -> tuple[str, ...]:
        """The requests so far, by the names of their messages."""
        with self._lock:
            return tuple(self._calls)

    def misbehave(self, how: Misbehaviour | None, *, times: int | None = None) -> None:
        """Misbehave from the next request on, for so many requests, or until told otherwise."""
        with self._lock:
            self._misbehaviour, self._times = how, times

    def close(self) -> None:
        """Stop, close all connections and remove the socket."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        stand_in = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # the client went away
                    stand_in._serve(self.request)

        return Handler

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_POLL_S)
        connection = ServerConnection(self.key_ids)
        while not self._closing.is_set():
            try:
                data = client.recv(_PIECE_BYTES)
            except TimeoutError:
                continue
            event = connection.receive(data)
            if isinstance(event, Ask):
                event = connection.answer(self.answer(event.operation))
            if isinstance(event, Reply):
                self._send(client, event)
            if event is not None or not data:
                return

    def _send(self, client: socket.socket, reply: Reply) -> None:
        how = self._next(reply.call)
        match how:
            case None:
                client.sendall(reply.data)
            case Misbehaviour.STALL:
                self._closing.wait()
            case Misbehaviour.CLOSE:
                pass
            case Misbehaviour.CUT:
                client.sendall(reply.data[: len(reply.data) // 2])
            case Misbehaviour.DRIP:
                self._drip(client, reply.data)
            case Misbehaviour.WRONG_TYPE | Misbehaviour.UNSUPPORTED | Misbehaviour.EMPTY:
                client.sendall(write_frame(_wrong_message(how, reply.call)))
            case Misbehaviour.GARBAGE:
                client.sendall(write_frame(b"\xff" * 32))
            case Misbehaviour.OVERSIZED:
                client.sendall(b"\xff\xff\xff\xff" + bytes(1000))
            case _:
                assert_never(how)

    def _drip(self, client: socket.socket, data: bytes) -> None:
        for index in range(len(data)):
            if self._closing.is_set():
                return
            client.sendall(data[index : index + 1])
            time.sleep(self.pause_s)

    def _next(self, call: str) -> Misbehaviour | None:
        with self._lock:
            self._calls.append(call)
            how = self._misbehaviour
            if how is not None and self._times is not None:
                self._times -= 1
                self._misbehaviour = how if self._times else None
            return how


def _wrong_message(how: Misbehaviour, call: str) -> bytes:
    response = Response()
    if how is Misbehaviour.UNSUPPORTED:
        response.unsupported_request.error_code = 1
    elif how is Misbehaviour.WRONG_TYPE and call == "get_quote_size_ex":
        response.get_supported_att_key_id_num.error_code = 0
    elif how is Misbehaviour.WRONG_TYPE:
        response.get_quote_size_ex.error_code = 0
    message: bytes = response.SerializeToString()
    return message


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = False  # so that closing waits for them
    block_on_close = True
    request_queue_size = 128
