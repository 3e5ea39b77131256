# SPDX-License-Identifier: Apache-2.0
"""Results for reading: aligned columns and titled lists, coloured where colours are on.

Every cell is made printable before it is measured, so nothing that came from a certificate or
a document can steer the terminal.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from confcom.cli.style import Style, paint
from confcom.runtime.text import printable

GAP = "  "


class Cell(NamedTuple):
    """A piece of text with a style."""

    text: str
    style: Style = Style.PLAIN


def columns(
    headers: Sequence[str], rows: Iterable[Sequence[str | Cell]], *, color: bool = False
) -> str:
    """Return aligned columns under their headers, with a line feed at the end.

    Args:
        headers: one for each column, in capitals by custom.
        rows: as many cells each as there are headers.
        color: whether styles are shown.
    """
    titles = [Cell(header, Style.FAINT) for header in headers]
    return _align([titles, *rows], color=color)


def pairs(items: Iterable[tuple[str, str | Cell]], *, indent: int = 0, color: bool = False) -> str:
    """Return one line for each name and value, values aligned, with a line feed at the end."""
    rows = [(Cell(name, Style.FAINT), value) for name, value in items]
    return _align(rows, indent=indent, color=color)


def section(title: str, items: Iterable[tuple[str, str | Cell]], *, color: bool = False) -> str:
    """Return a title and, indented below it, one line for each name and value."""
    heading = paint(printable(title), Style.TITLE, color=color)
    return f"{heading}\n{pairs(items, indent=2, color=color)}"


def width(text: str) -> int:
    """Return how many terminal columns a printable text takes.

    Wide and fullwidth characters take two, combining marks none (Unicode annex 11).
    """
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _cell(value: str | Cell) -> Cell:
    cell = value if isinstance(value, Cell) else Cell(value)
    return cell._replace(text=printable(cell.text))


def _align(rows: Sequence[Sequence[str | Cell]], *, indent: int = 0, color: bool) -> str:
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(width(cell.text) for cell in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        parts = []
        for cell, wanted in zip(row, widths, strict=True):
            blanks = " " * (wanted - width(cell.text))
            parts.append(paint(cell.text, cell.style, color=color) + blanks)
        lines.append(f"{' ' * indent}{GAP.join(parts)}".rstrip() + "\n")
    return "".join(lines)
