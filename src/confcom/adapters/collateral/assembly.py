# SPDX-License-Identifier: Apache-2.0
"""Which documents a quote needs, and how they are put together for the verifier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.requests import (
    QE_ID_BYTES,
    STANDARD,
    Edition,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    SignedRequest,
    TcbInfoRequest,
)
from confcom.dcap import (
    Certificate,
    CertType,
    Collateral,
    PckCa,
    PckExtension,
    Quote,
    TeeType,
    parse_pem_chain,
    split_envelope,
)
from confcom.dcap.sections import PPID_TABLES
from confcom.errors import MalformedError
from confcom.reasons import Reason


@dataclass(frozen=True, slots=True)
class Platform:
    """What decides which collateral verifies a quote.

    Attributes:
        tee: SGX or TDX.
        fmspc: 6 bytes.
        ca: the intermediate that certified it.
    """

    tee: TeeType
    fmspc: bytes
    ca: PckCa


def requests_for(platform: Platform, edition: Edition = STANDARD) -> tuple[SignedRequest, ...]:
    """Return the four documents that verify the quotes of a platform."""
    return (
        RootCaCrlRequest(),
        PckCrlRequest(platform.ca),
        TcbInfoRequest(platform.tee, platform.fmspc, edition),
        QeIdentityRequest(platform.tee, edition),
    )


def platform_of_quote(quote: Quote) -> Platform | PckCertificateRequest:
    """Return the platform that a quote says it comes from, or what to ask to find out.

    Nothing is verified: the chain in the quote may be anybody's.

    Raises:
        MalformedError: the certificates in it do not parse.
    """
    certification = quote.signature.certification
    if certification.type in {CertType.PCK_CHAIN, CertType.PCK_LEAF}:
        return platform_of_chain(certification.data, quote.header.tee_type)
    table = PPID_TABLES.get((certification.type, len(certification.data)))
    if table is None:
        raise MalformedError(
            Reason.QUOTE_FORMAT,
            f"cannot find the platform of the quote: certification data of type "
            f"{certification.type} has {len(certification.data)} bytes",
        )
    raw = {field.name: certification.data[field.offset : field.end] for field in table.fields}
    return PckCertificateRequest(
        quote.header.user_data[:QE_ID_BYTES],
        raw["cpu_svn"],
        int.from_bytes(raw["pce_svn"], "little"),
        # The old form of type 1 leaves out the PCE id, which is zero on all platforms so far.
        raw.get("pce_id", bytes(2)),
        # Under the older, smaller key (type 2) the services do not take it.
        raw["encrypted_ppid"] if certification.type is CertType.PPID_RSA3072 else None,
    )


def platform_of_chain(chain: bytes, tee: TeeType) -> Platform:
    """Return the platform of a PCK certificate.

    Args:
        chain: PEM, in any order; the leaf is the one with the SGX extension.
        tee: SGX or TDX.

    Raises:
        MalformedError: it does not parse, or holds no PCK certificate or several.
    """
    leaf = _pck_leaf(parse_pem_chain(chain))
    extension = PckExtension.from_der(leaf.sgx_extension or b"")
    return Platform(tee, extension.fmspc, PckCa.of_issuer(leaf.issuer_cn))


def ca_of_chain(chain: bytes) -> PckCa:
    """Return which intermediate an issuer chain of a PCK CRL is of.

    Args:
        chain: PEM.

    Raises:
        MalformedError: it does not parse, or neither intermediate is in it.
    """
    for certificate in parse_pem_chain(chain):
        if certificate.subject != certificate.issuer:
            return PckCa.of_issuer(certificate.subject_cn)
    raise MalformedError(
        Reason.CERT_FORMAT, "the issuer chain of the PCK CRL holds no intermediate certificate"
    )


def assemble(
    answers: Mapping[SignedRequest, Answer], *, pck_certificate_chain: bytes | None = None
) -> Collateral:
    """Return the collateral that the answers of `requests_for` make.

    Args:
        answers: an answer for each of the four requests.
        pck_certificate_chain: PEM, for quotes that do not carry it.

    Raises:
        MalformedError: an answer is not the document that was asked for.
    """
    root_ca_crl, pck_crl, tcb_info, qe_identity = (
        _only(answers, kind)
        for kind in (RootCaCrlRequest, PckCrlRequest, TcbInfoRequest, QeIdentityRequest)
    )
    info = split_envelope(tcb_info.body, "tcbInfo")
    identity = split_envelope(qe_identity.body, "enclaveIdentity")
    return Collateral(
        root_ca_crl=root_ca_crl.body,
        pck_crl=pck_crl.body,
        pck_crl_issuer_chain=pck_crl.issuer_chain or b"",
        tcb_info_issuer_chain=tcb_info.issuer_chain or b"",
        qe_identity_issuer_chain=qe_identity.issuer_chain or b"",
        tcb_info=info.content,
        tcb_info_signature=info.signature.hex().encode(),
        qe_identity=identity.content,
        qe_identity_signature=identity.signature.hex().encode(),
        pck_certificate_chain=pck_certificate_chain,
    )


def with_pck_chain(collateral: Collateral, quote: Quote) -> Collateral:
    """Return the collateral with the PCK chain of a quote that carries the leaf alone."""
    certification = quote.signature.certification
    if certification.type is not CertType.PCK_LEAF or collateral.pck_certificate_chain is not None:
        return collateral
    chain = certification.data.rstrip(b"\0\r\n") + b"\n" + collateral.pck_crl_issuer_chain
    return replace(collateral, pck_certificate_chain=chain)


def _only(answers: Mapping[SignedRequest, Answer], kind: type[SignedRequest]) -> Answer:
    return next(answer for request, answer in answers.items() if isinstance(request, kind))


def _pck_leaf(certificates: Sequence[Certificate]) -> Certificate:
    leaves = [each for each in certificates if each.sgx_extension is not None]
    if len(leaves) != 1:
        raise MalformedError(
            Reason.CERT_FORMAT, f"the PCK chain holds {len(leaves)} PCK certificates, expected 1"
        )
    return leaves[0]
