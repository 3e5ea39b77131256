# SPDX-License-Identifier: Apache-2.0
"""The part of ``confcom quickstart`` in which a daemon runs for a moment."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confcom.errors import UnavailableError
from confcom.reasons import Reason

_START_S: Final = 15.0
_STOP_S: Final = 10.0
_FIELDS: Final = ("event", "pid", "uid", "mr_enclave", "isv_svn", "debug", "simulated")


class Daemon:
    """A quote helper that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", events: Path) -> None:
        self._process = process
        self._events = events

    def stop(self) -> str:
        """End it; return its event of the last quote, as far as it fits a terminal."""
        self._process.terminate()
        self._process.wait(_STOP_S)
        lines = self._events.read_text(encoding="utf-8").splitlines()
        made = [line for line in lines if '"quote.made"' in line]
        if not made:
            raise UnavailableError(
                Reason.QUOTING_FAILED, "the quote helper has written no event of a quote"
            )
        event = json.loads(made[-1])
        return json.dumps({name: event[name] for name in _FIELDS if name in event})


@contextmanager
def quote_helper(pki: str, path: str) -> Iterator[Daemon]:
    """Run a quote helper for a simulated platform, until the context ends at the latest.

    Raises:
        UnavailableError: it does not start (reason ``quoting_unreachable``).
    """
    command = [sys.executable, "-P", "-m", "confcom", "serve", "quote-helper", "--pki", pki]
    with tempfile.TemporaryDirectory(prefix="confcom-") as folder:
        events = Path(folder) / "events"
        with (
            events.open("wb") as file,
            subprocess.Popen(  # noqa: S603 this very program
                [*command, "--socket", path], stderr=file, stdin=subprocess.DEVNULL
            ) as process,
        ):
            try:
                _wait(process, Path(path), events)
                yield Daemon(process, events)
            finally:
                process.kill()


def _wait(process: "subprocess.Popen[bytes]", path: Path, events: Path) -> None:
    ends = time.monotonic() + _START_S
    while not path.is_socket():
        if process.poll() is not None or time.monotonic() > ends:
            words = events.read_text(encoding="utf-8", errors="replace").strip()
            raise UnavailableError(
                Reason.QUOTING_UNREACHABLE, f"the quote helper did not start: {words[-500:]}"
            )
        time.sleep(0.02)
