# SPDX-License-Identifier: Apache-2.0
"""The page about formats is the one that the parsers' tables give."""

import pytest
from tools import format_reference

from confcom.wire import Layout

TABLES = [table for _, _, tables in format_reference.CHAPTERS for table in tables]


def test_page_is_up_to_date() -> None:
    expected = format_reference.page()
    written = format_reference.PAGE.read_text(encoding="utf-8")
    assert written == expected, "run: python -m tools.format_reference"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_says_what_it_is(table: Layout) -> None:
    assert table.cite
    silent = [field.name for field in table if not field.is_reserved and not field.doc]
    assert silent == []
