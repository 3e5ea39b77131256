# SPDX-License-Identifier: Apache-2.0
"""Replies with TDX quotes, collateral, platform and errors: what is read, and all refused."""

import struct

import pytest
from tests.qgs_samples import DOCUMENTS, KEY_ID, QUOTE, REPLIES, REQUESTS, frame, message, numbers

from confcom.errors import MalformedError
from confcom.protocols.qgs import (
    MAX_REPLY_BYTES,
    WORDS,
    ErrorCode,
    ErrorReply,
    FramedReply,
    GetCollateralReply,
    GetPlatformInfoReply,
    GetQuoteReply,
    MessageType,
    read_reply,
    reply_from_stream,
)
from confcom.protocols.qgs.codes import describe_error, describe_type
from confcom.reasons import Reason

SIZES = tuple(map(len, DOCUMENTS.values()))
VERSIONS = struct.pack("<HH", 3, 1)
ALL = b"".join(DOCUMENTS.values())


@pytest.mark.parametrize(("value", "data"), REPLIES)
def test_replies_have_the_bytes_of_the_specification(value: FramedReply, data: bytes) -> None:
    assert value.to_bytes() == data
    assert read_reply(data) == value
    assert reply_from_stream(frame(data)) == value


def test_an_error_about_a_quote_has_24_bytes() -> None:
    reply = ErrorReply(type=MessageType.GET_QUOTE_RESP, code=ErrorCode.UNEXPECTED)
    assert frame(reply.to_bytes()).hex() == (
        "00000018010001000100000018000000012001000000000000000000"
    )


def _collateral(*sizes: int, data: bytes = ALL) -> bytes:
    return message(3, VERSIONS, numbers(*sizes), data)


def _platform(id_size: int, svn_size: int, data: bytes) -> bytes:
    return message(5, struct.pack("<HHII", 5, 13, id_size, svn_size), data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "ends inside QGS message header", id="nothing"),
        pytest.param(message(1, numbers(0, 1000), QUOTE, major=2), "major version 2", id="major 2"),
        pytest.param(message(7), "has type 7", id="unknown type"),
        pytest.param(
            message(1, numbers(0, 1000), QUOTE, size=1023), "says that it has 1023", id="size"
        ),
        pytest.param(message(1, numbers(0, 0)), "neither a quote nor", id="no quote, no error"),
        pytest.param(message(1, numbers(0, 1001), QUOTE), "1001 bytes needed", id="cut quote"),
        pytest.param(message(1, numbers(0, 999), QUOTE), "1 bytes after", id="trailing byte"),
        pytest.param(
            message(1, numbers(0, 1000), QUOTE, bytes(4)), "4 bytes after", id="quote with spare"
        ),
        pytest.param(
            message(1, numbers(15, 985), QUOTE), "key id of 15 bytes", id="key id of 15 bytes"
        ),
        pytest.param(message(1, numbers(32, 968), QUOTE), "key id of 32 bytes", id="two key ids"),
        pytest.param(
            message(1, numbers(16, 1000), QUOTE), "1000 bytes needed", id="overlapping sizes"
        ),
        pytest.param(
            message(1, numbers(2**32 - 16, 1016), QUOTE), "bytes needed", id="sum wraps to 1000"
        ),
        pytest.param(message(1, numbers(0, 2**32 - 1), QUOTE), "bytes needed", id="4 GiB"),
        pytest.param(
            message(1, numbers(0, 1000), QUOTE, error=0x12001),
            "error reply has 1024 bytes",
            id="an error with a quote",
        ),
        pytest.param(
            message(1, numbers(0, 1000), error=0x12001), "not zero", id="an error with a size"
        ),
        pytest.param(message(1, error=0x12001), "has 16 bytes", id="error without fixed part"),
        pytest.param(message(1, bytes(9), error=0x12001), "has 25 bytes", id="error and a byte"),
        pytest.param(
            message(1, bytes(12), error=0x12001), "has 28 bytes", id="error with spare bytes"
        ),
        pytest.param(message(3, bytes(33), error=0x12001), "has 49 bytes", id="error, collateral"),
        pytest.param(
            message(5, bytes(15) + b"\1", error=0x12001), "not zero", id="error, spare not zero"
        ),
        pytest.param(message(1, bytes(8), error=1), "unknown error code 0x1", id="code 1"),
        pytest.param(message(1, bytes(8), error=0x12000), "unknown error code", id="code 0x12000"),
        pytest.param(message(1, bytes(8), error=0x12008), "unknown error code", id="code 0x12008"),
        pytest.param(message(1, bytes(8), error=0x01200100), "unknown error", id="big-endian code"),
        pytest.param(message(3, VERSIONS), "ends inside QGS get collateral", id="no sizes"),
        pytest.param(_collateral(*SIZES[:6], 11), "11 bytes needed", id="last one past the end"),
        pytest.param(_collateral(*SIZES[:6], 9), "1 bytes after", id="last one before the end"),
        pytest.param(
            _collateral(*SIZES, data=ALL + b"\0\0\0"), "3 bytes after", id="three spare bytes"
        ),
        pytest.param(
            _collateral(*SIZES, data=ALL + bytes(5)), "5 bytes after", id="five spare bytes"
        ),
        pytest.param(
            _collateral(*SIZES, data=ALL + b"\0\0\0\1"), "not zero", id="spare byte not zero"
        ),
        pytest.param(_collateral(2**32 - 1, *SIZES[1:]), "bytes needed", id="first one of 4 GiB"),
        pytest.param(
            _collateral(*(2**31, 2**31), *SIZES[2:]), "bytes needed", id="two that wrap to 0"
        ),
        pytest.param(_platform(16, 16, bytes(32)), "4 bytes needed", id="platform, no spare"),
        pytest.param(_platform(16, 16, bytes(35)), "4 bytes needed", id="platform, 3 spare"),
        pytest.param(_platform(16, 16, bytes(37)), "1 bytes after", id="platform, 5 spare"),
        pytest.param(
            _platform(16, 16, bytes(35) + b"\1"), "not zero", id="platform, spare not zero"
        ),
        pytest.param(_platform(0, 16, bytes(20)), "no platform id", id="no platform id"),
        pytest.param(_platform(16, 0, bytes(20)), "no CPUSVN", id="no CPUSVN"),
        pytest.param(_platform(2**31, 2**31, bytes(4)), "bytes needed", id="platform wraps to 0"),
        pytest.param(
            message(5, numbers(0, 16, 16), b"\x1d" * 16), "16 bytes needed", id="platform, cut"
        ),
    ],
)
def test_refuses_what_is_no_reply(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words) as caught:
        read_reply(data)
    assert caught.value.reason is Reason.MESSAGE_FORMAT


@pytest.mark.parametrize("name", DOCUMENTS)
def test_refuses_collateral_without_one_of_its_documents(name: str) -> None:
    parts = {**DOCUMENTS, name: b""}
    with pytest.raises(MalformedError, match=f"has no {name}"):
        read_reply(
            message(3, VERSIONS, numbers(*map(len, parts.values())), b"".join(parts.values()))
        )


@pytest.mark.parametrize("data", [data for _, data in REQUESTS])
def test_refuses_a_request_in_place_of_a_reply(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected a reply"):
        read_reply(data)


@pytest.mark.parametrize("kind", [0, 2, 4])
def test_refuses_an_error_in_a_request(kind: int) -> None:
    with pytest.raises(MalformedError, match="expected a reply"):
        read_reply(message(kind, bytes(8), error=0x12001))


@pytest.mark.parametrize("parse", [GetQuoteReply, GetCollateralReply, GetPlatformInfoReply])
def test_refuses_a_reply_of_another_type(
    parse: type[GetQuoteReply | GetCollateralReply | GetPlatformInfoReply],
) -> None:
    others = [data for value, data in REPLIES if not isinstance(value, parse | ErrorReply)]
    for data in others:
        with pytest.raises(MalformedError, match=f"expected {parse.type.name}"):
            parse.from_bytes(data)
    assert others


@pytest.mark.parametrize("parse", [GetQuoteReply, GetCollateralReply, GetPlatformInfoReply])
def test_an_error_is_no_answer(
    parse: type[GetQuoteReply | GetCollateralReply | GetPlatformInfoReply],
) -> None:
    data = ErrorReply(type=parse.type, code=ErrorCode.UNEXPECTED).to_bytes()
    with pytest.raises(MalformedError, match="has error code 0x12001"):
        parse.from_bytes(data)


def test_an_answer_is_no_error() -> None:
    with pytest.raises(MalformedError, match="unknown error code 0x0"):
        ErrorReply.from_bytes(GetQuoteReply(quote=QUOTE).to_bytes())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", Reason.MESSAGE_FORMAT, id="nothing"),
        pytest.param(frame(message(1))[:-1], Reason.MESSAGE_FORMAT, id="cut"),
        pytest.param(
            frame(message(1, bytes(8), error=0x12001)) + b"\0",
            Reason.MESSAGE_FORMAT,
            id="trailing byte",
        ),
        pytest.param(frame(b"", size=MAX_REPLY_BYTES + 1), Reason.TOO_LARGE, id="over the limit"),
    ],
)
def test_refuses_what_is_no_frame(data: bytes, reason: Reason) -> None:
    with pytest.raises(MalformedError) as caught:
        reply_from_stream(data)
    assert caught.value.reason is reason


def test_values_that_no_message_can_say_do_not_exist() -> None:
    with pytest.raises(MalformedError):
        GetQuoteReply(quote=b"")
    with pytest.raises(MalformedError):
        GetQuoteReply(quote=QUOTE, selected_id=KEY_ID[1:])
    with pytest.raises(MalformedError):
        GetPlatformInfoReply(tdqe_svn=1, pce_svn=1, platform_id=b"", cpu_svn=b"\0")
    with pytest.raises(MalformedError, match="cannot carry an error"):
        ErrorReply(type=MessageType.GET_QUOTE_REQ, code=ErrorCode.UNEXPECTED)
    with pytest.raises(MalformedError, match="has no spare bytes"):
        ErrorReply(type=MessageType.GET_QUOTE_RESP, code=ErrorCode.UNEXPECTED, has_spare=True)
    with pytest.raises(MalformedError, match="out of range"):
        GetPlatformInfoReply(tdqe_svn=65536, pce_svn=1, platform_id=b"\0", cpu_svn=b"\0").to_bytes()


def test_numbers_have_names_and_words() -> None:
    assert set(WORDS) == set(ErrorCode)
    assert [describe_type(number) for number in (0, 5, 6)] == [
        "GET_QUOTE_REQ",
        "GET_PLATFORM_INFO_RESP",
        "unknown",
    ]
    assert [describe_error(number) for number in (0, 0x12001, 0x12007, 0x12008)] == [
        "none",
        "UNEXPECTED",
        "INVALID_CODE",
        "unknown",
    ]
