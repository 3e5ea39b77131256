# SPDX-License-Identifier: Apache-2.0
"""Verification: is this evidence authentic? The way in for evidence of every kind."""

from datetime import datetime, timedelta
from typing import assert_never

from confcom import dcap
from confcom.attestation.endorsements import Endorsements
from confcom.attestation.evidence import Evidence, EvidenceType


def verify(
    evidence: Evidence,
    endorsements: Endorsements,
    *,
    at: datetime,
    root: dcap.TrustedRoot,
    allow_simulated: bool = False,
    caches: dcap.Caches | None = None,
    clock_allowance: timedelta = timedelta(0),
    grace: timedelta = timedelta(0),
) -> dcap.VerifiedQuote:
    """Return verified evidence, which is authentic but not yet acceptable to anyone.

    Args:
        evidence: what was presented.
        endorsements: what it is verified with.
        at: the time to use as now, with time zone.
        root: the only root that is trusted.
        allow_simulated: whether that root may be one of simulated platforms.
        caches: results of earlier calls, owned by the caller.
        clock_allowance: how far in the future a document may begin.
        grace: for how long TCB Info and QE identity are used after their nextUpdate.

    Raises:
        MalformedError: something does not parse.
        NotAuthenticError: the evidence is not genuine, or cannot be shown to be.
        UnavailableError: material is missing.
    """
    match evidence.type:
        case EvidenceType.SGX_QUOTE | EvidenceType.TDX_QUOTE:
            return dcap.verify(
                evidence.quote,
                endorsements.collateral,
                at=at,
                root=root,
                allow_simulated=allow_simulated,
                caches=caches,
                clock_allowance=clock_allowance,
                grace=grace,
            )
        case _:
            assert_never(evidence.type)
