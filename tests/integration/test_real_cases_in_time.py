# SPDX-License-Identifier: Apache-2.0
"""Recorded real quotes one second before and after all they are verified with is valid.

The dates are read here by other means than in the program: the certificates and lists by the
cryptography package, the documents as plain JSON.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from tests.vectors.cases import Case, read_cases

from confcom.dcap import Caches, CertType, Collateral, Quote, verify
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason

SECOND = timedelta(seconds=1)
Span = tuple[datetime, datetime, Reason]
pytestmark = pytest.mark.timeout(30)


def spans(case: Case) -> list[Span]:
    """Return first and last second of all that a case is verified with."""
    bundle = json.loads(case.collateral)
    certification = Quote.from_bytes(case.quote).signature.certification
    chains = [bundle[name].encode() for name in bundle if name.endswith("_chain")]
    if certification.type is CertType.PCK_CHAIN:
        chains.append(certification.data.rstrip(b"\0"))
    certificates = [one for chain in chains for one in x509.load_pem_x509_certificates(chain)]
    pinned = (case.folder / "roots" / f"{case.record['root']}.pem").read_bytes()
    certificates = [one for one in certificates if one.subject != one.issuer]
    certificates.append(x509.load_pem_x509_certificate(pinned))
    found = [
        (one.not_valid_before_utc, one.not_valid_after_utc, Reason.CERT_EXPIRED)
        for one in certificates
    ]
    for name in ("root_ca_crl", "pck_crl"):
        crl = x509.load_der_x509_crl(bytes.fromhex(bundle[name]))
        assert crl.next_update_utc is not None
        found.append((crl.last_update_utc, crl.next_update_utc, Reason.CRL_EXPIRED))
    for name in ("tcb_info", "qe_identity"):
        document = json.loads(bundle[name])
        first, last = (
            datetime.fromisoformat(document[date]) for date in ("issueDate", "nextUpdate")
        )
        found.append((first, last, Reason.COLLATERAL_EXPIRED))
    return found


def reason_at(case: Case, at: datetime, caches: Caches | None) -> Reason | None:
    """Return the reason of the refusal at a time."""
    collateral = Collateral.from_json(case.collateral)
    try:
        verify(case.quote, collateral, at=at, root=case.root, caches=caches)
    except NotAuthenticError as error:
        return error.reason
    return None


@pytest.mark.parametrize("warm", [False, True])
def test_real_cases_are_refused_outside_of_their_time(dcap_vectors: Path, warm: bool) -> None:
    cases = [
        case
        for case in read_cases(dcap_vectors)
        if case.record["origin"] == "real" and case.expect["verdict"] == "accept"
    ]
    assert cases
    for case in cases:
        caches = Caches() if warm else None
        assert reason_at(case, case.at, caches) is None, case.id
        dates = spans(case)
        earliest, latest = min(span[0] for span in dates), max(span[0] for span in dates)
        end = min(span[1] for span in dates)
        late = {reason for _, last, reason in dates if last == end}
        assert reason_at(case, latest, caches) is None, case.id
        assert reason_at(case, end, caches) is None, case.id
        for at in (earliest - SECOND, latest - SECOND):
            assert reason_at(case, at, caches) is Reason.NOT_YET_VALID, case.id
        assert reason_at(case, end + SECOND, caches) in late, case.id
        assert reason_at(case, case.at, caches) is None, case.id
