# SPDX-License-Identifier: Apache-2.0
"""The values that an explanation of a TCB status is made of, and their JSON form."""

from dataclasses import dataclass
from typing import Final

from confcom.dcap import TcbStatus
from confcom.reasons import Reason

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A component with too low a number.

    Attributes:
        component: its name, with category and type where the document has them.
        found: number of the platform.
        wanted: number of the level aimed at.
        is_configuration: whether it stands for a setting instead of a version.
        action: what the operator does.
    """

    component: str
    found: int
    wanted: int
    is_configuration: bool
    action: str

    def to_json(self) -> dict[str, object]:
        """Return the member of ``short``."""
        return {
            "component": self.component,
            "found": self.found,
            "wanted": self.wanted,
            "configuration": self.is_configuration,
            "action": self.action,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A level on the way to the one aimed at.

    Attributes:
        status: what it gives.
        date: when it was dated, YYYY-MM-DD.
        advisory_ids: sorted ids that apply on it.
        closes: sorted ids that applied on the step before it and no longer do.
    """

    status: TcbStatus
    date: str
    advisory_ids: tuple[str, ...]
    closes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the member of ``levels``."""
        return {
            "status": self.status.value,
            "date": self.date,
            "advisoryIds": list(self.advisory_ids),
            "closes": list(self.closes),
        }


@dataclass(frozen=True, slots=True)
class NearestLevel:
    """The level that a part below all levels would reach first.

    Attributes:
        status: what it gives.
        date: when it was dated, YYYY-MM-DD.
        advisory_ids: sorted ids that apply on it.
        shortfalls: what is missing for it.
    """

    status: TcbStatus
    date: str
    advisory_ids: tuple[str, ...]
    shortfalls: tuple[Shortfall, ...]

    def to_json(self) -> dict[str, object]:
        """Return the member ``nearest``."""
        return {
            "status": self.status.value,
            "date": self.date,
            "advisoryIds": list(self.advisory_ids),
            "short": [shortfall.to_json() for shortfall in self.shortfalls],
        }


@dataclass(frozen=True, slots=True)
class PartExplanation:
    """How platform, module or quoting enclave stands.

    Attributes:
        part: which of them.
        status: its own status; None if it is below all levels.
        target: the best status that its document offers.
        shortfalls: what is missing for it.
        steps: the levels from the present one (below all: the nearest) to that of the best status.
        nearest: the level to reach first; None unless the part is below all levels.
    """

    part: str
    status: TcbStatus | None
    target: TcbStatus
    shortfalls: tuple[Shortfall, ...]
    steps: tuple[Step, ...]
    nearest: NearestLevel | None = None

    def to_json(self) -> dict[str, object]:
        """Return the member of ``parts``."""
        return {
            "part": self.part,
            "status": None if self.status is None else self.status.value,
            "target": self.target.value,
            "short": [shortfall.to_json() for shortfall in self.shortfalls],
            "levels": [step.to_json() for step in self.steps],
            "nearest": None if self.nearest is None else self.nearest.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a quote has its TCB status.

    Attributes:
        status: of the quote as a whole; None if the TCB is not supported.
        reason: of the refusal if the status is Revoked or none, else None.
        summary: one sentence.
        fmspc: platform family, 12 upper-case hex digits.
        evaluation_data_number: the smaller one of TCB Info and QE identity.
        advisory_ids: sorted ids that apply now.
        parts: what the status is made of.
        actions: what the operator does, in order.
    """

    status: TcbStatus | None
    reason: Reason | None
    summary: str
    fmspc: str
    evaluation_data_number: int
    advisory_ids: tuple[str, ...]
    parts: tuple[PartExplanation, ...]
    actions: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the explanation in the form of ``schema/explanation.v1.json``."""
        return {
            "schemaVersion": SCHEMA_VERSION,
            "status": None if self.status is None else self.status.value,
            "reason": None if self.reason is None else self.reason.value,
            "summary": self.summary,
            "fmspc": self.fmspc,
            "evaluationDataNumber": self.evaluation_data_number,
            "advisoryIds": list(self.advisory_ids),
            "parts": [part.to_json() for part in self.parts],
            "actions": list(self.actions),
        }


@dataclass(frozen=True, slots=True)
class Forecast:
    """What other collateral makes of the same quote.

    Attributes:
        before: under the collateral in use.
        after: under the other one.
        summary: one sentence.
        opened: sorted ids of the advisories that are added.
        closed: sorted ids of the advisories that go.
    """

    before: Explanation
    after: Explanation
    summary: str
    opened: tuple[str, ...]
    closed: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the member ``forecast``."""
        return {
            "summary": self.summary,
            "opened": list(self.opened),
            "closed": list(self.closed),
            "explanation": self.after.to_json(),
        }
