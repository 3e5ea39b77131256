# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: three encodings, one profile, and everything else refused."""

import base64
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from tests.forging import certificate, key_usage, name, revocation_list
from tests.simulated import AT, DAY, authority, platform

from confcom.dcap import Certificate, Crl, PckCa, verify_crl
from confcom.dcap.crl import MAX_CRL_BYTES
from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason

ROOT = authority().root
DER = authority().revoke(platform(), at=AT).pck_crl(PckCa.PLATFORM, at=AT)


def pem(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN X509 CRL-----\n" + body + b"-----END X509 CRL-----\n"


def refused(data: bytes, reason: Reason = Reason.CRL_FORMAT) -> str:
    with pytest.raises(MalformedError) as caught:
        Crl.from_bytes(data)
    assert caught.value.reason is reason
    return caught.value.message


def test_reads_dates_number_and_serials() -> None:
    crl = Crl.from_bytes(DER)
    assert crl.issuer_cn == "SIMULATED SGX PCK Platform CA"
    assert (crl.this_update, crl.next_update) == (
        int(AT.timestamp()),
        int((AT + 30 * DAY).timestamp()),
    )
    assert crl.number == 1
    assert crl.revokes(platform().pck.serial)
    assert not crl.revokes(platform().pck.serial + 1)


@pytest.mark.parametrize(
    "data",
    [
        DER,
        DER.hex().encode(),
        DER.hex().upper().encode(),
        b" " + DER.hex().encode() + b"\n",
        DER.hex().encode() + b"\0",
        pem(DER),
        pem(DER).replace(b"\n", b"\r\n"),
        b"\n" + pem(DER) + b"\0",
    ],
)
def test_encodings_are_told_apart_by_content(data: bytes) -> None:
    assert Crl.from_bytes(data) == Crl.from_bytes(DER)


SPACED = " ".join(DER.hex()[i : i + 2] for i in range(0, len(DER.hex()), 2)).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b" ",
        b"30",
        b"3",
        b"zz",
        b"\x30",
        b"\x30\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x31\x00",
        DER[:-1],
        DER[: len(DER) // 2],
        DER + b"\0",
        DER.hex().encode()[:-1],
        DER.hex().encode()[:-2],
        SPACED,
        DER.hex().encode() + b"\0\0",
        pem(DER) * 2,
        pem(DER).replace(b"END X509 CRL", b"END CRL"),
        pem(DER)[:-30],
        pem(DER) + b"x",
        pem(b""),
        pem(b"\x30\x00"),
        b"-----BEGIN X509 CRL-----\nA\n-----END X509 CRL-----\n",
        pem(DER).replace(b"M", b"=", 1),
        ROOT.der,
        ROOT.pem,
    ],
)
def test_refuses_what_is_no_list(data: bytes) -> None:
    refused(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (revocation_list(ROOT, number=None), "CRL number is missing"),
        (revocation_list(ROOT, digest=hashes.SHA384()), "ECDSA with SHA-256"),
        (revocation_list(ROOT, issuer_name=name(None)), "common name"),
        (revocation_list(ROOT, issuer_name=name("a", "b")), "common name"),
        (
            revocation_list(
                ROOT,
                extra=(
                    (
                        x509.IssuingDistributionPoint(
                            None, None, True, False, None, False, False
                        ),
                        True,
                    ),
                ),
            ),
            "critical extension",
        ),
    ],
    ids=["number", "digest", "no name", "two names", "critical"],
)  # fmt: skip
def test_refuses_lists_of_another_profile(data: bytes, words: str) -> None:
    assert words in refused(data)


def test_accepts_a_critical_number() -> None:
    data = revocation_list(ROOT, number=None, extra=((x509.CRLNumber(5), True),))
    assert Crl.from_bytes(data).number == 5


def test_refuses_a_list_without_next_update() -> None:
    der = revocation_list(ROOT)
    field = b"\x17\x0d" + (AT + 30 * DAY).strftime("%y%m%d%H%M%SZ").encode()
    assert der.count(field) == 1
    tbs = x509.load_der_x509_crl(der).tbs_certlist_bytes
    assert tbs[:2] == b"\x30\x81"
    rest = der[der.index(tbs) + len(tbs) :]
    shorter = b"\x30\x81" + bytes((tbs[2] - len(field),)) + tbs[3:].replace(field, b"") + rest
    outer = 0x81 if len(shorter) < 256 else 0x82
    length = len(shorter).to_bytes(outer - 0x80, "big")
    assert "nextUpdate is missing" in refused(bytes((0x30, outer)) + length + shorter)


@pytest.mark.parametrize(
    "data",
    [
        b"0" * (2 * MAX_CRL_BYTES + 4097),
        b"0" * (10 * MAX_CRL_BYTES),
        b"\x30" + bytes(MAX_CRL_BYTES),
        b"\x30" + bytes(2 * MAX_CRL_BYTES),
        (b"\x30" + bytes(MAX_CRL_BYTES)).hex().encode(),
        pem(b"\x30" + bytes(MAX_CRL_BYTES)),
    ],
)
def test_refuses_lists_that_are_too_large(data: bytes) -> None:
    assert "more than the limit of" in refused(data, Reason.TOO_LARGE)


@pytest.mark.parametrize("text", [lambda der: der.hex().encode(), pem, lambda der: der])
def test_text_may_be_as_long_as_a_list_of_the_greatest_size_needs(
    text: Callable[[bytes], bytes],
) -> None:
    message = refused(text(b"\x30" + bytes(MAX_CRL_BYTES - 1)))
    assert message.startswith("cannot parse revocation list")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"300", "cannot decode revocation list"),
        (pem(DER).replace(b"M", b"=", 1), "cannot decode revocation list"),
        (b"list", "of 4 bytes is neither DER, PEM nor hex text of DER"),
        (DER[:-1], "cannot parse revocation list"),
    ],
)
def test_says_how_far_it_came(data: bytes, words: str) -> None:
    assert words in refused(data)


def test_accepts_a_list_of_many_entries() -> None:
    serials = tuple(range(1, 2001))
    crl = Crl.from_bytes(revocation_list(ROOT, serials=serials))
    assert crl.serials == frozenset(serials)


def test_accepts_a_list_of_its_issuer() -> None:
    verify_crl(Crl.from_bytes(DER), Certificate.from_der(authority().platform_ca.der))


@pytest.mark.parametrize("other", ["processor_ca", "root", "tcb_signing"])
def test_refuses_a_list_of_another_issuer(other: str) -> None:
    with pytest.raises(NotAuthenticError) as caught:
        verify_crl(Crl.from_bytes(DER), Certificate.from_der(getattr(authority(), other).der))
    assert caught.value.reason is Reason.CRL_ISSUER


@pytest.mark.parametrize(
    ("is_ca", "usage"),
    [(False, None), (True, key_usage(is_ca=True, lists=False)), (False, key_usage(is_ca=True))],
)
def test_refuses_an_issuer_that_may_not_sign_lists(
    is_ca: bool, usage: x509.KeyUsage | None
) -> None:
    issuer = certificate("issuer", is_ca=is_ca, usage=usage)
    crl = Crl.from_bytes(revocation_list(issuer))
    with pytest.raises(NotAuthenticError) as caught:
        verify_crl(crl, Certificate.from_der(issuer.der))
    assert caught.value.reason is Reason.CRL_ISSUER


def test_refuses_another_key_and_changed_content() -> None:
    one, other = certificate("issuer", is_ca=True), certificate("issuer", is_ca=True)
    with pytest.raises(NotAuthenticError) as caught:
        verify_crl(Crl.from_bytes(revocation_list(one)), Certificate.from_der(other.der))
    assert caught.value.reason is Reason.CRL_SIGNATURE
    der = revocation_list(one, serials=(0x1234567,))
    changed = der.replace(bytes.fromhex("01234567"), bytes.fromhex("01234568"))
    assert changed != der
    with pytest.raises(NotAuthenticError) as caught:
        verify_crl(Crl.from_bytes(changed), Certificate.from_der(one.der))
    assert caught.value.reason is Reason.CRL_SIGNATURE
