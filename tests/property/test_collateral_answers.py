# SPDX-License-Identifier: Apache-2.0
"""Whatever a source answers: a verified document or our error, and no changed bit passes."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulated import AT, authority, platform, sgx

from confcom.adapters.collateral.answers import Answer, AnswerError
from confcom.adapters.collateral.bundle import answers_of, contents_of, read_bundles
from confcom.adapters.collateral.checks import Checker
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
    SignedRequest,
    TcbInfoRequest,
)
from confcom.dcap import PckCa, TeeType
from confcom.errors import ConfcomError, MalformedError

NOW = AT.timestamp()
CHECKER = Checker(root=authority().trusted_root, allow_simulated=True)
BUNDLE = sgx().collateral
GOOD = answers_of(BUNDLE, contents_of(BUNDLE), "pcs.example")
ROOT_CA_CRL = GOOD[RootCaCrlRequest()]
REQUESTS: list[CollateralRequest] = [
    TcbInfoRequest(TeeType.SGX, platform().fmspc),
    QeIdentityRequest(TeeType.TDX),
    PckCrlRequest(PckCa.PLATFORM),
    RootCaCrlRequest(),
    EvaluationNumbersRequest(TeeType.SGX),
    PckCertificateRequest(bytes(16), bytes(16), 1, bytes(2)),
]
LISTS = st.text('0123456789ABCDEFabcdef#[]{}" \n', max_size=60).map(str.encode)
NAMES = [
    "tcb-info-issuer-chain",
    "sgx-enclave-identity-issuer-chain",
    "sgx-pck-crl-issuer-chain",
    "sgx-pck-certificate-issuer-chain",
    "cache-control",
]


@given(
    st.sampled_from([*REQUESTS, FmspcsRequest()]),
    st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)),
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=200)),
)
def test_any_response_is_an_answer_or_our_error(
    request_: CollateralRequest, body: bytes, headers: dict[str, str]
) -> None:
    with contextlib.suppress(AnswerError):
        read_response(request_, HttpResponse("h", headers, body))


@given(st.sampled_from(REQUESTS), st.binary(max_size=400), st.binary(max_size=400))
def test_any_answer_is_refused_with_our_error(
    request_: CollateralRequest, body: bytes, chain: bytes
) -> None:
    answer = Answer(body=body, issuer_chain=chain, source="h")
    with pytest.raises(ConfcomError):
        CHECKER.check(request_, answer, root_ca_crl=ROOT_CA_CRL, now=NOW)


@given(st.sampled_from(sorted(GOOD, key=str)), st.data())
def test_no_changed_bit_of_a_document_passes(request_: SignedRequest, data: st.DataObject) -> None:
    answer = GOOD[request_]
    index = data.draw(st.integers(0, len(answer.body) - 1))
    bit = data.draw(st.integers(0, 7))
    body = bytearray(answer.body)
    body[index] ^= 1 << bit
    if bytes(body).lower() == answer.body.lower():
        return  # hex digits of the signature, outside of what is signed, have two cases
    changed = replace(answer, body=bytes(body))
    with pytest.raises(ConfcomError):
        CHECKER.check(request_, changed, root_ca_crl=ROOT_CA_CRL, now=NOW)


@given(st.sampled_from(sorted(GOOD, key=str)), st.data())
def test_a_changed_chain_gives_the_same_document_or_none(
    request_: SignedRequest, data: st.DataObject
) -> None:
    answer = GOOD[request_]
    if answer.issuer_chain is None:
        return
    chain = bytearray(answer.issuer_chain)
    chain[data.draw(st.integers(0, len(chain) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = replace(answer, issuer_chain=bytes(chain))
    with contextlib.suppress(ConfcomError):
        document = CHECKER.check(request_, changed, root_ca_crl=ROOT_CA_CRL, now=NOW)
        assert document.answer.body == answer.body


@given(st.binary(max_size=300))
def test_any_bytes_are_bundles_or_our_error(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert read_bundles(data)


@given(st.one_of(st.binary(max_size=200), LISTS))
def test_any_bytes_are_a_list_of_fmspcs_or_our_error(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        found = read_fmspcs(data)
        assert list(found) == sorted(set(found))
        assert all(len(fmspc) == 6 for fmspc in found)
