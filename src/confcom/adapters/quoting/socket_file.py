# SPDX-License-Identifier: Apache-2.0
"""A UNIX socket at a path: never taken from a living owner, never missing while it is replaced."""

import contextlib
import errno
import os
import secrets
import socket
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

_CREDENTIALS: Final = struct.Struct("=iII")
_LONGEST: Final = 107  # sun_path holds 108 bytes, the last of them NUL


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is at the other end, as the kernel says (unix(7), SO_PEERCRED).

    Attributes:
        pid: 0 where the process is outside our PID namespace.
        uid: effective user id when it connected.
        gid: effective group id when it connected.
    """

    pid: int
    uid: int
    gid: int

    @classmethod
    def of(cls, connected: socket.socket) -> "Credentials":
        """Return those of the peer of a connected UNIX socket."""
        raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return cls(*_CREDENTIALS.unpack(raw))


@dataclass(slots=True)
class SocketFile:
    """Where a daemon listens.

    Attributes:
        path: of the socket; its folder is made if absent, with mode 0755.
        mode: of the socket; connecting needs the right to write.
        gid: group of the socket, or None for that of the process.
        option: by which the path was given, for hints.
    """

    path: Path
    mode: int = 0o666
    gid: int | None = None
    option: str = "--socket"
    _bound: tuple[int, int] | None = field(default=None, init=False, repr=False)

    def is_there(self) -> bool:
        """Tell whether the path still is the socket that `listen` made last.

        As long as that one is open, no other file gets its device and number.
        """
        try:
            return self._bound is not None and _identity(self.path) == self._bound
        except OSError:
            return False

    def listen(self, backlog: int) -> socket.socket:
        """Return a listening socket in place of what a daemon that is gone has left.

        The new socket is made beside the old one and moved over it, so that clients find one or
        the other.

        Raises:
            MisconfiguredError: a living process listens there, something else is in the way, or
                the place cannot be used (reason ``settings_invalid``).
        """
        try:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._respect_owner()
            return self._replace(backlog)
        except OSError as exc:
            raise self._unusable(exc.strerror or str(exc)) from exc

    def remove(self) -> None:
        """Remove the socket, if it is still the one that `listen` made."""
        if self.is_there():
            with contextlib.suppress(OSError):
                self.path.unlink()
        self._bound = None

    def _respect_owner(self) -> None:
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise self._unusable(
                "there is a file that is no socket", "move it away if nobody needs it"
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.setblocking(False)  # it succeeds or fails at once: nobody has to accept
            try:
                asking.connect(str(self.path))
            except BlockingIOError:
                why = "a process that accepts nothing listens there already"
                raise self._unusable(why, "stop that process") from None
            except OSError as exc:
                if exc.errno in {errno.ECONNREFUSED, errno.ENOENT}:
                    return  # left behind by a daemon that is gone
                raise self._unusable(f"a socket is there: {exc.strerror or exc}") from exc
            owner = Credentials.of(asking).pid
        raise self._unusable(
            f"process {owner} listens there already"
            if owner
            else "a process outside our PID namespace listens there already",
            "stop that process",
        )

    def _replace(self, backlog: int) -> socket.socket:
        beside = self.path.with_name(f".{secrets.token_hex(3)}")
        if max(len(os.fsencode(path)) for path in (self.path, beside)) > _LONGEST:
            raise self._unusable(f"the path is longer than {_LONGEST} bytes")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.setblocking(False)
            listening.bind(str(beside))
            bound = give_rights(beside, mode=self.mode, gid=self.gid)
            listening.listen(backlog)
            beside.replace(self.path)
        except BaseException:
            listening.close()
            beside.unlink(missing_ok=True)
            raise
        self._bound = bound
        return listening

    def _unusable(self, why: str, remedy: str | None = None) -> MisconfiguredError:
        elsewhere = f"name another path with {self.option}"
        return MisconfiguredError(
            Reason.SETTINGS_INVALID,
            f"cannot listen on {self.path}: {why}",
            hint=elsewhere if remedy is None else f"{remedy}, or {elsewhere}",
        )


def give_rights(path: Path, *, mode: int, gid: int | None = None) -> tuple[int, int]:
    """Set mode and group of a socket itself, and return its device and number.

    Whoever may write the folder could put a link in its place meanwhile, to have the rights of
    another file changed by us.

    Raises:
        OSError: it is no socket, or a right is missing.
    """
    node = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(node)
        if not stat.S_ISSOCK(found.st_mode):
            raise OSError(errno.EEXIST, "somebody else writes into its folder", str(path))
        itself = f"/proc/self/fd/{node}"
        if gid is not None:
            os.chown(itself, -1, gid)
        Path(itself).chmod(mode)
    finally:
        os.close(node)
    return found.st_dev, found.st_ino


def _identity(path: Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino
