# SPDX-License-Identifier: Apache-2.0
"""Certificates of the SGX hierarchy (Intel SGX PCK Certificate and CRL profile; RFC 5280).

The ``cryptography`` package parses lazily: errors can appear whenever an attribute is touched.
So everything that is needed is touched once, in `Certificate.from_der`, and turned into one typed
refusal there.
"""

import binascii
import re
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason

MAX_CHAIN_BYTES: Final = 64 * 1024
MAX_CERTIFICATES: Final = 8
SGX_EXTENSION: Final = x509.ObjectIdentifier("1.2.840.113741.1.13.1")
ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())
LIBRARY_ERRORS: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UserWarning,
)
"""What the library raises for hostile bytes; warnings count where the caller made them errors."""
_KNOWN_CRITICAL: Final = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE})
# Possessive, because blanks could otherwise be divided in a quadratic number of ways.
_BLOCK: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]++)-----END CERTIFICATE-----"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What verification needs of a certificate; times are Unix seconds.

    Attributes:
        der: the certificate as received.
        subject: DER of the subject name.
        issuer: DER of the issuer name.
        subject_cn: common name of the subject.
        issuer_cn: common name of the issuer.
        serial: serial number.
        not_before: first second of validity.
        not_after: last second of validity.
        public_key: on P-256.
        spki_sha256: SHA-256 of the DER of the SubjectPublicKeyInfo.
        fingerprint: SHA-256 of the DER.
        is_ca: basic constraints.
        path_length: of a CA, or None.
        may_sign_certificates: key usage keyCertSign.
        may_sign_lists: key usage cRLSign.
        may_sign_data: key usage digitalSignature.
        sgx_extension: DER value of Intel's extension, or None.
    """

    der: bytes = field(repr=False)
    subject: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    subject_cn: str
    issuer_cn: str
    serial: int
    not_before: int
    not_after: int
    public_key: ec.EllipticCurvePublicKey = field(repr=False, compare=False)
    spki_sha256: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    is_ca: bool
    path_length: int | None
    may_sign_certificates: bool
    may_sign_lists: bool
    may_sign_data: bool
    sgx_extension: bytes | None = field(repr=False)
    signature: bytes = field(repr=False)
    tbs: bytes = field(repr=False)

    @classmethod
    def from_der(cls, data: bytes) -> Self:
        """Parse a certificate.

        Raises:
            MalformedError: not a certificate of the profile (reason ``cert_format``).
        """
        try:
            certificate = x509.load_der_x509_certificate(data)
            return cls(**_fields(certificate, data))  # type: ignore[arg-type]
        except LIBRARY_ERRORS as exc:
            raise MalformedError(
                Reason.CERT_FORMAT, f"cannot parse certificate: {_one_line(exc)}"
            ) from exc


def parse_pem_chain(
    data: bytes,
    *,
    most: int = MAX_CERTIFICATES,
    known: MutableMapping[bytes, Certificate] | None = None,
) -> tuple[Certificate, ...]:
    """Parse PEM certificates in the order of the text; NUL at the end and CRLF are accepted.

    Args:
        data: at most 64 KiB.
        most: how many certificates there may be.
        known: certificates by their DER that need not be parsed again; new ones are added.

    Raises:
        MalformedError: none, too many, or one that does not parse; text between the
            certificates (reason ``cert_format``).
    """
    if len(data) > MAX_CHAIN_BYTES:
        raise MalformedError(
            Reason.TOO_LARGE,
            f"certificate chain has {len(data)} bytes, more than the limit of {MAX_CHAIN_BYTES}",
        )
    certificates: list[Certificate] = []
    position = 0
    for match in _BLOCK.finditer(data):
        _refuse_text(data[position : match.start()])
        if len(certificates) == most:
            raise MalformedError(
                Reason.CERT_FORMAT, f"certificate chain has more than {most} certificates"
            )
        certificates.append(_parse(_decode(match[1]), known))
        position = match.end()
    _refuse_text(data[position:].rstrip(b"\x00"))
    if not certificates:
        raise MalformedError(Reason.CERT_FORMAT, "certificate chain holds no PEM certificate")
    return tuple(certificates)


def pem_from_der(der: bytes) -> bytes:
    """Return a certificate in PEM."""
    text = binascii.b2a_base64(der, newline=False)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join((b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""))


def verify_certificate(
    certificate: Certificate, issuer: Certificate, *, reason: Reason = Reason.CERT_SIGNATURE
) -> None:
    """Check that one certificate was issued by another: name, signature, the issuer's rights.

    Args:
        certificate: the one to check.
        issuer: the one that must have issued it; itself checked by the caller.
        reason: to give for a wrong signature; ``pck_chain`` within a PCK chain.

    Raises:
        NotAuthenticError: reason ``pck_chain``, or the given one.
    """
    if certificate.issuer != issuer.subject:
        raise NotAuthenticError(
            Reason.PCK_CHAIN,
            f'certificate "{certificate.subject_cn}" was issued by "{certificate.issuer_cn}", '
            f'not by "{issuer.subject_cn}"',
        )
    if not (issuer.is_ca and issuer.may_sign_certificates):
        raise NotAuthenticError(
            Reason.PCK_CHAIN,
            f'certificate "{issuer.subject_cn}" is no certification authority, yet issued '
            f'"{certificate.subject_cn}"',
        )
    try:
        issuer.public_key.verify(certificate.signature, certificate.tbs, ECDSA_SHA256)
    except InvalidSignature as exc:
        raise NotAuthenticError(
            reason,
            f'signature of certificate "{certificate.subject_cn}" was not made by '
            f'"{issuer.subject_cn}"',
        ) from exc


def _fields(certificate: x509.Certificate, data: bytes) -> dict[str, object]:
    if certificate.version is not x509.Version.v3:
        raise ValueError("version is not 3")
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise ValueError("signature algorithm is not ECDSA with SHA-256")
    serial = certificate.serial_number
    if serial <= 0:
        raise ValueError("serial number is not positive")
    public_key = certificate.public_key()
    is_p256 = isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(
        public_key.curve, ec.SECP256R1
    )
    if not is_p256:
        raise ValueError("public key is not on P-256")
    extensions = {extension.oid: extension for extension in certificate.extensions}
    for oid, extension in extensions.items():
        if extension.critical and oid not in _KNOWN_CRITICAL:
            raise ValueError(f"critical extension {oid.dotted_string} is not known")
    constraints, usage = _constraints(extensions), _usage(extensions)
    sgx = extensions.get(SGX_EXTENSION)
    spki = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "der": data,
        "subject": certificate.subject.public_bytes(),
        "issuer": certificate.issuer.public_bytes(),
        "subject_cn": common_name(certificate.subject),
        "issuer_cn": common_name(certificate.issuer),
        "serial": serial,
        "not_before": int(certificate.not_valid_before_utc.timestamp()),
        "not_after": int(certificate.not_valid_after_utc.timestamp()),
        "public_key": public_key,
        "spki_sha256": sha256(spki).digest(),
        "fingerprint": sha256(data).digest(),
        "is_ca": constraints.ca,
        "path_length": constraints.path_length,
        "may_sign_certificates": usage.key_cert_sign,
        "may_sign_lists": usage.crl_sign,
        "may_sign_data": usage.digital_signature,
        "sgx_extension": sgx.value.value
        if sgx is not None and isinstance(sgx.value, x509.UnrecognizedExtension)
        else None,
        "signature": certificate.signature,
        "tbs": certificate.tbs_certificate_bytes,
    }


def _constraints(
    extensions: dict[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]],
) -> x509.BasicConstraints:
    extension = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    if extension is None or not isinstance(extension.value, x509.BasicConstraints):
        raise ValueError("basic constraints are missing")
    return extension.value


def _usage(
    extensions: dict[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]],
) -> x509.KeyUsage:
    extension = extensions.get(ExtensionOID.KEY_USAGE)
    if extension is None or not isinstance(extension.value, x509.KeyUsage):
        raise ValueError("key usage is missing")
    return extension.value


def common_name(name: x509.Name) -> str:
    """Return the only common name of a name.

    Raises:
        ValueError: none, or several.
    """
    attributes = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(attributes) != 1 or not isinstance(attributes[0].value, str):
        raise ValueError("name has not exactly one common name")
    return attributes[0].value


def _parse(der: bytes, known: MutableMapping[bytes, Certificate] | None) -> Certificate:
    if known is None:
        return Certificate.from_der(der)
    if der not in known:
        known[der] = Certificate.from_der(der)
    return known[der]


def _decode(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(b"".join(text.split()), strict_mode=True)
    except binascii.Error as exc:
        raise MalformedError(
            Reason.CERT_FORMAT, f"cannot decode PEM certificate: {_one_line(exc)}"
        ) from exc


def _refuse_text(between: bytes) -> None:
    if between.strip():
        raise MalformedError(
            Reason.CERT_FORMAT,
            f"certificate chain has {len(between.strip())} bytes that are no PEM certificate",
        )


def _one_line(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:200] or type(exc).__name__
