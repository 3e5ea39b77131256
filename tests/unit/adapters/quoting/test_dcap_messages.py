# SPDX-License-Identifier: Apache-2.0
"""What a child may say to the daemon, and what it may not."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.quoting.dcap_messages import (
    MAX_FRAME_BYTES,
    AskInit,
    AskQuote,
    AskSize,
    Failed,
    Hello,
    KeyReady,
    Loaded,
    MessageError,
    NotLoaded,
    Question,
    QuoteMade,
    Reply,
    SizeKnown,
    read_hello,
    read_length,
    read_question,
    read_reply,
    write_message,
)

REPLIES: list[Reply] = [
    KeyReady(7, bytes(512), bytes(32)),
    KeyReady(7, bytes(512), None),
    SizeKnown(7, 4600),
    QuoteMade(7, bytes(4600), bytes(960)),
    QuoteMade(7, b"", None),
    Failed(7, 0xE00F, "key"),
]


def _body(message: Question | Hello | Reply) -> bytes:
    frame = write_message(message)
    assert read_length(frame[:4]) == len(frame) - 4
    return frame[4:]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
@pytest.mark.parametrize("number", [0, 6, 8, 2**64])
def test_refuses_reply_to_another_question(reply: Reply, number: int) -> None:
    with pytest.raises(MessageError, match=f"reply to question 7, expected to {number}"):
        read_reply(_body(reply), number)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (KeyReady(7, bytes(511), bytes(32)), "target info of 511 bytes, expected 512"),
        (KeyReady(7, bytes(513), None), "target info of 513 bytes"),
        (KeyReady(7, bytes(512), bytes(31)), "public key id of 31 bytes, expected 32"),
        (KeyReady(7, bytes(512), b""), "public key id of 0 bytes"),
        (QuoteMade(7, bytes(4600), bytes(959)), "QE report info of 959 bytes, expected 960"),
        (QuoteMade(7, bytes(4600), b""), "QE report info of 0 bytes"),
    ],
)
def test_refuses_parts_of_another_size(reply: Reply, words: str) -> None:
    with pytest.raises(MessageError, match=words):
        read_reply(_body(reply), 7)


@pytest.mark.parametrize("size", [0, 255, 257])
def test_refuses_key_id_of_another_size(size: int) -> None:
    with pytest.raises(MessageError, match="expected 256"):
        read_hello(_body(Loaded("complete", bytes(size))))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x00" * 100,
        msgspec.msgpack.encode({"type": "Nothing", "number": 7}),
        msgspec.msgpack.encode({"type": "SizeKnown", "number": 7}),
        msgspec.msgpack.encode({"type": "SizeKnown", "number": 7, "size": "4600"}),
        msgspec.msgpack.encode({"type": "SizeKnown", "number": 7, "size": 1, "more": 1}),
        msgspec.msgpack.encode({"type": "SizeKnown", "number": 7, "size": 1}) + b"\0",
        msgspec.msgpack.encode({"type": "KeyReady", "number": 7, "target_info": "x" * 512}),
    ],
)
def test_refuses_what_is_no_message(data: bytes) -> None:
    with pytest.raises(MessageError):
        read_reply(data, 7)
    with pytest.raises(MessageError):
        read_hello(data)
    with pytest.raises(MessageError):
        read_question(data)


def test_takes_no_message_for_one_of_another_kind() -> None:
    with pytest.raises(MessageError):
        read_reply(_body(AskSize(7)), 7)
    with pytest.raises(MessageError):
        read_reply(_body(Loaded("complete", None)), 7)
    with pytest.raises(MessageError):
        read_hello(_body(SizeKnown(0, 4600)))
    with pytest.raises(MessageError):
        read_question(_body(SizeKnown(0, 4600)))


@pytest.mark.parametrize("length", [MAX_FRAME_BYTES + 1, 2**31, 2**32 - 1])
def test_refuses_frame_over_the_limit_before_it_is_read(length: int) -> None:
    with pytest.raises(MessageError, match=f"frame of {length} bytes announced"):
        read_length(length.to_bytes(4, "little"))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_our_error(data: bytes) -> None:
    for read in (read_hello, read_question, lambda content: read_reply(content, 7)):
        try:
            read(data)
        except MessageError:
            continue


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_replies_come_back_as_they_were(reply: Reply) -> None:
    assert read_reply(_body(reply), 7) == reply


@pytest.mark.parametrize(
    "question", [AskInit(1), AskSize(2), AskQuote(3, bytes(432), None), AskQuote(4, b"", b"x")]
)
def test_questions_come_back_as_they_were(question: Question) -> None:
    assert read_question(_body(question)) == question


@pytest.mark.parametrize("hello", [Loaded("simple", None), NotLoaded("no file")])
def test_hellos_come_back_as_they_were(hello: Hello) -> None:
    assert read_hello(_body(hello)) == hello
