# SPDX-License-Identifier: Apache-2.0
"""What went wrong with an HTTP request, in our words; and whether it may pass."""

import os
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import httpx2

from confcom.adapters.collateral.backoff import parse_retry_after
from confcom.errors import UnavailableError
from confcom.reasons import Reason

OFFLINE_HINT: Final = (
    "check network, proxy and address; --collateral FILE --offline needs no network, with a file "
    "that confcom collateral export wrote where there is one"
)
_RETRIED_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_MEANINGS: Final[Mapping[int, str]] = {
    400: "it finds the request invalid",
    401: "it wants a subscription key or token",
    403: "it forbids the request",
    404: "it does not have the document",
    410: "it no longer serves that evaluation data number",
    429: "it receives too many requests",
    460: "its stored data is damaged",
    461: "it does not know the platform",
    462: "it has no certificates of the platform",
    502: "it cannot reach the service behind it",
    503: "it is overloaded or down",
}


class TryAgainError(Exception):
    """An attempt failed in a way that may pass."""

    def __init__(self, error: UnavailableError, retry_after_s: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.retry_after_s = retry_after_s


def status_error(
    response: httpx2.Response, host: str, what: str
) -> UnavailableError | TryAgainError:
    """Return what a status other than 200 means."""
    status = response.status_code
    meaning = _MEANINGS.get(status)
    found = f"HTTP status {status}" + (f" ({meaning})" if meaning else "")
    wait = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    if wait is not None:
        found += f", retry after {wait:g} s"
    error = refused(host, what, found)
    return TryAgainError(error, wait) if status in _RETRIED_STATUSES else error


def translate(exc: httpx2.TransportError, host: str, what: str) -> UnavailableError | TryAgainError:
    """Return what an exception of the HTTP library means."""
    problem = _tls_problem(exc)
    if problem is not None:
        return UnavailableError(
            Reason.SOURCE_UNREACHABLE,
            f"cannot fetch {what} from {host}: its TLS certificate is not trusted: {problem}",
            hint="for a private CA name its certificate by --ca-file or collateral.ca_file",
        )
    reason = Reason.SOURCE_UNREACHABLE
    if isinstance(exc, httpx2.ConnectTimeout):
        found = "no connection in time"
    elif isinstance(exc, httpx2.TimeoutException):
        found = "no answer in time"
    elif isinstance(exc, httpx2.ProxyError):
        found = f"the proxy refuses: {exc}"
    elif isinstance(exc, httpx2.ConnectError):
        found = f"no connection: {_root_cause(exc)}"
    else:
        reason = Reason.SOURCE_ANSWER
        found = f"the answer broke off: {str(exc) or type(exc).__name__}"
    error = UnavailableError(reason, f"cannot fetch {what} from {host}: {found}", hint=OFFLINE_HINT)
    error.__cause__ = exc
    return TryAgainError(error)


def _causes(exc: BaseException) -> list[BaseException]:
    chain = [exc]
    while len(chain) < 16:
        following = chain[-1].__cause__ or chain[-1].__context__
        if following is None:
            break
        chain.append(following)
    return chain


def _tls_problem(exc: BaseException) -> str | None:
    for cause in _causes(exc):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message or "it cannot be verified"
    return None


def _root_cause(exc: BaseException) -> str:
    for cause in reversed(_causes(exc)):
        if isinstance(cause, OSError) and cause.errno is not None:
            # asyncio's own text names the address again; names that do not resolve have no number.
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return str(exc) or type(exc).__name__


def refused(host: str, what: str, found: str) -> UnavailableError:
    """Return the error that a host says no."""
    return UnavailableError(
        Reason.SOURCE_REFUSED, f"cannot fetch {what} from {host}: {found}", hint=OFFLINE_HINT
    )


def bad_answer(host: str, what: str, found: str, *, hint: str = OFFLINE_HINT) -> UnavailableError:
    """Return the error that a host answers what cannot be the document."""
    return UnavailableError(
        Reason.SOURCE_ANSWER, f"cannot use what {host} answers for {what}: {found}", hint=hint
    )


def host_of(url: httpx2.URL) -> str:
    """Return the host, and the port where it is not the usual one."""
    return url.netloc.decode("ascii")
