# SPDX-License-Identifier: Apache-2.0
"""Envelopes: the signed bytes are cut out as received; signatures hold over nothing else."""

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric import utils
from hypothesis import given
from hypothesis import strategies as st
from tests.simulated import authority

from confcom.dcap import Certificate, SignedDocument, split_envelope, verify_document
from confcom.dcap._ecdsa import ORDER, der_signature, load_public_key
from confcom.dcap._json import MAX_DOCUMENT_BYTES
from confcom.dcap.documents import read_signature
from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason
from confcom.simulation import render_envelope

DIGITS = b"ab" * 64
SIGNER = Certificate.from_der(authority().tcb_signing.der)


@pytest.mark.parametrize(
    "content", [b"{}", b'{"a":1}', b'{ "b" : 2, "a":1 }', b'{"a":"\\u00e9"}', b'{"a":{"a":{}}}']
)
@pytest.mark.parametrize("member", ["tcbInfo", "enclaveIdentity", "tcbEvaluationDataNumbers"])
def test_cuts_out_the_exact_bytes(member: str, content: bytes) -> None:
    document = SignedDocument(content, bytes(range(64)))
    assert split_envelope(render_envelope(member, document), member) == document


def test_members_may_come_in_any_order_and_with_blanks() -> None:
    body = b'\n{ "signature" : "' + DIGITS + b'" , "tcbInfo" : {"a": 1} }\n'
    assert split_envelope(body, "tcbInfo") == SignedDocument(b'{"a": 1}', b"\xab" * 64)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"tcbInfo":{}}',
        b'{"signature":"' + DIGITS + b'"}',
        b'{"tcbinfo":{},"signature":"' + DIGITS + b'"}',
        b'{"tcbInfo":{},"signature":null}',
        b'{"tcbInfo":{},"signature":1}',
        b'{"tcbInfo":{},"signature":""}',
        b'{"tcbInfo":{},"signature":"' + DIGITS[1:] + b'"}',
        b'{"tcbInfo":{},"signature":"' + DIGITS + b'0"}',
        b'{"tcbInfo":{},"signature":"' + b"zz" * 64 + b'"}',
        b'{"tcbInfo":{},"signature":"' + b" " * 128 + b'"}',
        b'{"tcbInfo":{},"signature":"' + "é".encode() * 64 + b'"}',
        b'{"tcbInfo":{},"signature":"' + DIGITS + b'"',
        b'{"tcbInfo":{,"signature":"' + DIGITS + b'"}',
        b'{"tcbInfo":' * 90_000,
        b'{"tcbInfo":' + b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"<html>",
    ],
    ids=range(22),
)
def test_refuses_other_envelopes(body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        split_envelope(body, "tcbInfo")
    assert caught.value.reason is Reason.COLLATERAL_FORMAT


def test_refuses_envelopes_that_are_too_large() -> None:
    with pytest.raises(MalformedError) as caught:
        split_envelope(b" " * (MAX_DOCUMENT_BYTES + 1), "tcbInfo")
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("digits", [b"ab" * 64, b"AB" * 64, b"aB" * 64])
def test_hex_of_either_case_is_a_signature(digits: bytes) -> None:
    assert read_signature(digits) == b"\xab" * 64


@pytest.mark.parametrize(
    "digits", [b"", b"ab" * 63, b"ab" * 63 + b"a", b"ab" * 64 + b"a", b"zz" * 64, b" ab" * 43]
)
def test_refuses_other_digits(digits: bytes) -> None:
    with pytest.raises(ValueError, match="hex"):
        read_signature(digits)


def test_accepts_the_signature_over_these_bytes() -> None:
    document = authority().sign(b"{}")
    verify_document(document, SIGNER, what="thing", reason=Reason.TCB_INFO_SIGNATURE)


@pytest.mark.parametrize("content", [b"", b"{} ", b" {}", b"{ }", b"{}\n", b"{}\0"])
@pytest.mark.parametrize("reason", [Reason.TCB_INFO_SIGNATURE, Reason.QE_IDENTITY_SIGNATURE])
def test_refuses_other_bytes_even_if_only_blanks_differ(content: bytes, reason: Reason) -> None:
    signed = authority().sign(b"{}")
    with pytest.raises(NotAuthenticError, match="not made by") as caught:
        verify_document(
            SignedDocument(content, signed.signature), SIGNER, what="thing", reason=reason
        )
    assert caught.value.reason is reason


@pytest.mark.parametrize("other", ["root", "platform_ca", "processor_ca"])
def test_refuses_another_signer(other: str) -> None:
    signer = Certificate.from_der(getattr(authority(), other).der)
    with pytest.raises(NotAuthenticError):
        verify_document(
            authority().sign(b"{}"), signer, what="thing", reason=Reason.TCB_INFO_SIGNATURE
        )


def _rs(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize(
    "signature",
    [_rs(0, 1), _rs(1, 0), _rs(0, 0), _rs(ORDER, 1), _rs(1, ORDER), _rs(2**256 - 1, 2**256 - 1)],
)
def test_refuses_numbers_out_of_range(signature: bytes) -> None:
    assert der_signature(signature) is None
    with pytest.raises(NotAuthenticError, match="out of range") as caught:
        verify_document(
            SignedDocument(b"{}", signature), SIGNER, what="thing", reason=Reason.TCB_INFO_SIGNATURE
        )
    assert caught.value.reason is Reason.TCB_INFO_SIGNATURE


_EDGES = [1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 2**255 - 1, 2**255, ORDER - 1]


@pytest.mark.parametrize(("r", "s"), list(itertools.product(_EDGES, _EDGES)))
def test_numbers_in_range_are_encoded_as_by_the_library(r: int, s: int) -> None:
    assert der_signature(_rs(r, s)) == utils.encode_dss_signature(r, s)


@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
def test_any_numbers_in_range_are_encoded_as_by_the_library(r: int, s: int) -> None:
    assert der_signature(_rs(r, s)) == utils.encode_dss_signature(r, s)


@pytest.mark.parametrize("point", [bytes(64), b"\xff" * 64, b"\x01" * 64, bytes(63) + b"\x01"])
def test_points_off_the_curve_are_no_keys(point: bytes) -> None:
    assert load_public_key(point) is None
