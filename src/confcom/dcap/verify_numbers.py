# SPDX-License-Identifier: Apache-2.0
"""Is this list of TCB evaluation data numbers authentic?

Source: Intel PCS REST specification, version 4, "Retrieve TCB Evaluation Data Numbers".
"""

from datetime import datetime, timedelta

from confcom.dcap import trust
from confcom.dcap.documents import SignedDocument, verify_document
from confcom.dcap.evaluation import EvaluationNumbers
from confcom.dcap.roots import TrustedRoot
from confcom.dcap.validity import Clock, Period, Validity
from confcom.reasons import Reason


def verify_evaluation_numbers(
    document: SignedDocument,
    issuer_chain: bytes,
    root_ca_crl: bytes,
    *,
    at: datetime,
    root: TrustedRoot,
    allow_simulated: bool = False,
) -> EvaluationNumbers:
    """Verify a list of TCB evaluation data numbers.

    Raises:
        MalformedError: something does not parse.
        NotAuthenticError: not authentic, or not valid at that time.
    """
    clock = Clock.at(at, allowance=timedelta(0), grace=timedelta(0))
    trust.check_root(root, allow_simulated=allow_simulated)
    crl = trust.root_crl(root_ca_crl, root)
    signer = trust.signing_certificate(issuer_chain, root, {})
    trust.check_not_revoked(signer, crl, Reason.CERT_REVOKED)
    what = "list of TCB evaluation data numbers"
    verify_document(document, signer, what=what, reason=Reason.EVALUATION_NUMBERS_SIGNATURE)
    numbers = EvaluationNumbers.from_bytes(document.content)
    period = Period(what, numbers.issue_date, numbers.next_update, Reason.COLLATERAL_EXPIRED)
    certificates = (Period.of_certificate(root.certificate), Period.of_certificate(signer))
    Validity((*certificates, Period.of_crl(crl), period)).check(clock)
    return numbers
