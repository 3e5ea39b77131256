# SPDX-License-Identifier: Apache-2.0
"""Chains: which certificates lead from a root to a document, a list, a PCK certificate.

Certificates are chosen by their names, never by their position, and the pinned root is used in
place of any root that a chain carries.
"""

from collections.abc import MutableMapping, Sequence
from typing import Final

from confcom.dcap.certificates import Certificate, parse_pem_chain, verify_certificate
from confcom.dcap.collateral import Collateral
from confcom.dcap.crl import Crl, verify_crl
from confcom.dcap.pck import PckCa, PckCertificate, PckExtension
from confcom.dcap.roots import SIMULATED, TrustedRoot
from confcom.dcap.signature import CertificationData, CertType
from confcom.errors import MalformedError, NotAuthenticError, UnavailableError
from confcom.reasons import Reason

TCB_SIGNING: Final = "SGX TCB Signing"
PCK: Final = "SGX PCK Certificate"
Known = MutableMapping[bytes, Certificate]
"""Certificates by DER that one verification has parsed already: a root comes three times."""

_ALLOW: Final = (
    "simulated evidence proves nothing; to accept it in a test give both --root FILE and "
    "--allow-simulated"
)


def check_root(root: TrustedRoot, *, allow_simulated: bool) -> None:
    """Refuse a simulated root that was not asked for twice.

    Raises:
        NotAuthenticError: reason ``simulated_root``.
    """
    if root.is_simulated and not allow_simulated:
        raise NotAuthenticError(
            Reason.SIMULATED_ROOT, f'root "{root.name}" is of a simulator', hint=_ALLOW
        )


def signing_certificate(chain: bytes, root: TrustedRoot, known: Known) -> Certificate:
    """Return the verified TCB Signing certificate of an issuer chain.

    Raises:
        MalformedError: reason ``cert_format``.
        NotAuthenticError: reasons ``untrusted_root``, ``simulated_root``, ``cert_signature``.
    """
    signer = _one_below_root(chain, root, known, "issuer chain of a signed document")
    if TCB_SIGNING not in signer.subject_cn or signer.is_ca or not signer.may_sign_data:
        raise MalformedError(
            Reason.CERT_FORMAT,
            f'document is signed by "{signer.subject_cn}", expected an "{TCB_SIGNING}" certificate',
        )
    verify_certificate(signer, root.certificate)
    return signer


def intermediate_certificate(chain: bytes, root: TrustedRoot, known: Known) -> Certificate:
    """Return the verified PCK CA of an issuer chain.

    Raises:
        MalformedError: reason ``cert_format``.
        NotAuthenticError: reasons ``untrusted_root``, ``simulated_root``, ``pck_chain``,
            ``cert_signature``.
    """
    intermediate = _one_below_root(chain, root, known, "issuer chain of the PCK revocation list")
    PckCa.of_issuer(intermediate.subject_cn)
    verify_certificate(intermediate, root.certificate)
    return intermediate


def pck_chain(
    certification: CertificationData, collateral: Collateral, known: Known
) -> tuple[Certificate, ...]:
    """Return the certificates that come with a quote, or from outside where it carries none.

    Raises:
        MalformedError: reason ``cert_format``.
        UnavailableError: reason ``pck_missing``.
    """
    if certification.type is CertType.PCK_CHAIN:
        return parse_pem_chain(certification.data, known=known)
    if collateral.pck_certificate_chain is None:
        raise UnavailableError(
            Reason.PCK_MISSING,
            f"quote carries no PCK chain (certification data type {int(certification.type)}) "
            "and none was supplied",
            hint="put pck_certificate_chain into the collateral, or fetch it from the PCCS of "
            "the platform",
        )
    outside = parse_pem_chain(collateral.pck_certificate_chain, known=known)
    if certification.type is not CertType.PCK_LEAF:
        return outside
    inside = parse_pem_chain(certification.data, known=known)
    return (*inside, *(one for one in outside if one.der not in {own.der for own in inside}))


def pck_certificate(
    certificates: Sequence[Certificate], root: TrustedRoot
) -> tuple[PckCertificate, Certificate]:
    """Return the verified PCK certificate of a chain and the CA that issued it.

    Raises:
        MalformedError: reasons ``cert_format``, ``pck_extension``.
        NotAuthenticError: reasons ``pck_chain``, ``untrusted_root``, ``simulated_root``,
            ``cert_signature``.
    """
    others = _without_root(certificates, root)
    leaves = [one for one in others if PCK in one.subject_cn]
    if len(leaves) != 1:
        raise NotAuthenticError(
            Reason.PCK_CHAIN, f"PCK chain holds {len(leaves)} PCK certificates, expected one"
        )
    leaf = leaves[0]
    issuers = [one for one in others if one is not leaf]
    if len(issuers) != 1 or issuers[0].subject != leaf.issuer:
        raise NotAuthenticError(
            Reason.PCK_CHAIN,
            f"PCK chain holds {len(issuers)} certificates beside the PCK certificate and the "
            f'root, expected one: "{leaf.issuer_cn}"',
        )
    issuer = issuers[0]
    _refuse_foreign(
        issuer.issuer_cn, root, issuer.subject_cn, is_own=issuer.issuer == root.certificate.subject
    )
    verify_certificate(issuer, root.certificate, reason=Reason.PCK_CHAIN)
    verify_certificate(leaf, issuer, reason=Reason.PCK_CHAIN)
    if leaf.is_ca or not leaf.may_sign_data:
        raise NotAuthenticError(
            Reason.PCK_CHAIN, f'PCK certificate "{leaf.subject_cn}" has the rights of a CA'
        )
    if leaf.sgx_extension is None:
        raise MalformedError(
            Reason.PCK_EXTENSION, f'PCK certificate "{leaf.subject_cn}" has no SGX extension'
        )
    extension = PckExtension.from_der(leaf.sgx_extension)
    return PckCertificate(leaf, extension, PckCa.of_issuer(leaf.issuer_cn)), issuer


def root_crl(data: bytes, root: TrustedRoot) -> Crl:
    """Return the verified revocation list of a root.

    Raises:
        MalformedError: reason ``crl_format``.
        NotAuthenticError: reasons ``crl_issuer``, ``crl_signature``.
    """
    crl = Crl.from_bytes(data)
    verify_crl(crl, root.certificate)
    return crl


def check_not_revoked(certificate: Certificate, crl: Crl, reason: Reason) -> None:
    """Check that a list does not name a certificate.

    Raises:
        NotAuthenticError: the given reason, ``cert_revoked`` or ``pck_revoked``.
    """
    if certificate.issuer == crl.issuer and crl.revokes(certificate.serial):
        raise NotAuthenticError(
            reason,
            f'certificate "{certificate.subject_cn}" (serial {certificate.serial:x}) is revoked '
            f'by "{crl.issuer_cn}"',
            hint="its key may be known to others; no setting accepts it",
        )


def _one_below_root(chain: bytes, root: TrustedRoot, known: Known, what: str) -> Certificate:
    others = _without_root(parse_pem_chain(chain, known=known), root)
    if len(others) != 1:
        raise MalformedError(
            Reason.CERT_FORMAT,
            f"{what} holds {len(others)} certificates beside the root, expected one",
        )
    certificate = others[0]
    _refuse_foreign(
        certificate.issuer_cn,
        root,
        certificate.subject_cn,
        is_own=certificate.issuer == root.certificate.subject,
    )
    return certificate


def _without_root(certificates: Sequence[Certificate], root: TrustedRoot) -> list[Certificate]:
    others = []
    for certificate in certificates:
        if certificate.subject != certificate.issuer:
            others.append(certificate)
            continue
        _refuse_foreign(
            certificate.subject_cn,
            root,
            certificate.subject_cn,
            is_own=certificate.subject == root.certificate.subject
            and certificate.spki_sha256 == root.certificate.spki_sha256,
        )
    if len(certificates) - len(others) > 1:
        raise NotAuthenticError(Reason.PCK_CHAIN, "certificate chain holds several roots")
    return others


def _refuse_foreign(issuer_cn: str, root: TrustedRoot, subject_cn: str, *, is_own: bool) -> None:
    if is_own:
        return
    if SIMULATED in issuer_cn and not root.is_simulated:
        raise NotAuthenticError(
            Reason.SIMULATED_ROOT,
            f'"{subject_cn}" comes from a simulator ("{issuer_cn}"), trusted is "{root.name}"',
            hint=_ALLOW,
        )
    raise NotAuthenticError(
        Reason.UNTRUSTED_ROOT,
        f'"{subject_cn}" leads to "{issuer_cn}", which is not the trusted root "{root.name}" '
        "(name or key differ)",
        hint="name the root that you trust with --root FILE",
    )
