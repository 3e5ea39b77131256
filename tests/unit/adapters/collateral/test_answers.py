# SPDX-License-Identifier: Apache-2.0
"""Issuer chains out of headers, documents out of responses, lists of FMSPCs."""

import contextlib
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.collateral.answers import (
    MAX_CHAIN_BYTES,
    AnswerError,
    decode_chain,
    describe_body,
)
from confcom.adapters.collateral.fmspcs import read_fmspcs
from confcom.adapters.collateral.http_client import HttpResponse
from confcom.adapters.collateral.http_source import read_response
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.dcap import PckCa, TeeType
from confcom.errors import MalformedError

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMII+/w==\n-----END CERTIFICATE-----\n"
CHAIN = CERTIFICATE * 2
ESCAPED = quote(CHAIN, safe="")
TCB = TcbInfoRequest(TeeType.SGX, bytes(6))
IDENTITY = QeIdentityRequest(TeeType.SGX)
PCK = PckCertificateRequest(bytes(16), bytes(16), 1, bytes(2))


@pytest.mark.parametrize(
    "value",
    [
        ESCAPED.encode(),
        ESCAPED.removesuffix("%0A").encode(),
        ESCAPED.replace("%2B", "+").encode(),
        ESCAPED.replace("%0A", "%0a").replace("%20", " ").encode(),
        CHAIN,
        CHAIN.replace(b"\n", b"\r\n"),
        CHAIN.rstrip(),
        CHAIN.replace(b"-----\n-----BEGIN", b"----------BEGIN"),
        quote(CHAIN.replace(b"\n", b"\r\n"), safe="").encode(),
    ],
)
def test_reads_every_form_of_a_chain(value: bytes) -> None:
    assert decode_chain(value) == CHAIN


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"%",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        CERTIFICATE * (MAX_CHAIN_BYTES // len(CERTIFICATE) + 1),
        b"%41" * (2 * MAX_CHAIN_BYTES),
    ],
)
def test_refuses_what_is_no_chain(value: bytes) -> None:
    with pytest.raises(AnswerError):
        decode_chain(value)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_chain_or_our_error(value: bytes) -> None:
    with contextlib.suppress(AnswerError):
        assert decode_chain(value).endswith(b"\n")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "an empty body"),
        (b"<html>", "a web page"),
        (b"  <!DOCTYPE html>", "a web page"),
        (b'{"a":1}', "7 bytes of JSON"),
        (b"-----BEGIN X", "12 bytes of PEM"),
        (b"hello", "5 bytes that are not"),
    ],
)
def test_describes_an_unexpected_body(body: bytes, words: str) -> None:
    assert describe_body(body).startswith(words)


def response(body: bytes, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse("pcs.example", named, body)


@pytest.mark.parametrize(
    ("request_", "body", "header"),
    [
        (TCB, b'{"tcbInfo":{}}', "tcb_info_issuer_chain"),
        (TCB, b'{"tcbInfo":{}}', "sgx_tcb_info_issuer_chain"),
        (IDENTITY, b" \n{}", "sgx_enclave_identity_issuer_chain"),
        (IDENTITY, b"{}", "enclave_identity_issuer_chain"),
        (IDENTITY, b"{}", "sgx_qe_identity_issuer_chain"),
        (PckCrlRequest(PckCa.PLATFORM), b"\x30\x82", "sgx_pck_crl_issuer_chain"),
        (PckCrlRequest(PckCa.PLATFORM), b"3082", "sgx_pck_crl_issuer_chain"),
        (PckCrlRequest(PckCa.PLATFORM), b"-----BEGIN X509 CRL", "pck_crl_issuer_chain"),
        (EvaluationNumbersRequest(TeeType.TDX), b"{}", "tcb_evaluation_data_numbers_issuer_chain"),
        (PCK, CERTIFICATE, "sgx_pck_certificate_issuer_chain"),
    ],
)
def test_takes_the_chain_under_any_of_its_names(
    request_: CollateralRequest, body: bytes, header: str
) -> None:
    answer = read_response(request_, response(body, **{header: ESCAPED}))
    assert (answer.body, answer.issuer_chain, answer.source) == (body, CHAIN, "pcs.example")


@pytest.mark.parametrize("body", [b"\x30\x82", b"30820123", b"-----BEGIN X509 CRL-----"])
def test_root_ca_crl_has_no_chain(body: bytes) -> None:
    answer = read_response(RootCaCrlRequest(), response(body, content_type="text/html"))
    assert (answer.body, answer.issuer_chain) == (body, None)


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (TCB, b""),
        (TCB, b"<html>"),
        (TCB, b"[]"),
        (TCB, b"\xef\xbb\xbf{}"),
        (IDENTITY, b"null"),
        (FmspcsRequest(), b"{}"),
        (PCK, b"Not available"),
        (PckCrlRequest(PckCa.PROCESSOR), b"{}"),
        (RootCaCrlRequest(), b"<html>"),
    ],
)
def test_refuses_a_body_of_another_kind(request_: CollateralRequest, body: bytes) -> None:
    with pytest.raises(AnswerError, match="it answered"):
        read_response(request_, response(body, tcb_info_issuer_chain=ESCAPED))


@pytest.mark.parametrize(
    ("request_", "body"),
    [(TCB, b"{}"), (IDENTITY, b"{}"), (PckCrlRequest(PckCa.PLATFORM), b"30"), (PCK, CERTIFICATE)],
)
def test_refuses_an_answer_without_its_chain(request_: CollateralRequest, body: bytes) -> None:
    with pytest.raises(AnswerError, match="without the header"):
        read_response(request_, response(body))


def test_unwraps_the_certificate_of_azures_agent() -> None:
    body = msgspec.json.encode(
        {
            "pckCert": CERTIFICATE.decode(),
            "sgx-Pck-Certificate-Issuer-Chain": ESCAPED,
            "sgx-Tcbm": "00",
            "cacheMaxAge": "86400",
        }
    )
    answer = read_response(PCK, response(body))
    assert (answer.body, answer.issuer_chain) == (CERTIFICATE, CHAIN)
    assert answer.max_age == 86400


@pytest.mark.parametrize("age", [None, "", "-1", "soon", "9" * 12])
def test_takes_odd_ages_of_azures_agent_for_absent(age: str | None) -> None:
    wrapped = {"pckCert": CERTIFICATE.decode(), "sgx-Pck-Certificate-Issuer-Chain": ESCAPED}
    body = msgspec.json.encode(wrapped | {"cacheMaxAge": age})
    assert read_response(PCK, response(body)).max_age is None


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        b'{"pckcert":"x","sgx-Pck-Certificate-Issuer-Chain":"x"}',
        b'{"pckCert":1,"sgx-Pck-Certificate-Issuer-Chain":"x"}',
        b'{"pckCert":"x","sgx-Pck-Certificate-Issuer-Chain":"x"}',
        b'{"pckCert":"\xff","sgx-Pck-Certificate-Issuer-Chain":"x"}',
        b"{" + b'"a":{' * 100_000,
    ],
)
def test_refuses_json_without_a_certificate(body: bytes) -> None:
    with pytest.raises(AnswerError):
        read_response(PCK, response(body))


@pytest.mark.parametrize(
    ("value", "max_age"),
    [
        ("max-age=3600", 3600),
        ("public, Max-Age=60", 60),
        ('private,max-age="5"', 5),
        ("no-store", 0),
        ("no-cache, max-age=60", 0),
        ("s-maxage=60", None),
        ("max-age=-1", None),
        ("max-age=x", None),
        ("", None),
    ],
)
def test_reads_how_long_it_may_be_kept(value: str, max_age: int | None) -> None:
    answer = read_response(RootCaCrlRequest(), response(b"30", cache_control=value))
    assert answer.max_age == max_age


@pytest.mark.parametrize(
    "data",
    [
        b'[{"fmspc":"00A06D080000","platform":"E5"},{"fmspc":"00606a000000","extra":1}]',
        b"00A06D080000\n\n # both\n  00606a000000 # one\r\n00606A000000",
    ],
)
def test_reads_lists_of_services_and_of_people(data: bytes) -> None:
    assert [fmspc.hex() for fmspc in read_fmspcs(data)] == ["00606a000000", "00a06d080000"]


@pytest.mark.parametrize(
    "data",
    [
        b"[",
        b"[1]",
        b"[{}]",
        b'[{"fmspc":"00"}]',
        b'[{"fmspc":"00606A00000G"}]',
        b'[{"fmspc":"\xff"}]',
        b"00606A",
        b"00 60 6A 00 00 00",
        "\u0660\u0660606A000000".encode(),
        b"\x00\xff",
        b"[" * 100_000,
    ],
)
def test_refuses_what_is_no_list_of_fmspcs(data: bytes) -> None:
    with pytest.raises(MalformedError, match="cannot read list of FMSPCs"):
        read_fmspcs(data)


def test_refuses_a_list_without_end() -> None:
    with pytest.raises(MalformedError, match="limit 100000"):
        read_fmspcs(b"00606A000000\n" * 100_001)
