# SPDX-License-Identifier: Apache-2.0
"""A crowd's events: the first at once, the others as one line a second, none uncounted."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from confcom.services.repeats import INTERVAL_S, MOST_KINDS, Repeats


@dataclass
class Clock:
    """Runs what is to happen later when it is told to."""

    planned: list[Callable[[], None]] = field(default_factory=list)

    def later(self, after_s: float, function: Callable[[], None]) -> None:
        assert after_s == INTERVAL_S
        self.planned.append(function)

    def tick(self) -> None:
        planned, self.planned = self.planned, []
        for function in planned:
            function()


@dataclass
class Told:
    """What was told, and the repeats that did it."""

    events: list[tuple[str, int]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def repeats(self) -> Repeats[str]:
        return Repeats(lambda event, times: self.events.append((event, times)), self.clock.later)


def test_the_first_is_told_at_once() -> None:
    told = Told()
    told.repeats().add("kind", "first")
    assert told.events == [("first", 1)]


def test_those_that_follow_are_told_once_with_their_number() -> None:
    told = Told()
    repeats = told.repeats()
    for name in ("first", "second", "third", "last"):
        repeats.add("kind", name)
    assert told.events == [("first", 1)]
    told.clock.tick()
    assert told.events == [("first", 1), ("last", 3)]


def test_a_flood_goes_on_with_one_event_an_interval() -> None:
    told = Told()
    repeats = told.repeats()
    for _ in range(5):
        for _ in range(100):
            repeats.add("kind", "again")
        told.clock.tick()
    assert told.events == [("again", 1), ("again", 99), *[("again", 100)] * 4]


def test_kinds_are_told_apart() -> None:
    told = Told()
    repeats = told.repeats()
    repeats.add("one", "a")
    repeats.add("other", "b")
    repeats.add("one", "c")
    told.clock.tick()
    assert told.events == [("a", 1), ("b", 1), ("c", 1)]


def test_who_was_quiet_for_an_interval_is_told_at_once_again() -> None:
    told = Told()
    repeats = told.repeats()
    repeats.add("kind", "early")
    told.clock.tick()
    assert told.clock.planned == []
    repeats.add("kind", "late")
    assert told.events == [("early", 1), ("late", 1)]


def test_what_is_flushed_is_not_told_again() -> None:
    told = Told()
    repeats = told.repeats()
    repeats.add("kind", "a")
    repeats.add("kind", "b")
    repeats.flush()
    repeats.flush()
    told.clock.tick()
    assert told.events == [("a", 1), ("b", 1)]


def test_more_kinds_than_are_told_apart_share_one() -> None:
    told = Told()
    repeats = told.repeats()
    for number in range(MOST_KINDS + 1000):
        repeats.add(number, f"event {number}")
    assert len(told.events) == MOST_KINDS + 1
    told.clock.tick()
    assert told.events[-1] == (f"event {MOST_KINDS + 999}", 999)


@given(st.lists(st.one_of(st.integers(0, 400), st.just("tick"))))
def test_no_event_is_lost_or_counted_twice(story: list[int | str]) -> None:
    told = Told()
    repeats = told.repeats()
    for step in story:
        if isinstance(step, int):
            repeats.add(step, str(step))
        else:
            told.clock.tick()
    repeats.flush()
    assert sum(times for _, times in told.events) == len([s for s in story if s != "tick"])
