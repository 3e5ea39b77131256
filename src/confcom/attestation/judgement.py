# SPDX-License-Identifier: Apache-2.0
"""From bytes to a verdict: verification and appraisal in one call that always gives a result."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from confcom.attestation.appraisal import appraise
from confcom.attestation.endorsements import Endorsements
from confcom.attestation.evidence import Evidence
from confcom.attestation.reference import ReferenceValues
from confcom.attestation.refusal import refused
from confcom.attestation.result import AttestationResult
from confcom.attestation.verification import verify
from confcom.dcap import Caches, TrustedRoot, VerificationStep
from confcom.errors import MalformedError, NotAuthenticError, UnavailableError

_HINT: Final = "confcom evidence inspect says what it is; quotes have 1020 to 65536 bytes"


def judge(
    data: bytes,
    *,
    endorse: Callable[[Evidence], Endorsements],
    reference: ReferenceValues,
    at: datetime,
    root: TrustedRoot,
    allow_simulated: bool = False,
    caches: Caches | None = None,
    clock_allowance: timedelta = timedelta(0),
) -> AttestationResult:
    """Return the result for evidence as it was presented, whatever it is.

    Args:
        data: evidence, in a wrapper or without.
        endorse: finds what the evidence is verified with; may raise what ``verify`` raises.
        reference: what is demanded.
        at: the time to use as now, with time zone.
        root: the only root that is trusted.
        allow_simulated: whether that root may be one of simulated platforms.
        caches: results of earlier calls, owned by the caller.
        clock_allowance: how far in the future a document may begin.
    """
    try:
        evidence = Evidence.from_bytes(data)
    except MalformedError as exc:
        exc.step = VerificationStep.QUOTE.value
        exc.hint = exc.hint or _HINT
        return refused(exc, at=at, root=root)
    try:
        verified = verify(
            evidence,
            endorse(evidence),
            at=at,
            root=root,
            allow_simulated=allow_simulated,
            caches=caches,
            clock_allowance=clock_allowance,
            grace=reference.collateral_grace,
        )
    except (MalformedError, NotAuthenticError, UnavailableError) as exc:
        return refused(exc, at=at, root=root, evidence=evidence)
    return appraise(verified, reference, at=at)
