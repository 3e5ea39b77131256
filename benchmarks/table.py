# SPDX-License-Identifier: Apache-2.0
"""Rows of the table: what was measured, what is wanted, and whether it was met."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line.

    Attributes:
        work: what was measured.
        measured: the figure that is compared, with its unit.
        target: in words.
        met: whether the figure is within the target.
        details: the times behind the figure, and the distance from the limit.
    """

    work: str
    measured: str
    target: str
    met: bool
    details: str


def show(rows: Sequence[Row]) -> None:
    """Print rows under a heading."""
    head = ("work", "measured", "target", "met", "details")
    cells = [
        head,
        *((row.work, row.measured, row.target, _yes(row.met), row.details) for row in rows),
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    for number, line in enumerate(cells):
        print(
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).strip()
        )
        if number == 0:
            print("  ".join("-" * width for width in widths))
    print(flush=True)


def _yes(met: bool) -> str:
    return "yes" if met else "NO"
