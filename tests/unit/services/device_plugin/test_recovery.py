# SPDX-License-Identifier: Apache-2.0
"""The table of states and events: as it is documented, and right in every cell that matters."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.services.device_plugin.recovery import (
    TABLE,
    Action,
    Backoff,
    Event,
    Situation,
    State,
    begin,
    step,
)

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "device-plugin-recovery.md"
EVENTS = st.lists(st.sampled_from([event for event in Event if event is not Event.STOP]))


def documented() -> dict[str, list[str]]:
    """Rows of the page by event."""
    rows = re.findall(r"^\| ([a-z-]+) \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    cells = {name: text.split(" | ") for name, text in reversed(rows)}
    return {name: row for name, row in cells.items() if len(row) == len(State)}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_the_page_says_what_each_cell_does(state: State, event: Event) -> None:
    cell = TABLE[state][event]
    if cell.state is state and not cell.actions:
        expected = "–"
    else:
        actions = ", ".join(action.value for action in cell.actions)
        expected = f"{actions} → {cell.state.value}" if actions else f"→ {cell.state.value}"
    assert documented()[event.value][list(State).index(state)] == expected


def test_it_begins_with_a_socket_and_then_registers() -> None:
    situation, actions = begin()
    assert actions == (Action.BIND,)
    situation, actions = step(situation, Event.BOUND)
    assert actions == (Action.REGISTER,)
    situation, actions = step(situation, Event.REGISTERED)
    assert (situation.state, actions) == (State.SERVING, ())


@pytest.mark.parametrize(
    "failure", [Event.KUBELET_ABSENT, Event.KUBELET_SLOW, Event.KUBELET_REFUSED]
)
def test_no_failure_is_the_last_attempt(failure: Event) -> None:
    situation = Situation(state=State.REGISTERING)
    for number in range(1, 200):
        situation, actions = step(situation, failure)
        assert (situation.failures, actions) == (number, (Action.WAIT,))
        situation, actions = step(situation, Event.RETRY_DUE)
        assert actions == (Action.REGISTER,)


@pytest.mark.parametrize("failure", [Event.KUBELET_SLOW, Event.KUBELET_REFUSED])
def test_a_failed_register_is_confirmed_after_the_next_one(failure: Event) -> None:
    situation, _ = step(Situation(state=State.REGISTERING, is_calling=True), failure)
    situation, _ = step(situation, Event.RETRY_DUE)
    situation, actions = step(situation, Event.REGISTERED)
    assert actions == (Action.CONFIRM,)
    situation, actions = step(situation, Event.CONFIRM_DUE)
    assert actions == (Action.REGISTER,)
    situation, actions = step(situation, Event.REGISTERED)
    assert (situation.state, actions) == (State.SERVING, ())


def test_a_register_that_was_cut_is_confirmed_too() -> None:
    situation = Situation(state=State.REGISTERING, is_calling=True)
    situation, actions = step(situation, Event.SOCKET_GONE)
    assert actions == (Action.BIND,)
    for event in (Event.BOUND, Event.REGISTERED):
        situation, actions = step(situation, event)
    assert actions == (Action.CONFIRM,)


@pytest.mark.parametrize("state", [State.SERVING, State.DEVICE_LOST])
def test_a_stream_that_ends_is_answered_by_registering_again(state: State) -> None:
    has_device = state is State.SERVING
    situation, actions = step(Situation(state=state, has_device=has_device), Event.STREAM_ENDED)
    assert (situation.state, actions) == (State.REGISTERING, (Action.REGISTER,))
    assert step(situation, Event.REGISTERED)[0].state is state


@pytest.mark.parametrize("state", [state for state in State if state is not State.DRAINING])
def test_what_the_kubelet_removed_is_bound_anew(state: State) -> None:
    situation, actions = step(Situation(state=state), Event.SOCKET_GONE)
    assert (situation.state, actions) == (State.STARTING, (Action.BIND,))


@pytest.mark.parametrize("state", [state for state in State if state is not State.DRAINING])
def test_the_end_is_a_farewell(state: State) -> None:
    situation, actions = step(Situation(state=state), Event.STOP)
    assert (situation.state, actions) == (State.DRAINING, (Action.FAREWELL,))


@pytest.mark.parametrize("event", Event)
def test_nothing_brings_it_back_from_the_end(event: Event) -> None:
    assert step(Situation(state=State.DRAINING), event)[1] == ()


def test_a_device_that_went_while_nobody_listened_is_known_when_somebody_does() -> None:
    situation, actions = step(Situation(state=State.STARTING), Event.DEVICE_LOST)
    assert actions == ()
    for event in (Event.BOUND, Event.REGISTERED):
        situation, _ = step(situation, event)
    assert situation.state is State.DEVICE_LOST
    situation, actions = step(situation, Event.DEVICE_BACK)
    assert (situation.state, actions) == (State.SERVING, (Action.SEND_HEALTHY,))


@given(EVENTS)
def test_from_anywhere_two_good_answers_lead_to_serving(story: list[Event]) -> None:
    situation, _ = begin()
    for event in story:
        situation, _ = step(situation, event)
    for event in (Event.SOCKET_GONE, Event.BOUND, Event.REGISTERED, Event.DEVICE_BACK):
        situation, _ = step(situation, event)
    assert situation.state is State.SERVING


@given(EVENTS)
def test_nobody_serves_without_a_device(story: list[Event]) -> None:
    situation, _ = begin()
    for event in story:
        situation, _ = step(situation, event)
        assert (situation.state is State.SERVING) <= situation.has_device
        assert (situation.state is State.DEVICE_LOST) <= (not situation.has_device)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_and_have_a_cap(failures: int, chance: float) -> None:
    backoff = Backoff()
    delay = backoff.delay_s(failures, chance)
    assert backoff.first_s / 2 <= delay <= backoff.longest_s
    assert delay <= backoff.delay_s(failures + 1, 1.0)
