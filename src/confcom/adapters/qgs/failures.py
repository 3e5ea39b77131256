# SPDX-License-Identifier: Apache-2.0
"""What each failure to talk to a quote generation service means, and its cure."""

import errno
import os
from typing import Final, TypeVar

from confcom.adapters.qgs.address import Address, UnixAddress
from confcom.adapters.qgs.exchange import Exchange
from confcom.errors import MalformedError, UnavailableError
from confcom.protocols.qgs import Answer, Refusal
from confcom.reasons import Reason

_NO_VSOCK: Final = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ENODEV})
_NOBODY: Final = frozenset({errno.ECONNRESET, errno.ECONNREFUSED})
_NO_MACHINE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL})

T = TypeVar("T")


def accept(answer: Answer, kind: type[T], exchange: Exchange, address: Address) -> T:
    """Return the answer.

    Raises:
        UnavailableError: it is a refusal (reason ``quoting_failed``).
    """
    if isinstance(answer, kind):
        return answer
    why = answer.why if isinstance(answer, Refusal) else "it answered something else"
    raise UnavailableError(
        Reason.QUOTING_FAILED,
        f"{_cannot(exchange, address)}: the service refused, {why}",
        hint="the service's own log tells more; a TDREPORT has to be of a TD on the service's "
        "own machine",
    )


def ended(exchange: Exchange, address: Address, _: OSError) -> UnavailableError:
    """Make the error for a connection that broke, or ended without a byte of a reply."""
    what = "broke off its reply" if exchange.has_begun else "closed the connection without a reply"
    return UnavailableError(
        Reason.QUOTING_UNREACHABLE,
        f"{_cannot(exchange, address)}: the service {what}",
        hint="in raw mode that may be a refusal; else it may be restarting: ask again; if it "
        "stays so, look at its log",
    )


def misunderstood(exchange: Exchange, address: Address, error: MalformedError) -> MalformedError:
    """Say of an error in a reply what was being done, and where."""
    return MalformedError(
        error.reason,
        f"{_cannot(exchange, address)}: {error.message}",
        hint="check that a TDX quote generation service listens there, and nothing else",
    )


def hung(
    exchange: Exchange, address: Address, timeout_s: float, *, is_connected: bool
) -> UnavailableError:
    """Make the error for a service that does not answer."""
    if not is_connected:
        what = f"no connection within {timeout_s:g} s"
    elif exchange.has_begun:
        what = f"the service began to reply but did not end within {timeout_s:g} s"
    else:
        what = f"the service took the connection but did not reply within {timeout_s:g} s"
    return UnavailableError(
        Reason.QUOTING_UNREACHABLE,
        f"{_cannot(exchange, address)}: {what}",
        hint="the service hangs, or waits for a certificate service; look at its log, or restart it"
        if is_connected or isinstance(address, UnixAddress)
        else "the machine with this context id is not there, or filters vsock",
    )


def unreachable(exchange: Exchange, address: Address, error: OSError) -> UnavailableError:
    """Make the error for a place that cannot be connected to."""
    if isinstance(address, UnixAddress):
        what, hint = _explain_unix(address, error)
    else:
        what, hint = _explain_vsock(error)
    return UnavailableError(
        Reason.QUOTING_UNREACHABLE, f"{_cannot(exchange, address)}: {what}", hint=hint
    )


def _explain_unix(address: UnixAddress, error: OSError) -> tuple[str, str | None]:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "there is no socket", (
                "start the service; in a container, mount the folder of the socket, not the file"
            )
        case PermissionError():
            return f"user {os.geteuid()} has no permission to connect", (
                "the user needs write permission on the socket and search permission on folders"
            )
        case ConnectionRefusedError() if not address.path.is_socket():
            return "what is there is no socket", "name the socket of the service"
        case ConnectionRefusedError():
            return "nobody listens there", (
                "start the service; in a container, mount the folder of the socket, not the file: "
                "the service replaces it at each start"
            )
        case _:
            return error.strerror or str(error), None


def _explain_vsock(error: OSError) -> tuple[str, str | None]:
    if error.errno in _NO_VSOCK:
        return f"there is no vsock here ({error.strerror or error})", (
            "inside a TD, load the kernel module vmw_vsock_virtio_transport; on the host, ask "
            "over the UNIX socket"
        )
    if error.errno in _NOBODY:
        return "nobody listens there", "start the service with a port of vsock on that machine"
    if error.errno in _NO_MACHINE:
        return "there is no machine with this context id", "the host has context id 2"
    return error.strerror or str(error), None


def _cannot(exchange: Exchange, address: Address) -> str:
    return f"cannot {exchange.purpose} from QGS at {address}"
