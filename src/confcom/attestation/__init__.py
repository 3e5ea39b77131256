# SPDX-License-Identifier: Apache-2.0
"""Is evidence authentic, is it acceptable, and if not, what is missing?

``verify`` answers the first question, ``appraise`` the second. ``confcom.attestation.explain``
answers the third; it is a module of its own, so that programs that do not explain do not load it.
"""

from confcom.attestation._values import ANY_STATUS
from confcom.attestation.appraisal import appraise
from confcom.attestation.claims import claims_of, describe
from confcom.attestation.endorsements import Endorsements
from confcom.attestation.evidence import Evidence, EvidenceType
from confcom.attestation.judgement import judge
from confcom.attestation.reference import (
    TABLE,
    Applies,
    Arity,
    ReferenceValue,
    ReferenceValues,
    read_reference,
)
from confcom.attestation.refusal import refused
from confcom.attestation.result import (
    SCHEMA_VERSION,
    AttestationResult,
    Check,
    CheckOutcome,
    TcbSummary,
)
from confcom.attestation.verification import verify

__all__ = [
    "ANY_STATUS",
    "SCHEMA_VERSION",
    "TABLE",
    "Applies",
    "Arity",
    "AttestationResult",
    "Check",
    "CheckOutcome",
    "Endorsements",
    "Evidence",
    "EvidenceType",
    "ReferenceValue",
    "ReferenceValues",
    "TcbSummary",
    "appraise",
    "claims_of",
    "describe",
    "judge",
    "read_reference",
    "refused",
    "verify",
]
