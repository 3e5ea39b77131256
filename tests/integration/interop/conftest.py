# SPDX-License-Identifier: Apache-2.0
"""A hierarchy, a platform, and the daemon that serves its quotes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from confcom.cli.main import main
from confcom.reasons import ExitCode


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hierarchy ``demo`` and the files of the test are; also the working folder."""
    monkeypatch.chdir(tmp_path)
    for command in (
        ["pki", "demo"],
        ["platform", "--pki", "demo"],
    ):
        assert main(["--quiet", "simulate", *command]) == ExitCode.YES
    return tmp_path


@dataclass(frozen=True)
class Daemon:
    """A running daemon.

    Attributes:
        folder: what is to be mounted at ``/var/run/aesmd``.
        qgs: the socket for TDs.
        log: what it writes to standard error.
    """

    folder: Path
    qgs: Path
    log: Path

    def events(self, start: str) -> list[dict[str, Any]]:
        """Return the events so far whose names start in one way."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["event"].startswith(start)]


@pytest.fixture
def daemon(folder: Path) -> Iterator[Daemon]:
    """A daemon that serves the platform of ``demo`` to enclaves and to TDs."""
    made = Daemon(folder / "aesmd", folder / "qgs.socket", folder / "log")
    command = [sys.executable, "-m", "confcom", "serve", "quote-helper", "--pki", "demo"]
    command += ["--socket", "aesmd/aesm.socket", "--qgs-socket", "qgs.socket"]
    environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify")}
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
        made.log.open("wb") as log,
    ):
        ready.bind("notify")
        ready.settimeout(0.5)
        with subprocess.Popen(command, env=environment, stderr=log) as process:
            try:
                _await(ready, process, made.log)
                yield made
            finally:
                process.kill()


def _await(ready: socket.socket, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the daemon is ready, and fail with what it wrote if it never is."""
    for _ in range(40):
        try:
            assert ready.recv(100) == b"READY=1"
        except TimeoutError:
            if process.poll() is not None:
                break
        else:
            return
    pytest.fail(f"the daemon is not ready:\n{log.read_text()}", pytrace=False)
