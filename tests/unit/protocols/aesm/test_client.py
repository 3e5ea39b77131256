# SPDX-License-Identifier: Apache-2.0
"""Replies that a client must not believe, and the few that it may."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from confcom.errors import MalformedError, UsageError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    WORDS,
    AesmCode,
    Ask,
    AttestationKeyId,
    KeyInfo,
    QuoteSize,
    Refusal,
    Reply,
    ServerConnection,
    SignedQuote,
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
    check_quote_is_of,
)
from confcom.protocols.pb.aesm_pb2 import Request, Response
from confcom.reasons import Reason

KEY_ID = DEFAULT_KEY_ID.to_bytes()
OTHER = AttestationKeyId(algorithm_id=3).to_bytes()
REPORT = bytes(range(216)) * 2
NONCE = b"\x0e" * 16
INFO = NONCE + b"\x7a" * 512 + bytes(432)
QUOTE = b"\x03" * 48 + REPORT[:384] + (64).to_bytes(4, "little") + b"\x51" * 64


def _made(nonce: bytes = NONCE, quote: bytes = QUOTE, tail: bytes = bytes(32)) -> bytes:
    report = bytes(320) + sha256(nonce + quote).digest() + tail + bytes(48)
    return INFO[:528] + report


def _reply(call: str, **fields: object) -> bytes:
    response = Response()
    content = getattr(response, call)
    content.SetInParent()
    for name, value in fields.items():
        setattr(content, name, value)
    return write_frame(response.SerializePartialToString())


def _quote(**more: Any) -> Exchange[SignedQuote]:  # noqa: ANN401 passed on
    return ask_quote(REPORT, KEY_ID, 600, **more)


ASKS: dict[str, Callable[[], Exchange[Any]]] = {
    "number": ask_key_id_count,
    "ids": lambda: ask_key_ids(1),
    "select": ask_selection,
    "init size": lambda: ask_public_key_id_size(KEY_ID),
    "init": lambda: ask_key_info(KEY_ID),
    "size": lambda: ask_quote_size(KEY_ID),
    "quote": _quote,
}
each_ask = pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)


def _refused(exchange: Exchange[Any], reply: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        exchange.receive(reply)
    assert caught.value.reason is Reason.MESSAGE_FORMAT
    return caught.value.message


# --- requests ---


@each_ask
def test_request_is_understood_by_our_own_server(ask: Callable[[], Exchange[Any]]) -> None:
    connection = ServerConnection((KEY_ID,))
    event = connection.receive(ask().request)
    assert isinstance(event, Ask) or (isinstance(event, Reply) and event.code == 0)
    assert event.call == ask().call


def test_requests_are_those_of_real_clients() -> None:
    request = Request.FromString(ask_key_info(KEY_ID, timeout_ms=15000).request[4:])
    assert request.init_quote_ex.att_key_id == KEY_ID
    assert request.init_quote_ex.b_pub_key_id
    assert request.init_quote_ex.buf_size == 32
    assert request.init_quote_ex.timeout == 15000
    request = Request.FromString(ask_public_key_id_size(KEY_ID).request[4:])
    assert request.init_quote_ex.HasField("b_pub_key_id")
    assert not request.init_quote_ex.HasField("buf_size")
    assert not request.init_quote_ex.HasField("timeout")
    request = Request.FromString(_quote().request[4:])
    assert not request.get_quote_ex.HasField("qe_report_info")
    assert (request.get_quote_ex.report, request.get_quote_ex.buf_size) == (REPORT, 600)
    request = Request.FromString(ask_key_ids(3).request[4:])
    assert request.get_supported_att_key_ids.buf_size == 768


@pytest.mark.parametrize(
    ("report", "size", "info"),
    [
        (REPORT[:431], 600, None),
        (REPORT + b"\0", 600, None),
        (b"", 600, None),
        (REPORT, 435, None),
        (REPORT, 64 * 1024 + 1, None),
        (REPORT, -1, None),
        (REPORT, 600, INFO[:959]),
        (REPORT, 600, b""),
    ],
)
def test_request_that_cannot_be_answered_is_not_made(
    report: bytes, size: int, info: bytes | None
) -> None:
    with pytest.raises(UsageError):
        ask_quote(report, KEY_ID, size, qe_report_info=info)


def test_sizes_that_were_expected_are_told() -> None:
    with pytest.raises(UsageError, match=r"REPORT has 9 bytes, expected 432$"):
        ask_quote(bytes(9), KEY_ID, 600)
    with pytest.raises(UsageError, match=r"buffer has 9 bytes, expected 436 to 65536$"):
        ask_quote(REPORT, KEY_ID, 9)
    assert ask_quote(REPORT, KEY_ID, 436).request
    assert ask_quote(REPORT, KEY_ID, 64 * 1024).request


def test_list_that_is_not_well_formed_is_not_sent() -> None:
    with pytest.raises(MalformedError):
        ask_selection(write_key_ids(()))


# --- frames and types ---


@each_ask
def test_reply_of_another_type_is_refused(ask: Callable[[], Exchange[Any]]) -> None:
    for field in Response.DESCRIPTOR.fields:
        if field.name != ask().call:
            assert "wrong message" in _refused(ask(), _reply(field.name, error_code=0))
            assert "wrong message" in _refused(ask(), _reply(field.name, error_code=1))


@each_ask
def test_reply_of_two_types_is_refused(ask: Callable[[], Exchange[Any]]) -> None:
    more = _reply("unsupported_request", error_code=1)[4:]
    both = write_frame(_reply(ask().call, error_code=42)[4:] + more)
    assert "wrong message" in _refused(ask(), both)


@each_ask
@pytest.mark.parametrize(
    "message", [b"", b"\xff" * 9, b"\0", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x0b" * 5000]
)
def test_reply_that_is_no_message_is_refused(
    ask: Callable[[], Exchange[Any]], message: bytes
) -> None:
    _refused(ask(), write_frame(message))


@each_ask
def test_reply_without_an_error_code_is_refused(ask: Callable[[], Exchange[Any]]) -> None:
    assert "no error code" in _refused(ask(), _reply(ask().call))


@each_ask
def test_success_without_its_value_is_refused(ask: Callable[[], Exchange[Any]]) -> None:
    assert "success but has no" in _refused(ask(), _reply(ask().call, error_code=0))


@each_ask
@pytest.mark.parametrize("size", [1024 * 1024 + 1, 2**31 - 1, 2**32 - 1])
def test_reply_over_the_limit_is_refused_at_once(
    ask: Callable[[], Exchange[Any]], size: int
) -> None:
    with pytest.raises(MalformedError) as caught:
        ask().receive(size.to_bytes(4, "little"))
    assert caught.value.reason is Reason.TOO_LARGE


@each_ask
@pytest.mark.parametrize("code", [code for code in AesmCode if code is not AesmCode.SUCCESS])
def test_error_code_is_a_refusal_with_words(
    ask: Callable[[], Exchange[Any]], code: AesmCode
) -> None:
    reply = _reply(ask().call, error_code=code)
    assert ask().receive(reply) == Refusal(code, WORDS[code])


@each_ask
@pytest.mark.parametrize("number", [7, 11, 27, 52, 4711, 2**32 - 1])
def test_unknown_error_code_is_a_refusal_that_names_it(
    ask: Callable[[], Exchange[Any]], number: int
) -> None:
    answer = ask().receive(_reply(ask().call, error_code=number))
    assert answer == Refusal(AesmCode.UNEXPECTED, f"unknown number {number}")


def test_connection_that_ends_is_told_apart_from_one_that_ends_inside_the_reply() -> None:
    silent = ask_key_id_count()
    assert silent.is_unanswered
    assert "without a reply" in silent.end().message
    exchange = ask_key_id_count()
    assert exchange.receive(_reply(exchange.call, error_code=30)[:-1]) is None
    assert not exchange.is_unanswered
    assert "short read" in exchange.end().message


def test_reply_may_come_byte_by_byte_and_what_follows_is_ignored() -> None:
    exchange = ask_key_id_count()
    reply = _reply(exchange.call, error_code=0, att_key_id_num=1)
    answers = [exchange.receive(reply[index : index + 1]) for index in range(len(reply))]
    assert answers == [None] * (len(reply) - 1) + [1]
    assert ask_key_id_count().receive(reply + b"more") == 1


# --- values ---


@pytest.mark.parametrize("count", [11, 2**24, 2**32 - 1])
def test_more_key_ids_than_can_be_are_refused(count: int) -> None:
    _refused(
        ask_key_id_count(),
        _reply("get_supported_att_key_id_num", error_code=0, att_key_id_num=count),
    )


@pytest.mark.parametrize("count", [0, 1, 10])
def test_number_of_key_ids_is_read(count: int) -> None:
    reply = _reply("get_supported_att_key_id_num", error_code=0, att_key_id_num=count)
    assert ask_key_id_count().receive(reply) == count


@pytest.mark.parametrize("size", [0, 255, 257, 256, 511, 513, 768])
def test_key_ids_of_another_size_than_asked_are_refused(size: int) -> None:
    reply = _reply("get_supported_att_key_ids", error_code=0, att_key_ids=bytes(size))
    _refused(ask_key_ids(2), reply)


def test_key_ids_are_read() -> None:
    reply = _reply("get_supported_att_key_ids", error_code=0, att_key_ids=KEY_ID + OTHER)
    assert ask_key_ids(2).receive(reply) == (KEY_ID, OTHER)


@pytest.mark.parametrize("selected", [b"", KEY_ID[:255], KEY_ID + b"\0", OTHER])
def test_selection_that_was_not_offered_is_refused(selected: bytes) -> None:
    reply = _reply("select_att_key_id", error_code=0, selected_att_key_id=selected)
    _refused(ask_selection(write_key_ids((KEY_ID,))), reply)


def test_selection_is_read() -> None:
    reply = _reply("select_att_key_id", error_code=0, selected_att_key_id=OTHER)
    assert ask_selection().receive(reply) == OTHER
    assert ask_selection(write_key_ids((KEY_ID, OTHER))).receive(reply) == OTHER


INIT = {"error_code": 0, "target_info": b"\x54" * 512, "pub_key_id_size": 32}
WRONG_INIT: list[dict[str, object]] = [
    {"target_info": b""},
    {"target_info": bytes(511)},
    {"target_info": bytes(513)},
    {"pub_key_id_size": 0},
    {"pub_key_id_size": 31},
    {"pub_key_id_size": 2**64 - 1},
]


@pytest.mark.parametrize("wrong", WRONG_INIT, ids=str)
def test_init_with_a_wrong_size_is_refused(wrong: dict[str, object]) -> None:
    _refused(ask_public_key_id_size(KEY_ID), _reply("init_quote_ex", **{**INIT, **wrong}))
    reply = _reply("init_quote_ex", **{**INIT, "pub_key_id": b"\1" * 32, **wrong})
    _refused(ask_key_info(KEY_ID), reply)


@pytest.mark.parametrize("public_key_id", [b"", b"\1" * 31, b"\1" * 33, b"\1" * 64])
def test_public_key_id_of_another_size_is_refused(public_key_id: bytes) -> None:
    reply = _reply("init_quote_ex", pub_key_id=public_key_id, **INIT)
    _refused(ask_key_info(KEY_ID), reply)
    same = {**INIT, "pub_key_id_size": len(public_key_id), "pub_key_id": public_key_id}
    _refused(ask_key_info(KEY_ID), _reply("init_quote_ex", **same))


@pytest.mark.parametrize("missing", ["target_info", "pub_key_id_size", "pub_key_id"])
def test_init_that_is_not_complete_is_refused(missing: str) -> None:
    fields = {**INIT, "pub_key_id": b"\1" * 32}
    del fields[missing]
    assert missing in _refused(ask_key_info(KEY_ID), _reply("init_quote_ex", **fields))


def test_init_is_read() -> None:
    reply = _reply("init_quote_ex", pub_key_id=b"\1" * 32, **INIT)
    assert ask_key_info(KEY_ID).receive(reply) == KeyInfo(b"\x54" * 512, b"\1" * 32)
    assert ask_public_key_id_size(KEY_ID).receive(_reply("init_quote_ex", **INIT)) == 32


@pytest.mark.parametrize("size", [0, 1, 435, 64 * 1024 + 1, 2**32 - 1])
def test_quote_size_that_cannot_be_is_refused(size: int) -> None:
    reply = _reply("get_quote_size_ex", error_code=0, quote_size=size)
    assert str(size) in _refused(ask_quote_size(KEY_ID), reply)


@pytest.mark.parametrize("size", [436, 4600, 64 * 1024])
def test_quote_size_is_read(size: int) -> None:
    reply = _reply("get_quote_size_ex", error_code=0, quote_size=size)
    assert ask_quote_size(KEY_ID).receive(reply) == QuoteSize(size)


@pytest.mark.parametrize("size", [0, 435])
def test_quote_without_room_for_its_own_length_is_told(size: int) -> None:
    reply = _reply("get_quote_ex", error_code=0, quote=QUOTE[:size])
    assert f"quote of {size} bytes, expected at least 436" in _refused(_quote(), reply)


def test_quote_of_nothing_but_its_own_length_is_a_quote() -> None:
    shortest = QUOTE[:432] + bytes(4)
    reply = _reply("get_quote_ex", error_code=0, quote=shortest)
    assert ask_quote(REPORT, KEY_ID, 436).receive(reply) == SignedQuote(shortest)


def test_wrong_message_is_named() -> None:
    exchange = ask_key_id_count()
    assert _refused(exchange, write_frame(b"")).endswith("holds nothing")
    reply = _reply("get_quote_size_ex", error_code=0)
    assert _refused(ask_key_id_count(), reply).endswith("holds get_quote_size_ex")


@pytest.mark.parametrize(
    "quote",
    [
        b"",
        QUOTE[:435],
        QUOTE[:436],
        QUOTE[:499],
        bytes(435),
        QUOTE + bytes(101),
        QUOTE[:432] + (165).to_bytes(4, "little") + bytes(164),
        QUOTE[:432] + b"\xff\xff\xff\xff" + bytes(164),
    ],
    ids=len,
)
def test_quote_that_cannot_be_is_refused(quote: bytes) -> None:
    _refused(_quote(), _reply("get_quote_ex", error_code=0, quote=quote))


@pytest.mark.parametrize("padding", [0, 1, 100])
def test_quote_comes_without_its_padding(padding: int) -> None:
    reply = _reply("get_quote_ex", error_code=0, quote=QUOTE + bytes(padding))
    assert _quote().receive(reply) == SignedQuote(QUOTE)


WRONG_INFO = [
    b"",
    _made()[:959],
    _made() + b"\0",
    INFO,
    b"\xff" + _made()[1:],
    _made()[:16] + b"\xff" + _made()[17:],
    _made(nonce=bytes(16)),
    _made(quote=QUOTE + bytes(100)),
    _made(quote=QUOTE[:-1]),
    _made(tail=b"\1" + bytes(31)),
]


@pytest.mark.parametrize("made", WRONG_INFO, ids=range(len(WRONG_INFO)))
def test_qe_report_about_another_nonce_target_or_quote_is_refused(made: bytes) -> None:
    fields = {"error_code": 0, "quote": QUOTE + bytes(100), "qe_report_info": made}
    _refused(_quote(qe_report_info=INFO), _reply("get_quote_ex", **fields))


def test_qe_report_that_was_asked_for_must_be_there() -> None:
    reply = _reply("get_quote_ex", error_code=0, quote=QUOTE)
    assert "qe_report_info" in _refused(_quote(qe_report_info=INFO), reply)


def test_qe_report_about_nonce_and_quote_is_read() -> None:
    fields = {"error_code": 0, "quote": QUOTE + bytes(100), "qe_report_info": _made()}
    answer = _quote(qe_report_info=INFO).receive(_reply("get_quote_ex", **fields))
    assert answer == SignedQuote(QUOTE, _made())
    assert _quote().receive(_reply("get_quote_ex", **fields)) == SignedQuote(QUOTE)


def test_quote_of_another_report_is_refused() -> None:
    check_quote_is_of(REPORT, QUOTE)
    for index in (0, 320, 383):
        other = bytearray(REPORT)
        other[index] ^= 1
        with pytest.raises(MalformedError, match="not of the REPORT"):
            check_quote_is_of(bytes(other), QUOTE)
    with pytest.raises(MalformedError):
        check_quote_is_of(REPORT, b"")
