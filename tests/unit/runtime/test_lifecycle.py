# SPDX-License-Identifier: Apache-2.0
"""Signals become one event; the service manager is told, and its absence harms nobody."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from confcom.runtime.lifecycle import Notifier, stop_signals


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "socket.socket":
    monkeypatch.chdir(tmp_path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind("notify")
    listening.settimeout(5)
    return listening


def test_tells_the_service_manager(manager: "socket.socket") -> None:
    with manager:
        Notifier({"NOTIFY_SOCKET": "notify"}).tell("READY=1")
        assert manager.recv(64) == b"READY=1"


def test_knows_abstract_names() -> None:
    name = f"confcom-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name}).tell("STOPPING=1")
        assert listening.recv(64) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "nowhere"}])
def test_nobody_listening_harms_nobody(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Notifier(environ).tell("READY=1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event_and_the_handlers_go_again(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    async def run() -> bool:
        async with stop_signals() as stopping:
            assert not stopping.is_set()
            os.kill(os.getpid(), number)
            async with asyncio.timeout(5):
                return await stopping.wait()

    assert asyncio.run(run())
    assert signal.getsignal(number) in {before, signal.default_int_handler, signal.SIG_DFL}


def test_a_second_signal_ends_the_process_at_once() -> None:
    program = """
import asyncio, os, signal
from confcom.runtime.lifecycle import stop_signals
async def main():
    async with stop_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(20)
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=15)
    assert ended.returncode == 128 + signal.SIGTERM
