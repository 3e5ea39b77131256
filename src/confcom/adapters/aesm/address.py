# SPDX-License-Identifier: Apache-2.0
"""Where a daemon listens, and what each failure to talk to it means.

Source: intel/linux-sgx, AESM service: path and abstract name are fixed in Intel's libraries.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from confcom.errors import MalformedError, UnavailableError, UsageError
from confcom.protocols.aesm import WORDS, AesmCode, Refusal
from confcom.protocols.aesm.client import Exchange
from confcom.reasons import Reason

DEFAULT_SOCKET: Final = Path("/var/run/aesmd/aesm.socket")
DEFAULT_TIMEOUT_S: Final = 15.0
"""What Intel's own library allows a daemon, seconds."""
_ABSTRACT_NAME: Final = b"\0sgx_aesm_socket_base".ljust(108, b"\0")

_PURPOSES: Final = {
    "get_supported_att_key_id_num": "count attestation keys",
    "get_supported_att_key_ids": "list attestation keys",
    "select_att_key_id": "select an attestation key",
    "init_quote_ex": "get target info",
    "get_quote_size_ex": "get the size of quotes",
    "get_quote_ex": "get a quote",
}
_CURES: Final = {
    AesmCode.BUSY: "ask again in a moment",
    AesmCode.NETWORK: "the daemon's log names the certificate service that it cannot reach",
    AesmCode.SERVICE_UNAVAILABLE: "the daemon's log tells why it has no quoting enclave",
    AesmCode.UNSUPPORTED_KEY_ID: "the daemon's log tells whether its quoting enclave was loaded",
    AesmCode.KEY_NOT_INITIALISED: "get target info again, make a new REPORT for it, and ask for "
    "its quote",
    AesmCode.INVALID_REPORT: "make the REPORT for the target info of this daemon, on this machine",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Address:
    """A UNIX stream socket.

    Attributes:
        path: of the socket file; not looked at if ``is_abstract``.
        is_abstract: use the abstract name of old daemons. Every process of the network namespace
            may listen there, so who answers proves nothing.

    Raises:
        UsageError: the path is empty or has a NUL, which would make it an abstract name.
    """

    path: Path
    is_abstract: bool = False

    def __post_init__(self) -> None:
        text = os.fspath(self.path)
        if "\0" in text or text in {"", "."}:
            raise UsageError(Reason.USAGE, f"{text!r} is not the path of a socket")

    @property
    def name(self) -> bytes:
        """What the kernel is told."""
        return _ABSTRACT_NAME if self.is_abstract else os.fsencode(self.path)

    def __str__(self) -> str:
        return "@sgx_aesm_socket_base" if self.is_abstract else str(self.path)


def require_timeout(timeout_s: float) -> float:
    """Return a time limit.

    Raises:
        UsageError: it is not a positive, finite number of seconds.
    """
    if not 0 < timeout_s < float("inf"):
        raise UsageError(
            Reason.USAGE, f"time limit of {timeout_s} s, expected more than 0 and not endless"
        )
    return timeout_s


def timeout_field(timeout_s: float) -> int:
    """Return what requests say of the limit: milliseconds, as far as 32 bits go."""
    return min(max(1, int(timeout_s * 1000)), 2**32 - 1)


def accept(answer: T | Refusal, exchange: Exchange[T], address: Address) -> T:
    """Return the answer.

    Raises:
        UnavailableError: it is a refusal (reason ``quoting_failed``).
    """
    if not isinstance(answer, Refusal):
        return answer
    is_known = answer.why == WORDS[answer.code]
    said = f"{int(answer.code)}: {answer.why}" if is_known else answer.why
    raise UnavailableError(
        Reason.QUOTING_FAILED,
        f"{_cannot(exchange, address)}: the daemon answered with error {said}",
        hint=_CURES.get(answer.code),
    )


def ended(exchange: Exchange[T], address: Address) -> UnavailableError | MalformedError:
    """Make the error for a connection that ended before the reply was complete."""
    if not exchange.is_unanswered:
        return misunderstood(exchange, address, exchange.end())
    return UnavailableError(
        Reason.QUOTING_UNREACHABLE,
        f"{_cannot(exchange, address)}: the daemon closed the connection without a reply",
        hint="it may be restarting: ask again; if it stays so, look at its log",
    )


def misunderstood(exchange: Exchange[T], address: Address, error: MalformedError) -> MalformedError:
    """Say of an error in a reply what was being done, and where."""
    return MalformedError(
        error.reason,
        f"{_cannot(exchange, address)}: {error.message}",
        hint="check that an AESM daemon listens there, and nothing else",
    )


def hung(
    exchange: Exchange[T], address: Address, timeout_s: float, *, is_connected: bool
) -> UnavailableError:
    """Make the error for a daemon that is there and does not answer."""
    if not is_connected:
        what = f"the daemon took no connection within {timeout_s:g} s"
    elif exchange.is_unanswered:
        what = f"the daemon took the connection but did not reply within {timeout_s:g} s"
    else:
        what = f"the daemon began to reply but did not end within {timeout_s:g} s"
    return UnavailableError(
        Reason.QUOTING_UNREACHABLE,
        f"{_cannot(exchange, address)}: {what}",
        hint="the daemon hangs, or waits for a certificate service; look at its log, or restart it",
    )


def unreachable(exchange: Exchange[T], address: Address, error: OSError) -> UnavailableError:
    """Make the error for a socket that cannot be connected to."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            what = "there is no socket"
            hint: str | None = (
                "start the daemon; in a container, mount the folder of the socket, not the file"
            )
        case PermissionError():
            what = f"user {os.geteuid()} has no permission to connect"
            hint = "the user needs write permission on the socket and search permission on folders"
        case ConnectionRefusedError() if not address.is_abstract and not address.path.is_socket():
            what = "what is there is no socket"
            hint = "name the socket of the daemon; Intel's libraries ask at " + str(DEFAULT_SOCKET)
        case ConnectionRefusedError():
            what = "nobody listens there"
            hint = (
                "start the daemon; in a container, mount the folder of the socket, not the file: "
                "the daemon replaces it at each start"
            )
        case _:
            what, hint = error.strerror or str(error), None
    return UnavailableError(
        Reason.QUOTING_UNREACHABLE, f"{_cannot(exchange, address)}: {what}", hint=hint
    )


def _cannot(exchange: Exchange[T], address: Address) -> str:
    return f"cannot {_PURPOSES[exchange.call]} from AESM socket {address}"
