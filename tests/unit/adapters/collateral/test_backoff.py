# SPDX-License-Identifier: Apache-2.0
"""Pauses between attempts: growing, capped, never earlier than asked."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.collateral.backoff import RetryPolicy, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def longest(_: float, high: float) -> float:
    return high


def shortest(low: float, _: float) -> float:
    return low


def test_pauses_double_up_to_the_cap() -> None:
    policy = RetryPolicy(attempts=6, first_delay_s=1, longest_delay_s=5)
    assert [policy.delay(n, jitter=longest) for n in range(1, 6)] == [1, 2, 4, 5, 5]


def test_jitter_takes_away_at_most_half() -> None:
    policy = RetryPolicy(attempts=3, first_delay_s=1, longest_delay_s=8)
    assert [policy.delay(n, jitter=shortest) for n in (1, 2)] == [0.5, 1]


def test_gives_up_after_the_last_attempt() -> None:
    assert RetryPolicy(attempts=3).delay(3) is None
    assert RetryPolicy(attempts=1).delay(1, 0.0) is None


def test_waits_as_long_as_asked() -> None:
    policy = RetryPolicy(first_delay_s=0.5, longest_retry_after_s=30)
    assert policy.delay(1, 30.0, jitter=shortest) == 30
    assert policy.delay(1, 0.0, jitter=shortest) == 0


def test_does_not_wait_for_a_server_that_asks_for_too_much() -> None:
    assert RetryPolicy(longest_retry_after_s=30).delay(1, 30.5) is None


@given(st.integers(1, 1000), st.one_of(st.none(), st.floats(0, 1e9)), st.integers(1, 1000))
def test_no_pause_is_longer_than_the_caps(
    attempt: int, retry_after: float | None, attempts: int
) -> None:
    policy = RetryPolicy(attempts=attempts)
    delay = policy.delay(attempt, retry_after)
    if delay is not None:
        assert attempt < attempts
        assert 0 <= delay <= policy.longest_retry_after_s + 1
        assert retry_after is None or delay >= retry_after


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        (" 17 ", 17),
        ("Sun, 01 Mar 2026 12:00:10 GMT", 10),
        ("Sunday, 01-Mar-26 12:00:10 GMT", 10),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
    ],
)
def test_reads_seconds_and_dates(value: str, expected: float) -> None:
    assert parse_retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-1", "1.5", "9" * 10, "٣", "Sun, 99 Mar 2026 12:00:10 GMT"]
)
def test_takes_nonsense_for_absent(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


@given(st.text(max_size=40))
def test_any_text_gives_a_pause_or_nothing(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
