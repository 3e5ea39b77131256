# SPDX-License-Identifier: Apache-2.0
"""A hierarchy, a platform, and the daemon that serves its quotes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.interop import peers

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


@pytest.fixture
def aesmd(folder: Path) -> Iterator[Path]:
    """A folder with the socket of a running daemon."""
    peers.program("aesm-peer")  # who asks nothing needs no daemon
    command = [sys.executable, "-m", "confcom", "serve", "quote-helper", "--pki", "demo"]
    command += ["--socket", "aesmd/aesm.socket"]
    environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify")}
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
        (folder / "log").open("wb") as log,
    ):
        ready.bind("notify")
        ready.settimeout(0.5)
        with subprocess.Popen(command, env=environment, stderr=log) as process:
            try:
                _await(ready, process, folder / "log")
                yield folder / "aesmd"
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
