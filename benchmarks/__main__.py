# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks``: one table for each kind of work, with what is wanted and what is.

Functions that are compared take turns in one run, and the best round of each counts. ``--full``
runs 100,000 quotes in the batch; ``--only`` takes one part. The exit status is 0 however fast
anything is: times are for people to read, not for tests.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

from benchmarks import batch, processes, quoting, samples, verification
from benchmarks.table import Row, show

_FULL = 100_000
_SHORT = 20_000


def main() -> int:
    """Run the benchmarks and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--full", action="store_true", help=f"a batch of {_FULL:,} quotes")
    parser.add_argument("--only", choices=("verification", "processes", "batch", "quoting"))
    parser.add_argument(
        "--rounds",
        type=int,
        default=20,
        metavar="N",
        help="for processes; functions have four times as many",
    )
    arguments = parser.parse_args()
    sgx, tdx = samples.sgx(), samples.tdx()
    rounds = arguments.rounds
    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "verification": lambda: verification.measure(sgx, tdx, rounds=4 * rounds),
        "processes": lambda: processes.measure(sgx, rounds=rounds),
        "batch": lambda: batch.measure(_FULL if arguments.full else _SHORT),
        "quoting": quoting.measure,
    }
    met = total = 0
    for name, part in parts.items():
        if arguments.only in (None, name):
            origin = "simulated" if name in {"batch", "quoting"} else sgx.origin
            print(f"{name} ({origin} quotes)")
            rows = list(part())
            show(rows)
            met += sum(row.met for row in rows)
            total += len(rows)
    print(f"bench: {total} targets, {met} met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
