# SPDX-License-Identifier: Apache-2.0
"""Certificates and revocation lists under a root that says SIMULATED.

Every subject name carries the word SIMULATED in its common name and its organization; the
phrases that verifiers look for ("SGX Root CA", "SGX PCK Certificate", …) follow it, so that
other implementations accept the certificates when, and only when, they are given the root.

Sources: Intel SGX PCK Certificate and CRL profile specification; RFC 5280.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from confcom.simulation._ecdsa import new_key

ROOT_NAME: Final = "SIMULATED SGX Root CA"
PLATFORM_CA_NAME: Final = "SIMULATED SGX PCK Platform CA"
PROCESSOR_CA_NAME: Final = "SIMULATED SGX PCK Processor CA"
TCB_SIGNING_NAME: Final = "SIMULATED SGX TCB Signing"
PCK_NAME: Final = "SIMULATED SGX PCK Certificate"

_ORGANIZATION: Final = "confcom SIMULATED hardware"
_CRL_HOST: Final = "https://simulated.invalid/"  # RFC 2606: never resolves
_SGX_EXTENSION: Final = x509.ObjectIdentifier("1.2.840.113741.1.13.1")


@dataclass(frozen=True, slots=True, eq=False)
class CertifiedKey:
    """A private key and the certificate that speaks of it."""

    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM, with a final newline."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def serial(self) -> int:
        """The certificate's serial number."""
        return self.certificate.serial_number

    @property
    def common_name(self) -> str:
        """The common name in the certificate's subject."""
        return _common_name(self.certificate.subject)

    @property
    def issuer_name(self) -> str:
        """The common name of the certificate's issuer."""
        return _common_name(self.certificate.issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """An entry of a revocation list.

    Attributes:
        issuer: common name of the authority that issued the certificate.
        serial: serial number of the certificate.
        revoked_at: when; to the second.
        reason: RFC 5280, clause 5.3.1.
    """

    issuer: str
    serial: int
    revoked_at: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise


def issue_authority(
    name: str,
    *,
    issuer: CertifiedKey | None,
    path_length: int,
    not_before: datetime,
    not_after: datetime,
) -> CertifiedKey:
    """Return a new key with a CA certificate; self-signed without an issuer.

    Args:
        name: common name of the subject.
        issuer: None for a root.
        path_length: intermediates allowed below: 1 for a root, 0 for an intermediate.
        not_before: first second of validity.
        not_after: last second of validity.
    """
    return _issue(
        name,
        issuer,
        (
            (_key_usage(is_ca=True), True),
            (x509.BasicConstraints(ca=True, path_length=path_length), True),
        ),
        not_before,
        not_after,
    )


def issue_leaf(
    name: str,
    *,
    issuer: CertifiedKey,
    not_before: datetime,
    not_after: datetime,
    sgx_extension: bytes | None = None,
) -> CertifiedKey:
    """Return a new key with an end-entity certificate.

    Args:
        name: common name of the subject.
        issuer: an intermediate for PCK certificates, the root for TCB signing.
        not_before: first second of validity.
        not_after: last second of validity.
        sgx_extension: DER of the SGX extension of a PCK certificate.
    """
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (_key_usage(is_ca=False), True),
        (x509.BasicConstraints(ca=False, path_length=None), True),
    ]
    if sgx_extension is not None:
        extensions.append((x509.UnrecognizedExtension(_SGX_EXTENSION, sgx_extension), False))
    return _issue(name, issuer, extensions, not_before, not_after)


def issue_crl(
    issuer: CertifiedKey,
    revocations: Iterable[Revocation],
    *,
    this_update: datetime,
    next_update: datetime,
    number: int = 1,
) -> bytes:
    """Return a version 2 revocation list in DER: the entries of ``issuer``, number, AKI.

    Args:
        issuer: signs the list.
        revocations: entries of other issuers are left out.
        this_update: first second of validity.
        next_update: last second of validity.
        number: CRL number; Intel's lists always have 1.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_authority_key_identifier(issuer), critical=False)
    )
    for entry in revocations:
        if entry.issuer == issuer.common_name:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(entry.serial)
                .revocation_date(entry.revoked_at)
                .add_extension(x509.CRLReason(entry.reason), critical=False)
                .build()
            )
    return builder.sign(issuer.key, SHA256()).public_bytes(Encoding.DER)


def _issue(
    name: str,
    issuer: CertifiedKey | None,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
    not_before: datetime,
    not_after: datetime,
) -> CertifiedKey:
    key = new_key()
    subject = _name(name)
    public_key = key.public_key()
    identifier = (
        _authority_key_identifier(issuer)
        if issuer
        else x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key)
    )
    crl_name = issuer.common_name if issuer else name
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(identifier, critical=False)
        .add_extension(_crl_distribution_point(crl_name), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return CertifiedKey(key, builder.sign(issuer.key if issuer else key, SHA256()))


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Nowhere"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "NA"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"),
        ]
    )


def _common_name(name: x509.Name) -> str:
    (attribute,) = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(attribute.value)


def _authority_key_identifier(issuer: CertifiedKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _crl_distribution_point(issuer_name: str) -> x509.CRLDistributionPoints:
    address = f"{_CRL_HOST}{issuer_name.replace(' ', '-')}.crl"
    point = x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(address)],
        relative_name=None,
        reasons=None,
        crl_issuer=None,
    )
    return x509.CRLDistributionPoints([point])


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=not is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
