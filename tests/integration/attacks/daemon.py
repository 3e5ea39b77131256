# SPDX-License-Identifier: Apache-2.0
"""The quote helper as a process of its own, and what it holds: memory, descriptors, children."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.stubs.libraries import COMPLETE, Stub

MIB: Final = 1024 * 1024
_READY_S: Final = 20.0
_REST_S: Final = 20.0
_CONFCOM: Final = (sys.executable, "-m", "confcom")


@dataclass(frozen=True)
class Daemon:
    """A daemon that runs.

    Attributes:
        pid: its process id.
        path: of its socket.
    """

    pid: int
    path: Path

    @property
    def children(self) -> tuple[int, ...]:
        """Process ids of its children."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended meanwhile
                state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
                if int(parent) == self.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return tuple(found)

    @property
    def memory(self) -> int:
        """Resident memory of the daemon and its children, bytes."""
        return sum(map(_resident, (self.pid, *self.children)))

    @property
    def descriptors(self) -> int:
        """How many files and sockets it has open; its own ones are a dozen."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    @property
    def events(self) -> list[dict[str, object]]:
        """What it has written so far."""
        lines = (self.path.parent / "events").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def wait_until(self, condition: Callable[[], bool], limit_s: float = _REST_S) -> bool:
        """Wait until something is so; return whether it became so."""
        ends = time.monotonic() + limit_s
        while not condition() and time.monotonic() < ends:
            time.sleep(0.02)
        return condition()

    def rest(self, descriptors: int) -> int:
        """Wait until no more is open than before an attack; return the memory then, bytes."""
        self.wait_until(lambda: self.descriptors <= descriptors)
        time.sleep(0.3)
        return self.memory


@contextmanager
def simulated(folder: Path, *options: str, files: int | None = None) -> Iterator[Daemon]:
    """Run a daemon whose quotes are of a simulated platform; it may open so many files."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CONFCOM_")
    }
    for arguments in (("pki", "demo"), ("platform", "--pki", "demo")):
        command = [*_CONFCOM, "--quiet", "simulate", *arguments]
        subprocess.run(command, check=True, cwd=folder, env=environment, timeout=60)
    with _running(folder, ("--pki", "demo", *options), environment, files) as daemon:
        yield daemon


@contextmanager
def dcap(folder: Path, stub: Stub, *options: str, files: int | None = None) -> Iterator[Daemon]:
    """Run a daemon on stand-ins of Intel's libraries; it may open so many files."""
    library = str(stub.libraries / COMPLETE)
    with _running(folder, ("--library", library, *options), stub.environment, files) as daemon:
        yield daemon


@contextmanager
def _running(
    folder: Path, options: tuple[str, ...], environment: Mapping[str, str], files: int | None
) -> Iterator[Daemon]:
    path, notify = folder / "s", folder / "n"
    folder.chmod(0o711)  # the socket is for every user
    command = [*_CONFCOM, "serve", "quote-helper", "--socket", "s", *options]
    if files is not None:
        command = ["prlimit", f"--nofile={files}:{files}", *command]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
        (folder / "events").open("wb") as events,
    ):
        ready.bind(str(notify))
        ready.settimeout(_READY_S)
        process = subprocess.Popen(
            command, cwd=folder, env={**environment, "NOTIFY_SOCKET": str(notify)}, stderr=events
        )
        try:
            try:
                assert ready.recv(100) == b"READY=1"
            except TimeoutError:
                words = (folder / "events").read_text(encoding="utf-8")
                raise AssertionError(f"the daemon is not ready; it said: {words}") from None
            yield Daemon(process.pid, path)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _resident(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    return 0
