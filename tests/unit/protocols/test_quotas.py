# SPDX-License-Identifier: Apache-2.0
"""Quotas: who is refused, who waits, whose turn it is."""

import math

import pytest

from confcom.errors import MisconfiguredError
from confcom.protocols.aesm import AesmCode
from confcom.protocols.quotas import Busy, Entered, FairQueue, Limit, Limits, Rate, Ticket
from confcom.reasons import Reason

SECOND = 1_000_000_000


def _enter(queue: FairQueue[str], account: str, item: str = "x", at_ns: int = 0) -> Ticket[str]:
    entered = queue.enter(account, item, at_ns)
    assert isinstance(entered, Entered)
    assert entered.displaced is None
    return entered.ticket


def _drain(queue: FairQueue[str], at_ns: int = 0) -> list[str]:
    items = []
    while (item := queue.take(at_ns)) is not None:
        items.append(item)
    return items


# --- rates ---


def test_a_peer_over_its_rate_is_refused_with_busy() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 2)))
    _enter(queue, "a")
    _enter(queue, "a")
    refused = queue.enter("a", "x", 0)
    assert refused == Busy(Limit.PEER_RATE)
    assert refused.code is AesmCode.BUSY
    assert refused.why == "the peer asks more often than its quota allows"


def test_a_token_comes_back_at_its_time_and_not_before() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(2, 1)))
    _enter(queue, "a", at_ns=100)
    assert queue.enter("a", "x", 99 + SECOND // 2) == Busy(Limit.PEER_RATE)
    _enter(queue, "a", at_ns=100 + SECOND // 2)


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(10, 2)))
    for at_ns in (0, 3600 * SECOND):
        _enter(queue, "a", at_ns=at_ns)
        _enter(queue, "a", at_ns=at_ns)
        assert isinstance(queue.enter("a", "x", at_ns), Busy)


def test_a_refused_request_uses_up_nothing() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 1)))
    _enter(queue, "a")
    for at_ns in range(0, SECOND, SECOND // 100):
        assert queue.enter("a", "x", at_ns) == Busy(Limit.PEER_RATE)
    _enter(queue, "a", at_ns=SECOND)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 1), total=Rate(1, 1)))
    _enter(queue, "a", at_ns=SECOND)
    assert queue.enter("a", "x", 0) == Busy(Limit.PEER_RATE)
    assert queue.take(SECOND) == "x"
    _enter(queue, "b", at_ns=0)
    assert queue.take(0) is None


def test_a_clock_may_begin_below_zero() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 1), total=Rate(1, 1)))
    _enter(queue, "a", at_ns=-SECOND)
    assert queue.take(-SECOND) == "x"


def test_a_peer_over_its_rate_takes_nothing_from_another() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 1)))
    _enter(queue, "a")
    for _ in range(1000):
        assert queue.enter("a", "x", 0) == Busy(Limit.PEER_RATE)
    _enter(queue, "b")
    assert len(queue) == 2


def test_withdrawing_gives_no_token_back() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 1)))
    assert queue.withdraw(_enter(queue, "a"))
    assert queue.enter("a", "x", 0) == Busy(Limit.PEER_RATE)


def test_the_total_rate_makes_requests_wait_and_refuses_none() -> None:
    queue = FairQueue[str](Limits(total=Rate(2, 1)))
    for item in "pqr":
        _enter(queue, "a", item)
    assert queue.take(0) == "p"
    assert queue.take(0) is None
    assert queue.wait_ns(SECOND // 10) == 4 * SECOND // 10
    assert queue.take(SECOND // 2 - 1) is None
    assert queue.take(SECOND // 2) == "q"
    assert len(queue) == 1


def test_rates_of_peers_that_are_remembered_are_bounded() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 1), peers=2))
    for account in ("a", "b"):
        _enter(queue, account)
    assert isinstance(queue.enter("a", "x", 0), Busy)  # a was seen after b
    _enter(queue, "c")
    assert isinstance(queue.enter("a", "x", 0), Busy)
    _enter(queue, "b")  # forgotten


# --- places ---


def test_one_peer_cannot_take_all_places() -> None:
    queue = FairQueue[str](Limits(waiting=4, waiting_per_peer=3))
    for _ in range(3):
        _enter(queue, "a")
    for _ in range(1000):
        assert queue.enter("a", "x", 0) == Busy(Limit.PEER_WAITING)
    assert len(queue) == 3
    _enter(queue, "b")


def test_where_all_places_are_taken_the_longest_line_gives_one() -> None:
    queue = FairQueue[str](Limits(waiting=4, waiting_per_peer=3))
    for item in "123":
        _enter(queue, "a", item)
    _enter(queue, "b", "4")
    entered = queue.enter("c", "5", 0)
    assert isinstance(entered, Entered)
    assert entered.displaced is not None
    assert (entered.displaced.account, entered.displaced.item) == ("a", "3")
    assert not queue.withdraw(entered.displaced)
    assert len(queue) == 4
    assert _drain(queue) == ["1", "4", "5", "2"]


def test_nobody_leaves_for_a_peer_that_has_as_many_places() -> None:
    queue = FairQueue[str](Limits(waiting=4, waiting_per_peer=3))
    for account in "aabb":
        _enter(queue, account)
    for account in "ab":
        for _ in range(100):
            assert queue.enter(account, "x", 0) == Busy(Limit.WAITING)
    assert isinstance(queue.enter("c", "x", 0), Entered)
    # Now one has two places, the others one each: a second for them would only move the burden.
    assert queue.enter("c", "x", 0) == Busy(Limit.WAITING)
    assert len(queue) == 4


def test_with_one_place_each_a_newcomer_is_refused() -> None:
    queue = FairQueue[str](Limits(waiting=3, waiting_per_peer=1))
    for account in "abc":
        _enter(queue, account)
    for _ in range(100):
        assert queue.enter("d", "x", 0) == Busy(Limit.WAITING)


def test_being_refused_for_want_of_places_costs_no_token() -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(1, 1), waiting=2, waiting_per_peer=1))
    for account in "ab":
        _enter(queue, account)
    assert queue.enter("c", "x", 0) == Busy(Limit.WAITING)
    queue.take(0)
    _enter(queue, "c")


# --- turns ---


def test_a_peer_that_floods_delays_another_by_one_request() -> None:
    queue = FairQueue[str](Limits())
    for number in range(100):
        _enter(queue, "flood", str(number))
    _enter(queue, "calm", "calm")
    assert [queue.take(0), queue.take(0)] == ["0", "calm"]


def test_lines_are_served_in_turn_and_each_in_its_order() -> None:
    queue = FairQueue[str](Limits())
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        _enter(queue, item[0], item)
    assert _drain(queue) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_leaving_and_coming_back_is_no_way_to_the_front() -> None:
    queue = FairQueue[str](Limits())
    first = _enter(queue, "a", "a1")
    _enter(queue, "b", "b1")
    queue.withdraw(first)
    _enter(queue, "a", "a2")
    assert _drain(queue) == ["b1", "a2"]


def test_a_request_is_withdrawn_once() -> None:
    queue = FairQueue[str](Limits())
    tickets = [_enter(queue, "a", "same") for _ in range(3)]
    assert queue.withdraw(tickets[1])
    assert not queue.withdraw(tickets[1])
    assert len(queue) == 2
    assert _drain(queue) == ["same", "same"]
    assert not any(queue.withdraw(ticket) for ticket in tickets)


def test_an_empty_queue_has_nothing_to_wait_for() -> None:
    queue = FairQueue[str](Limits(total=Rate(1, 1)))
    assert queue.take(0) is None
    assert queue.wait_ns(0) is None
    _enter(queue, "a")
    assert queue.wait_ns(0) == 0
    assert FairQueue[str](Limits()).wait_ns(0) is None


def test_without_a_total_rate_nobody_waits_for_a_token() -> None:
    queue = FairQueue[str](Limits())
    _enter(queue, "a")
    assert queue.wait_ns(0) == 0


# --- settings ---


@pytest.mark.parametrize(
    "rate", [(0, 1), (-1, 1), (math.nan, 1), (math.inf, 1), (1e10, 1), (1, 0), (1, -1)]
)
def test_a_rate_that_makes_no_sense_is_refused(rate: tuple[float, int]) -> None:
    with pytest.raises(MisconfiguredError) as caught:
        Rate(*rate)
    assert caught.value.reason is Reason.SETTINGS_INVALID


@pytest.mark.parametrize(
    "limits",
    [
        {"waiting": 0},
        {"waiting": 1, "waiting_per_peer": 1},
        {"waiting": 8, "waiting_per_peer": 8},
        {"waiting": 8, "waiting_per_peer": 0},
        {"waiting_per_peer": -1},
        {"peers": 0},
    ],
)
def test_limits_that_let_one_peer_block_all_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(MisconfiguredError, match="expected") as caught:
        Limits(**limits)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.SETTINGS_INVALID


@pytest.mark.parametrize("per_second", [1e-3, 0.3, 1, 7, 1e9])
def test_a_rate_may_be_a_fraction(per_second: float) -> None:
    queue = FairQueue[str](Limits(per_peer=Rate(per_second, 1)))
    _enter(queue, "a")
    interval = math.ceil(SECOND / per_second)
    assert queue.enter("a", "x", interval - 1) == Busy(Limit.PEER_RATE)
    _enter(queue, "a", at_ns=interval)
