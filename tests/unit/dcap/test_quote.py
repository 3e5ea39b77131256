# SPDX-License-Identifier: Apache-2.0
"""Quotes: each byte at its place, and written as it was read."""

from dataclasses import FrozenInstanceError, replace

import pytest
from tests.structures import FORMS, quote_bytes

from confcom.dcap import (
    MAX_QUOTE_BYTES,
    BodyType,
    CertType,
    Header,
    Quote,
    QuoteVersion,
    TdReport,
    TeeType,
    signed_part,
)
from confcom.dcap.header import HEADER, INTEL_QE_VENDOR
from confcom.dcap.quote import BODY_SIZES
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import ReportBody

every_form = pytest.mark.parametrize(("version", "body_type"), FORMS)


@every_form
def test_finds_the_fields_of_a_header_at_their_offsets(version: int, body_type: BodyType) -> None:
    data = quote_bytes(version, body_type)[:48]
    data = data[:8] + b"\x01\x02\x03\x04" + data[12:28] + bytes(range(20))
    header = Header.from_bytes(data)
    assert header.version is QuoteVersion(version)
    assert header.att_key_type == 2
    assert header.tee_type is (TeeType.SGX if body_type is BodyType.SGX else TeeType.TDX)
    assert (header.qe_svn, header.pce_svn) == (0x0201, 0x0403)
    assert header.qe_vendor_id == INTEL_QE_VENDOR
    assert header.user_data == bytes(range(20))
    assert header.to_bytes() == data


@pytest.mark.parametrize("size", [0, 1, 47])
def test_refuses_part_of_a_header(size: int) -> None:
    with pytest.raises(MalformedError, match="48 bytes needed") as caught:
        Header.from_bytes(quote_bytes(3, BodyType.SGX)[:size])
    assert caught.value.reason is Reason.QUOTE_FORMAT


@every_form
def test_finds_the_parts_of_a_quote_and_writes_them_as_they_were(
    version: int, body_type: BodyType
) -> None:
    data = quote_bytes(version, body_type, trailing=5)
    quote = Quote.from_bytes(data)
    assert quote.is_tdx is (body_type is not BodyType.SGX)
    assert isinstance(quote.body, TdReport if quote.is_tdx else ReportBody)
    assert quote.body.to_bytes() == b"\x05" * len(quote.body.to_bytes())
    assert data.startswith(quote.signed)
    signature = quote.signature
    assert signature.signature == b"\x01" * 64
    assert signature.attestation_key == b"\x02" * 64
    assert signature.qe_report == b"\x03" * 384
    assert signature.qe_report_signature == b"\x04" * 64
    assert quote.to_bytes() == data


@every_form
def test_what_is_signed_is_header_and_body_and_in_version_5_type_and_size(
    version: int, body_type: BodyType
) -> None:
    quote = Quote.from_bytes(quote_bytes(version, body_type))
    body = quote.body.to_bytes()
    assert signed_part(quote.header, quote.body_type, quote.body) == quote.signed
    assert len(quote.signed) == 48 + (6 if version == 5 else 0) + len(body)
    if version == 5:
        words = body_type.to_bytes(2, "little") + len(body).to_bytes(4, "little")
        assert quote.signed[48:54] == words


def test_numbers_are_those_of_the_specification() -> None:
    assert {kind.name: kind.value for kind in CertType} == {
        "PPID_CLEAR": 1,
        "PPID_RSA2048": 2,
        "PPID_RSA3072": 3,
        "PCK_LEAF": 4,
        "PCK_CHAIN": 5,
        "QE_REPORT": 6,
        "PLATFORM_MANIFEST": 7,
    }
    assert {kind.name: (kind.value, BODY_SIZES[kind]) for kind in BodyType} == {
        "SGX": (1, 384),
        "TD_1_0": (2, 584),
        "TD_1_5": (3, 648),
        "TD_1_5_EX": (4, 885),
    }
    assert MAX_QUOTE_BYTES == 65536


def test_a_quote_is_a_value() -> None:
    data = quote_bytes(4, BodyType.TD_1_0)
    quote = Quote.from_bytes(data)
    assert quote == Quote.from_bytes(data)
    assert quote == Quote(quote.header, quote.body_type, quote.body, quote.signed, quote.signature)
    assert quote != replace(quote, trailing=1)
    with pytest.raises(FrozenInstanceError):
        quote.trailing = 1  # type: ignore[misc]


def test_words_of_a_header_say_what_is_not_supported() -> None:
    def words(name: str, value: int | bytes) -> str:
        describe = HEADER[name].describe
        assert describe is not None
        return describe(value)

    assert [words("version", value) for value in (2, 3, 4, 5, 6)] == [
        "not supported", "", "", "", "not supported",
    ]  # fmt: skip
    assert [words("att_key_type", value) for value in (1, 2, 3)] == [
        "not supported", "ECDSA P-256", "not supported",
    ]  # fmt: skip
    assert [words("tee_type", value) for value in (0, 0x81, 1)] == ["SGX", "TDX", "not supported"]
    assert [words("qe_vendor_id", value) for value in (INTEL_QE_VENDOR, bytes(16))] == [
        "Intel", "not Intel",
    ]  # fmt: skip
