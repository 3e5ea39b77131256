# SPDX-License-Identifier: Apache-2.0
"""Many quotes of 50 platforms in one run: flat memory, and both cores at work."""

import base64
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import CONFCOM, trust_options
from benchmarks.samples import AT, ENCLAVE, Sample
from benchmarks.table import Row
from confcom.simulation import make_authority

_PLATFORMS = 50
_QUOTES_OF_EACH = 20
_WARM = 1000
"""Results after which every process has started and judged its first 1,000 quotes."""
_STEP = 500
_ROUNDS = 3
_PAGE_BYTES = 4096


@dataclass(frozen=True)
class _Run:
    rate: float
    least_bytes: int
    most_bytes: int


def measure(count: int) -> Iterator[Row]:
    """Run batches of that many quotes and yield the rows."""
    with tempfile.TemporaryDirectory(prefix="confcom-bench-") as name:
        folder = Path(name)
        options = _prepare(folder, count)
        rounds = [_run_round(folder, options, count) for _ in range(_ROUNDS)]
    growth = max(both.most_bytes - both.least_bytes for both, _ in rounds) / 2**20
    both, apart = sorted(rounds, key=lambda one: one[0].rate / one[1])[_ROUNDS // 2]
    yield Row(
        f"{count:,} quotes of {_PLATFORMS} platforms: memory",
        f"{growth:.1f} MiB between least and most",
        f"± 2 MiB after {_WARM:,} results",
        growth <= 4,
        f"two processes, {both.most_bytes / 2**20:.0f} MiB together",
    )
    share = both.rate / apart
    yield Row(
        f"{count:,} quotes of {_PLATFORMS} platforms: cores",
        f"{share:.2f} × two runs apart",
        "at least 0.9 ×",
        share >= 0.9,
        f"{both.rate:.0f}/s in two processes, {apart:.0f}/s in two runs; {os.cpu_count()} cores, "
        f"median of {_ROUNDS}",
    )


def _run_round(folder: Path, options: list[str], count: int) -> tuple[_Run, float]:
    """Return one run in two processes, and the rate of two runs of one process each."""
    both = _run(folder, options, jobs=2, count=count)
    with ThreadPoolExecutor(2) as pool:
        apart = pool.map(lambda _: _run(folder, options, jobs=1, count=count), range(2))
        return both, sum(run.rate for run in apart)


def _prepare(folder: Path, count: int) -> list[str]:
    authority = make_authority(at=AT)
    platforms = [authority.add_platform(f"bench-{number}", at=AT) for number in range(_PLATFORMS)]
    lines = [
        base64.b64encode(
            platform.quote_sgx(
                ENCLAVE.ereport(platform.qe_target_info, number.to_bytes(64, "little"))
            )
        )
        + b"\n"
        for number in range(_QUOTES_OF_EACH)
        for platform in platforms
    ]
    with (folder / "quotes").open("wb") as file:
        for number in range(count):
            file.write(lines[number % len(lines)])
    sample = Sample(
        origin="simulated",
        quote=b"",
        collateral=authority.collateral(platforms[0], at=AT),
        root=authority.trusted_root,
        root_pem=authority.root.pem,
        at=AT,
    )
    return trust_options(folder, sample)


def _run(folder: Path, options: list[str], *, jobs: int, count: int) -> _Run:
    command = [*CONFCOM, "evidence", "verify", "-", "--offline", "--output", "jsonl", *options]
    command += ["--jobs", str(jobs)]
    sizes = []
    warm_at = 0.0
    with (
        (folder / "quotes").open("rb") as quotes,
        subprocess.Popen(  # noqa: S603 our own program
            command, stdin=quotes, stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout is not None
        for number, line in enumerate(process.stdout, 1):
            assert b'"authentic":true' in line.replace(b" ", b""), line
            if number == _WARM:
                warm_at = time.perf_counter()
            # Near the end workers leave.
            if number % _STEP == 0 and _WARM <= number < count - _STEP:
                sizes.append(_resident_bytes(process.pid))
        elapsed = time.perf_counter() - warm_at
    assert process.returncode == 0
    assert number == count
    return _Run((count - _WARM) / elapsed, min(sizes), max(sizes))


def _resident_bytes(pid: int) -> int:
    total = 0
    for path in (Path(f"/proc/{pid}"), *_children(pid)):
        total += int((path / "statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    return total


def _children(pid: int) -> Iterator[Path]:
    tasks = Path(f"/proc/{pid}/task")
    for task in tasks.iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            yield Path(f"/proc/{child}")
