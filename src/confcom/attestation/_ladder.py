# SPDX-License-Identifier: Apache-2.0
"""TCB levels as a ladder: where a platform stands, where it could stand, what it is short of.

A platform, a TDX module and a quoting enclave are all rated in the same way: some security
version numbers are compared with those of levels, and the first level that asks for no more
than is there gives the status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from confcom.dcap import TcbStatus

STATUS_RANK: Final = {
    status: rank
    for rank, status in enumerate(
        (
            TcbStatus.UP_TO_DATE,
            TcbStatus.SW_HARDENING_NEEDED,
            TcbStatus.CONFIGURATION_NEEDED,
            TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED,
            TcbStatus.TD_RELAUNCH_ADVISED,
            TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
            TcbStatus.OUT_OF_DATE,
            TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
            TcbStatus.REVOKED,
        )
    )
}
"""From the best status to the worst."""

_CONFIGURED: Final = {
    TcbStatus.CONFIGURATION_NEEDED: TcbStatus.UP_TO_DATE,
    TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED: TcbStatus.SW_HARDENING_NEEDED,
    TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED: TcbStatus.OUT_OF_DATE,
}


@dataclass(frozen=True, slots=True)
class Component:
    """One security version number that counts.

    Attributes:
        name: such as ``SGX TCB component 1``; components are counted from 1.
        category: who updates it, as the document says, such as BIOS; may be empty.
        type: what it is, as the document says, such as TDX Module; may be empty.
    """

    name: str
    category: str = ""
    type: str = ""

    def __str__(self) -> str:
        words = ", ".join(word for word in (self.category, self.type) if word)
        return f"{self.name} ({words})" if words else self.name


@dataclass(frozen=True, slots=True)
class Rung:
    """One level.

    Attributes:
        values: what it asks for, one number a component.
        status: what it gives.
        date: when it was dated, Unix seconds.
        advisory_ids: which apply to those who stand on it.
    """

    values: tuple[int, ...]
    status: TcbStatus
    date: int
    advisory_ids: frozenset[str]

    def is_within(self, values: Sequence[int]) -> bool:
        """Return whether those values are enough for the level."""
        return all(need <= value for need, value in zip(self.values, values, strict=True))

    @property
    def day(self) -> str:
        """The date, YYYY-MM-DD."""
        return f"{datetime.fromtimestamp(self.date, UTC):%Y-%m-%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """All levels of one part, and the numbers found.

    Attributes:
        part: what is rated.
        components: what the numbers stand for.
        found: the numbers of the part at hand.
        rungs: at least one level, the highest first.
    """

    part: str
    components: tuple[Component, ...]
    found: tuple[int, ...]
    rungs: tuple[Rung, ...]

    @property
    def standing(self) -> Rung | None:
        """The level that the part is on; None if it is below all."""
        return next((rung for rung in self.rungs if rung.is_within(self.found)), None)

    @property
    def target(self) -> Rung:
        """The level with the best status that takes least to reach."""
        return min(self.rungs, key=lambda rung: (STATUS_RANK[rung.status], *self._way(rung)))

    @property
    def nearest(self) -> Rung:
        """The level that takes least to reach."""
        return min(self.rungs, key=self._way)

    def short_of(self, rung: Rung) -> tuple[int, ...]:
        """Return the indices of the components that are short of a level."""
        pairs = zip(self.found, rung.values, strict=True)
        return tuple(index for index, (found, wanted) in enumerate(pairs) if found < wanted)

    def steps(self) -> tuple[Rung, ...]:
        """Return levels from the one the part is on up to the target, the lowest first.

        Each asks for no less of any component than the one before it. Below all levels the way
        begins at the nearest.
        """
        start, target = self.standing or self.nearest, self.target
        if start is target:
            return (target,)
        steps = [start]
        for rung in reversed(self.rungs[: self.rungs.index(start)]):
            if steps[-1].is_within(rung.values) and rung.is_within(target.values):
                steps.append(rung)
        return tuple(steps) if steps[-1] is target else (start, target)

    def configuration_components(self) -> frozenset[int]:
        """Return the indices of the components that stand for a configuration.

        The documents do not name them; but where two levels differ in one component only, and
        the lower one has the same status with a configuration needed in addition, raising that
        component is a matter of configuration.
        """
        return frozenset(
            differing[0]
            for upper in self.rungs
            for lower in self.rungs
            if _CONFIGURED.get(lower.status) is upper.status
            and len(differing := _differing(upper.values, lower.values)) == 1
            and upper.values > lower.values
        )

    def _way(self, rung: Rung) -> tuple[int, int]:
        missing = [rung.values[index] - self.found[index] for index in self.short_of(rung)]
        return len(missing), sum(missing)


def _differing(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [index for index, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
