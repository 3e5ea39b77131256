# SPDX-License-Identifier: Apache-2.0
"""Health and metrics of a daemon over HTTP: GET only, one request a connection, no framework.

``/livez`` says that the process makes progress, ``/readyz`` that it can do its work, ``/metrics``
what it counted. What may not leave the node, such as who asked for what, is ``/status`` on a UNIX
socket. Nothing a caller sends is kept, shown or acted upon.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

_PHRASES: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
"""All that is answered; the standard library's table takes more memory than the server."""
_MOST_REQUEST_BYTES: Final = 8192
_MOST_CONNECTIONS: Final = 64
_TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Probes:
    """What is answered.

    Attributes:
        ready: by name of what is needed, why it cannot be used now, or None where it can.
        metrics: the text of ``/metrics``, or None where nothing is counted.
        status: the JSON document of ``/status``, or None where it is not told.
    """

    ready: Mapping[str, Callable[[], str | None]]
    metrics: Callable[[], bytes] | None = None
    status: Callable[[], bytes] | None = None


class HealthServer:
    """Serves probes; use as an async context manager.

    Args:
        place: address and port to bind, 0 for any port; or a socket that listens already.
        probes: what is answered.
        limit_s: longest time for one request, seconds.
    """

    def __init__(
        self, place: tuple[str, int] | socket.socket, probes: Probes, *, limit_s: float = 5.0
    ) -> None:
        self._place = place
        self._probes = probes
        self._limit_s = limit_s
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is bound."""
        if self._server is None:
            raise RuntimeError("HealthServer is used outside its context")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        if isinstance(self._place, socket.socket):
            self._server = await asyncio.start_unix_server(
                self._serve, sock=self._place, limit=_MOST_REQUEST_BYTES
            )
            return self
        host, port = self._place
        try:
            self._server = await asyncio.start_server(
                self._serve, host, port, limit=_MOST_REQUEST_BYTES
            )
        except OSError as exc:
            raise MisconfiguredError(
                Reason.SETTINGS_INVALID,
                f"cannot serve probes on {host}:{port}: {exc.strerror or exc}",
                hint="name another address with --health",
            ) from exc
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= _MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(self._limit_s):
                    writer.write(await _answer(reader, self._probes))
                    await writer.drain()
        finally:
            self._open.discard(task)
            writer.close()


async def _answer(reader: asyncio.StreamReader, probes: Probes) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return _response(431)
    except asyncio.IncompleteReadError:
        return _response(400)
    parts = head.split(b"\r\n", 1)[0].split(b" ")
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
        return _response(400)
    method, target = parts[0], parts[1].split(b"?", 1)[0]
    if method not in {b"GET", b"HEAD"}:
        return _response(405)
    answer = _route(target, probes)
    return answer.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n" if method == b"HEAD" else answer


def _route(target: bytes, probes: Probes) -> bytes:
    match target:
        case b"/livez":
            return _response(200, b"ok\n")
        case b"/readyz":
            found = {name: check() for name, check in probes.ready.items()}
            lines = [f"{name}: {why or 'ok'}\n" for name, why in found.items()] or ["ok\n"]
            is_ready = not any(found.values())
            status = 200 if is_ready else 503
            return _response(status, "".join(lines).encode())
        case b"/metrics" if probes.metrics is not None:
            return _response(200, probes.metrics(), _METRICS)
        case b"/status" if probes.status is not None:
            return _response(200, probes.status(), _JSON)
        case _:
            return _response(404)


def _response(status: int, body: bytes | None = None, kind: str = _TEXT) -> bytes:
    phrase = _PHRASES[status]
    content = f"{phrase}\n".encode() if body is None else body
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(content)}",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if status == 405:
        lines.append("Allow: GET, HEAD")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
