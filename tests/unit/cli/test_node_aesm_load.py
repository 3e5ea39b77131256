# SPDX-License-Identifier: Apache-2.0
"""What a load on an AESM daemon counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.aesm_health import Finding, State
from confcom.cli.node_aesm_load import Tally, percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile(range(1, 101), share) == expected


@pytest.mark.parametrize("share", [0.001, 0.5, 0.99, 1.0])
def test_percentile_of_one_value_is_that_value(share: float) -> None:
    assert percentile([7.0], share) == 7.0


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.sampled_from([0.01, 0.5, 0.99, 1.0])
)
def test_so_many_values_do_not_exceed_a_percentile(times: list[float], share: float) -> None:
    ordered = sorted(times)
    found = percentile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered)
    assert sum(value < found for value in ordered) < share * len(ordered)


def test_failures_of_one_kind_are_counted_together() -> None:
    tally = Tally()
    for state, code in ((State.BUSY, 18), (State.BUSY, 18), (State.REFUSES, 1), (State.HUNG, None)):
        tally.add_failure(Finding(state, None, code))
    tally.add("get_quote_ex", 0.5)
    tally.add("get_quote_ex", 0.25)
    assert (tally.answered, tally.failed) == (2, 4)
    assert [one.count for one in tally.failures.values()] == [2, 1, 1]
    assert list(tally.times["get_quote_ex"]) == [0.5, 0.25]
