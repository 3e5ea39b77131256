# SPDX-License-Identifier: Apache-2.0
"""Certificates and revocation lists: SIMULATED everywhere, and everything verifiers ask for."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from confcom.simulation.pki import (
    PCK_NAME,
    PLATFORM_CA_NAME,
    PROCESSOR_CA_NAME,
    ROOT_NAME,
    TCB_SIGNING_NAME,
    CertifiedKey,
    Revocation,
    issue_authority,
    issue_crl,
    issue_leaf,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UNTIL = AT + timedelta(days=100)


def _authority(name: str, issuer: CertifiedKey | None, path_length: int) -> CertifiedKey:
    return issue_authority(
        name, issuer=issuer, path_length=path_length, not_before=AT, not_after=UNTIL
    )


ROOT = _authority(ROOT_NAME, None, 1)
PLATFORM_CA = _authority(PLATFORM_CA_NAME, ROOT, 0)
PROCESSOR_CA = _authority(PROCESSOR_CA_NAME, ROOT, 0)
TCB_SIGNING = issue_leaf(TCB_SIGNING_NAME, issuer=ROOT, not_before=AT, not_after=UNTIL)
PCK = issue_leaf(
    PCK_NAME, issuer=PLATFORM_CA, not_before=AT, not_after=UNTIL, sgx_extension=b"\x30\x00"
)
AUTHORITIES = (ROOT, PLATFORM_CA, PROCESSOR_CA)
LEAVES = (TCB_SIGNING, PCK)
ALL = (*AUTHORITIES, *LEAVES)


def _is_critical(key: CertifiedKey, extension: type[x509.ExtensionType]) -> bool:
    return key.certificate.extensions.get_extension_for_class(extension).critical


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.common_name)
def test_every_subject_says_simulated_and_none_says_intel(key: CertifiedKey) -> None:
    assert key.common_name.startswith("SIMULATED ")
    assert "Intel" not in key.certificate.subject.rfc4514_string()


@pytest.mark.parametrize(
    ("key", "phrase"),
    [
        (ROOT, "SGX Root CA"),
        (PLATFORM_CA, "SGX PCK Platform CA"),
        (PROCESSOR_CA, "SGX PCK Processor CA"),
        (TCB_SIGNING, "SGX TCB Signing"),
        (PCK, "SGX PCK Certificate"),
    ],
)
def test_names_contain_the_phrases_that_verifiers_look_for(key: CertifiedKey, phrase: str) -> None:
    assert phrase in key.common_name


@pytest.mark.parametrize("key", ALL, ids=lambda key: key.common_name)
def test_every_certificate_has_all_extensions_of_the_profile(key: CertifiedKey) -> None:
    assert {extension.value.__class__ for extension in key.certificate.extensions} >= {
        x509.AuthorityKeyIdentifier,
        x509.SubjectKeyIdentifier,
        x509.KeyUsage,
        x509.BasicConstraints,
        x509.CRLDistributionPoints,
    }
    assert _is_critical(key, x509.KeyUsage)
    assert _is_critical(key, x509.BasicConstraints)
    assert key.certificate.version is x509.Version.v3
    public_key = key.certificate.public_key()
    assert isinstance(public_key, EllipticCurvePublicKey)
    assert isinstance(public_key.curve, SECP256R1)


@pytest.mark.parametrize(("key", "length"), [(ROOT, 1), (PLATFORM_CA, 0), (PROCESSOR_CA, 0)])
def test_authorities_may_sign_certificates_and_lists_only(key: CertifiedKey, length: int) -> None:
    extensions = key.certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (constraints.ca, constraints.path_length) == (True, length)
    assert (usage.key_cert_sign, usage.crl_sign) == (True, True)
    assert (usage.digital_signature, usage.content_commitment) == (False, False)


@pytest.mark.parametrize("key", LEAVES, ids=lambda key: key.common_name)
def test_leaves_may_sign_data_only(key: CertifiedKey) -> None:
    extensions = key.certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (constraints.ca, constraints.path_length) == (False, None)
    assert (usage.key_cert_sign, usage.crl_sign) == (False, False)
    assert (usage.digital_signature, usage.content_commitment) == (True, True)


@pytest.mark.parametrize(
    ("key", "issuer"),
    [
        (ROOT, ROOT),
        (PLATFORM_CA, ROOT),
        (PROCESSOR_CA, ROOT),
        (TCB_SIGNING, ROOT),
        (PCK, PLATFORM_CA),
    ],
)
def test_key_identifiers_link_to_the_issuer(key: CertifiedKey, issuer: CertifiedKey) -> None:
    key.certificate.verify_directly_issued_by(issuer.certificate)
    subject = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    authority = key.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    assert authority.value.key_identifier == subject.value.digest


def test_certificates_of_another_hierarchy_do_not_verify() -> None:
    other = _authority(ROOT_NAME, None, 1)
    with pytest.raises(InvalidSignature):
        PLATFORM_CA.certificate.verify_directly_issued_by(other.certificate)


def test_validity_is_what_was_asked_for() -> None:
    assert all(key.certificate.not_valid_before_utc == AT for key in ALL)
    assert all(key.certificate.not_valid_after_utc == UNTIL for key in ALL)


def test_serial_numbers_and_keys_differ() -> None:
    assert len({key.serial for key in ALL}) == len(ALL)
    assert len({key.key.private_numbers().private_value for key in ALL}) == len(ALL)


def test_crl_addresses_lead_nowhere() -> None:
    for key in ALL:
        points = key.certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
        (address,) = points.value[0].full_name or []
        assert address.value.startswith("https://simulated.invalid/SIMULATED-SGX-")


def test_pck_certificate_carries_the_sgx_extension_uncritically() -> None:
    oid = x509.ObjectIdentifier("1.2.840.113741.1.13.1")
    extension = PCK.certificate.extensions.get_extension_for_oid(oid)
    assert not extension.critical
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    assert extension.value.value == b"\x30\x00"
    with pytest.raises(x509.ExtensionNotFound):
        TCB_SIGNING.certificate.extensions.get_extension_for_oid(oid)


def test_private_keys_do_not_show() -> None:
    assert f"{PCK.key.private_numbers().private_value:x}" not in repr(PCK)
    assert "PRIVATE" not in repr(PCK)


def _revocation(key: CertifiedKey, reason: x509.ReasonFlags) -> Revocation:
    return Revocation(issuer=key.issuer_name, serial=key.serial, revoked_at=AT, reason=reason)


REVOCATIONS = (
    _revocation(PCK, x509.ReasonFlags.key_compromise),
    _revocation(PROCESSOR_CA, x509.ReasonFlags.ca_compromise),
)


@pytest.mark.parametrize(
    ("issuer", "revoked"), [(ROOT, PROCESSOR_CA), (PLATFORM_CA, PCK), (PROCESSOR_CA, None)]
)
def test_list_names_what_its_issuer_revoked(
    issuer: CertifiedKey, revoked: CertifiedKey | None
) -> None:
    der = issue_crl(issuer, REVOCATIONS, this_update=AT, next_update=UNTIL)
    crl = x509.load_der_x509_crl(der)
    assert [entry.serial_number for entry in crl] == ([revoked.serial] if revoked else [])
    assert crl.issuer == issuer.certificate.subject
    assert (crl.last_update_utc, crl.next_update_utc) == (AT, UNTIL)


def test_list_has_number_key_identifier_and_reason_codes() -> None:
    der = issue_crl(PLATFORM_CA, REVOCATIONS, this_update=AT, next_update=UNTIL, number=7)
    crl = x509.load_der_x509_crl(der)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber)
    assert number.value.crl_number == 7
    identifier = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = PLATFORM_CA.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert identifier.key_identifier == subject.value.digest
    (entry,) = crl
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.key_compromise
    assert entry.revocation_date_utc == AT


def test_list_verifies_under_its_issuer_only() -> None:
    crl = x509.load_der_x509_crl(
        issue_crl(PLATFORM_CA, REVOCATIONS, this_update=AT, next_update=UNTIL)
    )
    public_key = PLATFORM_CA.key.public_key()
    public_key.verify(crl.signature, crl.tbs_certlist_bytes, ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        ROOT.key.public_key().verify(crl.signature, crl.tbs_certlist_bytes, ECDSA(SHA256()))


def test_list_keeps_reasons_apart() -> None:
    der = issue_crl(ROOT, REVOCATIONS, this_update=AT, next_update=UNTIL)
    (entry,) = x509.load_der_x509_crl(der)
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.ca_compromise
