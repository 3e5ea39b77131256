# SPDX-License-Identifier: Apache-2.0
"""What to do when something happens between the plugin, the kubelet and the device: a table.

Pure: events come in, actions go out; `confcom.services.device_plugin.keeper` carries them out for
one resource. The table is written for people in ``docs/explanation/device-plugin-recovery.md``.

What the kubelet is known for and the table heeds:

* it calls the plugin back from within Register, so a socket is bound before;
* it removes all sockets when it starts, one that was bound a moment ago too;
* after a Register that failed or was cut it may forget who is registered, even up to ten seconds
  later, so a registration that followed such a one is confirmed by another;
* it takes all devices for lost as soon as a stream of the list ends, so the plugin registers again
  whenever that happens, and says that all devices are unhealthy before it ends one itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CONFIRM_S: Final = 11.0
"""When a registration is confirmed, seconds; the kubelet gives up on a dead socket after 10."""
_MOST_DOUBLINGS: Final = 10


class State(StrEnum):
    """How a resource stands with the kubelet."""

    STARTING = "starting"
    REGISTERING = "registering"
    SERVING = "serving"
    DEVICE_LOST = "device-lost"
    DRAINING = "draining"


class Event(StrEnum):
    """What happens."""

    BOUND = "bound"
    BIND_FAILED = "bind-failed"
    REGISTERED = "registered"
    KUBELET_ABSENT = "kubelet-absent"
    KUBELET_SLOW = "kubelet-slow"
    KUBELET_REFUSED = "kubelet-refused"
    KUBELET_RETURNED = "kubelet-returned"
    SOCKET_GONE = "socket-gone"
    STREAM_ENDED = "stream-ended"
    RETRY_DUE = "retry-due"
    CONFIRM_DUE = "confirm-due"
    CLOCK_JUMPED = "clock-jumped"
    DEVICE_LOST = "device-lost"
    DEVICE_BACK = "device-back"
    STOP = "stop"


class Action(StrEnum):
    """What to do about it."""

    BIND = "bind"
    """Say farewell on the old socket, if there is one, and listen on a new one."""
    REGISTER = "register"
    """Register, after a look whether the own socket is still there; cut the call under way."""
    WAIT = "wait"
    """Wait as long as the policy says, then `Event.RETRY_DUE`."""
    CONFIRM = "confirm"
    """Wait `CONFIRM_S`, then `Event.CONFIRM_DUE`."""
    SEND_HEALTHY = "send-healthy"
    """Tell the kubelet that all devices are healthy."""
    SEND_UNHEALTHY = "send-unhealthy"
    """Tell the kubelet that all devices are unhealthy."""
    FAREWELL = "farewell"
    """Tell the kubelet that all devices are unhealthy, end the stream, leave the socket."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What an event does in a state.

    Attributes:
        state: the next one; `State.SERVING` is `State.DEVICE_LOST` while the device is gone.
        actions: what to do, in this order.
    """

    state: State
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where a resource is.

    Attributes:
        state: of the table.
        has_device: whether the device can be used; known in every state.
        failures: attempts to bind or to register that failed since the last success.
        is_calling: whether a Register is under way.
        is_doubtful: whether a Register reached the kubelet and failed, or was cut, so that the
            kubelet may yet forget us.
    """

    state: State = State.STARTING
    has_device: bool = True
    failures: int = 0
    is_calling: bool = False
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait between attempts; there is no last one.

    Attributes:
        first_s: longest pause after the first failure, seconds; doubles with each further one.
        longest_s: cap of that pause, seconds.
    """

    first_s: float = 0.1
    longest_s: float = 5.0

    def delay_s(self, failures: int, chance: float) -> float:
        """Return the pause, seconds.

        Args:
            failures: in a row, at least 1.
            chance: from 0 to 1; plugins that failed together do not return together.
        """
        doublings = min(failures - 1, _MOST_DOUBLINGS)
        longest = min(self.longest_s, self.first_s * 2.0**doublings)
        return longest / 2 * (1 + chance)


_REGISTER_ANEW: Final = Cell(State.REGISTERING, (Action.REGISTER,))
_BIND_ANEW: Final = Cell(State.STARTING, (Action.BIND,))
_TRY_LATER: Final = Cell(State.REGISTERING, (Action.WAIT,))
_LEAVE: Final = Cell(State.DRAINING, (Action.FAREWELL,))


def _row(state: State, cells: Mapping[Event, Cell]) -> dict[Event, Cell]:
    """Return the cells of a state; what is not named changes nothing."""
    return {event: cells.get(event, Cell(state)) for event in Event}


def _registered(state: State) -> dict[Event, Cell]:
    return _row(
        state,
        {
            Event.KUBELET_SLOW: _TRY_LATER,
            Event.KUBELET_REFUSED: _TRY_LATER,
            Event.KUBELET_RETURNED: _BIND_ANEW,
            Event.SOCKET_GONE: _BIND_ANEW,
            Event.STREAM_ENDED: _REGISTER_ANEW,
            Event.CONFIRM_DUE: _REGISTER_ANEW,
            Event.DEVICE_LOST: Cell(State.DEVICE_LOST, (Action.SEND_UNHEALTHY,)),
            Event.DEVICE_BACK: Cell(State.SERVING, (Action.SEND_HEALTHY,)),
            Event.STOP: _LEAVE,
        },
    )


TABLE: Final[Mapping[State, Mapping[Event, Cell]]] = {
    State.STARTING: _row(
        State.STARTING,
        {
            Event.BOUND: _REGISTER_ANEW,
            Event.BIND_FAILED: Cell(State.STARTING, (Action.WAIT,)),
            Event.KUBELET_RETURNED: _BIND_ANEW,
            Event.SOCKET_GONE: _BIND_ANEW,
            Event.RETRY_DUE: _BIND_ANEW,
            Event.STOP: _LEAVE,
        },
    ),
    State.REGISTERING: _row(
        State.REGISTERING,
        {
            Event.REGISTERED: Cell(State.SERVING),
            Event.KUBELET_ABSENT: _TRY_LATER,
            Event.KUBELET_SLOW: _TRY_LATER,
            Event.KUBELET_REFUSED: _TRY_LATER,
            Event.KUBELET_RETURNED: _REGISTER_ANEW,
            Event.SOCKET_GONE: _BIND_ANEW,
            Event.RETRY_DUE: _REGISTER_ANEW,
            Event.DEVICE_LOST: Cell(State.REGISTERING, (Action.SEND_UNHEALTHY,)),
            Event.DEVICE_BACK: Cell(State.REGISTERING, (Action.SEND_HEALTHY,)),
            Event.STOP: _LEAVE,
        },
    ),
    State.SERVING: _registered(State.SERVING),
    State.DEVICE_LOST: _registered(State.DEVICE_LOST),
    State.DRAINING: _row(State.DRAINING, {}),
}
"""Every event in every state."""
_UNDONE: Final = {Event.KUBELET_SLOW, Event.KUBELET_REFUSED}
"""A Register failed that had reached the kubelet."""
_ENDS_OF_CALL: Final = {Event.REGISTERED, Event.KUBELET_ABSENT, *_UNDONE}


def begin(*, has_device: bool = True) -> tuple[Situation, tuple[Action, ...]]:
    """Return where a resource begins, and what to do first."""
    return Situation(has_device=has_device), (Action.BIND,)


def step(situation: Situation, event: Event) -> tuple[Situation, tuple[Action, ...]]:
    """Return where an event leads, and what to do."""
    cell = TABLE[situation.state][event]
    actions = cell.actions
    has_device = situation.has_device
    if event in {Event.DEVICE_LOST, Event.DEVICE_BACK}:
        has_device = event is Event.DEVICE_BACK
    state = cell.state
    if state is State.SERVING and not has_device:
        state = State.DEVICE_LOST
    is_calling = situation.is_calling and event not in _ENDS_OF_CALL
    is_cut = is_calling and bool({Action.BIND, Action.REGISTER}.intersection(actions))
    is_doubtful = situation.is_doubtful or is_cut or event in _UNDONE
    failures = situation.failures
    if event in {Event.REGISTERED, Event.KUBELET_RETURNED}:
        failures = 0
    elif Action.WAIT in actions:
        failures += 1
    if event is Event.REGISTERED and is_doubtful:
        actions, is_doubtful = (*actions, Action.CONFIRM), False
    return Situation(
        state=state,
        has_device=has_device,
        failures=failures,
        is_calling=Action.REGISTER in actions or (is_calling and not is_cut),
        is_doubtful=is_doubtful,
    ), actions
