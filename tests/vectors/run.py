# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.vectors.run``: every recorded case, and whether it came out as expected.

The folder is ``$CONFCOM_VECTORS``, by default ``../shared/vectors`` beside the repository. The
last line says how many cases there are and how many came out as expected; the exit status is 0
only if all did.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.vectors import aesm, cases, exchanges, kubernetes, pcs, qgs_cases, sigstruct
from tests.vectors_path import root

_EXCHANGES: Final[Mapping[str, Mapping[str, exchanges.Compare]]] = {
    "aesm": aesm.COMPARE,
    "qgs": qgs_cases.COMPARE,
}
"""What compares each kind of recorded exchange, by the line on which the kind is counted."""


def main() -> int:
    """Run everything in the folder and print what differs."""
    dcap, aesm_folder = root() / "dcap", root() / "aesm"
    good: list[bool] = []
    if (dcap / "cases.json").is_file():
        good += _run_dcap(dcap)
    if (aesm_folder / "index.json").is_file():
        good += _run_exchanges(aesm_folder)
    if (root() / "kubernetes").is_dir():
        good.append(_report("kubernetes", "cases", kubernetes.compare(root() / "kubernetes")))
    if good:
        return 0 if all(good) else 1
    print(
        f"error: no recorded cases: neither {dcap / 'cases.json'} nor "
        f"{aesm_folder / 'index.json'} exists\n"
        "hint: set CONFCOM_VECTORS to the folder that holds dcap/cases.json and aesm/index.json",
        file=sys.stderr,
    )
    return 4


def _run_dcap(folder: Path) -> Iterator[bool]:
    yield _report("pcs", "documents", pcs.compare(folder / "pcs", folder))
    yield _report("sigstruct", "files", sigstruct.compare(folder / "sigstruct"))
    yield _report(
        "dcap",
        "cases",
        ((case.id, list(cases.compare(case))) for case in cases.read_cases(folder)),
    )


def _run_exchanges(folder: Path) -> Iterator[bool]:
    found = exchanges.read_cases(folder)
    parts = {kind: part for part, kinds in _EXCHANGES.items() for kind in kinds}
    for part, kinds in _EXCHANGES.items():
        own = (case for case in found if parts.get(case.kind, "aesm") == part)
        yield _report(part, "cases", ((case.id, exchanges.compare(case, kinds)) for case in own))


def _report(part: str, noun: str, results: Iterable[tuple[str, list[str]]]) -> bool:
    count = expected = 0
    for name, differences in results:
        count += 1
        expected += not differences
        for difference in differences:
            print(f"{part}: {name}: {difference}")
    print(f"{part}: {count} {noun}, {expected} as expected", flush=True)
    return count == expected


if __name__ == "__main__":
    sys.exit(main())
