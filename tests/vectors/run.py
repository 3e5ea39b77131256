# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.vectors.run``: every recorded case, and whether it came out as expected.

The folder is ``$CONFCOM_VECTORS``, by default ``../shared/vectors`` beside the repository. The
last line says how many cases there are and how many came out as expected; the exit status is 0
only if all did.
"""

import sys
from collections.abc import Iterable

from tests.vectors import cases, pcs, sigstruct
from tests.vectors_path import root


def main() -> int:
    """Run everything in the folder and print what differs."""
    folder = root() / "dcap"
    if not (folder / "cases.json").is_file():
        print(
            f"error: no recorded cases: {folder / 'cases.json'} does not exist\n"
            "hint: set CONFCOM_VECTORS to the folder that holds dcap/cases.json",
            file=sys.stderr,
        )
        return 4
    good = [
        _report("pcs", "documents", pcs.compare(folder / "pcs", folder)),
        _report("sigstruct", "files", sigstruct.compare(folder / "sigstruct")),
        _report(
            "dcap",
            "cases",
            ((case.id, list(cases.compare(case))) for case in cases.read_cases(folder)),
        ),
    ]
    return 0 if all(good) else 1


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
