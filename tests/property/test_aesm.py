# SPDX-License-Identifier: Apache-2.0
"""AESM on any input: a reply of the request's own type, or a closed connection; never more."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confcom.errors import MalformedError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    Answer,
    Ask,
    AttestationKeyId,
    Close,
    KeyInfo,
    QeReportInfo,
    QuoteSize,
    Refusal,
    Reply,
    ServerConnection,
    SignedQuote,
    read_key_ids,
    write_frame,
    write_key_ids,
)
from confcom.protocols.aesm.client import (
    Exchange,
    ask_key_id_count,
    ask_key_ids,
    ask_key_info,
    ask_public_key_id_size,
    ask_quote,
    ask_quote_size,
    ask_selection,
)
from confcom.protocols.pb.aesm_pb2 import Request, Response

KEY_ID = DEFAULT_KEY_ID.to_bytes()
CALLS = [field.name for field in Request.DESCRIPTOR.fields]
ASKS: list[Callable[[], Exchange[Any]]] = [
    ask_key_id_count,
    lambda: ask_key_ids(1),
    ask_selection,
    lambda: ask_public_key_id_size(KEY_ID),
    lambda: ask_key_info(KEY_ID),
    lambda: ask_quote_size(KEY_ID),
    lambda: ask_quote(bytes(432), KEY_ID, 8192),
    lambda: ask_quote(bytes(432), KEY_ID, 8192, qe_report_info=bytes(960)),
]

sizes = st.sampled_from([0, 1, 31, 32, 255, 256, 264, 432, 436, 512, 960, 4600])
blobs = st.one_of(st.just(KEY_ID), st.binary(max_size=40), sizes.map(bytes))
numbers = st.sampled_from([0, 1, 32, 256, 435, 436, 4600, 65536, 65537, 2**32 - 1])
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(KeyInfo, blobs, blobs),
    st.builds(QuoteSize, st.integers(-1, 2**65)),
    st.builds(SignedQuote, blobs, st.none() | blobs),
    st.builds(Refusal, st.sampled_from(AesmCode), st.just("why")),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Draw a Request of one sub-message or several, with any of their fields."""
    request = Request()
    for call in draw(st.lists(st.sampled_from(CALLS), min_size=1, max_size=3)):
        content = getattr(request, call)
        content.SetInParent()
        for field in content.DESCRIPTOR.fields:
            if draw(st.booleans()):
                continue
            match field.cpp_type:
                case field.CPPTYPE_STRING:
                    value: object = draw(blobs)
                case field.CPPTYPE_BOOL:
                    value = draw(st.booleans())
                case _:
                    value = draw(numbers)
            setattr(content, field.name, value)
    message: bytes = request.SerializePartialToString()
    return message


def _settle(connection: ServerConnection, event: object, answer: Answer) -> object:
    return connection.answer(answer) if isinstance(event, Ask) else event


def _check_reply(reply: Reply, request: bytes) -> None:
    response = Response.FromString(reply.data[4:])
    assert reply.data[:4] == (len(reply.data) - 4).to_bytes(4, "little")
    [(field, content)] = response.ListFields()
    assert field.name == reply.call
    assert field.name != "unsupported_request"
    assert content.HasField("error_code")
    assert content.error_code == reply.code
    assert Request.FromString(request).HasField(field.name)


@given(requests(), answers, st.booleans())
def test_reply_never_has_another_type_than_its_request(
    request: bytes, answer: Answer, serves: bool
) -> None:
    connection = ServerConnection((KEY_ID,) if serves else ())
    event = _settle(connection, connection.receive(write_frame(request)), answer)
    assert isinstance(event, Reply)
    _check_reply(event, request)


@given(requests(), answers)
def test_success_always_satisfies_a_strict_client(request: bytes, answer: Answer) -> None:
    connection = ServerConnection((KEY_ID,))
    event = _settle(connection, connection.receive(write_frame(request)), answer)
    assert isinstance(event, Reply)
    content = getattr(Response.FromString(event.data[4:]), event.call)
    if event.code:
        return
    asked = getattr(Request.FromString(request), event.call)
    match event.call:
        case "init_quote_ex":
            assert (len(content.target_info), content.pub_key_id_size) == (512, 32)
        case "get_quote_size_ex":
            assert 436 <= content.quote_size <= 65536
        case "get_quote_ex":
            assert len(content.quote) == asked.buf_size
            assert content.HasField("qe_report_info") == asked.HasField("qe_report_info")
        case _:
            pass


@given(st.binary(max_size=200), answers)
@example(bytes(4), KeyInfo(b"", b""))
@example(b"\xff\xff\xff\x7f", KeyInfo(b"", b""))
def test_any_bytes_are_answered_closed_or_waited_for(data: bytes, answer: Answer) -> None:
    connection = ServerConnection((KEY_ID,))
    event = _settle(connection, connection.receive(data), answer)
    assert event is None or isinstance(event, Reply | Close)


@given(st.binary(max_size=200), answers)
def test_any_message_is_answered_or_closed(message: bytes, answer: Answer) -> None:
    connection = ServerConnection((KEY_ID,))
    event = _settle(connection, connection.receive(write_frame(message)), answer)
    assert isinstance(event, Reply | Close)
    if isinstance(event, Reply):
        _check_reply(event, message)


@given(requests() | st.binary(max_size=80), answers, st.data())
def test_splits_of_a_request_do_not_matter(
    request: bytes, answer: Answer, data: st.DataObject
) -> None:
    frame = write_frame(request)
    whole = ServerConnection((KEY_ID,))
    expected = _settle(whole, whole.receive(frame), answer)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(frame)), max_size=5)))
    pieces = ServerConnection((KEY_ID,))
    found: list[object] = []
    for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True):
        event = _settle(pieces, pieces.receive(frame[start:end]), answer)
        found += [] if event is None else [event]
    assert found == [expected]


@given(requests(), st.binary(max_size=60), answers)
def test_what_follows_a_request_does_not_matter(
    request: bytes, more: bytes, answer: Answer
) -> None:
    alone, flooded = ServerConnection((KEY_ID,)), ServerConnection((KEY_ID,))
    expected = _settle(alone, alone.receive(write_frame(request)), answer)
    assert _settle(flooded, flooded.receive(write_frame(request) + more), answer) == expected
    assert flooded.receive(more) is None


@given(st.integers(1, 2**32 - 1), st.binary(max_size=50))
@example(2**31 - 1, b"few")
def test_memory_follows_what_was_sent(announced: int, sent: bytes) -> None:
    tracemalloc.start()
    try:
        ServerConnection((KEY_ID,)).receive(announced.to_bytes(4, "little") + sent)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024


@pytest.mark.parametrize("ask", ASKS)
@given(st.binary(max_size=200), st.booleans())
def test_any_reply_is_a_value_or_our_error(
    ask: Callable[[], Exchange[Any]], data: bytes, framed: bool
) -> None:
    exchange = ask()
    try:
        exchange.receive(write_frame(data) if framed else data)
    except MalformedError:
        return


@given(st.sampled_from(ASKS), requests(), answers)
def test_reply_to_another_request_is_never_believed(
    ask: Callable[[], Exchange[Any]], request: bytes, answer: Answer
) -> None:
    connection = ServerConnection((KEY_ID,))
    event = _settle(connection, connection.receive(write_frame(request)), answer)
    assert isinstance(event, Reply)
    exchange = ask()
    if event.call == exchange.call:
        return
    with pytest.raises(MalformedError):
        exchange.receive(event.data)


@given(st.sampled_from(ASKS), answers, st.data())
def test_splits_of_a_reply_do_not_matter(
    ask: Callable[[], Exchange[Any]], answer: Answer, data: st.DataObject
) -> None:
    connection = ServerConnection((KEY_ID,))
    event = _settle(connection, connection.receive(ask().request), answer)
    assert isinstance(event, Reply)
    cut = data.draw(st.integers(0, len(event.data)))

    def receive(exchange: Exchange[Any], *pieces: bytes) -> object:
        found = []
        for piece in pieces:
            try:
                found.append(exchange.receive(piece))
            except MalformedError as exc:
                found.append(exc.message)
        return [one for one in found if one is not None]

    pieces = receive(ask(), event.data[:cut], event.data[cut:])
    if 0 < cut < len(event.data):
        assert pieces == receive(ask(), event.data)


@given(st.binary(min_size=256, max_size=256))
def test_key_id_is_written_as_it_was_read(data: bytes) -> None:
    assert AttestationKeyId.from_bytes(data).to_bytes() == data


@given(st.binary(min_size=960, max_size=960))
def test_qe_report_info_is_written_as_it_was_read(data: bytes) -> None:
    assert QeReportInfo.from_bytes(data).to_bytes() == data


@given(st.lists(st.binary(min_size=256, max_size=256), min_size=1, max_size=10).map(tuple))
def test_list_of_key_ids_is_read_as_it_was_written(ids: tuple[bytes, ...]) -> None:
    assert read_key_ids(write_key_ids(ids)) == ids


@given(st.binary(max_size=600))
def test_any_bytes_are_a_list_of_key_ids_or_our_error(data: bytes) -> None:
    try:
        assert write_key_ids(read_key_ids(data)) == data
    except MalformedError:
        return
