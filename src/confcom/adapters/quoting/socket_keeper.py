# SPDX-License-Identifier: Apache-2.0
"""Notices when the socket of a daemon is removed or replaced behind its back, and puts it back.

A client finds a daemon by a path only. Whoever may write the folder can take the path away: an
operator with ``rm``, another daemon, a container. The open socket is of no use then.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from confcom.adapters.quoting.socket_file import SocketFile
from confcom.errors import MisconfiguredError


class SocketKeeper:
    """Looks again and again whether the path is the daemon's socket.

    What is gone is put back, and so is what a daemon that is gone has put there instead. With a
    living one, or a file that is no socket, there is no fight: it is told, once for each.

    Args:
        file: where the socket is; it listens already.
        backlog: connections that the kernel keeps before they are accepted.
        swap: makes the daemon listen on a new socket.
        tell: told why the path is not ours, or None when it is again.
    """

    def __init__(
        self,
        file: SocketFile,
        *,
        backlog: int,
        swap: Callable[[socket.socket], None],
        tell: Callable[[str | None], None],
    ) -> None:
        self._file = file
        self._backlog = backlog
        self._swap = swap
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None
        self.problem: str | None = None
        """Why clients do not find us, as last seen."""

    @contextlib.asynccontextmanager
    async def keep(self, every_s: float) -> AsyncIterator[None]:
        """Look every so many seconds while the context lasts."""
        self._look_later(every_s)
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def look(self) -> None:
        """Look once: one call of the kernel as long as all is well."""
        if self._file.is_there():
            if self.problem is not None:  # somebody has moved it back
                self.problem = None
                self._tell(None)
            return
        try:
            listening = self._file.listen(self._backlog)
        except MisconfiguredError as exc:
            if exc.message != self.problem:
                self.problem = exc.message
                self._tell(exc.message)
            return
        self._swap(listening)
        self.problem = None
        self._tell(None)

    def _look_later(self, every_s: float) -> None:
        def look() -> None:
            self._look_later(every_s)
            self.look()

        self._timer = asyncio.get_running_loop().call_later(every_s, look)
