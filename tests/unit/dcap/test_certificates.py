# SPDX-License-Identifier: Apache-2.0
"""Certificates: the profile is read, all else becomes one typed refusal."""

import base64
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.forging import certificate, key_usage, name
from tests.simulated import AT, authority, platform

from confcom.dcap import Certificate, parse_pem_chain, pem_from_der, verify_certificate
from confcom.dcap.certificates import MAX_CERTIFICATES, MAX_CHAIN_BYTES
from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason

ROOT = authority().root
PCK = platform().pck


def refused(der: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        Certificate.from_der(der)
    assert caught.value.reason is Reason.CERT_FORMAT
    return caught.value.message


def test_reads_what_verification_needs() -> None:
    leaf = Certificate.from_der(PCK.der)
    assert leaf.subject_cn == "SIMULATED SGX PCK Certificate"
    assert leaf.issuer_cn == "SIMULATED SGX PCK Platform CA"
    assert leaf.serial == PCK.serial
    assert leaf.not_before == int(AT.timestamp())
    assert (leaf.is_ca, leaf.may_sign_certificates, leaf.may_sign_lists) == (False, False, False)
    assert leaf.may_sign_data
    assert leaf.sgx_extension is not None
    assert leaf.fingerprint == PCK.certificate.fingerprint(hashes.SHA256())
    root = Certificate.from_der(ROOT.der)
    assert (root.is_ca, root.path_length, root.sgx_extension) == (True, 1, None)


def _rsa() -> bytes:
    return certificate("x", public_key=rsa.generate_private_key(65537, 2048).public_key()).der


def _p384() -> bytes:
    return certificate("x", public_key=ec.generate_private_key(ec.SECP384R1()).public_key()).der


def _k256() -> bytes:
    return certificate("x", public_key=ec.generate_private_key(ec.SECP256K1()).public_key()).der


def _twice() -> bytes:
    """Return a certificate with the key usage extension in the place of basic constraints."""
    return PCK.der.replace(bytes.fromhex("551d13"), bytes.fromhex("551d0f"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_rsa, "not on P-256"),
        (_p384, "not on P-256"),
        (_k256, "not on P-256"),
        (lambda: certificate("x", digest=hashes.SHA384()).der, "ECDSA with SHA-256"),
        (lambda: certificate("x", without=("constraints",)).der, "basic constraints are missing"),
        (lambda: certificate("x", without=("usage",)).der, "key usage is missing"),
        (
            lambda: certificate("x", extra=((x509.InhibitAnyPolicy(0), True),)).der,
            "critical extension 2.5.29.54 is not known",
        ),
        (lambda: certificate(name(None)).der, "common name"),
        (lambda: certificate(name("a", "b")).der, "common name"),
        (lambda: certificate("x", issuer_name=name(None)).der, "common name"),
        (_twice, "extension"),
        (lambda: b"", "parse certificate"),
        (lambda: b"\x30\x00", "parse certificate"),
        (lambda: b"\x30\x84\xff\xff\xff\xff", "parse certificate"),
        (lambda: b"\x30\x80" * 1000, "parse certificate"),
        (lambda: PCK.der[:-1], "parse certificate"),
        (lambda: PCK.der + b"\0", "parse certificate"),
        (lambda: ROOT.pem, "parse certificate"),
    ],
)
def test_refuses_what_is_not_of_the_profile(make: Callable[[], bytes], words: str) -> None:
    assert words in refused(make())


VERSION_3 = bytes.fromhex("a003020102")


@pytest.mark.parametrize("version", [0, 1, 3, 11, 127, 255])
def test_refuses_other_versions(version: int) -> None:
    assert VERSION_3 in PCK.der
    refused(PCK.der.replace(VERSION_3, VERSION_3[:-1] + bytes((version,)), 1))


def test_refuses_version_1_which_is_written_by_leaving_it_out() -> None:
    tbs = PCK.certificate.tbs_certificate_bytes
    after = PCK.der[PCK.der.index(tbs) + len(tbs) :]
    assert tbs[:2] == PCK.der[:2] == b"\x30\x82"
    body = tbs[4:].replace(VERSION_3, b"", 1)
    older = b"\x30\x82" + len(body).to_bytes(2, "big") + body + after
    assert "version is not 3" in refused(b"\x30\x82" + len(older).to_bytes(2, "big") + older)


@pytest.mark.filterwarnings("ignore:Parsed a serial number:UserWarning")
@pytest.mark.parametrize("number", ["00", "80", "ff"])
def test_refuses_such_serial_numbers_without_the_help_of_warnings(number: str) -> None:
    """The library only warns; here, unlike in use, warnings are errors."""
    der = certificate("x", serial=0x11).der
    head = VERSION_3 + b"\x02\x01"
    assert head + b"\x11" in der
    changed = der.replace(head + b"\x11", head + bytes.fromhex(number), 1)
    assert "serial number is not positive" in refused(changed)


@pytest.mark.parametrize("number", ["00", "80", "ff", "0080", "ff7f"])
def test_refuses_serial_numbers_that_are_not_positive_or_not_der(number: str) -> None:
    content = bytes.fromhex(number)
    der = certificate("x", serial=int("11" * len(content), 16)).der
    head = VERSION_3 + bytes((2, len(content)))
    wanted = head + b"\x11" * len(content)
    assert wanted in der
    changed = der.replace(wanted, head + content)
    if number == "0080":  # positive and in its shortest form
        assert Certificate.from_der(changed).serial == 128
    else:
        refused(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("06072a8648ce3d0201", "06072a8648ce3d0205"),  # key algorithm
        ("06082a8648ce3d030107", "06082a8648ce3d030109"),  # curve
        ("06082a8648ce3d040302", "06082a8648ce3d040399"),  # signature algorithm
        ("0603550403", "0603550483"),  # name attribute
        ("0603551d13", "0603551d93"),  # extension
        ("0c", "13"),  # string kind of names
    ],
)
def test_refuses_broken_parts_inside_a_whole_frame(old: str, new: str) -> None:
    changed = PCK.der.replace(bytes.fromhex(old), bytes.fromhex(new))
    assert changed != PCK.der
    issuer = Certificate.from_der(authority().platform_ca.der)
    with pytest.raises((MalformedError, NotAuthenticError)):  # readable ones lack the signature
        verify_certificate(Certificate.from_der(changed), issuer)


def test_refuses_a_point_that_is_not_on_the_curve() -> None:
    numbers = PCK.key.public_key().public_numbers()
    point = numbers.x.to_bytes(32, "big")
    refused(PCK.der.replace(point, bytes(31) + b"\x05"))


# Chains in PEM


def test_chain_keeps_the_order_of_the_text() -> None:
    names = [one.subject_cn for one in parse_pem_chain(platform().pck_chain)]
    assert names == [
        "SIMULATED SGX PCK Certificate",
        "SIMULATED SGX PCK Platform CA",
        "SIMULATED SGX Root CA",
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\0",
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.strip(),
        lambda data: b"\n\n" + data + b"\n \t\n",
        lambda data: data.replace(b"-----END CERTIFICATE-----\n", b"-----END CERTIFICATE-----"),
    ],
)
def test_accepts_the_shapes_in_which_chains_come(change: Callable[[bytes], bytes]) -> None:
    assert parse_pem_chain(change(platform().pck_chain)) == parse_pem_chain(platform().pck_chain)


def test_reads_back_what_it_writes() -> None:
    (one,) = parse_pem_chain(pem_from_der(PCK.der))
    assert one.der == PCK.der
    assert pem_from_der(PCK.der) == PCK.pem


def test_parses_a_certificate_once_for_a_caller_that_remembers() -> None:
    known: dict[bytes, Certificate] = {}
    first = parse_pem_chain(ROOT.pem, known=known)
    assert list(known) == [ROOT.der]
    assert parse_pem_chain(ROOT.pem + ROOT.pem, known=known)[1] is first[0]


BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no PEM certificate"),
        (b"\0", "no PEM certificate"),
        (b" \n", "no PEM certificate"),
        (b"nonsense", "certificate"),
        (ROOT.der, "certificate"),
        (BEGIN + END, "certificate"),
        (BEGIN, "certificate"),
        (BEGIN * 1000, "certificate"),
        (ROOT.pem.replace(END, b""), "certificate"),
        (ROOT.pem + b"\0" + ROOT.pem, "certificate"),
        (ROOT.pem[:40] + b"\0" + ROOT.pem[40:], "certificate"),
        (ROOT.pem + b"comment\n" + ROOT.pem, "certificate"),
        (b"comment\n" + ROOT.pem, "has 7 bytes that are no PEM certificate"),
        (b"x" + ROOT.pem, "has 1 bytes that are no PEM certificate"),
        (ROOT.pem + b"comment", "certificate"),
        (ROOT.pem + b"\0x", "certificate"),
        (BEGIN + b"A\n" + END, "cannot decode PEM certificate"),
        (BEGIN + b"AAAA\n" + END, "cannot parse certificate"),
        (BEGIN + b"=AAA\n" + END, "cannot decode PEM certificate"),
        (BEGIN + b"AA==AA==\n" + END, "cannot decode PEM certificate"),
        (BEGIN + base64.b64encode(b"\x30\x03\x02\x01\x01") + END, "certificate"),
        (ROOT.pem.replace(b"M", b"!", 1), "certificate"),
        (ROOT.pem.replace(b"BEGIN CERT", b"BEGIN X509 CERT"), "certificate"),
        (ROOT.pem * (MAX_CERTIFICATES + 1), "more than 8"),
        (ROOT.pem * 50, "more than 8"),
    ],
)
def test_refuses_chains(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words) as caught:
        parse_pem_chain(data)
    assert caught.value.reason is Reason.CERT_FORMAT


@pytest.mark.parametrize("size", [MAX_CHAIN_BYTES + 1, 3 * 1024 * 1024])
def test_refuses_chains_that_are_too_large_before_reading_them(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_pem_chain((ROOT.pem * (size // len(ROOT.pem) + 1))[:size])
    assert caught.value.reason is Reason.TOO_LARGE


def test_accepts_a_chain_of_the_largest_size() -> None:
    assert MAX_CHAIN_BYTES == 65536
    assert len(parse_pem_chain(ROOT.pem + b"\n" * (MAX_CHAIN_BYTES - len(ROOT.pem)))) == 1


def test_what_is_shown_of_a_certificate_is_its_names_and_dates() -> None:
    shown = repr(Certificate.from_der(PCK.der))
    assert "SIMULATED SGX PCK Certificate" in shown
    assert "EllipticCurve" not in shown
    assert len(shown) < 500


# One certificate issued by another


@pytest.mark.parametrize(
    ("one", "issuer"),
    [
        (PCK, authority().platform_ca),
        (authority().platform_ca, ROOT),
        (authority().tcb_signing, ROOT),
        (ROOT, ROOT),
    ],
)
def test_accepts_what_the_issuer_signed(one: object, issuer: object) -> None:
    verify_certificate(Certificate.from_der(one.der), Certificate.from_der(issuer.der))  # type: ignore[attr-defined]


def test_refuses_another_issuers_name() -> None:
    leaf = Certificate.from_der(PCK.der)
    with pytest.raises(NotAuthenticError, match="not by") as caught:
        verify_certificate(leaf, Certificate.from_der(authority().processor_ca.der))
    assert caught.value.reason is Reason.PCK_CHAIN


@pytest.mark.parametrize(
    "usage", [None, key_usage(is_ca=False), key_usage(is_ca=True)], ids=["none", "leaf", "signs"]
)
def test_refuses_an_issuer_that_is_no_authority(usage: x509.KeyUsage | None) -> None:
    issuer = certificate("issuer", usage=usage)
    leaf = certificate("leaf", issuer)
    with pytest.raises(NotAuthenticError, match="no certification authority") as caught:
        verify_certificate(Certificate.from_der(leaf.der), Certificate.from_der(issuer.der))
    assert caught.value.reason is Reason.PCK_CHAIN


def test_refuses_an_authority_that_may_not_sign_certificates() -> None:
    issuer = certificate("issuer", is_ca=True, usage=key_usage(is_ca=False))
    leaf = certificate("leaf", issuer)
    with pytest.raises(NotAuthenticError, match="no certification authority"):
        verify_certificate(Certificate.from_der(leaf.der), Certificate.from_der(issuer.der))


@pytest.mark.parametrize("reason", [Reason.CERT_SIGNATURE, Reason.PCK_CHAIN])
def test_refuses_another_key_under_the_same_name(reason: Reason) -> None:
    one, other = certificate("issuer", is_ca=True), certificate("issuer", is_ca=True)
    leaf = Certificate.from_der(certificate("leaf", one).der)
    verify_certificate(leaf, Certificate.from_der(one.der))
    with pytest.raises(NotAuthenticError, match="was not made by") as caught:
        verify_certificate(leaf, Certificate.from_der(other.der), reason=reason)
    assert caught.value.reason is reason
