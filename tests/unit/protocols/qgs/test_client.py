# SPDX-License-Identifier: Apache-2.0
"""What a client sends to the service, and which replies it believes."""

import tracemalloc

import pytest
from tests.qgs_samples import (
    FMSPC,
    KEY_ID,
    OTHER_KEY_ID,
    QUOTE,
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
    MAX_REPLY_BYTES,
    ClientConnection,
    ErrorReply,
    FramedReply,
    FramedRequest,
    GetCollateralRequest,
    GetPlatformInfoRequest,
    GetQuoteReply,
    GetQuoteRequest,
    RawClientConnection,
    RawQuoteRequest,
)
from confcom.reasons import Reason

QUOTE_REQUEST = GetQuoteRequest(report=REPORT)
CHOOSY_REQUEST = GetQuoteRequest(report=REPORT, key_ids=(KEY_ID,))
COLLATERAL_REQUEST = GetCollateralRequest(fmspc=FMSPC, ca=b"platform")
OLD_REQUEST = GetCollateralRequest(fmspc=FMSPC, ca=b"platform", minor=0)
PLATFORM_REQUEST = GetPlatformInfoRequest()
QUOTE_REPLY, CHOSEN_REPLY, COLLATERAL_REPLY, OLD_REPLY, PLATFORM_REPLY = (
    data for _, data in REPLIES[:5]
)
ANSWERS = [
    (QUOTE_REQUEST, REPLIES[0]),
    (QUOTE_REQUEST, REPLIES[1]),
    (CHOOSY_REQUEST, REPLIES[0]),
    (CHOOSY_REQUEST, REPLIES[1]),
    (COLLATERAL_REQUEST, REPLIES[2]),
    (OLD_REQUEST, REPLIES[3]),
    (PLATFORM_REQUEST, REPLIES[4]),
    (QUOTE_REQUEST, REPLIES[5]),
    (COLLATERAL_REQUEST, REPLIES[6]),
    (OLD_REQUEST, REPLIES[6]),
    (PLATFORM_REQUEST, REPLIES[7]),
    (PLATFORM_REQUEST, REPLIES[8]),
]


@pytest.mark.parametrize(("request_", "data"), REQUESTS)
def test_sends_one_frame(request_: FramedRequest, data: bytes) -> None:
    assert ClientConnection(request_).to_send == frame(data)


@pytest.mark.parametrize(("request_", "answer"), ANSWERS)
@pytest.mark.parametrize("step", [1, 7, 5000])
def test_reads_the_reply_however_it_is_split(
    request_: FramedRequest, answer: tuple[FramedReply, bytes], step: int
) -> None:
    value, message_ = answer
    data = frame(message_)
    connection = ClientConnection(request_)
    events = [connection.receive(data[at : at + step]) for at in range(0, len(data), step)]
    assert set(events[:-1]) <= {None}
    assert events[-1] == value
    assert connection.receive(data) is None
    connection.end()


@pytest.mark.parametrize(
    ("request_", "data"),
    [
        pytest.param(QUOTE_REQUEST, COLLATERAL_REPLY, id="collateral for a quote"),
        pytest.param(QUOTE_REQUEST, PLATFORM_REPLY, id="platform for a quote"),
        pytest.param(COLLATERAL_REQUEST, QUOTE_REPLY, id="quote for collateral"),
        pytest.param(PLATFORM_REQUEST, QUOTE_REPLY, id="quote for the platform"),
        pytest.param(PLATFORM_REQUEST, REPLIES[5][1], id="error of another type"),
        pytest.param(QUOTE_REQUEST, QUOTE_REQUEST.to_bytes(), id="the request itself"),
        pytest.param(COLLATERAL_REQUEST, OLD_REPLY, id="spare bytes unasked"),
        pytest.param(OLD_REQUEST, COLLATERAL_REPLY, id="no spare bytes for an old client"),
        pytest.param(
            CHOOSY_REQUEST,
            GetQuoteReply(quote=QUOTE, selected_id=OTHER_KEY_ID).to_bytes(),
            id="key not named",
        ),
        pytest.param(
            QUOTE_REQUEST, message(1, numbers(0, 999), QUOTE), id="sizes that do not add up"
        ),
        pytest.param(
            QUOTE_REQUEST, message(1, numbers(0, 1000), QUOTE, major=2), id="major version 2"
        ),
        pytest.param(QUOTE_REQUEST, message(1, bytes(8), error=7), id="unknown error"),
    ],
)
def test_refuses_what_is_no_answer_to_its_request(request_: FramedRequest, data: bytes) -> None:
    connection = ClientConnection(request_)
    with pytest.raises(MalformedError) as caught:
        connection.receive(frame(data))
    assert caught.value.reason is Reason.MESSAGE_FORMAT
    assert connection.receive(frame(QUOTE_REPLY)) is None


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        (0, Reason.MESSAGE_FORMAT),
        (15, Reason.MESSAGE_FORMAT),
        (MAX_REPLY_BYTES + 1, Reason.TOO_LARGE),
        (2**31 - 1, Reason.TOO_LARGE),
        (2**32 - 1, Reason.TOO_LARGE),
    ],
)
def test_refuses_a_length_that_no_reply_has(length: int, reason: Reason) -> None:
    connection = ClientConnection(QUOTE_REQUEST)
    with pytest.raises(MalformedError) as caught:
        connection.receive(length.to_bytes(4, "big"))
    assert caught.value.reason is reason
    assert connection.receive(frame(QUOTE_REPLY)) is None


@pytest.mark.parametrize("size", [0, 3, 4, 20, len(QUOTE_REPLY) + 3])
def test_refuses_a_reply_that_ends_early(size: int) -> None:
    connection = ClientConnection(QUOTE_REQUEST)
    assert connection.receive(frame(QUOTE_REPLY)[:size]) is None
    with pytest.raises(MalformedError, match=f"ends after {size} bytes"):
        connection.end()


def test_keeps_nothing_of_what_follows_the_reply() -> None:
    flood = frame(QUOTE_REPLY) + bytes(32 << 20)
    tracemalloc.start()
    try:
        assert ClientConnection(QUOTE_REQUEST).receive(flood) == REPLIES[0][0]
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_reads_a_reply_of_exactly_the_limit() -> None:
    size = MAX_REPLY_BYTES - 16 - 8
    data = frame(message(1, numbers(0, size), bytes(size)))
    assert len(data) == 4 + MAX_REPLY_BYTES
    reply = ClientConnection(QUOTE_REQUEST).receive(data)
    assert reply == GetQuoteReply(quote=bytes(size))


def test_refuses_to_send_what_no_service_takes() -> None:
    with pytest.raises(MalformedError) as caught:
        ClientConnection(GetQuoteRequest(report=REPORT, key_ids=(KEY_ID,) * 1000))
    assert caught.value.reason is Reason.TOO_LARGE


def test_an_error_is_a_value_that_says_why() -> None:
    reply = ClientConnection(QUOTE_REQUEST).receive(frame(REPLIES[5][1]))
    assert isinstance(reply, ErrorReply)
    assert reply.code == 0x12001


@pytest.mark.parametrize("step", [1, 7, 5000])
def test_a_raw_quote_ends_with_the_connection(step: int) -> None:
    connection = RawClientConnection(RawQuoteRequest(report=raw_report()))
    assert connection.to_send == raw_report()
    for at in range(0, len(QUOTE), step):
        connection.receive(QUOTE[at : at + step])
    assert connection.end() == QUOTE


def test_no_raw_quote_is_an_error() -> None:
    connection = RawClientConnection(RawQuoteRequest(report=raw_report()))
    with pytest.raises(MalformedError, match="empty"):
        connection.end()


def test_a_raw_quote_without_end_is_an_error() -> None:
    connection = RawClientConnection(RawQuoteRequest(report=raw_report()))
    connection.receive(bytes(MAX_REPLY_BYTES))
    with pytest.raises(MalformedError) as caught:
        connection.receive(b"\0")
    assert caught.value.reason is Reason.TOO_LARGE
    connection.receive(QUOTE)
    with pytest.raises(MalformedError, match="empty"):
        connection.end()
