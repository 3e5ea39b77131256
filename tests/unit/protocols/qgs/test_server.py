# SPDX-License-Identifier: Apache-2.0
"""One connection of a TD to the service: asked, answered, refused or closed."""

import tracemalloc
from dataclasses import replace

import pytest
from tests.qgs_samples import (
    COLLATERAL,
    FMSPC,
    KEY_ID,
    OTHER_KEY_ID,
    QUOTE,
    REPLIES,
    REPORT,
    frame,
    message,
    numbers,
    raw_report,
)

from confcom.protocols.qgs import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    Answer,
    Ask,
    Call,
    Close,
    CollateralDocuments,
    DescribePlatform,
    ErrorCode,
    ErrorReply,
    Event,
    FetchCollateral,
    GetCollateralReply,
    GetPlatformInfoReply,
    GetQuoteReply,
    MakeTdQuote,
    MessageType,
    PckCa,
    PlatformInfo,
    Refusal,
    Reply,
    ServerConnection,
    TdQuote,
    reply_from_stream,
)

QUOTE_REQUEST = message(0, numbers(1024, 0), REPORT)
CHOOSY_REQUEST = message(0, numbers(1024, 16), REPORT, KEY_ID)
COLLATERAL_REQUEST = message(2, numbers(6, 8), FMSPC, b"platform")
PLATFORM_REQUEST = message(4)
DOCUMENTS = CollateralDocuments(
    major_version=3,
    minor_version=1,
    pck_crl_issuer_chain=COLLATERAL.pck_crl_issuer_chain,
    root_ca_crl=COLLATERAL.root_ca_crl,
    pck_crl=COLLATERAL.pck_crl,
    tcb_info_issuer_chain=COLLATERAL.tcb_info_issuer_chain,
    tcb_info=COLLATERAL.tcb_info,
    qe_identity_issuer_chain=COLLATERAL.qe_identity_issuer_chain,
    qe_identity=COLLATERAL.qe_identity,
)
PLATFORM = PlatformInfo(tdqe_svn=5, pce_svn=13, platform_id=b"\x1d" * 16, cpu_svn=b"\x5c" * 16)
ERRORS = {
    Call.GET_QUOTE: ErrorReply(type=MessageType.GET_QUOTE_RESP, code=ErrorCode.UNEXPECTED),
    Call.GET_COLLATERAL: ErrorReply(
        type=MessageType.GET_COLLATERAL_RESP, code=ErrorCode.UNEXPECTED
    ),
    Call.GET_PLATFORM_INFO: ErrorReply(
        type=MessageType.GET_PLATFORM_INFO_RESP, code=ErrorCode.UNEXPECTED
    ),
}
ASKED = [
    pytest.param(frame(QUOTE_REQUEST), Call.GET_QUOTE, MakeTdQuote(REPORT), id="quote"),
    pytest.param(
        frame(CHOOSY_REQUEST), Call.GET_QUOTE, MakeTdQuote(REPORT, (KEY_ID,)), id="quote by a key"
    ),
    pytest.param(
        frame(COLLATERAL_REQUEST),
        Call.GET_COLLATERAL,
        FetchCollateral(FMSPC, PckCa.PLATFORM),
        id="collateral",
    ),
    pytest.param(
        frame(message(2, numbers(6, 10), FMSPC, b"processor\0", minor=0)),
        Call.GET_COLLATERAL,
        FetchCollateral(FMSPC, PckCa.PROCESSOR),
        id="collateral for the other CA",
    ),
    pytest.param(
        frame(PLATFORM_REQUEST), Call.GET_PLATFORM_INFO, DescribePlatform(), id="platform"
    ),
    pytest.param(raw_report(), Call.RAW_QUOTE, MakeTdQuote(raw_report()), id="raw"),
    pytest.param(raw_report(0), Call.RAW_QUOTE, MakeTdQuote(raw_report(0)), id="raw, version 0"),
]


def _asked(data: bytes) -> ServerConnection:
    connection = ServerConnection()
    assert isinstance(connection.receive(data), Ask)
    return connection


def _is_error(event: Event | None, call: Call) -> bool:
    assert isinstance(event, Reply)
    assert event.why
    assert (event.call, event.code) == (call, ErrorCode.UNEXPECTED)
    return reply_from_stream(event.data) == ERRORS[call]


@pytest.mark.parametrize(("data", "call", "operation"), ASKED)
def test_asks_the_back_end(data: bytes, call: Call, operation: object) -> None:
    connection = ServerConnection()
    assert connection.receive(data) == Ask(call, operation)  # type: ignore[arg-type]
    assert connection.call is call


@pytest.mark.parametrize(("data", "call", "operation"), ASKED)
def test_asks_the_same_when_bytes_come_one_by_one(
    data: bytes, call: Call, operation: object
) -> None:
    connection = ServerConnection()
    events = [connection.receive(data[at : at + 1]) for at in range(len(data))]
    assert events[:-1] == [None] * (len(data) - 1)
    assert events[-1] == Ask(call, operation)  # type: ignore[arg-type]


@pytest.mark.parametrize(("data", "call", "operation"), ASKED)
def test_ignores_what_follows_the_request(data: bytes, call: Call, operation: object) -> None:
    connection = ServerConnection()
    first = connection.receive(data + frame(PLATFORM_REQUEST))
    assert first == Ask(call, operation)  # type: ignore[arg-type]
    assert connection.receive(frame(PLATFORM_REQUEST)) is None
    assert connection.receive(b"\xff" * 100) is None


def test_answers_with_the_quote() -> None:
    reply = _asked(frame(QUOTE_REQUEST)).answer(TdQuote(QUOTE))
    assert reply == Reply(Call.GET_QUOTE, 0, frame(message(1, numbers(0, 1000), QUOTE)))


def test_answers_with_the_key_that_the_client_named() -> None:
    reply = _asked(frame(CHOOSY_REQUEST)).answer(TdQuote(QUOTE, KEY_ID))
    assert isinstance(reply, Reply)
    assert reply_from_stream(reply.data) == GetQuoteReply(quote=QUOTE, selected_id=KEY_ID)


def test_answers_with_collateral_in_its_order() -> None:
    reply = _asked(frame(COLLATERAL_REQUEST)).answer(DOCUMENTS)
    assert reply == Reply(Call.GET_COLLATERAL, 0, frame(REPLIES[2][1]))


def test_adds_spare_bytes_to_collateral_for_clients_of_minor_version_0() -> None:
    old = message(2, numbers(6, 8), FMSPC, b"platform", minor=0)
    reply = _asked(frame(old)).answer(DOCUMENTS)
    assert isinstance(reply, Reply)
    assert reply.data == frame(REPLIES[3][1])
    assert isinstance(parsed := reply_from_stream(reply.data), GetCollateralReply)
    assert parsed.has_spare


def test_answers_with_the_platform_and_its_spare_bytes() -> None:
    reply = _asked(frame(PLATFORM_REQUEST)).answer(PLATFORM)
    assert isinstance(reply, Reply)
    assert reply.data[4 + 8 : 4 + 12] == numbers(16 + 12 + 16 + 16 + 4)
    assert reply.data[-20:] == b"\x5c" * 16 + bytes(4)
    assert isinstance(reply_from_stream(reply.data), GetPlatformInfoReply)


def test_answers_in_raw_mode_with_the_bare_quote() -> None:
    assert _asked(raw_report()).answer(TdQuote(QUOTE)) == Reply(Call.RAW_QUOTE, 0, QUOTE)


@pytest.mark.parametrize(
    ("data", "call"),
    [
        (frame(QUOTE_REQUEST), Call.GET_QUOTE),
        (frame(COLLATERAL_REQUEST), Call.GET_COLLATERAL),
        (frame(PLATFORM_REQUEST), Call.GET_PLATFORM_INFO),
    ],
)
def test_refuses_in_the_type_of_the_request_and_keeps_the_reason_for_the_log(
    data: bytes, call: Call
) -> None:
    event = _asked(data).refuse("quota of peer used up")
    assert isinstance(event, Reply)
    assert event.why == "quota of peer used up"
    assert b"quota" not in event.data
    assert _is_error(event, call)


def test_closes_in_raw_mode_where_there_is_no_quote() -> None:
    refused = _asked(raw_report()).refuse("quota of peer used up")
    assert refused == Close("quota of peer used up", Call.RAW_QUOTE)


@pytest.mark.parametrize(
    "answer",
    [
        TdQuote(b""),
        TdQuote(b"\x51" * (MAX_REPLY_BYTES + 1)),
        DOCUMENTS,
        PLATFORM,
        Refusal("no"),
    ],
    ids=["empty", "too large", "collateral", "platform", "refusal"],
)
def test_closes_in_raw_mode_on_any_other_answer(answer: Answer) -> None:
    assert isinstance(_asked(raw_report()).answer(answer), Close)


@pytest.mark.parametrize(
    ("data", "call", "answer"),
    [
        pytest.param(QUOTE_REQUEST, Call.GET_QUOTE, TdQuote(b""), id="empty quote"),
        pytest.param(
            QUOTE_REQUEST, Call.GET_QUOTE, TdQuote(bytes(MAX_REPLY_BYTES)), id="quote too large"
        ),
        pytest.param(QUOTE_REQUEST, Call.GET_QUOTE, TdQuote(QUOTE, b"\1"), id="bad key id"),
        pytest.param(
            CHOOSY_REQUEST, Call.GET_QUOTE, TdQuote(QUOTE, OTHER_KEY_ID), id="key not named"
        ),
        pytest.param(QUOTE_REQUEST, Call.GET_QUOTE, DOCUMENTS, id="collateral for a quote"),
        pytest.param(QUOTE_REQUEST, Call.GET_QUOTE, PLATFORM, id="platform for a quote"),
        pytest.param(
            COLLATERAL_REQUEST, Call.GET_COLLATERAL, TdQuote(QUOTE), id="quote for collateral"
        ),
        pytest.param(
            COLLATERAL_REQUEST,
            Call.GET_COLLATERAL,
            replace(DOCUMENTS, pck_crl=b""),
            id="collateral without a document",
        ),
        pytest.param(
            COLLATERAL_REQUEST,
            Call.GET_COLLATERAL,
            replace(DOCUMENTS, major_version=65536),
            id="version out of range",
        ),
        pytest.param(
            PLATFORM_REQUEST, Call.GET_PLATFORM_INFO, TdQuote(QUOTE), id="quote for a platform"
        ),
        pytest.param(
            PLATFORM_REQUEST,
            Call.GET_PLATFORM_INFO,
            replace(PLATFORM, tdqe_svn=-1),
            id="SVN out of range",
        ),
        pytest.param(
            PLATFORM_REQUEST,
            Call.GET_PLATFORM_INFO,
            replace(PLATFORM, platform_id=b""),
            id="no platform id",
        ),
    ],
)
def test_an_answer_that_cannot_be_sent_becomes_an_error(
    data: bytes, call: Call, answer: Answer
) -> None:
    assert _is_error(_asked(frame(data)).answer(answer), call)


@pytest.mark.parametrize(
    ("data", "call"),
    [
        pytest.param(message(0), Call.GET_QUOTE, id="quote, header only"),
        pytest.param(
            message(0, numbers(1000, 0), REPORT[:1000]), Call.GET_QUOTE, id="report of 1000 bytes"
        ),
        pytest.param(
            message(0, numbers(1024, 8), REPORT, KEY_ID[:8]), Call.GET_QUOTE, id="half a key id"
        ),
        pytest.param(
            message(0, numbers(1024, 0), REPORT, b"\0"), Call.GET_QUOTE, id="trailing byte"
        ),
        pytest.param(
            message(0, numbers(2**32 - 16, 1040), REPORT), Call.GET_QUOTE, id="sizes that wrap"
        ),
        pytest.param(
            message(0, numbers(1024, 0), REPORT, error=1), Call.GET_QUOTE, id="error in a request"
        ),
        pytest.param(
            message(2, numbers(6, 2**32 - 1), FMSPC), Call.GET_COLLATERAL, id="CA of 4 GiB"
        ),
        pytest.param(
            message(2, numbers(5, 8), FMSPC[:5], b"platform"),
            Call.GET_COLLATERAL,
            id="FMSPC of 5 bytes",
        ),
        pytest.param(
            message(2, numbers(6, 8), FMSPC, b"../admin"), Call.GET_COLLATERAL, id="unknown CA"
        ),
        pytest.param(message(4, bytes(4)), Call.GET_PLATFORM_INFO, id="platform, spare bytes"),
        pytest.param(message(4, error=0x12001), Call.GET_PLATFORM_INFO, id="platform, error"),
    ],
)
def test_a_wrong_request_is_refused_in_its_own_type(data: bytes, call: Call) -> None:
    connection = ServerConnection()
    assert _is_error(connection.receive(frame(data)), call)
    with pytest.raises(RuntimeError):
        connection.answer(TdQuote(QUOTE))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(message(4, major=2)), id="major version 2"),
        pytest.param(frame(message(6)), id="unknown type"),
        pytest.param(frame(message(1, numbers(0, 1000), QUOTE)), id="a reply"),
        pytest.param(frame(message(4, size=17)), id="size over the length"),
        pytest.param(frame(message(4, b"\0", size=16)), id="size under the length"),
        pytest.param(bytes(4), id="length 0"),
        pytest.param(b"\0\0\0\x0f", id="length 15"),
        pytest.param(b"\x10\0\0\0", id="little-endian length"),
        pytest.param(b"\x7f\xff\xff\xff", id="length of 2 GiB"),
        pytest.param(b"\xff\xff\xff\xff", id="length of 4 GiB"),
        pytest.param(b"\x81\0\2\0", id="TDREPORT of version 2"),
        pytest.param(b"\x81\1\0\0", id="TDREPORT of subtype 1"),
        pytest.param((MAX_REQUEST_BYTES + 1).to_bytes(4, "big"), id="one over the limit"),
        pytest.param(bytes(1 << 20), id="a megabyte of zeros"),
        pytest.param(raw_report()[:4] + b"\1" + raw_report()[5:], id="TDREPORT, zeros not zero"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
    ],
)
def test_closes_on_what_is_no_request(data: bytes) -> None:
    connection = ServerConnection()
    event = connection.receive(data)
    assert isinstance(event, Close)
    assert event.why
    assert connection.receive(frame(PLATFORM_REQUEST)) is None


@pytest.mark.parametrize(
    "data", [frame(QUOTE_REQUEST), frame(PLATFORM_REQUEST), raw_report()], ids=["a", "b", "raw"]
)
def test_waits_for_the_last_byte(data: bytes) -> None:
    connection = ServerConnection()
    empty = [connection.is_empty]
    assert connection.receive(data[:-1]) is None
    empty.append(connection.is_empty)
    assert isinstance(connection.receive(data[-1:]), Ask)
    assert [*empty, connection.is_empty] == [True, False, False]


def test_takes_as_many_key_ids_as_fit() -> None:
    ids = (MAX_REQUEST_BYTES - 16 - 8 - 1024) // 16
    largest = message(0, numbers(1024, 16 * ids), REPORT, KEY_ID * ids)
    event = ServerConnection().receive(frame(largest))
    assert event == Ask(Call.GET_QUOTE, MakeTdQuote(REPORT, (KEY_ID,) * ids))


def test_reads_a_request_of_exactly_the_limit() -> None:
    size = MAX_REQUEST_BYTES - 16 - 8 - 6
    data = frame(message(2, numbers(6, size), FMSPC, b"p" * size))
    assert len(data) == 4 + MAX_REQUEST_BYTES
    connection = ServerConnection()
    assert connection.receive(data[:-1]) is None
    assert _is_error(connection.receive(data[-1:]), Call.GET_COLLATERAL)


def test_keeps_nothing_of_what_follows_the_request() -> None:
    flood = frame(PLATFORM_REQUEST) + bytes(32 << 20)
    tracemalloc.start()
    try:
        ServerConnection().receive(flood)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_answers_once_and_only_what_was_asked() -> None:
    connection = ServerConnection()
    with pytest.raises(RuntimeError, match="nothing was asked"):
        connection.answer(TdQuote(QUOTE))
    connection.receive(frame(QUOTE_REQUEST))
    connection.answer(TdQuote(QUOTE))
    with pytest.raises(RuntimeError, match="nothing was asked"):
        connection.answer(TdQuote(QUOTE))
    with pytest.raises(RuntimeError, match="nothing was asked"):
        connection.refuse("late")


def test_shows_no_report_and_no_quote() -> None:
    connection = ServerConnection()
    event = connection.receive(frame(QUOTE_REQUEST))
    assert "MakeTdQuote()" not in repr(event)
    assert "\\x" not in repr(event)
    assert "\\x51" not in repr(connection.answer(TdQuote(QUOTE)))
