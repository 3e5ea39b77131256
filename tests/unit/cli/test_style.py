# SPDX-License-Identifier: Apache-2.0
"""Colour is for terminals, unless the user says otherwise."""

import io

import pytest

from confcom.cli.style import Style, may_color, paint


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


TERMINAL, PIPE = Terminal(), io.StringIO()


@pytest.mark.parametrize(
    ("stream", "mode", "environ", "expected"),
    [
        (TERMINAL, "auto", {}, True),
        (PIPE, "auto", {}, False),
        (None, "auto", {}, False),
        (TERMINAL, "auto", {"TERM": "dumb"}, False),
        (TERMINAL, "auto", {"NO_COLOR": "1"}, False),
        (TERMINAL, "auto", {"NO_COLOR": ""}, True),
        (PIPE, "auto", {"FORCE_COLOR": "1"}, True),
        (PIPE, "auto", {"FORCE_COLOR": ""}, False),
        (PIPE, "auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (PIPE, "auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (PIPE, "always", {"NO_COLOR": "1"}, True),
        (TERMINAL, "never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_decision(
    stream: io.StringIO | None, mode: str, environ: dict[str, str], expected: bool
) -> None:
    assert may_color(stream, mode=mode, environ=environ) is expected


def test_paint_adds_nothing_unless_there_is_something_to_colour() -> None:
    assert paint("x", Style.BAD, color=True) == "\x1b[31mx\x1b[0m"
    assert paint("x", Style.BAD, color=False) == "x"
    assert paint("x", Style.PLAIN, color=True) == "x"
    assert paint("", Style.BAD, color=True) == ""
