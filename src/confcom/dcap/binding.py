# SPDX-License-Identifier: Apache-2.0
"""What binds a quote to its platform: the collateral's subject, the QE report, the signatures."""

from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature

from confcom.dcap._ecdsa import ECDSA_SHA256_DIGEST, der_signature, load_public_key
from confcom.dcap.caches import MEMO_ENTRIES, VerifiedChain, VerifiedCollateral, VerifiedKey
from confcom.dcap.header import TeeType
from confcom.dcap.identity import EnclaveIdentity, IdentityLevel
from confcom.dcap.pck import PckCertificate
from confcom.dcap.quote import Quote
from confcom.dcap.tcb import check_module, choose_identity_level
from confcom.dcap.td_report import TdReport
from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason
from confcom.sgx import REPORT_BODY, ReportBody

_SGX: Final = TeeType.SGX
_REPORT_DATA: Final = REPORT_BODY.offset_of("report_data")


def check_platform(quote: Quote, trusted: VerifiedCollateral, pck: PckCertificate) -> None:
    """Check that collateral is for the quote's platform and TEE, and the TDX module is expected.

    Raises:
        NotAuthenticError: reasons ``tcb_info_mismatch``, ``qe_identity_mismatch``,
            ``tdx_module_mismatch``.
    """
    info, extension = trusted.tcb_info, pck.extension
    tee = "SGX" if quote.header.tee_type is _SGX else "TDX"
    expected: tuple[str | bytes, ...] = (tee, extension.fmspc, extension.pce_id)
    found: tuple[str | bytes, ...] = (info.id, info.fmspc, info.pce_id)
    if expected != found:
        what, wanted, given = next(
            row
            for row in zip(("id", "FMSPC", "PCEID"), expected, found, strict=True)
            if row[1] != row[2]
        )
        raise NotAuthenticError(
            Reason.TCB_INFO_MISMATCH,
            f"TCB Info is for {what} {_words(given)}, the quote's platform has {_words(wanted)}",
            hint="this collateral belongs to another kind of platform; fetch that of the quote",
        )
    expected_id = "QE" if tee == "SGX" else "TD_QE"
    if trusted.qe_identity.id != expected_id:
        raise NotAuthenticError(
            Reason.QE_IDENTITY_MISMATCH,
            f"QE identity is of {trusted.qe_identity.id}, a {tee} quote needs {expected_id}",
            hint="fetch the identity that goes with the quote's TEE",
        )
    if isinstance(quote.body, TdReport):
        check_module(info, quote.body)


def verify_qe_report(
    quote: Quote, trusted: VerifiedCollateral, chain: VerifiedChain
) -> VerifiedKey:
    """Return the attestation key that the quoting enclave vouches for.

    The QE report is signed by the PCK key, its report data begins with SHA-256(attestation key ‖
    authentication data), and its identity is the expected one.

    Raises:
        MalformedError: reason ``att_key_invalid``.
        NotAuthenticError: reasons ``signature_encoding``, ``qe_report_signature``,
            ``qe_report_data``, ``qe_debug``, ``qe_identity_mismatch``, ``tcb_not_supported``.
    """
    signature = quote.signature
    encoded = der_signature(signature.qe_report_signature)
    if encoded is None:
        raise NotAuthenticError(
            Reason.SIGNATURE_ENCODING, "signature of the QE report has a number out of range"
        )
    try:
        chain.pck.certificate.public_key.verify(
            encoded, sha256(signature.qe_report).digest(), ECDSA_SHA256_DIGEST
        )
    except InvalidSignature as exc:
        raise NotAuthenticError(
            Reason.QE_REPORT_SIGNATURE,
            "QE report is not signed by the PCK key of the quote's platform",
        ) from exc
    digest = sha256(signature.attestation_key + signature.auth_data).digest()
    found = signature.qe_report[_REPORT_DATA : _REPORT_DATA + len(digest)]
    if found != digest:
        raise NotAuthenticError(
            Reason.QE_REPORT_DATA,
            f"QE report vouches for another attestation key: expected {digest.hex()}, "
            f"found {found.hex()}",
        )
    public_key = load_public_key(signature.attestation_key)
    if public_key is None:
        raise MalformedError(
            Reason.ATT_KEY_INVALID, "attestation key of the quote is not a point on P-256"
        )
    return VerifiedKey(
        public_key=public_key,
        qe_level=_qe_level(signature.qe_report, trusted),
        expires=min(trusted.expires, chain.expires),
    )


def _qe_level(qe_report: bytes, trusted: VerifiedCollateral) -> IdentityLevel:
    enclave = qe_report[:_REPORT_DATA]  # many keys have the same quoting enclave
    level = trusted.qe_levels.get(enclave)
    if level is None:
        level = _judge_qe(qe_report, trusted.qe_identity)
        if len(trusted.qe_levels) < MEMO_ENTRIES:
            trusted.qe_levels[enclave] = level
    return level


def _judge_qe(raw: bytes, identity: EnclaveIdentity) -> IdentityLevel:
    report = ReportBody.from_bytes(raw)
    if report.is_debug:
        raise NotAuthenticError(Reason.QE_DEBUG, "quoting enclave is a debug enclave")
    for what, found, expected in (
        ("MISCSELECT", _masked(raw[16:20], identity.misc_select_mask), identity.misc_select),
        ("ATTRIBUTES", _masked(raw[48:64], identity.attributes_mask), identity.attributes),
        ("MRSIGNER", report.mr_signer, identity.mr_signer),
        ("ISVPRODID", report.isv_prod_id, identity.isv_prod_id),
    ):
        if found != expected:
            raise NotAuthenticError(
                Reason.QE_IDENTITY_MISMATCH,
                f"quoting enclave has {what} {_words(found)}, expected {_words(expected)}",
            )
    level = choose_identity_level(identity.levels, report.isv_svn)
    if level is None:
        raise NotAuthenticError(
            Reason.TCB_NOT_SUPPORTED,
            f"quoting enclave has ISVSVN {report.isv_svn}, below every level of its identity "
            f"(lowest is {identity.levels[-1].isv_svn})",
            hint="update the quoting enclave of the host",
        )
    return level


def check_quote_signature(quote: Quote, attested: VerifiedKey) -> None:
    """Check that the attestation key signed header and body.

    Raises:
        NotAuthenticError: reasons ``signature_encoding``, ``quote_signature``.
    """
    encoded = der_signature(quote.signature.signature)
    if encoded is None:
        raise NotAuthenticError(
            Reason.SIGNATURE_ENCODING, "signature of the quote has a number out of range"
        )
    try:
        attested.public_key.verify(encoded, sha256(quote.signed).digest(), ECDSA_SHA256_DIGEST)
    except InvalidSignature as exc:
        raise NotAuthenticError(
            Reason.QUOTE_SIGNATURE,
            "quote is not signed by its attestation key: header or body were changed",
        ) from exc


def _masked(value: bytes, mask: bytes) -> bytes:
    common = int.from_bytes(value, "big") & int.from_bytes(mask, "big")
    return common.to_bytes(len(value), "big")


def _words(value: str | bytes | int) -> str:
    return value.hex().upper() if isinstance(value, bytes) else str(value)
