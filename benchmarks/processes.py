# SPDX-License-Identifier: Apache-2.0
"""Whole processes: a verdict without network, and the help text, against a bare interpreter."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.clock import race
from benchmarks.samples import Sample
from benchmarks.table import Row

CONFCOM = (sys.executable, "-m", "confcom")


def trust_options(folder: Path, sample: Sample) -> list[str]:
    """Write collateral and root of a sample, and return the options that use them."""
    (folder / "collateral.json").write_bytes(sample.collateral.to_json())
    options = ["--collateral", str(folder / "collateral.json"), "--at", sample.at.isoformat()]
    if sample.root.is_simulated:
        (folder / "root.pem").write_bytes(sample.root_pem)
        options += ["--root", str(folder / "root.pem"), "--allow-simulated"]
    return options


def measure(sample: Sample, *, rounds: int) -> Iterator[Row]:
    """Measure in turns and yield the rows."""
    with tempfile.TemporaryDirectory(prefix="confcom-bench-") as name:
        folder = Path(name)
        (folder / "quote").write_bytes(sample.quote)
        command = ["evidence", "verify", str(folder / "quote"), "--offline"]
        command += ["--allow-tcb-status", "any", *trust_options(folder, sample)]
        times = race(
            {
                "bare": lambda: _run([sys.executable, "-c", "pass"]),
                "verify": lambda: _run([*CONFCOM, *command]),
                "help": lambda: _run([*CONFCOM, "--help"]),
            },
            rounds=rounds,
        )
    bare = times["bare"]
    for work, key, most_s, most_ratio in (
        ("evidence verify --offline, process", "verify", 0.250, 4.0),
        ("confcom --help, process", "help", 0.080, None),
    ):
        ratio = times[key] / bare
        target = f"at most {most_s * 1000:.0f} ms"
        met = times[key] <= most_s
        if most_ratio is not None:
            target += f", under {most_ratio:.0f} × bare start"
            met = met and ratio < most_ratio
        yield Row(
            work,
            f"{times[key] * 1000:.0f} ms",
            target,
            met,
            f"{ratio:.2f} × a bare interpreter ({bare * 1000:.0f} ms)",
        )


def _run(command: Sequence[str]) -> None:
    ended = subprocess.run(  # noqa: S603 our own program
        command, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
