# SPDX-License-Identifier: Apache-2.0
"""What the quote helper holds at rest: its memory, and none of what other programs need."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BUDGET_MIB = 44 if sys.version_info < (3, 12) else 47
"""Resident, MiB; set for Python 3.11, and later ones take three more by themselves."""
TOLERANCE_MIB = 2
"""For another C library and other releases of packages than those it was measured with."""
FOREIGN = {"grpc", "httpx2", "lightkube", "prometheus_client", "rich", "sqlalchemy", "starlette"}

# As it is installed with its own extra alone: structlog takes rich along where it finds it.
PROGRAM = """
import gc, os, signal, sys
sys.modules["rich"] = None
freeze = gc.freeze
def tell():
    freeze()
    open("modules", "w").write(" ".join(name for name in sys.modules if sys.modules[name]))
gc.freeze = tell
from confcom.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, set[str]]]:
    """Process id of a daemon that is ready, and the packages that it has loaded."""
    folder = tmp_path_factory.mktemp("d")
    for arguments in (("pki", "demo"), ("platform", "--pki", "demo")):
        command = [sys.executable, "-m", "confcom", "--quiet", "simulate", *arguments]
        subprocess.run(command, check=True, cwd=folder, timeout=60)
    options = ("serve", "quote-helper", "--pki", "demo", "--socket", "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(str(folder / "n"))
        ready.settimeout(20)
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *options],
            cwd=folder,
            env={"NOTIFY_SOCKET": str(folder / "n")},
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                assert ready.recv(100) == b"READY=1"
                names = Path(folder / "modules").read_text(encoding="utf-8").split()
                yield process.pid, {name.partition(".")[0] for name in names}
            finally:
                process.kill()


def test_memory_at_rest_is_within_the_budget(daemon: tuple[int, set[str]]) -> None:
    pid, _ = daemon
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    resident = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024
    assert resident <= BUDGET_MIB + TOLERANCE_MIB


def test_nothing_of_other_programs_is_loaded(daemon: tuple[int, set[str]]) -> None:
    _, packages = daemon
    assert "confcom" in packages
    assert packages & FOREIGN == set()
