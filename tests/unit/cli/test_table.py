# SPDX-License-Identifier: Apache-2.0
"""Tables are aligned by what a terminal shows, and nothing in a cell can steer it."""

from confcom.cli.style import Style
from confcom.cli.table import Cell, columns, pairs, section, width


def test_columns_are_aligned() -> None:
    assert columns(("CHECK", "OUTCOME"), [("signature", "ok"), ("x", Cell("no", Style.BAD))]) == (
        "CHECK      OUTCOME\n"
        "signature  ok\n"
        "x          no\n"
    )  # fmt: skip


def test_a_table_without_rows_has_its_headers() -> None:
    assert columns(("CHECK", "OUTCOME"), []) == "CHECK  OUTCOME\n"


def test_pairs_and_sections() -> None:
    items: list[tuple[str, str | Cell]] = [("status", "UpToDate"), ("id", Cell("1", Style.GOOD))]
    assert pairs(items) == "status  UpToDate\nid      1\n"
    assert section("TCB", items) == "TCB\n  status  UpToDate\n  id      1\n"
    assert pairs([]) == ""


def test_color_does_not_disturb_alignment() -> None:
    rows: list[tuple[str | Cell, str | Cell]] = [
        (Cell("ok", Style.GOOD), "a"),
        (Cell("longer", Style.PLAIN), Cell("", Style.BAD)),
    ]
    assert columns(("A", "B"), rows, color=True) == (
        "\x1b[2mA\x1b[0m       \x1b[2mB\x1b[0m\n\x1b[32mok\x1b[0m      a\nlonger\n"
    )


def test_wide_and_combining_characters_are_counted_as_shown() -> None:
    assert [width(text) for text in ("", "abc", "雪", "e\u0301", "\uff21\uff22", "…")] == [
        0,
        3,
        2,
        1,
        4,
        1,
    ]
    assert columns(("A", "B"), [("雪国", "x"), ("abcde", "y")]) == (
        "A      B\n雪国   x\nabcde  y\n"
    )


def test_cells_headers_and_titles_cannot_steer_the_terminal() -> None:
    evil = "\x1b[2J\nfake  row\u202e"
    for text in (
        columns((evil,), [(evil,), (Cell(evil, Style.BAD),)]),
        pairs([(evil, evil)]),
        section(evil, [(evil, Cell(evil))]),
    ):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\nfake" not in text
