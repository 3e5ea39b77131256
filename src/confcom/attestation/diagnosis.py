# SPDX-License-Identifier: Apache-2.0
"""What there is to explain about a quote, also where its quoting enclave is on no level."""

from datetime import datetime, timedelta

from confcom import dcap
from confcom.dcap import (
    CertType,
    Collateral,
    EnclaveIdentity,
    PckCa,
    PckCertificate,
    PckExtension,
    Quote,
    TcbDiagnosis,
    TcbInfo,
    TrustedRoot,
    VerificationStep,
    parse_pem_chain,
)
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason


def diagnose(
    quote: Quote,
    collateral: Collateral,
    *,
    at: datetime,
    root: TrustedRoot,
    allow_simulated: bool = False,
    clock_allowance: timedelta = timedelta(0),
    grace: timedelta = timedelta(0),
) -> TcbDiagnosis:
    """Return what an explanation is made of.

    Does what ``confcom.dcap.diagnose`` does. A quoting enclave below every level of its identity
    ends verification in step 9, before the signature of the quote. By then collateral and PCK
    chain are verified and the QE report is signed by the platform: that much is returned, with a
    refusal whose step is ``qe_report``, and header and body of the quote remain a claim.

    Args:
        quote: parsed quote.
        collateral: what it is verified with.
        at: the time to use as now, with time zone.
        root: the only root that is trusted.
        allow_simulated: whether that root may be one of simulated platforms.
        clock_allowance: how far in the future a document may begin.
        grace: for how long TCB Info and QE identity are used after their nextUpdate.

    Raises:
        MalformedError: something does not parse.
        NotAuthenticError: the quote is refused for another reason than its TCB.
        UnavailableError: collateral or PCK chain are missing.
    """
    try:
        return dcap.diagnose(
            quote,
            collateral,
            at=at,
            root=root,
            allow_simulated=allow_simulated,
            clock_allowance=clock_allowance,
            grace=grace,
        )
    except NotAuthenticError as error:
        if error.reason is not Reason.TCB_NOT_SUPPORTED:
            raise
        return TcbDiagnosis(
            quote=quote,
            pck=_pck(quote, collateral),
            tcb_info=TcbInfo.from_bytes(collateral.tcb_info),
            qe_identity=EnclaveIdentity.from_bytes(collateral.qe_identity),
            tcb=None,
            refusal=error,
        )


def has_verified_body(diagnosis: TcbDiagnosis) -> bool:
    """Return whether the quote's own signature was checked, so that its body counts."""
    refusal = diagnosis.refusal
    return refusal is None or refusal.step != VerificationStep.QE_REPORT.value


def _pck(quote: Quote, collateral: Collateral) -> PckCertificate:
    """Return the PCK certificate; of a verified chain it is the only one that is no CA."""
    certification = quote.signature.certification
    is_inside = certification.type in {CertType.PCK_CHAIN, CertType.PCK_LEAF}
    chain = certification.data if is_inside else collateral.pck_certificate_chain or b""
    (leaf,) = (one for one in parse_pem_chain(chain) if not one.is_ca)
    return PckCertificate(
        leaf, PckExtension.from_der(leaf.sgx_extension or b""), PckCa.of_issuer(leaf.issuer_cn)
    )
