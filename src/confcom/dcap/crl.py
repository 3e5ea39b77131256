# SPDX-License-Identifier: Apache-2.0
"""Certificate revocation lists of the SGX hierarchy (RFC 5280, clause 5; Intel's CRL profile)."""

import binascii
import re
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtensionOID, SignatureAlgorithmOID

from confcom.dcap.certificates import ECDSA_SHA256, LIBRARY_ERRORS, Certificate, common_name
from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason

MAX_CRL_BYTES: Final = 1024 * 1024
_MAX_TEXT_BYTES: Final = 2 * MAX_CRL_BYTES + 4096
# Possessive, because blanks could otherwise be divided in a quadratic number of ways.
_PEM: Final = re.compile(
    rb"\s*+-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]++)-----END X509 CRL-----\s*\x00?"
)
_HEX: Final = re.compile(rb"\s*[0-9A-Fa-f]+\s*\x00?")
_KNOWN_CRITICAL: Final = frozenset({ExtensionOID.CRL_NUMBER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Crl:
    """A revocation list; times are Unix seconds.

    Attributes:
        der: the list as DER.
        issuer: DER of the issuer's name.
        issuer_cn: common name of the issuer.
        this_update: first second of validity.
        next_update: last second of validity.
        number: CRL number; real lists all carry 1, so it tells nothing about age.
        listing: the list as the library read it; it finds a serial number in 50,000 entries
            faster than they could be copied.
    """

    der: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    issuer_cn: str
    this_update: int
    next_update: int
    number: int
    signature: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    listing: x509.CertificateRevocationList = field(repr=False, compare=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse DER, PEM, or hex text of DER, told apart by content.

        Raises:
            MalformedError: reasons ``crl_format``, ``too_large``.
        """
        # Hex and PEM are longer than what they say, by no more than a factor of two and some.
        _check_size(data, _MAX_TEXT_BYTES)
        der = _to_der(data)
        _check_size(der, MAX_CRL_BYTES)
        try:
            return cls(**_fields(x509.load_der_x509_crl(der), der))  # type: ignore[arg-type]
        except LIBRARY_ERRORS as exc:
            text = " ".join(str(exc).split())[:200]
            raise MalformedError(
                Reason.CRL_FORMAT, f"cannot parse revocation list: {text}"
            ) from exc

    def revokes(self, serial: int) -> bool:
        """Whether the list names a serial number of its issuer."""
        return self.listing.get_revoked_certificate_by_serial_number(serial) is not None

    @property
    def serials(self) -> frozenset[int]:
        """The serial numbers of all revoked certificates."""
        return frozenset(entry.serial_number for entry in self.listing)


def verify_crl(crl: Crl, issuer: Certificate) -> None:
    """Check that a list was issued and signed by a certificate.

    Raises:
        NotAuthenticError: reasons ``crl_issuer``, ``crl_signature``.
    """
    if crl.issuer != issuer.subject or not (issuer.is_ca and issuer.may_sign_lists):
        raise NotAuthenticError(
            Reason.CRL_ISSUER,
            f'revocation list is of "{crl.issuer_cn}", expected "{issuer.subject_cn}"',
            hint="each CA has its own list: fetch that of the certificate's issuer",
        )
    try:
        issuer.public_key.verify(crl.signature, crl.tbs, ECDSA_SHA256)
    except InvalidSignature as exc:
        raise NotAuthenticError(
            Reason.CRL_SIGNATURE,
            f'signature of the revocation list was not made by "{issuer.subject_cn}"',
        ) from exc


def _check_size(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise MalformedError(
            Reason.TOO_LARGE,
            f"revocation list has {len(data)} bytes, more than the limit of {limit}",
        )


def _to_der(data: bytes) -> bytes:
    try:
        if match := _PEM.fullmatch(data):
            return binascii.a2b_base64(b"".join(match[1].split()), strict_mode=True)
        if _HEX.fullmatch(data):
            return binascii.unhexlify(data.strip(b" \t\r\n\x00"))
    except binascii.Error as exc:
        raise MalformedError(Reason.CRL_FORMAT, f"cannot decode revocation list: {exc}") from exc
    if not data.startswith(b"\x30"):
        raise MalformedError(
            Reason.CRL_FORMAT,
            f"revocation list of {len(data)} bytes is neither DER, PEM nor hex text of DER",
        )
    return data


def _fields(crl: x509.CertificateRevocationList, der: bytes) -> dict[str, object]:
    if crl.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise ValueError("signature algorithm is not ECDSA with SHA-256")
    number = None
    for extension in crl.extensions:
        if extension.critical and extension.oid not in _KNOWN_CRITICAL:
            raise ValueError(f"critical extension {extension.oid.dotted_string} is not known")
        if isinstance(extension.value, x509.CRLNumber):
            number = extension.value.crl_number
    if number is None:
        raise ValueError("CRL number is missing")
    if crl.next_update_utc is None:
        raise ValueError("nextUpdate is missing")
    return {
        "der": der,
        "issuer": crl.issuer.public_bytes(),
        "issuer_cn": common_name(crl.issuer),
        "this_update": int(crl.last_update_utc.timestamp()),
        "next_update": int(crl.next_update_utc.timestamp()),
        "number": number,
        "signature": crl.signature,
        "tbs": crl.tbs_certlist_bytes,
        "listing": crl,
    }
