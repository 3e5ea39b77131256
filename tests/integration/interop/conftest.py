# SPDX-License-Identifier: Apache-2.0
"""A hierarchy, a platform, and the daemon that serves its quotes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def aesmd(folder: Path) -> Iterator[Path]:
    """A folder with the socket of a running daemon."""
    place = folder / "aesmd"
    command = [sys.executable, "-m", "confcom", "serve", "quote-helper", "--pki", "demo"]
    command += ["--socket", "aesmd/aesm.socket"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind("notify")
        ready.settimeout(20)
        environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify")}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                assert ready.recv(100) == b"READY=1"
                yield place
            finally:
                process.kill()
