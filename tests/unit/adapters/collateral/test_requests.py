# SPDX-License-Identifier: Apache-2.0
"""What can be asked for: names that are file names, editions, sizes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.collateral.requests import (
    STANDARD,
    CollateralRequest,
    Edition,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
    Update,
    request_of_name,
)
from confcom.dcap import PckCa, TeeType
from confcom.errors import UsageError

EDITIONS = st.one_of(
    st.builds(Edition, st.sampled_from(Update)),
    st.builds(Edition, number=st.integers(1, 2**31 - 1)),
)
TEES = st.sampled_from(TeeType)
REQUESTS = st.one_of(
    st.builds(TcbInfoRequest, TEES, st.binary(min_size=6, max_size=6), EDITIONS),
    st.builds(QeIdentityRequest, TEES, EDITIONS),
    st.builds(PckCrlRequest, st.sampled_from(PckCa)),
    st.just(RootCaCrlRequest()),
    st.builds(EvaluationNumbersRequest, TEES),
    st.builds(
        PckCertificateRequest,
        st.binary(min_size=16, max_size=16),
        st.binary(min_size=16, max_size=16),
        st.integers(0, 65535),
        st.binary(min_size=2, max_size=2),
    ),
    st.just(FmspcsRequest()),
)


@given(REQUESTS, REQUESTS)
def test_names_are_file_names_and_tell_requests_apart(
    one: CollateralRequest, other: CollateralRequest
) -> None:
    assert re.fullmatch(r"[a-z0-9-]{5,120}", one.name)
    assert (one.name == other.name) == (one == other)


@given(REQUESTS)
def test_a_name_leads_back_to_its_request(request_: CollateralRequest) -> None:
    assert request_of_name(request_.name) == request_


@pytest.mark.parametrize(
    "name",
    [
        "",
        "notes",
        "tcb-info-sgx-00606A000000",
        "tcb-info-sgx-00606a000000-standard",
        "tcb-info-sgx-00606a000000-0",
        "qe-identity-qve",
        "pck-crl-root",
        "root-ca-crl\n",
        "pck-certificate-00-00-1-0000",
        f"pck-certificate-{'00' * 16}-{'00' * 16}-65536-0000",
        "qe-identity-sgx-2147483648",
    ],
)
def test_other_names_lead_nowhere(name: str) -> None:
    assert request_of_name(name) is None


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_not(name: str) -> None:
    found = request_of_name(name)
    assert found is None or found.name == name


@given(REQUESTS)
def test_each_request_says_in_words_what_it_asks_for(request_: CollateralRequest) -> None:
    assert str(request_)
    assert "Request(" not in str(request_)


@pytest.mark.parametrize(
    ("text", "edition", "words"),
    [
        ("standard", STANDARD, "standard"),
        ("early", Edition(Update.EARLY), "early"),
        ("17", Edition(number=17), "evaluation data number 17"),
    ],
)
def test_reads_an_edition(text: str, edition: Edition, words: str) -> None:
    assert Edition.parse(text) == edition
    assert str(edition) == words


@pytest.mark.parametrize(
    "text", ["", "Early", "latest", "0", "-1", "1.0", "2147483648", "٣", "9" * 5000, " 17"]
)
def test_refuses_what_is_no_edition(text: str) -> None:
    with pytest.raises(UsageError, match="edition"):
        Edition.parse(text)


def test_usual_edition_needs_no_suffix() -> None:
    fmspc = bytes.fromhex("00606A000000")
    assert TcbInfoRequest(TeeType.SGX, fmspc).name == "tcb-info-sgx-00606a000000"
    named = TcbInfoRequest(TeeType.TDX, fmspc, Edition(number=19))
    assert named.name == "tcb-info-tdx-00606a000000-19"
    assert QeIdentityRequest(TeeType.SGX, Edition(Update.EARLY)).name == "qe-identity-sgx-early"


@pytest.mark.parametrize("size", [0, 5, 7])
def test_refuses_an_fmspc_of_another_size(size: int) -> None:
    with pytest.raises(UsageError, match=f"FMSPC has 6 bytes, {size} given"):
        TcbInfoRequest(TeeType.SGX, bytes(size))


@pytest.mark.parametrize(
    "sizes", [(15, 16, 2, 384), (16, 17, 2, 384), (16, 16, 1, 384), (16, 16, 2, 256)]
)
def test_refuses_a_platform_described_in_other_sizes(sizes: tuple[int, int, int, int]) -> None:
    qe_id, cpu_svn, pce_id, ppid = (bytes(size) for size in sizes)
    with pytest.raises(UsageError, match="cannot ask for collateral"):
        PckCertificateRequest(qe_id, cpu_svn, 1, pce_id, ppid)
