# SPDX-License-Identifier: Apache-2.0
"""Events that a crowd causes, told in time and counted in full, without one line for each.

The first of its kind is told at once. Those that follow are counted, and a second later one event
tells the last of them with ``times``, how many it stands for. So a flood costs one line a second
for each kind, and no count is lost.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

E = TypeVar("E")

INTERVAL_S: Final = 1.0
MOST_KINDS: Final = 256
"""Kinds that are told apart within one interval; the others share one."""


@dataclass(slots=True)
class _Kind(Generic[E]):
    """What has happened since the last look.

    Attributes:
        times: how many events have not been told yet.
        last: the last one of them.
    """

    times: int = 0
    last: E | None = None


class Repeats(Generic[E]):
    """Tells the first event of each kind, and the number of those after it.

    Args:
        tell: writes an event, and for how many it stands.
        later: runs a function after so many seconds, such as an event loop's ``call_later``.
    """

    def __init__(
        self,
        tell: Callable[[E, int], None],
        later: Callable[[float, Callable[[], None]], Any],
    ) -> None:
        self._tell = tell
        self._later = later
        self._kinds: dict[Hashable, _Kind[E]] = {}
        self._is_looking = False

    def add(self, key: Hashable, event: E) -> None:
        """Tell an event, or count it where one of its kind was told within the interval."""
        kind = self._kinds.get(key)
        if kind is None and len(self._kinds) >= MOST_KINDS:
            key = None
            kind = self._kinds.get(key)
        if kind is not None:
            kind.times += 1
            kind.last = event
            return
        self._kinds[key] = _Kind()
        if not self._is_looking:
            self._is_looking = True
            self._later(INTERVAL_S, self._look)
        self._tell(event, 1)

    def flush(self) -> None:
        """Tell what has been counted, and forget every kind that was not seen again."""
        for key, kind in tuple(self._kinds.items()):
            if kind.last is None:
                del self._kinds[key]
                continue
            event, times = kind.last, kind.times
            kind.last, kind.times = None, 0
            self._tell(event, times)

    def _look(self) -> None:
        self.flush()
        self._is_looking = bool(self._kinds)
        if self._is_looking:
            self._later(INTERVAL_S, self._look)
