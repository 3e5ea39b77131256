# SPDX-License-Identifier: Apache-2.0
"""Requests for TDX quotes, collateral and platform: what is read, and all that is refused."""

import pytest
from tests.qgs_samples import (
    FMSPC,
    KEY_ID,
    REPLIES,
    REPORT,
    REQUESTS,
    frame,
    message,
    numbers,
    raw_report,
)

from confcom.errors import MalformedError
from confcom.protocols.qgs import (
    FramedRequest,
    GetCollateralRequest,
    GetPlatformInfoRequest,
    GetQuoteRequest,
    PckCa,
    RawQuoteRequest,
    read_request,
    request_from_stream,
)
from confcom.reasons import Reason

HUGE = 0xFFFFFFFF


@pytest.mark.parametrize(("value", "data"), REQUESTS)
def test_requests_have_the_bytes_of_the_specification(value: FramedRequest, data: bytes) -> None:
    assert value.to_bytes() == data
    assert read_request(data) == value
    assert request_from_stream(frame(data)) == value


@pytest.mark.parametrize("version", [0, 1])
def test_a_tdreport_alone_is_a_request_in_raw_mode(version: int) -> None:
    data = raw_report(version)
    request = request_from_stream(data)
    assert request == RawQuoteRequest(report=data)
    assert request.to_bytes() == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "ends inside QGS message header", id="nothing"),
        pytest.param(message(4)[:15], "ends inside QGS message header", id="short header"),
        pytest.param(message(4, major=2), "major version 2", id="major 2"),
        pytest.param(message(4, major=0), "major version 0", id="major 0"),
        pytest.param(message(4, major=256), "major version 256", id="major big-endian"),
        pytest.param(message(6), "has type 6", id="first unknown type"),
        pytest.param(message(HUGE), "has type 4294967295", id="last unknown type"),
        pytest.param(message(4, size=15), "says that it has 15 bytes", id="size too small"),
        pytest.param(message(4, size=17), "says that it has 17 bytes", id="size too large"),
        pytest.param(message(4, size=0), "says that it has 0 bytes", id="size zero"),
        pytest.param(message(4, size=HUGE), "says that it has 4294967295 bytes", id="size huge"),
        pytest.param(message(4, size=0x10000000), "says that it has", id="size big-endian"),
        pytest.param(message(4, error=0x12001), "has error code 0x12001", id="error in a request"),
        pytest.param(message(4, b"\0"), "1 bytes after its last field", id="trailing byte"),
        pytest.param(message(0), "ends inside QGS get quote request", id="quote, header only"),
        pytest.param(
            message(0, numbers(1023, 0), REPORT[:1023]), "report of 1023 bytes", id="short report"
        ),
        pytest.param(
            message(0, numbers(1025, 0), REPORT + b"\0"), "report of 1025 bytes", id="long report"
        ),
        pytest.param(message(0, numbers(0, 0)), "report of 0 bytes", id="no report"),
        pytest.param(
            message(0, numbers(1024, 0), REPORT[:1000]), "1024 bytes needed", id="cut report"
        ),
        pytest.param(
            message(0, numbers(1024, 0), REPORT, KEY_ID),
            "16 bytes after its last field",
            id="key id that no size counts",
        ),
        pytest.param(
            message(0, numbers(1024, 16), REPORT), "16 bytes needed", id="key id that is not there"
        ),
        pytest.param(
            message(0, numbers(1024, 15), REPORT, KEY_ID[:15]),
            "15 bytes of key ids",
            id="key id of 15 bytes",
        ),
        pytest.param(
            message(0, numbers(1024, 24), REPORT, KEY_ID + KEY_ID[:8]),
            "24 bytes of key ids",
            id="one key id and a half",
        ),
        pytest.param(
            message(0, numbers(1040, 0), REPORT, KEY_ID), "report of 1040", id="overlapping sizes"
        ),
        pytest.param(
            message(0, numbers(1024, 2**32 - 16), REPORT),
            "4294967280 bytes needed",
            id="sum over 32 bits",
        ),
        pytest.param(
            message(0, numbers(2**32 - 16, 1040), REPORT), "bytes needed", id="sum wraps to 1024"
        ),
        pytest.param(message(0, numbers(HUGE, 0), REPORT), "bytes needed", id="report of 4 GiB"),
        pytest.param(
            message(2, numbers(6, 0), FMSPC), "no name of a CA", id="collateral without CA"
        ),
        pytest.param(
            message(2, numbers(0, 8), b"platform"), "no FMSPC", id="collateral without FMSPC"
        ),
        pytest.param(
            message(2, numbers(6, 9), FMSPC, b"platform"), "9 bytes needed", id="CA past the end"
        ),
        pytest.param(
            message(2, numbers(6, 7), FMSPC, b"platform"), "1 bytes after", id="CA before the end"
        ),
        pytest.param(
            message(2, numbers(2**31, 2**31), FMSPC, b"platform"), "bytes needed", id="wraps to 0"
        ),
    ],
)
def test_refuses_what_is_no_request(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words) as caught:
        read_request(data)
    assert caught.value.reason is Reason.MESSAGE_FORMAT


@pytest.mark.parametrize("data", [data for _, data in REPLIES])
def test_refuses_a_reply_in_place_of_a_request(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected a request"):
        read_request(data)


@pytest.mark.parametrize("parse", [GetQuoteRequest, GetCollateralRequest, GetPlatformInfoRequest])
def test_refuses_a_request_of_another_type(parse: type[FramedRequest]) -> None:
    others = [data for value, data in REQUESTS if not isinstance(value, parse)]
    for data in others:
        with pytest.raises(MalformedError, match=f"expected {parse.type.name}"):
            parse.from_bytes(data)
    assert others


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", Reason.MESSAGE_FORMAT, id="nothing"),
        pytest.param(b"\0\0\0", Reason.MESSAGE_FORMAT, id="part of a length"),
        pytest.param(frame(b""), Reason.MESSAGE_FORMAT, id="length zero"),
        pytest.param(frame(message(4)[:15]), Reason.MESSAGE_FORMAT, id="less than a header"),
        pytest.param(frame(message(4), size=17), Reason.MESSAGE_FORMAT, id="length too large"),
        pytest.param(frame(message(4)) + b"\0", Reason.MESSAGE_FORMAT, id="trailing byte"),
        pytest.param(b"\x10\0\0\0" + message(4), Reason.TOO_LARGE, id="little-endian length"),
        pytest.param(frame(message(4), size=HUGE), Reason.TOO_LARGE, id="length of 4 GiB"),
        pytest.param(frame(message(4), size=2**31 - 1), Reason.TOO_LARGE, id="length of 2 GiB"),
        pytest.param(
            frame(message(0, numbers(1024, 16 * 960), REPORT, KEY_ID * 960)),
            Reason.TOO_LARGE,
            id="over the limit",
        ),
    ],
)
def test_refuses_what_is_no_frame(data: bytes, reason: Reason) -> None:
    with pytest.raises(MalformedError) as caught:
        request_from_stream(data)
    assert caught.value.reason is reason


def test_says_how_a_frame_and_its_length_differ() -> None:
    with pytest.raises(MalformedError, match="message of 16 bytes announced, 17 found"):
        request_from_stream(frame(message(4)) + b"\0")


@pytest.mark.parametrize(
    "position", [1, 3, *range(4, 16), *range(192, 224), *range(495, 512)], ids=str
)
def test_refuses_a_raw_request_whose_fixed_zeros_are_not_zero(position: int) -> None:
    data = bytearray(raw_report())
    data[position] = 1
    with pytest.raises(MalformedError) as caught:
        RawQuoteRequest.from_bytes(bytes(data))
    assert caught.value.reason is Reason.MESSAGE_FORMAT


@pytest.mark.parametrize("position", [16, 191, 224, 494, 512, 1023], ids=str)
def test_takes_anything_between_the_fixed_zeros_of_a_raw_request(position: int) -> None:
    data = bytearray(raw_report())
    data[position] ^= 0xFF
    assert RawQuoteRequest.from_bytes(bytes(data)).report == data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(raw_report()[:-1], id="one byte less"),
        pytest.param(raw_report() + b"\0", id="one byte more"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" + raw_report()[1:], id="a report of SGX"),
        pytest.param(b"\x80" + raw_report()[1:], id="another type"),
        pytest.param(raw_report(version=2), id="version 2"),
        pytest.param(raw_report(version=255), id="version 255"),
        pytest.param(bytes(1024), id="zeros"),
    ],
)
def test_refuses_what_is_no_raw_request(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        RawQuoteRequest.from_bytes(data)
    assert caught.value.reason is Reason.MESSAGE_FORMAT


@pytest.mark.parametrize("version", [0, 1])
def test_refuses_a_raw_request_with_bytes_behind_it(version: int) -> None:
    with pytest.raises(MalformedError, match="1025 found"):
        request_from_stream(raw_report(version) + b"\0")


def test_values_that_no_message_can_say_do_not_exist() -> None:
    with pytest.raises(MalformedError):
        GetQuoteRequest(report=REPORT[1:])
    with pytest.raises(MalformedError):
        GetQuoteRequest(report=REPORT, key_ids=(KEY_ID, b"short"))
    with pytest.raises(MalformedError):
        GetCollateralRequest(fmspc=b"", ca=b"platform")
    with pytest.raises(MalformedError):
        GetCollateralRequest(fmspc=FMSPC, ca=b"")
    with pytest.raises(MalformedError, match="out of range"):
        GetPlatformInfoRequest(minor=65536).to_bytes()


@pytest.mark.parametrize("ca", PckCa)
@pytest.mark.parametrize("end", [b"", b"\0"])
def test_names_of_both_cas_are_known(ca: PckCa, end: bytes) -> None:
    request = GetCollateralRequest(fmspc=FMSPC, ca=ca.encode() + end)
    assert request.platform() == (FMSPC, ca)


@pytest.mark.parametrize(
    ("fmspc", "ca"),
    [
        (FMSPC[:5], b"platform"),
        (FMSPC + b"\0", b"platform"),
        (FMSPC, b"Platform"),
        (FMSPC, b"platform\0\0"),
        (FMSPC, b"platform&encoding=der"),
        (FMSPC, b"\0"),
        (FMSPC, b"\xff\xfe"),
    ],
)
def test_refuses_a_platform_that_cannot_be_looked_up(fmspc: bytes, ca: bytes) -> None:
    with pytest.raises(MalformedError):
        GetCollateralRequest(fmspc=fmspc, ca=ca).platform()


def test_reports_are_not_shown() -> None:
    assert "report=" not in repr(GetQuoteRequest(report=REPORT))
    assert "report=" not in repr(RawQuoteRequest(report=raw_report()))
