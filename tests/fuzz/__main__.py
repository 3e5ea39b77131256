# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.fuzz``: every parser, each in a process of its own, two or more at a time.

``--seconds N`` gives each target that long; atheris chooses the inputs where it is installed, a
seeded engine of mutations elsewhere. ``--mutants N`` takes the seeded engine and gives each target
that many inputs. ``--target`` takes one target, ``--input`` repeats one kept input.

A parser may answer with a value or with one of our errors, within 50 ms of CPU time and without
keeping memory. Anything else is a finding: it is printed and its input is kept under
``tests/fuzz/.corpus/findings``. The last line counts; the exit status is 0 without findings.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import engine
from tests.fuzz.engine import Figures
from tests.fuzz.targets import TARGETS

_SPARE_S = 240
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_PEAK = re.compile(r"stat::peak_rss_mb:\s+(\d+)")


def main() -> int:
    """Run the targets and print their figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=int, metavar="N", help="for each target (default 10)")
    length.add_argument("--mutants", type=int, metavar="N", help="inputs for each target")
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be repeated")
    parser.add_argument("--input", type=Path, metavar="FILE", help="give this to one --target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    arguments = parser.parse_args()
    names = list(dict.fromkeys(arguments.target or TARGETS))
    if arguments.input is not None:
        if len(names) != 1:
            parser.error("--input needs one --target")
        figures = engine.run(
            TARGETS[names[0]], [arguments.input.read_bytes()], most=1, seconds=None
        )
        return _report({names[0]: figures})
    if arguments.mutants is None and arguments.seconds is None:
        arguments.seconds = 10
    guided = arguments.mutants is None and importlib.util.find_spec("atheris") is not None
    done: dict[str, Figures] = {}
    with ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        running = {
            name: pool.submit(_run, name, arguments.seconds, arguments.mutants, guided=guided)
            for name in names
        }
        for name, future in running.items():
            done[name] = future.result()
            _print(name, done[name])
    return _summarise(done)


def _run(name: str, seconds: int | None, most: int | None, *, guided: bool) -> Figures:
    if guided:
        command = [sys.executable, "-m", "tests.fuzz.guided", name, str(seconds)]
    else:
        command = [sys.executable, "-m", "tests.fuzz.worker", name]
        command += [] if seconds is None else ["--seconds", str(seconds)]
        command += [] if most is None else ["--mutants", str(most)]
    limit = _SPARE_S + seconds if seconds is not None else None
    try:
        ended = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace", timeout=limit
        )
    except subprocess.TimeoutExpired:
        return Figures(findings=["did not end in time"])
    lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    figures = Figures(**json.loads(lines[-1])) if lines else Figures()
    if guided:
        _read_guided(figures, ended.stderr)
    if ended.returncode or not figures.inputs:
        last = ended.stderr.strip().splitlines()[-3:]
        figures.findings.append(f"process ended with status {ended.returncode}: {' | '.join(last)}")
    return figures


def _read_guided(figures: Figures, errors: str) -> None:
    figures.refused = 0  # counted only up to the last line that was printed
    if executed := _EXECUTED.search(errors):
        figures.inputs = int(executed[1])
    if peak := _PEAK.search(errors):
        figures.peak_bytes = int(peak[1]) << 20


def _report(done: dict[str, Figures]) -> int:
    for name, figures in done.items():
        _print(name, figures)
    return _summarise(done)


def _print(name: str, figures: Figures) -> None:
    parts = [f"{figures.inputs:>9,} inputs"]
    if figures.refused:
        parts.append(f"{figures.refused:>9,} refused")
    if figures.slowest_s:
        parts.append(f"slowest {figures.slowest_s * 1000:5.1f} ms")
    if figures.peak_bytes:
        parts.append(f"peak memory {figures.peak_bytes / 2**20:.0f} MiB")
    parts.append(f"memory {figures.grown_bytes / 2**20:+.1f} MiB")
    parts.append(f"{len(figures.findings)} findings")
    print(f"{name:20}", *parts, sep="  ", flush=True)
    for finding in figures.findings:
        print(f"{name}: {finding}", flush=True)


def _summarise(done: dict[str, Figures]) -> int:
    inputs = sum(figures.inputs for figures in done.values())
    findings = sum(len(figures.findings) for figures in done.values())
    print(f"fuzz: {len(done)} targets, {inputs} inputs, {findings} findings", flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
