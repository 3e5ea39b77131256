# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm`` against our own daemon in a process: well, stopped, killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.node.conftest import MakeRun

from confcom.cli.main import main
from confcom.cli.node_aesm_unit_text import STATUS_SOCKET, UnitOptions, render_unit
from confcom.reasons import ExitCode

pytestmark = pytest.mark.timeout(60)


@contextmanager
def running(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a daemon until it is ready, and end it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind("notify")
        ready.settimeout(20)
        with subprocess.Popen(
            command,
            env=os.environ | {"NOTIFY_SOCKET": str(Path("notify").resolve())},
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                assert ready.recv(100) == b"READY=1"
                yield process
            finally:
                process.kill()


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    for command in (["pki", "demo"], ["platform", "--pki", "demo"]):
        assert main(["--quiet", "simulate", *command]) == ExitCode.YES
    options = ("--pki", "demo", "--socket", "s")
    with running(sys.executable, "-m", "confcom", "serve", "quote-helper", *options) as started:
        yield started


@pytest.mark.usefixtures("process")
def test_it_answers_tells_and_quotes(make_run: MakeRun) -> None:
    code, document, _ = make_run("ping").json("--count", "3", "--interval", "0")
    assert (code, document["answered"]) == (ExitCode.YES, 3)
    code, document, _ = make_run("info").json()
    assert (code, document["state"]) == (ExitCode.YES, "answers")
    assert document["keys"][0]["selected"] is True
    assert document["quotingEnclave"]["debug"] is False
    code, document, err = make_run("bench").json("--simulate", "--seconds", "0.5", "--clients", "4")
    assert (code, err, document["failed"]) == (ExitCode.YES, "", 0)
    assert document["answered"] >= 4


def test_stopped_and_killed_are_told_apart(
    process: "subprocess.Popen[bytes]", make_run: MakeRun
) -> None:
    ping = make_run("ping")
    process.send_signal(signal.SIGSTOP)
    code, document, _ = ping.json("--timeout", "0.3")
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "hung")
    process.send_signal(signal.SIGCONT)
    code, document, _ = ping.json()
    assert (code, document["state"]) == (ExitCode.YES, "answers")
    process.kill()
    process.wait(10)
    code, document, _ = ping.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "not_listening")


def test_ended_daemon_takes_its_socket_along(
    process: "subprocess.Popen[bytes]", make_run: MakeRun
) -> None:
    process.terminate()
    assert process.wait(20) == 0
    _, document, _ = make_run("ping").json()
    assert document["state"] == "no_socket"


def test_command_line_of_a_unit_serves(make_run: MakeRun) -> None:
    unit = render_unit(
        UnitOptions(
            backend="upstream",
            program="/opt/confcom",
            socket="/run/aesmd/aesm.socket",
            upstream="/run/old/aesm.socket",
        )
    )
    (line,) = (line for line in unit.splitlines() if line.startswith("ExecStart="))
    places = {
        "/run/aesmd/aesm.socket": "s",
        "/run/old/aesm.socket": "behind",
        str(STATUS_SOCKET): "status",
    }
    words = [places.get(word, word) for word in line.split()[1:]]
    with running(sys.executable, "-m", "confcom", *words):
        code, _, _ = make_run("ping")()
        assert code == ExitCode.YES
        code, document, _ = make_run("info").json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_platform")  # nothing is behind it
    assert document["calls"][-1]["call"] == "init_quote_ex"
