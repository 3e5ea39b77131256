# SPDX-License-Identifier: Apache-2.0
"""How the daemon behind an AESM socket is: what one call to it tells, and the cure.

The client's errors say what happened to a call. Here each becomes one of a few states that have
different cures; what lies at the socket's path decides where the error alone does not.
"""

import errno
import os
import stat
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

from confcom.adapters.aesm import AesmClient
from confcom.errors import ConfcomError, MalformedError, UnavailableError
from confcom.protocols.aesm import WORDS, AesmCode, Refusal
from confcom.protocols.aesm.client import Exchange
from confcom.reasons import Reason

T = TypeVar("T")


class State(StrEnum):
    """How the daemon is."""

    ANSWERS = "answers"
    NO_FOLDER = "no_folder"
    NO_SOCKET = "no_socket"
    NO_PERMISSION = "no_permission"
    NOT_LISTENING = "not_listening"
    NOT_AESM = "not_aesm"
    HUNG = "hung"
    CLOSED = "closed"
    UNREACHABLE = "unreachable"
    NO_PLATFORM = "no_platform"
    NO_CERTIFICATES = "no_certificates"
    BUSY = "busy"
    REFUSES = "refuses"
    WRONG_QUOTE = "wrong_quote"


class Place(StrEnum):
    """What lies where the socket should be."""

    NO_FOLDER = "no_folder"
    NOTHING = "nothing"
    SOCKET = "socket"
    OTHER = "other"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a call tells about the daemon.

    Attributes:
        state: in one word.
        error: why it is not `State.ANSWERS`, with the cure as hint; None if it is.
        code: the daemon's number where it refused, else None.
    """

    state: State
    error: ConfcomError | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call and what became of it.

    Attributes:
        name: of the request.
        seconds: from connecting to the last byte, or to the failure.
        answer: what was asked for; None where it failed.
        finding: what it tells.
    """

    name: str
    seconds: float
    answer: T | None
    finding: Finding


ALIVE: Final = Finding(State.ANSWERS)
_NO_PLATFORM: Final = frozenset(
    {
        AesmCode.NO_DEVICE,
        AesmCode.SGX_DEVICE_NOT_AVAILABLE,
        AesmCode.ENABLING_SGX,
        AesmCode.SERVICE_UNAVAILABLE,
        AesmCode.INTERFACE_UNAVAILABLE,
        AesmCode.PLATFORM_LIBRARY,
        AesmCode.ENCLAVE_LOAD,
    }
)
_NO_CERTIFICATES: Final = frozenset(
    {
        AesmCode.NETWORK,
        AesmCode.NETWORK_BUSY,
        AesmCode.PROXY_SETTING,
        AesmCode.BACKEND_SERVER_BUSY,
        AesmCode.UNRECOGNISED_PLATFORM,
        AesmCode.NO_CERTIFICATION_DATA,
    }
)
_PLATFORM_CURE: Final = (
    "the machine needs SGX, its driver (/dev/sgx_enclave and /dev/sgx_provision), and the quoting "
    "enclave's files; the daemon's user needs the groups of the devices, often sgx and sgx_prv; "
    "the daemon's log names what failed"
)
_CERTIFICATES_CURE: Final = (
    "the daemon's certificate provider cannot serve this machine: check /etc/sgx_default_qcnl.conf "
    "or the provider's environment, and the way to the service it names"
)
_CURES: Final = {
    AesmCode.BUSY: "the daemon has more requests than it takes: ask again, and look who asks",
    AesmCode.SERVICE_STOPPED: "the daemon is being stopped: ask again once it is back",
    AesmCode.KEY_NOT_INITIALISED: "the attestation key was replaced: get target info again, and "
    "make a new REPORT for it",
    AesmCode.INVALID_REPORT: "make the REPORT for the target info of this daemon, on this machine; "
    "those of enclaves in software are for simulated daemons only",
    AesmCode.OUT_OF_EPC: "end enclaves on this machine, or give it more enclave memory",
}


def timed(client: AesmClient, exchange: Exchange[T]) -> Call[T]:
    """Make one call, and say what it tells; the daemon's failures are findings, not errors."""
    begun = time.monotonic()
    try:
        answer = client.ask(exchange)
    except (UnavailableError, MalformedError) as exc:
        seconds = time.monotonic() - begun
        return Call(exchange.call, seconds, None, classify(exc, client.address.path))
    seconds = time.monotonic() - begun
    if isinstance(answer, Refusal):
        return Call(exchange.call, seconds, None, refused(answer, client.address.path))
    return Call(exchange.call, seconds, answer, ALIVE)


def require(client: AesmClient, exchange: Exchange[T]) -> T:
    """Make one call, and return its answer.

    Raises:
        UnavailableError: there is no answer, or a refusal; with the cure.
        MalformedError: what answers is no AESM daemon.
    """
    call = timed(client, exchange)
    if call.finding.error is not None:
        raise call.finding.error
    return cast("T", call.answer)


def classify(
    error: UnavailableError | MalformedError, path: Path, place: Place | None = None
) -> Finding:
    """Return what a failed call tells.

    Args:
        error: of the client; its cause is the operating system's error.
        path: of the socket.
        place: what is there; looked up where it matters, if not given.
    """
    if isinstance(error, MalformedError):
        return Finding(State.NOT_AESM, error)
    cause = error.__cause__
    match cause:
        case TimeoutError():
            return Finding(State.HUNG, error)
        case ConnectionResetError() | BrokenPipeError():
            return Finding(State.CLOSED, error)
        case FileNotFoundError() | NotADirectoryError() | PermissionError():
            return _without_socket(cause, error, path, place or look(path))
        case ConnectionRefusedError():
            return _not_listening(error, path, place or look(path))
        case OSError(errno=errno.EPROTOTYPE):
            return Finding(
                State.NOT_AESM, _unreachable(path, "the socket is of another kind", _FOREIGN)
            )
        case _:
            return Finding(State.UNREACHABLE, error)


def refused(refusal: Refusal, path: Path) -> Finding:
    """Return what a daemon that answers with an error number tells."""
    code = refusal.code
    state, cure = State.REFUSES, _CURES.get(code)
    if code in _NO_PLATFORM:
        state, cure = State.NO_PLATFORM, _PLATFORM_CURE
    elif code in _NO_CERTIFICATES:
        state, cure = State.NO_CERTIFICATES, _CERTIFICATES_CURE
    elif code is AesmCode.BUSY:
        state = State.BUSY
    said = f"{int(code)}: {refusal.why}" if refusal.why == WORDS.get(code) else refusal.why
    return Finding(state, _failed(path, f"the daemon answers with error {said}", cure), int(code))


def without_keys(path: Path) -> Finding:
    """Return what a daemon that offers no attestation key tells."""
    what = "the daemon answers, but offers no attestation key"
    return Finding(State.NO_PLATFORM, _failed(path, what, _PLATFORM_CURE))


def wrong_quote(error: MalformedError, path: Path) -> Finding:
    """Return what a daemon tells that gives a quote of another REPORT than the one sent."""
    text = f"no quotes from AESM socket {path}: {error.message}"
    cure = "do not use this daemon: what it hands out belongs to other enclaves"
    return Finding(State.WRONG_QUOTE, MalformedError(error.reason, text, hint=cure))


def look(path: Path) -> Place:
    """Return what lies at a path, as far as this process may see."""
    try:
        found = path.stat()
    except PermissionError:
        return Place.HIDDEN
    except (FileNotFoundError, NotADirectoryError):
        return Place.NOTHING if path.parent.is_dir() else Place.NO_FOLDER
    return Place.SOCKET if stat.S_ISSOCK(found.st_mode) else Place.OTHER


_FOREIGN: Final = "another program owns that path: name the daemon's socket, or end that program"


def _without_socket(cause: OSError, error: UnavailableError, path: Path, place: Place) -> Finding:
    folder = path.parent
    if isinstance(cause, PermissionError) and place is Place.HIDDEN:
        what = f"user {os.geteuid()} may not enter a folder on the way to it"
        cure = f"give search permission (x) on {folder} and the folders above; it needs mode 0755"
        return Finding(State.NO_PERMISSION, _unreachable(path, what, cure))
    if isinstance(cause, PermissionError):
        what = f"user {os.geteuid()} may not write to the socket"
        cure = (
            "let the daemon serve everybody (mode 0666) or the user's group; where the mode allows "
            "it already, a security module such as SELinux refuses: see the audit log"
        )
        return Finding(State.NO_PERMISSION, _unreachable(path, what, cure))
    if place is Place.NO_FOLDER:
        what = f"there is no folder {folder}"
        cure = (
            f"no daemon has run here: start one; in a container, mount the folder {folder} of the "
            "machine"
        )
        return Finding(State.NO_FOLDER, _unreachable(path, what, cure))
    return Finding(State.NO_SOCKET, error)


def _not_listening(error: UnavailableError, path: Path, place: Place) -> Finding:
    if place is not Place.OTHER:
        return Finding(State.NOT_LISTENING, error)
    return Finding(State.NOT_AESM, _unreachable(path, "what is there is no socket", _FOREIGN))


def _unreachable(path: Path, what: str, cure: str) -> UnavailableError:
    return UnavailableError(
        Reason.QUOTING_UNREACHABLE, f"cannot reach AESM socket {path}: {what}", hint=cure
    )


def _failed(path: Path, what: str, cure: str | None) -> UnavailableError:
    return UnavailableError(
        Reason.QUOTING_FAILED, f"no quotes from AESM socket {path}: {what}", hint=cure
    )
