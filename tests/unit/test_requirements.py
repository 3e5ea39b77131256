# SPDX-License-Identifier: Apache-2.0
"""A test that cannot run is skipped where parts may be missing, and nowhere else."""

import os
import re
from pathlib import Path

import pytest
from tests.requirements import missing

TESTS = Path(__file__).parents[1]
# The recorded cases have a switch of their own; here is the helper for everything else.
ALLOWED = {TESTS / "requirements.py", TESTS / "vectors_path.py", Path(__file__)}


def test_what_is_missing_is_a_failure_where_everything_has_to_be_there() -> None:
    with pytest.raises(pytest.fail.Exception, match="no part"):
        missing("no part", is_required=True)
    with pytest.raises(pytest.skip.Exception, match="no part"):
        missing("no part", is_required=False)


def test_the_switch_is_taken_from_each_test_and_so_read_once() -> None:
    assert "CONFCOM_REQUIRE_INTEGRATION" not in os.environ


def test_no_test_skips_by_itself() -> None:
    skips = re.compile(r"pytest\.skip|skipif|importorskip|mark\.skip")
    found = {file for file in TESTS.rglob("*.py") if skips.search(file.read_text("utf-8"))}
    assert found <= ALLOWED
