# SPDX-License-Identifier: Apache-2.0
"""Whatever peers do, quotas hold: nothing grows, nothing is lost, nobody waits for a flood."""

import math
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from confcom.protocols.quotas import Busy, Entered, FairQueue, Limit, Limits, Rate, Ticket

_NS = 1_000_000_000

rates = st.builds(Rate, st.floats(0.01, 1e6), st.integers(1, 20))
waits = st.one_of(st.just(0), st.integers(0, 1000), st.integers(0, 10 * _NS))
accounts = st.sampled_from(["a", "b", "c", "d", "e"])


@given(rates, st.lists(waits, max_size=80))
def test_no_window_of_time_lets_more_in_than_burst_and_rate(rate: Rate, pauses: list[int]) -> None:
    queue = FairQueue[int](Limits(per_peer=rate, waiting=1000, waiting_per_peer=999))
    interval, now = math.ceil(_NS / rate.per_second), 0
    admitted = []
    for pause in pauses:
        now += pause
        if isinstance(queue.enter("a", now, now), Entered):
            admitted.append(now)
    for first, start in enumerate(admitted):
        for last in range(first, len(admitted)):
            beyond_burst = last - first + 1 - rate.burst
            assert beyond_burst * interval <= admitted[last] - start


@given(rates, st.lists(waits, max_size=80))
def test_no_window_of_time_serves_more_than_burst_and_rate(rate: Rate, pauses: list[int]) -> None:
    queue = FairQueue[int](Limits(total=rate))
    interval, now = math.ceil(_NS / rate.per_second), 0
    for number in range(100):
        queue.enter("a", number, 0)
    served = []
    for pause in pauses:
        now += pause
        if queue.take(now) is not None:
            served.append(now)
    for first, start in enumerate(served):
        for last in range(first, len(served)):
            assert (last - first + 1 - rate.burst) * interval <= served[last] - start


@given(rates, st.integers(1, 30), st.lists(st.tuples(accounts, st.integers(0, 20)), max_size=60))
def test_a_peer_within_its_rate_is_let_in_whatever_others_do(
    rate: Rate, times: int, others: list[tuple[str, int]]
) -> None:
    limits = Limits(per_peer=rate, waiting=8, waiting_per_peer=4)
    queue, interval = FairQueue[str](limits), math.ceil(_NS / rate.per_second)
    for turn in range(times):
        now = turn * interval
        for account, count in others:
            for _ in range(count):
                queue.enter(account, account, now)
        assert isinstance(queue.enter("calm", "calm", now), Entered)
        ahead = len({ticket_owner for ticket_owner, _ in others})
        assert "calm" in [queue.take(now) for _ in range(ahead + 1)]


@given(
    st.one_of(st.none(), rates),
    st.one_of(st.none(), rates),
    st.integers(2, 8),
    st.lists(
        st.tuples(st.sampled_from(["enter", "enter", "take", "withdraw"]), accounts, waits),
        max_size=120,
    ),
    st.data(),
)
def test_every_request_ends_in_one_way_and_places_are_never_exceeded(
    per_peer: Rate | None,
    total: Rate | None,
    places: int,
    steps: list[tuple[str, str, int]],
    data: st.DataObject,
) -> None:
    each = data.draw(st.integers(1, places - 1))
    limits = Limits(per_peer=per_peer, total=total, waiting=places, waiting_per_peer=each, peers=3)
    queue = FairQueue[int](limits)
    lines: dict[str, list[Ticket[int]]] = defaultdict(list)
    everyone: list[Ticket[int]] = []
    now = 0
    for number, (step, account, pause) in enumerate(steps):
        now += pause
        sizes = {name: len(line) for name, line in lines.items() if line}
        match step:
            case "enter":
                answer = queue.enter(account, number, now)
                if isinstance(answer, Busy):
                    if answer.limit is Limit.WAITING:
                        assert sum(sizes.values()) == places
                        assert max(sizes.values()) <= sizes.get(account, 0) + 1
                    elif answer.limit is Limit.PEER_WAITING:
                        assert sizes[account] == each
                    else:
                        assert per_peer is not None
                else:
                    if answer.displaced is not None:
                        assert sum(sizes.values()) == places
                        loser = lines[answer.displaced.account]
                        assert len(loser) == max(sizes.values()) >= sizes.get(account, 0) + 2
                        assert loser.pop() is answer.displaced
                    lines[account].append(answer.ticket)
                    everyone.append(answer.ticket)
            case "take":
                due = queue.wait_ns(now)
                item = queue.take(now)
                assert (item is not None) == (due == 0)
                if item is not None:
                    owner = next(ticket.account for ticket in everyone if ticket.item == item)
                    assert lines[owner].pop(0).item == item
            case _:
                if not everyone:
                    continue
                ticket = data.draw(st.sampled_from(everyone))
                was_waiting = ticket in lines[ticket.account]
                assert queue.withdraw(ticket) == was_waiting
                if was_waiting:
                    lines[ticket.account].remove(ticket)
        assert len(queue) == sum(len(line) for line in lines.values()) <= places
        assert all(len(line) <= each for line in lines.values())


@given(st.lists(accounts, min_size=1, max_size=60))
def test_a_first_request_waits_for_one_of_each_other_peer_at_most(order: list[str]) -> None:
    queue = FairQueue[tuple[str, int]](Limits())
    arrived: dict[str, int] = {}
    for number, account in enumerate(order):
        arrived.setdefault(account, number)
        queue.enter(account, (account, number), 0)
    round_of_all = [queue.take(0) for _ in arrived]
    assert round_of_all == list(arrived.items())
