# SPDX-License-Identifier: Apache-2.0
"""Appraisal: is evidence that is authentic also acceptable to this relying party?"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from confcom.attestation._rules import (
    AGED_DOCUMENTS,
    COMMON_RULES,
    SGX_RULES,
    TDX_RULES,
    Appraisal,
    Comparison,
    Rule,
)
from confcom.attestation.claims import claims_of
from confcom.attestation.reference import Applies, ReferenceValues
from confcom.attestation.result import (
    AttestationResult,
    Check,
    CheckOutcome,
    TcbSummary,
    format_time,
)
from confcom.dcap import VerificationStep, VerifiedQuote
from confcom.reasons import Reason
from confcom.sgx import ReportBody

Subject = TypeVar("Subject")
_MEASUREMENT: Final = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{16,}\b")
_PASSED_STEPS: Final = tuple(Check(step.value, CheckOutcome.PASS) for step in VerificationStep)


class _Finding(NamedTuple):
    check: Check
    label: str
    hint: str


def appraise(
    verified: VerifiedQuote, reference: ReferenceValues, *, at: datetime
) -> AttestationResult:
    """Compare what a verified quote says with what is demanded, and report every difference.

    The checks, in this order; a failure hides no other:

    1. all steps of verification, which have passed;
    2. the time is within that for which the verification holds;
    3. the evidence is of the kind that the reference values speak of;
    4. debug mode, TCB status, advisories, evaluation data number, age of collateral, REPORTDATA;
    5. the identity of the enclave or of the TD.

    The time, debug mode and TCB status are always checked, all else when it is demanded.

    Args:
        verified: what ``verify`` returned; nothing else is taken.
        reference: the demands.
        at: the time to use as now, with time zone.

    Raises:
        TypeError: the quote was not verified.
    """
    if type(verified) is not VerifiedQuote:
        raise TypeError(f"appraise takes a VerifiedQuote, not a {type(verified).__name__}")
    findings = tuple(_findings(verified, reference, at))
    failures = [one for one in findings if one.check.outcome is CheckOutcome.FAIL]
    return AttestationResult(
        reason=failures[0].check.reason if failures else None,
        message=_describe_failures(failures) if failures else _describe_success(verified),
        hint=failures[0].hint if failures else _remind(reference),
        evidence=claims_of(verified.quote),
        tcb=_summary(verified),
        checks=(*_PASSED_STEPS, *(one.check for one in findings)),
        root=verified.root.name,
        is_simulated=verified.is_simulated,
        verified_at=at,
        valid_until=_valid_until(verified, reference),
    )


def _findings(
    verified: VerifiedQuote, reference: ReferenceValues, at: datetime
) -> Iterator[_Finding]:
    yield _check_time(verified, at)
    body = verified.quote.body
    foreign = Applies.TDX if isinstance(body, ReportBody) else Applies.SGX
    if demanded := reference.given(Applies.SGX) + reference.given(Applies.TDX):
        yield _check_evidence_type(demanded, reference.given(foreign), foreign)
    yield from _run(COMMON_RULES, Appraisal(verified, at), reference)
    if isinstance(body, ReportBody):
        yield from _run(SGX_RULES, body, reference)
    else:
        yield from _run(TDX_RULES, body, reference)


def _run(
    rules: Sequence[Rule[Subject]], subject: Subject, reference: ReferenceValues
) -> Iterator[_Finding]:
    for rule in rules:
        comparison = rule.compare(subject, reference)
        if comparison is not None:
            yield _finding(rule.name, rule.reason, rule.label, rule.hint, comparison)


def _finding(name: str, reason: Reason, label: str, hint: str, comparison: Comparison) -> _Finding:
    outcome = CheckOutcome.PASS if comparison.passed else CheckOutcome.FAIL
    check = Check(
        name,
        outcome,
        None if comparison.passed else reason,
        comparison.expected,
        comparison.found,
    )
    return _Finding(check, label, hint)


def _check_time(verified: VerifiedQuote, at: datetime) -> _Finding:
    first, last = verified.valid_from, verified.valid_until
    return _finding(
        "time",
        Reason.NOT_YET_VALID if at < first else Reason.COLLATERAL_EXPIRED,
        "time of appraisal",
        "verify the quote again with current collateral",
        Comparison(
            first <= at <= last, f"{format_time(first)} to {format_time(last)}", format_time(at)
        ),
    )


def _check_evidence_type(
    demanded: tuple[str, ...], wrong: tuple[str, ...], foreign: Applies
) -> _Finding:
    own = Applies.SGX if foreign is Applies.TDX else Applies.TDX
    return _finding(
        "evidence_type",
        Reason.EVIDENCE_TYPE,
        "evidence",
        "use reference values for the kind of evidence that is presented",
        Comparison(
            not wrong,
            f"{foreign if wrong else own} quote ({', '.join(wrong or demanded)} demanded)",
            f"{own} quote",
        ),
    )


def _describe_failures(failures: Sequence[_Finding]) -> str:
    return "; ".join(
        f"{one.label} is {_shorten(one.check.found)}, expected {_shorten(one.check.expected)}"
        for one in failures
    )


def _shorten(text: str | None) -> str:
    """Shorten measurements for a message; the checks have all digits."""
    return _MEASUREMENT.sub(r"\1…", text or "")


def _describe_success(verified: VerifiedQuote) -> str:
    kind = "TDX" if verified.quote.is_tdx else "SGX"
    tcb = verified.tcb
    return (
        f"{kind} quote is authentic and acceptable: TCB {tcb.status} "
        f"under evaluation data number {tcb.evaluation_data_number}"
    )


def _remind(reference: ReferenceValues) -> str | None:
    if reference.given(Applies.SGX) or reference.given(Applies.TDX):
        return None
    return (
        "no measurement was demanded: this shows a genuine platform, not which workload runs on it"
    )


def _summary(verified: VerifiedQuote) -> TcbSummary:
    tcb = verified.tcb
    return TcbSummary(
        status=str(tcb.status),
        advisory_ids=tuple(tcb.advisory_ids),
        date=datetime.fromtimestamp(tcb.date, UTC),
        fmspc=verified.pck.extension.fmspc.hex().upper(),
        evaluation_data_number=tcb.evaluation_data_number,
        launch_status=None if tcb.launch_status is None else str(tcb.launch_status),
        current_status=None if tcb.current_status is None else str(tcb.current_status),
    )


def _valid_until(verified: VerifiedQuote, reference: ReferenceValues) -> datetime:
    if reference.max_collateral_age is None:
        return verified.valid_until
    issued = min(verified.document_dates[name] for name in AGED_DOCUMENTS)
    return min(verified.valid_until, issued + reference.max_collateral_age)
