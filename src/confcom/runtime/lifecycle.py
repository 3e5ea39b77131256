# SPDX-License-Identifier: Apache-2.0
"""How a daemon starts and ends: signals become one event, and the service manager is told.

SIGTERM or SIGINT sets the event: stop accepting, drain, leave. A second one ends the process at
once, with the status that the signal itself would give.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Notifier:
    """Tells the service manager how things stand (sd_notify(3)); without one it does nothing.

    Args:
        environ: where NOTIFY_SOCKET is looked for.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name

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
