# SPDX-License-Identifier: Apache-2.0
"""QGS messages on any input: a value that keeps every byte, or our error; splits do not matter."""

import struct
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.qgs_samples import REPLIES, REQUESTS, frame, raw_report

from confcom.errors import MalformedError
from confcom.protocols.qgs import (
    Answer,
    Ask,
    ClientConnection,
    Close,
    CollateralDocuments,
    DescribePlatform,
    ErrorCode,
    ErrorReply,
    Event,
    FetchCollateral,
    FramedReply,
    FramedRequest,
    GetCollateralReply,
    GetCollateralRequest,
    GetPlatformInfoReply,
    GetPlatformInfoRequest,
    GetQuoteReply,
    GetQuoteRequest,
    MakeTdQuote,
    MessageType,
    Operation,
    PlatformInfo,
    Reply,
    ServerConnection,
    TdQuote,
    read_reply,
    read_request,
    reply_from_stream,
    request_from_stream,
)
from confcom.protocols.qgs.codes import REPLY_TO

U16 = st.integers(0, 0xFFFF)
MINOR = st.sampled_from((0, 1, 2, 0xFFFF))
KEY_ID = st.binary(min_size=16, max_size=16)
SOME = st.binary(min_size=1, max_size=40)
REPORT = st.binary(min_size=1024, max_size=1024)
FMSPC = st.binary(min_size=6, max_size=6)
CA = st.sampled_from((b"platform", b"processor", b"platform\0", b"processor\0"))

framed_requests: st.SearchStrategy[FramedRequest] = st.one_of(
    st.builds(
        GetQuoteRequest, report=REPORT, key_ids=st.lists(KEY_ID, max_size=4).map(tuple), minor=MINOR
    ),
    st.builds(GetCollateralRequest, fmspc=FMSPC, ca=CA, minor=MINOR),
    st.builds(GetPlatformInfoRequest, minor=MINOR),
)
any_requests = framed_requests | st.builds(GetCollateralRequest, fmspc=SOME, ca=SOME, minor=U16)
_REPLY_TYPES = st.sampled_from(sorted(REPLY_TO.values()))
replies: st.SearchStrategy[FramedReply] = st.one_of(
    st.builds(GetQuoteReply, quote=SOME, selected_id=st.just(b"") | KEY_ID, minor=U16),
    st.builds(
        GetCollateralReply,
        collateral_major=U16,
        collateral_minor=U16,
        pck_crl_issuer_chain=SOME,
        root_ca_crl=SOME,
        pck_crl=SOME,
        tcb_info_issuer_chain=SOME,
        tcb_info=SOME,
        qe_identity_issuer_chain=SOME,
        qe_identity=SOME,
        has_spare=st.booleans(),
        minor=U16,
    ),
    st.builds(
        GetPlatformInfoReply,
        tdqe_svn=U16,
        pce_svn=U16,
        platform_id=SOME,
        cpu_svn=SOME,
        minor=U16,
    ),
    st.builds(ErrorReply, type=_REPLY_TYPES, code=st.sampled_from(ErrorCode), minor=U16),
)
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(TdQuote, SOME, st.just(b"") | KEY_ID),
    st.builds(
        CollateralDocuments,
        major_version=U16,
        minor_version=U16,
        pck_crl_issuer_chain=SOME,
        root_ca_crl=SOME,
        pck_crl=SOME,
        tcb_info_issuer_chain=SOME,
        tcb_info=SOME,
        qe_identity_issuer_chain=SOME,
        qe_identity=SOME,
    ),
    st.builds(PlatformInfo, tdqe_svn=U16, pce_svn=U16, platform_id=SOME, cpu_svn=SOME),
)
_MESSAGES = [data for _, data in (*REQUESTS, *REPLIES)]
_STREAMS = [*map(frame, _MESSAGES), raw_report()]


@st.composite
def edited(draw: st.DrawFn, originals: Sequence[bytes]) -> bytes:
    """Return bytes near to right ones: some changed, a number set, cut, or lengthened."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, min(len(data), 80) - 1))
        data[at] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        at = draw(st.sampled_from([at for at in range(0, 56, 4) if at + 4 <= len(data)]))
        number = draw(st.sampled_from((0, 1, 15, 16, 1024, 2**31, 2**32 - 16, 2**32 - 1)))
        struct.pack_into("<I", data, at, number)
    cut = draw(st.sampled_from((0, 0, 0, 1, 4, len(data) // 2)))
    return bytes(data[: len(data) - cut]) + draw(st.sampled_from((b"", b"", b"\0", bytes(4))))


def feed(data: bytes, cuts: Sequence[int]) -> Event | None:
    """Return what a connection makes of bytes that come in pieces."""
    connection = ServerConnection()
    at = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(at)]
    events = [event for event in map(connection.receive, pieces) if event is not None]
    assert len(events) <= 1
    return events[0] if events else None


@given(any_requests)
def test_every_request_survives_its_bytes(request: FramedRequest) -> None:
    assert read_request(request.to_bytes()) == request
    assert request_from_stream(frame(request.to_bytes())) == request


@given(replies)
def test_every_reply_survives_its_bytes(reply: FramedReply) -> None:
    assert read_reply(reply.to_bytes()) == reply
    assert reply_from_stream(frame(reply.to_bytes())) == reply


@pytest.mark.parametrize("read", [read_request, read_reply], ids=["request", "reply"])
@given(data=st.binary(max_size=200) | edited(_MESSAGES))
def test_any_message_is_a_value_with_the_same_bytes_or_our_error(
    read: Callable[[bytes], FramedRequest | FramedReply], data: bytes
) -> None:
    try:
        value = read(data)
    except MalformedError:
        return
    assert value.to_bytes() == data


@pytest.mark.parametrize("read", [request_from_stream, reply_from_stream], ids=["req", "rep"])
@given(data=st.binary(max_size=200) | edited(_STREAMS))
def test_any_stream_is_a_value_with_the_same_bytes_or_our_error(
    read: Callable[[bytes], FramedRequest | FramedReply], data: bytes
) -> None:
    try:
        value = read(data)
    except MalformedError:
        return
    assert value.to_bytes() in {data, data[4:]}


@given(
    data=st.binary(max_size=200) | edited(_STREAMS),
    cuts=st.lists(st.integers(0, 1200), max_size=6),
    behind=st.binary(max_size=20),
)
def test_splits_do_not_matter(data: bytes, cuts: list[int], behind: bytes) -> None:
    whole = feed(data, ())
    assert feed(data, cuts) == whole
    if whole is not None:
        assert feed(data + behind, cuts) == whole


@given(st.binary(max_size=200) | edited(_STREAMS))
def test_what_is_asked_is_what_a_strict_reader_reads(data: bytes) -> None:
    event = feed(data, ())
    try:
        request = request_from_stream(data)
    except MalformedError:
        return
    match event:
        case Ask(operation=MakeTdQuote(report=report)):
            assert report == getattr(request, "report", None)
        case Ask(operation=FetchCollateral(fmspc=fmspc)):
            assert fmspc == getattr(request, "fmspc", None)
        case Ask(operation=DescribePlatform()):
            assert isinstance(request, GetPlatformInfoRequest)
        case Reply():
            assert isinstance(request, GetCollateralRequest)  # of a platform that cannot be
        case _:
            pytest.fail(f"a request was met with {event}")


@given(framed_requests, answers)
def test_a_reply_has_the_type_of_its_request_and_the_client_believes_it(
    request: FramedRequest, answer: Answer
) -> None:
    server, client = ServerConnection(), ClientConnection(request)
    assert isinstance(server.receive(client.to_send), Ask)
    reply = server.answer(answer)
    assert isinstance(reply, Reply)
    read = client.receive(reply.data)
    assert read is not None
    assert read.type is REPLY_TO[request.type]
    assert (reply.code == 0) is not isinstance(read, ErrorReply)


@given(edited(_STREAMS))
def test_a_refusal_has_the_type_of_its_request(data: bytes) -> None:
    event = feed(data, ())
    if not isinstance(event, Reply):
        return
    read = reply_from_stream(event.data)
    assert isinstance(read, ErrorReply)
    assert read.type is REPLY_TO[MessageType(int.from_bytes(data[8:12], "little"))]


@given(st.lists(st.tuples(REPORT, SOME), min_size=2, max_size=5))
def test_a_quote_goes_to_the_client_whose_report_it_was_made_of(
    clients: list[tuple[bytes, bytes]],
) -> None:
    servers = [ServerConnection() for _ in clients]
    quotes: list[bytes] = []
    operations: list[Operation] = []
    for server, (report, _) in zip(servers, clients, strict=True):
        event = server.receive(frame(GetQuoteRequest(report=report).to_bytes()))
        assert isinstance(event, Ask)
        operations.append(event.operation)
    assert operations == [MakeTdQuote(report) for report, _ in clients]
    for server, (_, quote) in reversed([*zip(servers, clients, strict=True)]):
        reply = server.answer(TdQuote(quote))
        assert not isinstance(reply, Close)
        read = reply_from_stream(reply.data)
        assert isinstance(read, GetQuoteReply)
        quotes.insert(0, read.quote)
    assert quotes == [quote for _, quote in clients]
