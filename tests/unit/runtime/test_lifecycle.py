# SPDX-License-Identifier: Apache-2.0
"""Signals become one event; the service manager is told, and its absence harms nobody."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from confcom.runtime.lifecycle import Notifier, allow_files, stop_signals


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


# --- the watchdog ---


def watch(environ: dict[str, str]) -> list[bytes]:
    """Return what a manager hears of a daemon that runs until it has heard enough, or a moment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("watched")
        listening.setblocking(False)
        heard: list[bytes] = []

        async def run() -> None:
            loop = asyncio.get_running_loop()
            notifier = Notifier({"NOTIFY_SOCKET": "watched"} | environ)
            is_told = notifier.watchdog_s is not None and "NOTIFY_SOCKET" not in environ
            async with notifier.watchdog(), asyncio.timeout(4 if is_told else 0.05):
                while len(heard) < 3:
                    heard.append(await loop.sock_recv(listening, 64))

        with contextlib.suppress(TimeoutError):
            asyncio.run(run())
        with contextlib.suppress(BlockingIOError):
            heard.append(listening.recv(64))
    return heard


@pytest.mark.parametrize("pid", [{}, {"WATCHDOG_PID": ""}, {"WATCHDOG_PID": str(os.getpid())}])
def test_a_watchdog_hears_of_us_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert watch({"WATCHDOG_USEC": "20000"} | pid)[:3] == [b"WATCHDOG=1"] * 3


def test_the_interval_is_in_microseconds() -> None:
    notifier = Notifier({"NOTIFY_SOCKET": "nowhere", "WATCHDOG_USEC": "30000000"})
    assert (notifier.watchdog_s, notifier.problem) == (30, None)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_PID": str(os.getpid())},
        {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "20000", "NOTIFY_SOCKET": ""},
    ],
)
def test_where_no_watchdog_waits_for_us_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert watch(environ) == []
    assert Notifier(environ).problem is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WATCHDOG_USEC", "0"),
        ("WATCHDOG_USEC", "-1"),
        ("WATCHDOG_USEC", "30s"),
        ("WATCHDOG_USEC", "3e7"),
        ("WATCHDOG_USEC", " 30000000"),
        ("WATCHDOG_USEC", "\u0663"),
        ("WATCHDOG_USEC", str(2**64 - 1)),
        ("WATCHDOG_USEC", "9" * 5000),
        ("WATCHDOG_PID", "0"),
        ("WATCHDOG_PID", "init"),
    ],
)
def test_a_watchdog_that_makes_no_sense_is_ignored_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"WATCHDOG_USEC": "20000"} | {name: value}
    problem = Notifier(environ).problem
    assert problem is not None
    assert problem.startswith(f"{name} is ")
    assert len(problem) < 100
    assert watch(environ) == []


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


@pytest.fixture
def few_files() -> Iterator[tuple[int, int]]:
    """Soft and hard limit of this process, with a soft one that is low."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = (512, before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, low)
    yield low
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_more_files_are_allowed_where_the_hard_limit_is_higher(few_files: tuple[int, int]) -> None:
    assert allow_files(600) == 600
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600, few_files[1])


def test_the_limit_on_files_is_never_lowered(few_files: tuple[int, int]) -> None:
    assert allow_files(100) == 512
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == few_files


def test_no_more_files_than_the_hard_limit_are_allowed() -> None:
    code = "from confcom.runtime.lifecycle import allow_files; print(allow_files(5000))"
    command = ["prlimit", "--nofile=64:100", sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert run.stdout == b"100\n"
