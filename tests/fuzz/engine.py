# SPDX-License-Identifier: Apache-2.0
"""Runs one target in this process and measures it: exceptions, slow inputs, growth of memory."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.fuzz.targets import Target

HANG_S: Final = 0.05
"""CPU time that no input may take."""
MAX_GROWTH_BYTES: Final = 24 << 20
"""Growth of resident memory after the first part of a run that counts as a leak."""
CORPUS: Final = Path(__file__).parent / ".corpus"
KEPT: Final = CORPUS / "findings"
_PAGE_BYTES: Final = 4096
_WARM_INPUTS: Final = 2000
_MOST_FINDINGS: Final = 10


@dataclasses.dataclass
class Figures:
    """What a run showed.

    Attributes:
        inputs: given to the parser.
        refused: answered by one of our errors.
        slowest_s: CPU time of the slowest input, the best of its repetitions.
        grown_bytes: of resident memory, after the first inputs.
        peak_bytes: of resident memory, where the engine tells it.
        findings: what is wrong, one line each.
    """

    inputs: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    grown_bytes: int = 0
    peak_bytes: int = 0
    findings: list[str] = dataclasses.field(default_factory=list)


class Probe:
    """Gives inputs to a target, one after the other, and keeps those that show a mistake."""

    def __init__(self, target: Target) -> None:
        self.figures = Figures()
        self._target = target
        self._seen: set[str] = set()

    def feed(self, data: bytes) -> None:
        """Give one input."""
        figures = self.figures
        figures.inputs += 1
        elapsed = self._run(data)
        if elapsed <= figures.slowest_s:
            return
        # A machine is busy with other things too; only what is slow each time is slow.
        for _ in range(3 if elapsed > HANG_S / 5 else 0):
            elapsed = min(elapsed, self._run(data))
        figures.slowest_s = max(figures.slowest_s, elapsed)
        if elapsed > HANG_S:
            self._find("hang", f"takes {elapsed * 1000:.0f} ms", data)

    def _run(self, data: bytes) -> float:
        started = time.thread_time()
        try:
            self._target.run(data)
        except self._target.refusals:
            self.figures.refused += 1
        except Exception as exc:  # noqa: BLE001 any foreign exception is the finding
            where = exc.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            line = "?" if where is None else f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}"
            self._find(f"{type(exc).__name__} in {line}", str(exc)[:200], data)
        return time.thread_time() - started

    def _find(self, kind: str, words: str, data: bytes) -> None:
        if kind in self._seen or len(self._seen) >= _MOST_FINDINGS:
            return
        self._seen.add(kind)
        KEPT.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(data).hexdigest()[:16]
        path = KEPT / f"{self._target.name}-{name}.bin"
        path.write_bytes(data)
        self.figures.findings.append(f"{kind}: {words} ({path})")


def run(
    target: Target, inputs: Iterable[bytes], *, most: int | None, seconds: float | None
) -> Figures:
    """Give inputs to a target until there are enough of them or the time is up."""
    probe = Probe(target)
    warm_bytes = 0
    deadline = None if seconds is None else time.monotonic() + seconds
    for data in inputs:
        probe.feed(data)
        count = probe.figures.inputs
        if count == _WARM_INPUTS:
            warm_bytes = resident_bytes()
        if (most is not None and count >= most) or (
            deadline is not None and time.monotonic() > deadline
        ):
            break
    if warm_bytes:
        probe.figures.grown_bytes = resident_bytes() - warm_bytes
    if probe.figures.grown_bytes > MAX_GROWTH_BYTES:
        grown = probe.figures.grown_bytes >> 20
        probe.figures.findings.append(f"memory grew by {grown} MiB")
    return probe.figures


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * _PAGE_BYTES


def print_figures(figures: Figures) -> None:
    """Print figures as a line of JSON, for the process that started this one."""
    print(json.dumps(dataclasses.asdict(figures)), flush=True)
