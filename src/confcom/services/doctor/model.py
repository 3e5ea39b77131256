# SPDX-License-Identifier: Apache-2.0
"""Checks, and what they find. A check is a pure function over what was seen of a machine."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from confcom.adapters.machine import Machine
from confcom.reasons import Reason


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, or may work, and somebody should look."""
    PROBLEM = "problem"
    """Quotes cannot be made or got in the way that this place is set up for."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a check has to tell.

    Attributes:
        level: how bad it is.
        message: what was found; lower-case start, no full stop.
        reason: the one word for machines; None where all is well.
        cause: why it matters or how it came about, or None.
        cure: the next step for a person, or None.
    """

    level: Level
    message: str
    reason: Reason | None = None
    cause: str | None = None
    cure: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One row of a table of checks.

    Attributes:
        name: stable, for scripts.
        about: what it looks at, for the reference page.
        tell: looks, and tells one thing or several; nothing where it does not apply.
    """

    name: str
    about: str
    tell: Callable[[Machine], Iterable[Told]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check told."""

    check: str
    told: Told

    def to_json(self) -> dict[str, object]:
        """Return it as plain data."""
        told = self.told
        return {
            "check": self.check,
            "level": told.level.value,
            "reason": None if told.reason is None else told.reason.value,
            "message": told.message,
            "cause": told.cause,
            "cure": told.cure,
        }


@dataclass(frozen=True, slots=True)
class Section:
    """Findings about one subject, in the order of its table.

    Attributes:
        name: of the subject, such as ``quoting``.
        findings: at least one for each check that applies.
    """

    name: str
    findings: tuple[Finding, ...]

    def count(self, level: Level) -> int:
        """Return how many findings are at a level."""
        return sum(finding.told.level is level for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "findings": [finding.to_json() for finding in self.findings],
        }


def examine(name: str, checks: Sequence[Check], machine: Machine) -> Section:
    """Let all checks of a subject look at a machine."""
    return Section(
        name,
        tuple(Finding(check.name, told) for check in checks for told in check.tell(machine)),
    )


def fine(message: str) -> Told:
    """Return that all is well."""
    return Told(Level.OK, message)
