# SPDX-License-Identifier: Apache-2.0
"""Whether output is coloured, and with which colours."""

from collections.abc import Mapping
from enum import Enum
from typing import TextIO


class Style(Enum):
    """What a coloured piece of text says; the value is its SGR parameter (ECMA-48, 8.3.117)."""

    PLAIN = ""
    GOOD = "32"
    BAD = "31"
    WARNING = "33"
    TITLE = "1"
    FAINT = "2"


def may_color(stream: TextIO | None, *, mode: str, environ: Mapping[str, str]) -> bool:
    """Decide whether a stream gets colours.

    Args:
        stream: where the text goes, or None where the program has no such stream.
        mode: ``always`` and ``never`` decide at once; ``auto`` asks ``NO_COLOR``,
            ``FORCE_COLOR`` and ``TERM=dumb``, in this order, and then the stream.
        environ: the environment.
    """
    if mode != "auto":
        return mode == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and stream is not None and stream.isatty()


def paint(text: str, style: Style, *, color: bool) -> str:
    """Return the text in its style; unchanged where colours are off."""
    if not color or style is Style.PLAIN or not text:
        return text
    return f"\x1b[{style.value}m{text}\x1b[0m"
