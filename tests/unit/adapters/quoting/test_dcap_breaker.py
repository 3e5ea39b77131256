# SPDX-License-Identifier: Apache-2.0
"""When a failed child is started again."""

import pytest

from confcom.adapters.quoting.dcap_breaker import Breaker
from confcom.adapters.quoting.dcap_limits import RestartPolicy

POLICY = RestartPolicy(failures=4, window_s=60, first_delay_s=1, longest_delay_s=3, rest_s=30)


def _longest(_low: float, high: float) -> float:
    return high


def _breaker(policy: RestartPolicy = POLICY) -> Breaker:
    return Breaker(policy, jitter=_longest)


def test_pauses_double_up_to_a_cap_and_then_the_breaker_opens() -> None:
    breaker = _breaker()
    assert [breaker.failed(now) for now in range(4)] == [1, 2, 3, 30]
    assert breaker.is_open


def test_failures_that_are_long_ago_do_not_count() -> None:
    breaker = _breaker()
    assert [breaker.failed(now) for now in (0, 61, 122, 183, 244)] == [1] * 5
    assert not breaker.is_open


def test_failure_at_the_very_end_of_the_window_counts() -> None:
    breaker = _breaker()
    assert [breaker.failed(now) for now in (0, 60)] == [1, 2]


def test_what_is_hopeless_opens_at_once() -> None:
    breaker = _breaker()
    assert breaker.failed(0, hopeless=True) == 30
    assert breaker.is_open


def test_open_breaker_stays_open_when_its_one_more_try_fails_after_the_window() -> None:
    breaker = _breaker()
    breaker.failed(0, hopeless=True)
    assert breaker.failed(1000) == 30
    assert breaker.is_open


def test_start_that_succeeds_does_not_make_crashes_forgotten() -> None:
    breaker = _breaker()
    for now in range(3):
        breaker.failed(now)
        breaker.recovered()
    assert breaker.failed(3) == 30


def test_closed_breaker_begins_anew() -> None:
    breaker = _breaker()
    breaker.failed(0, hopeless=True)
    breaker.recovered()
    assert not breaker.is_open
    assert breaker.failed(1) == 1


@pytest.mark.parametrize("now", [0.0, 1e9])
def test_breaker_of_one_failure_never_pauses_shorter_than_its_rest(now: float) -> None:
    breaker = _breaker(RestartPolicy(failures=1, rest_s=7))
    assert breaker.failed(now) == 7


def test_many_children_do_not_start_at_the_same_moment() -> None:
    pauses = {Breaker(POLICY).failed(0) for _ in range(20)}
    assert len(pauses) > 1
    assert all(0.5 <= pause <= 1 for pause in pauses)
