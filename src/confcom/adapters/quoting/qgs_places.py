# SPDX-License-Identifier: Apache-2.0
"""Where TDs ask for quotes, and who they are: a UNIX socket, or a port of vsock.

Source: Intel DCAP, TDX quote generation service; vsock(7).
"""

import errno
import socket
from dataclasses import dataclass
from typing import Final, Protocol

from confcom.adapters.qgs.address import DEFAULT_PORT, open_vsock
from confcom.adapters.quoting.socket_file import Credentials, SocketFile
from confcom.errors import MisconfiguredError
from confcom.protocols.peers import Peer
from confcom.reasons import Reason

_ANY_CID: Final = 2**32 - 1
_LARGEST_PORT: Final = 2**32 - 2  # the number above means any


class Place(Protocol):
    """Where a daemon can listen."""

    def listen(self, backlog: int) -> socket.socket:
        """Return a listening socket that does not block."""
        ...

    def remove(self) -> None:
        """Remove what would be left over when the socket is closed."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a connection.

    Attributes:
        credentials: of a process of this machine (which may be the one that runs the TD), or None.
        cid: context id of a virtual machine, or None. The hypervisor vouches for it.
        peer: more about a process that asks the back end, or None.
    """

    credentials: Credentials | None = None
    cid: int | None = None
    peer: Peer | None = None

    @classmethod
    def of(cls, connected: socket.socket) -> "Caller":
        """Return who is at the other end of a connected UNIX or vsock socket."""
        if connected.family == socket.AF_UNIX:
            return cls(credentials=Credentials.of(connected))
        cid, _ = connected.getpeername()
        return cls(cid=cid)

    @property
    def process(self) -> Peer:
        """The process that asks, as far as it is known; nothing is, of a virtual machine's."""
        if self.peer is not None:
            return self.peer
        if self.credentials is None:
            return Peer()
        return Peer(uid=self.credentials.uid, gid=self.credentials.gid)

    @property
    def account(self) -> str:
        """Whose quota the caller uses: its virtual machine's, its pod's, or its user's."""
        return self.process.account if self.cid is None else f"cid:{self.cid}"


@dataclass(frozen=True, slots=True)
class UnixPlace:
    """A UNIX socket, for the process that runs TDs.

    Attributes:
        file: where it is, and who may connect.
    """

    file: SocketFile

    def listen(self, backlog: int) -> socket.socket:
        """Return a listening socket; see `SocketFile.listen`.

        Raises:
            MisconfiguredError: the place cannot be used (reason ``settings_invalid``).
        """
        return self.file.listen(backlog)

    def remove(self) -> None:
        """Remove the socket, if it is still ours."""
        self.file.remove()

    def __str__(self) -> str:
        return str(self.file.path)


@dataclass(frozen=True, slots=True)
class VsockPlace:
    """A port of vsock, for TDs themselves; every machine on this host, and this one, may connect.

    Attributes:
        port: 1 to 2**32 - 2; below 1024 the right CAP_NET_BIND_SERVICE is needed.
    """

    port: int = DEFAULT_PORT

    def listen(self, backlog: int) -> socket.socket:
        """Return a socket that listens for all context ids.

        Raises:
            MisconfiguredError: there is no such port, no vsock, no right, or the port is taken
                (reason ``settings_invalid``).
        """
        if not 1 <= self.port <= _LARGEST_PORT:
            raise _unusable(
                self.port, f"ports are 1 to {_LARGEST_PORT}", f"Intel's is {DEFAULT_PORT}"
            )
        try:
            listening = open_vsock()
            try:
                listening.setblocking(False)
                listening.bind((_ANY_CID, self.port))
                listening.listen(backlog)
            except BaseException:
                listening.close()
                raise
        except OSError as exc:
            raise explain_vsock(self.port, exc) from exc
        return listening

    def remove(self) -> None:
        """Do nothing: a port goes with its socket."""

    def __str__(self) -> str:
        return f"vsock:{self.port}"


def explain_vsock(port: int, error: OSError) -> MisconfiguredError:
    """Make the error for a port that cannot be listened on."""
    match error.errno:
        case errno.EAFNOSUPPORT | errno.EPROTONOSUPPORT | errno.ENODEV:
            return _unusable(
                port,
                f"there is no vsock here ({error.strerror})",
                "load the kernel module vhost_vsock; in a container, the runtime's seccomp "
                "profile has to allow the address family",
            )
        case errno.EADDRINUSE:
            return _unusable(
                port,
                "another process listens there already",
                "stop it (Intel's is qgsd), or name another port with --qgs-vsock",
            )
        case errno.EACCES | errno.EPERM:
            return _unusable(
                port,
                f"no permission ({error.strerror})",
                "ports below 1024 need CAP_NET_BIND_SERVICE; a seccomp profile may forbid vsock",
            )
        case _:
            return _unusable(port, error.strerror or str(error), None)


def _unusable(port: int, why: str, hint: str | None) -> MisconfiguredError:
    return MisconfiguredError(
        Reason.SETTINGS_INVALID, f"cannot listen on vsock port {port}: {why}", hint=hint
    )
