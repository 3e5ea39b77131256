# SPDX-License-Identifier: Apache-2.0
"""Where a quote generation service listens: a UNIX socket, or a port of a machine's vsock.

Sources: Intel DCAP, TDX quote generation service, ``/etc/qgs.conf``; unix(7); vsock(7).
"""

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confcom.errors import UsageError
from confcom.reasons import Reason

DEFAULT_SOCKET: Final = Path("/var/run/tdx-qgs/qgs.socket")
DEFAULT_PORT: Final = 4050
HOST_CID: Final = 2
"""Context id of the host, as its guests see it."""
DEFAULT_TIMEOUT_S: Final = 30.0
"""What Intel's service allows a connection, seconds."""
_LARGEST: Final = 2**32 - 2  # the number above means any
_VSOCK: Final = "vsock:"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A UNIX stream socket at a path.

    Raises:
        UsageError: the path is empty or has a NUL, which would make it an abstract name.
    """

    path: Path = DEFAULT_SOCKET

    def __post_init__(self) -> None:
        """Refuse what is no path."""
        text = os.fspath(self.path)
        if "\0" in text or text in {"", "."}:
            raise UsageError(Reason.USAGE, f"{text!r} is not the path of a socket")

    def open(self) -> socket.socket:
        """Return a socket that is not connected yet."""
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    @property
    def target(self) -> bytes:
        """What the kernel is told."""
        return os.fsencode(self.path)

    def __str__(self) -> str:
        return f"socket {self.path}"


@dataclass(frozen=True, slots=True)
class VsockAddress:
    """A port of a virtual machine, or of its host.

    Attributes:
        cid: context id, 32 bits; 2 is the host, 1 this machine itself.
        port: 32 bits.

    Raises:
        UsageError: a number that no machine and no port has.
    """

    cid: int = HOST_CID
    port: int = DEFAULT_PORT

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        for name, value in (("context id", self.cid), ("port", self.port)):
            if not 1 <= value <= _LARGEST:
                raise UsageError(Reason.USAGE, f"vsock {name} {value}, expected 1 to {_LARGEST}")

    def open(self) -> socket.socket:
        """Return a socket that is not connected yet.

        Raises:
            OSError: this machine or this Python has no vsock.
        """
        return open_vsock()

    @property
    def target(self) -> tuple[int, int]:
        """What the kernel is told."""
        return self.cid, self.port

    def __str__(self) -> str:
        return f"{_VSOCK}{self.cid}:{self.port}"


Address = UnixAddress | VsockAddress


def parse_address(text: str) -> Address:
    """Return the address that a person wrote: ``vsock:CID:PORT``, ``vsock:CID`` or a path.

    Raises:
        UsageError: it begins as one of vsock and does not go on so, or is no path.
    """
    if not text.startswith(_VSOCK):
        return UnixAddress(Path(text))
    cid, _, port = text.removeprefix(_VSOCK).partition(":")
    numbers = (cid, port or str(DEFAULT_PORT))
    if not all(number.isascii() and number.isdigit() and len(number) <= 10 for number in numbers):
        raise UsageError(
            Reason.USAGE,
            f"{text!r} is not an address of vsock",
            hint=f"write vsock:CID:PORT, such as vsock:{HOST_CID}:{DEFAULT_PORT} for the host",
        )
    return VsockAddress(*map(int, numbers))


def open_vsock(family: int | None = getattr(socket, "AF_VSOCK", None)) -> socket.socket:
    """Return a vsock stream socket.

    Args:
        family: number of the address family; None where Python was built without it.

    Raises:
        OSError: this machine or this Python has no vsock (``EAFNOSUPPORT``).
    """
    if family is None:
        raise OSError(errno.EAFNOSUPPORT, "this Python was built without vsock")
    return socket.socket(family, socket.SOCK_STREAM)


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


def address_of(where: Address | Path | str) -> Address:
    """Return an address given in any way."""
    if isinstance(where, str):
        return parse_address(where)
    return UnixAddress(where) if isinstance(where, Path) else where
