# SPDX-License-Identifier: Apache-2.0
"""Forgeries for tests: certificates, lists, documents and chains that are wrong in one place."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from confcom.dcap import Caches, Collateral, TrustedRoot, VerifiedQuote, verify
from confcom.errors import ConfcomError
from confcom.reasons import Reason
from confcom.simulation import CertifiedKey, SimulatedAuthority
from tests.simulated import AT, DAY, authority

Json = dict[str, Any]
SGX_EXTENSION = x509.ObjectIdentifier("1.2.840.113741.1.13.1")
LATER = AT + 300 * DAY


def check(
    quote: bytes,
    collateral: Collateral | None,
    *,
    at: datetime = AT,
    root: TrustedRoot | None = None,
    caches: Caches | None = None,
    **options: Any,  # noqa: ANN401 passed on
) -> VerifiedQuote:
    """Verify under the authority of all tests."""
    return verify(
        quote,
        collateral,
        at=at,
        root=root or authority().trusted_root,
        caches=caches,
        **({"allow_simulated": True} | options),
    )


def outcome(
    quote: bytes,
    collateral: Collateral | None,
    **options: Any,  # noqa: ANN401 passed on
) -> Reason | None:
    """Return the reason of the refusal, or None where the quote is authentic."""
    try:
        check(quote, collateral, **options)
    except ConfcomError as error:
        return error.reason
    return None


def with_tcb_info(
    collateral: Collateral,
    change: Callable[[Json], object],
    *,
    by: SimulatedAuthority | None = None,
) -> Collateral:
    """Return collateral whose TCB Info was changed and signed again."""
    document = json.loads(collateral.tcb_info)
    change(document)
    return signed_tcb_info(collateral, json.dumps(document, separators=(",", ":")).encode(), by=by)


def signed_tcb_info(
    collateral: Collateral, content: bytes, *, by: SimulatedAuthority | None = None
) -> Collateral:
    """Return collateral with these bytes as TCB Info, signed."""
    signature = (by or authority()).sign(content).signature
    return replace(collateral, tcb_info=content, tcb_info_signature=signature.hex().encode())


def with_qe_identity(collateral: Collateral, change: Callable[[Json], object]) -> Collateral:
    """Return collateral whose QE identity was changed and signed again."""
    document = json.loads(collateral.qe_identity)
    change(document)
    content = json.dumps(document, separators=(",", ":")).encode()
    signature = authority().sign(content).signature
    return replace(collateral, qe_identity=content, qe_identity_signature=signature.hex().encode())


def name(common_name: str | None, *more: str) -> x509.Name:
    """Return a name with these common names."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, one) for one in (common_name, *more) if one]
    return x509.Name([*names, x509.NameAttribute(NameOID.COUNTRY_NAME, "XX")])


def key_usage(*, is_ca: bool, lists: bool | None = None, data: bool | None = None) -> x509.KeyUsage:
    """Return the key usage of a CA or of an end entity."""
    return x509.KeyUsage(
        digital_signature=not is_ca if data is None else data,
        content_commitment=not is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca if lists is None else lists,
        encipher_only=False,
        decipher_only=False,
    )


def certificate(
    subject: x509.Name | str,
    issuer: CertifiedKey | None = None,
    *,
    issuer_name: x509.Name | None = None,
    is_ca: bool = False,
    usage: x509.KeyUsage | None = None,
    without: tuple[str, ...] = (),
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    public_key: Any = None,  # noqa: ANN401 of any kind
    digest: hashes.SHA256 | hashes.SHA384 | None = None,
    serial: int = 77,
    not_before: datetime = AT,
    not_after: datetime = LATER,
) -> CertifiedKey:
    """Return a certificate, signed by an issuer or by itself, wrong where the caller wants it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = name(subject) if isinstance(subject, str) else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else subject))
        .public_key(public_key or key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if "constraints" not in without:
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    if "usage" not in without:
        builder = builder.add_extension(usage or key_usage(is_ca=is_ca), critical=True)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    signer = issuer.key if issuer else key
    return CertifiedKey(key, builder.sign(signer, digest or hashes.SHA256()))


def sgx_extension(value: bytes) -> tuple[x509.ExtensionType, bool]:
    """Return an SGX extension."""
    return x509.UnrecognizedExtension(SGX_EXTENSION, value), False


def revocation_list(
    issuer: CertifiedKey,
    *,
    issuer_name: x509.Name | None = None,
    digest: hashes.SHA256 | hashes.SHA384 | None = None,
    number: int | None = 1,
    serials: tuple[int, ...] = (),
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    this_update: datetime = AT,
    next_update: datetime = AT + timedelta(days=30),
) -> bytes:
    """Return a revocation list in DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer_name or issuer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(AT).build()
        )
    return builder.sign(issuer.key, digest or hashes.SHA256()).public_bytes(Encoding.DER)
