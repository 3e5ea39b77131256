# SPDX-License-Identifier: Apache-2.0
"""Attestation results: what was checked, how it ended, and the stable JSON form of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from confcom.reasons import ExitCode, Outcome, Reason

SCHEMA_VERSION: Final = 1
ACCEPTED: Final = Outcome(authentic=True, acceptable=True, exit_code=ExitCode.YES)
"""What a result without a reason means; with a reason, its kind decides."""


class CheckOutcome(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 a verdict, not a secret
    FAIL = "fail"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: a verification step, or what was compared with a reference value.
        outcome: how it ended; not reached when an earlier failure stands before it.
        reason: why it failed, or None.
        expected: what would have passed; None where the name says it.
        found: what was there, or None.
    """

    name: str
    outcome: CheckOutcome
    reason: Reason | None = None
    expected: str | None = None
    found: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the member of ``checks``."""
        return {
            "name": self.name,
            "outcome": str(self.outcome),
            "reason": None if self.reason is None else str(self.reason),
            "expected": self.expected,
            "found": self.found,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbSummary:
    """What is known of the platform's TCB.

    Attributes:
        status: TCB status in Intel's spelling.
        advisory_ids: sorted ids of the advisories that apply.
        date: date of the TCB level, the earliest of those that count.
        fmspc: platform family, 12 upper-case hex digits.
        evaluation_data_number: the smaller one of TCB Info and QE identity.
        launch_status: status of the TD at its launch; None for other evidence.
        current_status: status the TD would have if launched now; None for other evidence.
    """

    status: str
    advisory_ids: tuple[str, ...]
    date: datetime
    fmspc: str
    evaluation_data_number: int
    launch_status: str | None = None
    current_status: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the member ``tcb``."""
        return {
            "status": self.status,
            "advisoryIds": list(self.advisory_ids),
            "date": format_time(self.date),
            "fmspc": self.fmspc,
            "evaluationDataNumber": self.evaluation_data_number,
            "launchStatus": self.launch_status,
            "currentStatus": self.current_status,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationResult:
    """The verdict on one piece of evidence.

    Attributes:
        reason: of the first failed check, or None.
        message: the verdict in words, with every failure.
        hint: the next step for a person, or None.
        evidence: type, version and body type; claims too if the evidence is authentic. None if
            the evidence could not be parsed.
        tcb: None unless the evidence is authentic.
        checks: all checks in their order.
        root: name of the root that was trusted.
        is_simulated: whether that root belongs to simulated platforms.
        verified_at: the time that was used as now.
        valid_until: when the first document, certificate or demanded age runs out.
    """

    reason: Reason | None
    message: str
    hint: str | None
    evidence: Mapping[str, object] | None
    tcb: TcbSummary | None
    checks: tuple[Check, ...]
    root: str
    is_simulated: bool
    verified_at: datetime
    valid_until: datetime | None

    @property
    def outcome(self) -> Outcome:
        """What the reason means for ``authentic``, ``acceptable`` and the exit code."""
        return ACCEPTED if self.reason is None else self.reason.kind.outcome

    @property
    def is_authentic(self) -> bool:
        """Whether the evidence is genuine."""
        return self.outcome.authentic

    @property
    def is_acceptable(self) -> bool | None:
        """Whether the evidence meets the reference values; None if that was not looked at."""
        return self.outcome.acceptable

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that ends with this result."""
        return self.outcome.exit_code

    def to_json(self) -> dict[str, object]:
        """Return the result in the form of ``schema/attestation-result.v1.json``."""
        result: dict[str, object] = {
            "schemaVersion": SCHEMA_VERSION,
            "authentic": self.is_authentic,
            "acceptable": self.is_acceptable,
            "reason": None if self.reason is None else str(self.reason),
            "message": self.message,
            "hint": self.hint,
            "evidence": None if self.evidence is None else dict(self.evidence),
            "tcb": None if self.tcb is None else self.tcb.to_json(),
            "checks": [check.to_json() for check in self.checks],
            "trust": {"root": self.root, "simulated": self.is_simulated},
            "verifiedAt": format_time(self.verified_at),
            "validUntil": None if self.valid_until is None else format_time(self.valid_until),
        }
        if self.is_simulated:
            result["simulated"] = True
        return result


def format_time(time: datetime) -> str:
    """Return a time as ``YYYY-MM-DDTHH:MM:SSZ``."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
