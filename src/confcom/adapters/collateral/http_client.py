# SPDX-License-Identifier: Apache-2.0
"""A careful HTTP client: bounded in size and time, true to one host, patient within limits.

What it fetches is untrusted until its signatures are verified; the rules here keep a broken or
hostile service from costing memory, time or a request to a host that nobody named.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, Self

import httpx2

from confcom.adapters.collateral.backoff import RetryPolicy
from confcom.adapters.collateral.http_errors import (
    OFFLINE_HINT,
    TryAgainError,
    bad_answer,
    host_of,
    status_error,
    translate,
)
from confcom.errors import MisconfiguredError, UnavailableError
from confcom.reasons import Reason

NEVER_PROXIED: Final = ("localhost", "127.0.0.1", "[::1]", "169.254.169.254")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How to reach services.

    Attributes:
        connect_s: longest wait for a connection, seconds.
        read_s: longest wait for the next bytes, seconds.
        total_s: longest time for one document from one service, all attempts and pauses included.
        retry: attempts and pauses.
        max_body_bytes: largest body accepted.
        max_redirects: redirects followed, all to the same scheme, host and port.
        proxy: URL of an HTTP proxy, or None. The environment is never consulted.
        direct_hosts: hosts reached without the proxy.
        ca_file: path of PEM certificates that are trusted for TLS besides those of the system.
        user_agent: what the client calls itself.
    """

    connect_s: float = 5.0
    read_s: float = 10.0
    total_s: float = 30.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_body_bytes: int = 1024 * 1024
    max_redirects: int = 3
    proxy: str | None = field(default=None, repr=False)  # may hold credentials
    direct_hosts: tuple[str, ...] = NEVER_PROXIED
    ca_file: str | None = None
    user_agent: str = "confcom"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete answer with status 200.

    Attributes:
        host: the host that answered, with its port where it is not the default one.
        headers: names in lower case.
        body: the bytes as sent; no content coding is accepted.
    """

    host: str
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Fetches documents; use as an async context manager."""

    def __init__(self, options: HttpOptions | None = None) -> None:
        self._options = options or HttpOptions()
        self._stack = AsyncExitStack()
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = await self._stack.enter_async_context(_open_client(self._options))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client = None
        await self._stack.aclose()

    async def get(
        self, url: str, *, what: str, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """Fetch one document, with as many attempts as the options allow.

        Args:
            url: absolute, http or https.
            what: the document, for messages.
            headers: request headers; sent to that one host only.

        Raises:
            UnavailableError: ``source_unreachable`` (no connection, time is over),
                ``source_refused`` (a status that says no), ``source_answer`` (cut off, too
                large, content coding, a redirect that is not followed).
            MisconfiguredError: the URL is not one (``settings_invalid``).
        """
        host = _checked_host(url)
        try:
            async with asyncio.timeout(self._options.total_s):
                return await self._get_patiently(url, headers or {}, what)
        except TimeoutError as exc:
            raise UnavailableError(
                Reason.SOURCE_UNREACHABLE,
                f"cannot fetch {what} from {host}: no complete answer within "
                f"{self._options.total_s:g} s",
                hint=OFFLINE_HINT,
            ) from exc

    async def _get_patiently(self, url: str, headers: Mapping[str, str], what: str) -> HttpResponse:
        attempt = 1
        while True:
            try:
                return await self._get_once(url, headers, what)
            except TryAgainError as exc:
                delay = self._options.retry.delay(attempt, exc.retry_after_s)
                if delay is None:
                    raise exc.error from exc.error.__cause__
            await asyncio.sleep(delay)
            attempt += 1

    async def _get_once(self, url: str, headers: Mapping[str, str], what: str) -> HttpResponse:
        if self._client is None:
            raise RuntimeError("HttpClient is used outside its context")
        target = httpx2.URL(url)
        for _ in range(self._options.max_redirects + 1):
            try:
                extensions = {"trace": _Handshake().trace}
                async with self._client.stream(
                    "GET", target, headers=headers, extensions=extensions
                ) as response:
                    if response.status_code not in _REDIRECTS:
                        return await self._read(response, what)
                    target = _follow(response, what)
            except httpx2.TransportError as exc:
                raise translate(exc, host_of(target), what) from exc
        raise bad_answer(
            host_of(target), what, f"more than {self._options.max_redirects} redirects"
        )

    async def _read(self, response: httpx2.Response, what: str) -> HttpResponse:
        host = host_of(response.url)
        if response.status_code != 200:
            raise status_error(response, host, what)
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            raise bad_answer(host, what, f"content coding {coding!r} was not asked for")
        limit = self._options.max_body_bytes
        declared = response.headers.get("content-length", "")
        if declared.isdigit() and int(declared[:12]) > limit:
            raise bad_answer(host, what, f"{declared[:12]} bytes declared, limit {limit}")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > limit:
                raise bad_answer(host, what, f"more than {limit} bytes sent")
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(host, lowered, bytes(body))


class _Closable(Protocol):
    async def aclose(self) -> None: ...


class _Handshake:
    """Closes a connection whose TLS handshake fails, also where the fetch is cancelled in it.

    The HTTP library closes it after errors only; a cancelled one would stay open for as long as
    its peer likes.
    """

    def __init__(self) -> None:
        self._stream: _Closable | None = None

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".connect_tcp.complete"):
            self._stream = info["return_value"]
        elif event.endswith(".start_tls.failed") and self._stream is not None:
            await self._stream.aclose()


def _open_client(options: HttpOptions) -> httpx2.AsyncClient:
    context = _tls_context(options.ca_file)
    direct = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
    try:
        transport = (
            httpx2.AsyncHTTPTransport(verify=context, trust_env=False, proxy=options.proxy)
            if options.proxy
            else direct
        )
    except (ValueError, httpx2.InvalidURL) as exc:
        # Not chained into the message: a proxy's address may hold credentials.
        raise MisconfiguredError(
            Reason.SETTINGS_INVALID,
            "cannot use the proxy: its address is not a URL such as http://proxy.example:3128",
            hint="correct the setting collateral.proxy",
        ) from exc
    return httpx2.AsyncClient(
        transport=transport,
        mounts={f"all://{host}": direct for host in options.direct_hosts} if options.proxy else {},
        timeout=httpx2.Timeout(options.read_s, connect=options.connect_s, pool=options.total_s),
        headers={
            "User-Agent": options.user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        },
        follow_redirects=False,
        trust_env=False,
    )


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = httpx2.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise MisconfiguredError(
                Reason.SETTINGS_INVALID,
                f"cannot use file {ca_file} as certificates for TLS: {_why_unusable(exc)}",
                hint="name a file with certificates in PEM by --ca-file or collateral.ca_file",
            ) from exc
    return context


def _why_unusable(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) or error.strerror is None:
        return "it holds no certificate in PEM"
    return error.strerror


def _checked_host(url: str) -> str:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as exc:
        raise _bad_url(url) from exc
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise _bad_url(url)
    return host_of(parsed)


def _bad_url(url: str) -> MisconfiguredError:
    return MisconfiguredError(
        Reason.SETTINGS_INVALID,
        f"cannot use {url!r} as a source of collateral: it is not an http or https address",
    )


def _follow(response: httpx2.Response, what: str) -> httpx2.URL:
    host = host_of(response.url)
    try:
        target = response.url.join(response.headers["location"])
    except (KeyError, httpx2.InvalidURL) as exc:
        raise bad_answer(host, what, "a redirect to what is not an address") from exc
    if (target.scheme, host_of(target)) != (response.url.scheme, host):
        raise bad_answer(
            host,
            what,
            f"a redirect to {target.scheme[:16]}://{host_of(target)[:128]}, which is not followed",
            hint="name that address itself as a source if it is meant",
        )
    return target
