# SPDX-License-Identifier: Apache-2.0
"""How a daemon starts and ends: signals become one event, and the service manager is told.

SIGTERM or SIGINT sets the event: stop accepting, drain, leave. A second one ends the process at
once, with the status that the signal itself would give.

A manager with a watchdog is told again and again that the event loop turns: a daemon that hangs is
then replaced (sd_watchdog_enabled(3)).
"""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_NEVER: Final = 2**64 - 1  # microseconds; its digits:
_DIGITS: Final = 20


class Notifier:
    """Tells the service manager how things stand (sd_notify(3)); without one it does nothing.

    Args:
        environ: where NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are looked for.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self.watchdog_s: float | None = None
        """How often the manager wants to hear of us at least, seconds; None for not at all."""
        self.problem: str | None = None
        """Why there is no watchdog although one is asked for, or None."""
        try:
            self.watchdog_s = _watchdog_s(environ)
        except ValueError as exc:
            self.problem = str(exc)

    def tell(self, state: str) -> None:
        """Send a state such as ``READY=1``; a manager that does not listen is no fault of ours."""
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending,
        ):
            sending.setblocking(False)
            sending.sendto(state.encode(), self._address)

    @asynccontextmanager
    async def watchdog(self) -> AsyncIterator[None]:
        """Tell twice in each interval of the watchdog, if there is one, that the loop turns."""
        if self.watchdog_s is None or not self._address:
            yield
            return
        loop, every_s = asyncio.get_running_loop(), self.watchdog_s / 2
        timer: asyncio.Handle | None = None

        def tell() -> None:
            nonlocal timer
            self.tell("WATCHDOG=1")
            timer = loop.call_later(every_s, tell)

        tell()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Return the interval of a watchdog that is meant for this process.

    Raises:
        ValueError: a variable is not what the manual says it is.
    """
    interval, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not interval:
        return None
    for name, text in (("WATCHDOG_USEC", interval), ("WATCHDOG_PID", pid or "1")):
        is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
        if not is_number or not 0 < int(text) < _NEVER:
            raise ValueError(f"{name} is {text[:40]!a}, not a positive number")
    if pid and int(pid) != os.getpid():
        return None  # it is meant for another process, whose variables we inherited
    return int(interval) / 1_000_000


def allow_files(wanted: int) -> int:
    """Let the process open so many files and sockets, or as many as its hard limit allows.

    Returns:
        How many it may open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    may, might = (wanted if limit == resource.RLIM_INFINITY else limit for limit in (soft, hard))
    if may < min(wanted, might):
        may = min(wanted, might)
        resource.setrlimit(resource.RLIMIT_NOFILE, (may, hard))
    return may


@asynccontextmanager
async def stop_signals() -> AsyncIterator[asyncio.Event]:
    """Yield the event that the first signal to stop sets."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop(number: int) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()

    for one in _SIGNALS:
        loop.add_signal_handler(one, stop, one.value)
    try:
        yield stopping
    finally:
        for one in _SIGNALS:
            loop.remove_signal_handler(one)
