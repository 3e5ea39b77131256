# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Intel PCS, a PCCS or Azure's caches: real HTTP or HTTPS on loopback.

It serves what a `Documents` object holds, simulated or recorded, counts what it is asked, and
misbehaves on demand. It ends by itself after its lifetime, whatever the test does::

    with CollateralServer(documents, style=Style.PCCS) as server:
        server.misbehave(Misbehaviour.STATUS, status=429, retry_after="1", times=2)
        ...  # ask server.url
        assert server.count("tcb") == 3
"""

import contextlib
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

from confcom.testing.collateral_documents import Documents
from confcom.testing.collateral_faults import Fault, Faults, Misbehaviour
from confcom.testing.collateral_replies import MOVED, Reply, document_reply, early_reply
from confcom.testing.collateral_routes import RouteError, Style, find_route

__all__ = ["CollateralServer", "Fault", "Misbehaviour", "RecordedRequest", "Style"]

_ENDLESS: Final = 64 * 1024 * 1024
_BLOCK: Final = bytes(64 * 1024)
_DRIP_PAUSE_S: Final = 0.05
_KEPT_REQUESTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What a client asked.

    Attributes:
        target: path and query.
        headers: names in lower case.
    """

    target: str
    headers: Mapping[str, str]


class CollateralServer:
    """Serves from entering the context until leaving it, or until its lifetime is over.

    Args:
        documents: what it serves; may be exchanged while it runs, for documents that became
            stale or are rolled back.
        style: which kind of service it stands in for.
        tls: TLS context for HTTPS, see `confcom.testing.throwaway_ca`; None for plain HTTP.
        lifetime_s: seconds after which it stops by itself.
        cache_control: value of the header Cache-Control, or None to leave it out.
    """

    def __init__(
        self,
        documents: Documents,
        *,
        style: Style = Style.PCS,
        tls: ssl.SSLContext | None = None,
        lifetime_s: float = 120.0,
        cache_control: str | None = None,
    ) -> None:
        self.documents = documents
        self.style = style
        self.cache_control = cache_control
        self._faults = Faults()
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []
        self._closing = threading.Event()
        self._scheme = "http" if tls is None else "https"
        self._httpd = _Server(("127.0.0.1", 0), self._handler(), tls)
        self._thread = threading.Thread(target=self._serve, name="collateral-stand-in", daemon=True)
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
        self._thread.join(timeout=5)

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._httpd.server_address[1]}"

    @property
    def origin(self) -> str:
        """Scheme, address and port."""
        return f"{self._scheme}://{self.host}"

    @property
    def url(self) -> str:
        """What a client is given as the service's address."""
        prefix = "/metadata/THIM" if self.style is Style.AZURE_AGENT else ""
        return f"{self.origin}{prefix}"

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """All requests so far, in the order of their arrival."""
        with self._lock:
            return tuple(self._requests)

    def count(self, part: str = "") -> int:
        """Return how many requests had this text in their target."""
        return sum(part in request.target for request in self.requests)

    def misbehave(
        self,
        kind: Misbehaviour,
        *,
        path_contains: str = "",
        times: int | None = None,
        status: int = 503,
        retry_after: str | None = None,
        elsewhere: str = "http://127.0.0.2:1",
    ) -> None:
        """Misbehave from now on; the arguments are those of `Fault`."""
        self._faults.add(
            Fault(
                kind=kind,
                path_contains=path_contains,
                times=times,
                status=status,
                retry_after=retry_after,
                elsewhere=elsewhere,
            )
        )

    def behave(self) -> None:
        """End all misbehaviour."""
        self._faults.clear()

    def close(self) -> None:
        """Stop serving; waiting and dripping answers end at once."""
        self._closing.set()
        if self._thread.is_alive():
            self._httpd.shutdown()
        self._httpd.server_close()

    def _serve(self) -> None:
        self._httpd.serve_forever(poll_interval=0.02)

    def _record(self, request: RecordedRequest) -> None:
        with self._lock:
            if len(self._requests) < _KEPT_REQUESTS:
                self._requests.append(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "confcom-stand-in"
            sys_version = ""
            timeout = 30.0

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                server._record(RecordedRequest(self.path, headers))  # its own server
                faults = server._faults.take(self.path)
                with contextlib.suppress(OSError):  # clients may leave
                    server._answer(self, faults, headers)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # inherited
                """Say nothing: requests are recorded."""

        return Handler

    def _answer(
        self,
        handler: BaseHTTPRequestHandler,
        faults: Mapping[Misbehaviour, Fault],
        headers: Mapping[str, str],
    ) -> None:
        if Misbehaviour.STALL in faults:
            self._closing.wait()
            handler.close_connection = True
            return
        reply = self._reply(handler.path, faults, headers)
        if Misbehaviour.ENDLESS in faults:
            self._send_endless(handler, reply)
            return
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        if Misbehaviour.CUT in faults:
            handler.wfile.write(reply.body[: len(reply.body) // 2])
            handler.close_connection = True
        elif Misbehaviour.DRIP in faults:
            self._drip(handler, reply.body)
        else:
            handler.wfile.write(reply.body)

    def _reply(
        self, target: str, faults: Mapping[Misbehaviour, Fault], headers: Mapping[str, str]
    ) -> Reply:
        early = early_reply(target, faults)
        if early is not None:
            return early
        try:
            route = find_route(self.style, target.removeprefix(MOVED), headers)
        except RouteError as exc:
            return Reply(exc.status, {"Error-Message": str(exc)}, b"")
        document = self.documents.find(route.request)
        if document is None:
            return Reply(404, {"Error-Message": "no data"}, b"")
        reply = document_reply(route, document, faults)
        if self.cache_control is not None:
            reply.headers["Cache-Control"] = self.cache_control
        return reply

    def _send_endless(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.close_connection = True
        sent = 0
        while sent < _ENDLESS and not self._closing.is_set():
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(_BLOCK), _BLOCK))
            sent += len(_BLOCK)

    def _drip(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        for index in range(len(body)):
            handler.wfile.write(body[index : index + 1])
            if self._closing.wait(_DRIP_PAUSE_S):
                return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = False

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(address, handler)
        if tls is not None:
            # The handshake happens in the connection's own thread, at the first read.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that refuse the certificate or leave are part of the tests."""
