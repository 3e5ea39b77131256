# SPDX-License-Identifier: Apache-2.0
"""Results of verifications that failed."""

from collections.abc import Iterator
from datetime import datetime

from confcom.attestation.claims import describe
from confcom.attestation.evidence import Evidence
from confcom.attestation.result import AttestationResult, Check, CheckOutcome
from confcom.dcap import TrustedRoot, VerificationStep
from confcom.errors import ConfcomError


def refused(
    error: ConfcomError, *, at: datetime, root: TrustedRoot, evidence: Evidence | None = None
) -> AttestationResult:
    """Return the result of a verification that ended with an error.

    Steps before the one that failed have passed, those after it were not reached. If the error
    arose before the first step (an input that does not decode, collateral that cannot be
    fetched), none was reached. The claims of the evidence are left out: they are not genuine.

    Args:
        error: why it ended.
        at: the time that was used as now.
        root: the root that was trusted.
        evidence: if it could be parsed.
    """
    return AttestationResult(
        reason=error.reason,
        message=error.message,
        hint=error.hint,
        evidence=None if evidence is None else describe(evidence.quote),
        tcb=None,
        checks=tuple(_steps(error)),
        root=root.name,
        is_simulated=root.is_simulated,
        verified_at=at,
        valid_until=None,
    )


def _steps(error: ConfcomError) -> Iterator[Check]:
    has_passed = error.step in {step.value for step in VerificationStep}
    for step in VerificationStep:
        if step.value == error.step:
            has_passed = False
            yield Check(step.value, CheckOutcome.FAIL, error.reason, None, error.message)
        else:
            outcome = CheckOutcome.PASS if has_passed else CheckOutcome.NOT_REACHED
            yield Check(step.value, outcome)
