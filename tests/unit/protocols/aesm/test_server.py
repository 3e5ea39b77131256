# SPDX-License-Identifier: Apache-2.0
"""What a client may send, and what it is answered: every check, in its order."""

from typing import Any

import pytest

from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    Answer,
    Ask,
    AttestationKeyId,
    Close,
    Event,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    QuoteSize,
    Refusal,
    Reply,
    ServerConnection,
    SignedQuote,
    write_frame,
    write_key_ids,
)
from confcom.protocols.pb.aesm_pb2 import Request, Response

KEY_ID = DEFAULT_KEY_ID.to_bytes()
SECOND = AttestationKeyId(algorithm_id=3).to_bytes()
THIRD = AttestationKeyId(prod_id=9).to_bytes()
UNKNOWN = AttestationKeyId(algorithm_id=0).to_bytes()
MARKED = KEY_ID[:158] + b"\x5a" * 98
REPORT = bytes(range(216)) * 2
INFO = b"\x1f" * 960
KEY = KeyInfo(b"\x54" * 512, b"\x1d" * 32)
QUOTE = b"\x51" * 500
QUOTE_FIELDS: dict[str, Any] = {"report": REPORT, "att_key_id": KEY_ID, "buf_size": 500}


def _decide(
    call: str, *, key_ids: tuple[bytes, ...] = (KEY_ID,), **fields: object
) -> tuple[ServerConnection, Event | None]:
    request = Request()
    content = getattr(request, call)
    content.SetInParent()
    for name, value in fields.items():
        setattr(content, name, value)
    connection = ServerConnection(key_ids)
    return connection, connection.receive(write_frame(request.SerializePartialToString()))


def _read(call: str, reply: object) -> Any:  # noqa: ANN401 a generated message
    """Return the only content of a reply, which is that of the request's own type."""
    assert isinstance(reply, Reply)
    assert reply.data[:4] == (len(reply.data) - 4).to_bytes(4, "little")
    response = Response.FromString(reply.data[4:])
    [(field, content)] = response.ListFields()
    assert field.name == call == reply.call
    assert content.HasField("error_code")
    assert content.error_code == reply.code
    return content


def _reply(call: str, **fields: Any) -> Any:  # noqa: ANN401 a generated message
    _, event = _decide(call, **fields)
    return _read(call, event)


def _answered(call: str, answer: Answer, **fields: Any) -> Any:  # noqa: ANN401 a generated message
    connection, event = _decide(call, **fields)
    assert isinstance(event, Ask)
    assert event.call == call
    return _read(call, connection.answer(answer))


# --- number, ids ---


def test_number_of_key_ids_is_told() -> None:
    assert _reply("get_supported_att_key_id_num", timeout=15000).att_key_id_num == 1


def test_number_without_a_service_is_refused_with_30() -> None:
    content = _reply("get_supported_att_key_id_num", key_ids=())
    assert content.error_code == AesmCode.SERVICE_UNAVAILABLE
    assert not content.HasField("att_key_id_num")


def test_key_ids_without_a_service_are_refused_with_30() -> None:
    content = _reply("get_supported_att_key_ids", key_ids=(), buf_size=0)
    assert content.error_code == AesmCode.SERVICE_UNAVAILABLE
    assert not content.HasField("att_key_ids")


def test_key_ids_are_listed() -> None:
    ids = _reply("get_supported_att_key_ids", key_ids=(KEY_ID, SECOND), buf_size=512).att_key_ids
    assert ids == KEY_ID + SECOND


@pytest.mark.parametrize("size", [0, 1, 255, 257, 512, 2**32 - 1])
def test_key_ids_for_a_buffer_of_another_size_are_refused(size: int) -> None:
    content = _reply("get_supported_att_key_ids", buf_size=size)
    assert content.error_code == AesmCode.PARAMETER
    assert not content.HasField("att_key_ids")


# --- select ---


def test_select_without_a_list_gives_the_default() -> None:
    content = _reply("select_att_key_id", key_ids=(KEY_ID, SECOND))
    assert (content.error_code, content.selected_att_key_id) == (0, KEY_ID)


def test_select_gives_back_the_bytes_of_the_caller() -> None:
    content = _reply("select_att_key_id", att_key_id_list=write_key_ids((UNKNOWN, MARKED)))
    assert (content.error_code, content.selected_att_key_id) == (0, MARKED)


def test_select_prefers_the_default_among_several() -> None:
    wanted = write_key_ids((THIRD, SECOND, MARKED))
    content = _reply("select_att_key_id", key_ids=(KEY_ID, SECOND, THIRD), att_key_id_list=wanted)
    assert content.selected_att_key_id == MARKED


def test_select_takes_the_first_of_the_list_where_the_default_is_not_wanted() -> None:
    wanted = write_key_ids((THIRD, SECOND))
    content = _reply("select_att_key_id", key_ids=(KEY_ID, SECOND, THIRD), att_key_id_list=wanted)
    assert content.selected_att_key_id == THIRD


@pytest.mark.parametrize("wanted", [(SECOND,), (SECOND, UNKNOWN), (UNKNOWN,) * 10])
def test_select_of_what_is_not_offered_is_refused_with_38(wanted: tuple[bytes, ...]) -> None:
    content = _reply("select_att_key_id", att_key_id_list=write_key_ids(wanted))
    assert content.error_code == AesmCode.UNSUPPORTED_KEY_ID
    assert not content.HasField("selected_att_key_id")


LIST = write_key_ids((KEY_ID,))


@pytest.mark.parametrize(
    "wanted",
    [
        b"",
        bytes(8),
        LIST[:-1],
        LIST + b"\0",
        b"\1" + LIST[1:],
        LIST[:2] + b"\1" + LIST[3:],
        LIST[:4] + b"\2" + LIST[5:],
        write_key_ids((KEY_ID,) * 11),
    ],
    ids=lambda wanted: f"{len(wanted)} bytes, {wanted[:8].hex()}",
)
def test_select_from_a_list_that_is_not_well_formed_is_refused(wanted: bytes) -> None:
    content = _reply("select_att_key_id", att_key_id_list=wanted)
    assert content.error_code == AesmCode.PARAMETER
    assert not content.HasField("selected_att_key_id")


# --- init ---


@pytest.mark.parametrize("size", [None, 0, 32, 33, 2**64 - 1])
def test_size_of_the_public_key_id_is_told_without_the_back_end(size: int | None) -> None:
    more = {} if size is None else {"buf_size": size}
    content = _reply("init_quote_ex", att_key_id=KEY_ID, b_pub_key_id=False, **more)
    assert (content.error_code, content.pub_key_id_size) == (0, 32)
    assert content.target_info == bytes(512)
    assert not content.HasField("pub_key_id")


def test_init_asks_the_back_end() -> None:
    _, event = _decide("init_quote_ex", att_key_id=KEY_ID, b_pub_key_id=True, buf_size=32)
    assert event == Ask("init_quote_ex", InitKey())


@pytest.mark.parametrize("key_id", [KEY_ID, MARKED, KEY_ID + b"more"])
def test_init_answers_target_and_key(key_id: bytes) -> None:
    content = _answered("init_quote_ex", KEY, att_key_id=key_id, b_pub_key_id=True, buf_size=32)
    assert (content.error_code, content.pub_key_id_size) == (0, 32)
    assert (content.target_info, content.pub_key_id) == (KEY.target_info, KEY.public_key_id)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64, 2**32, 2**64 - 1])
def test_init_for_a_buffer_of_another_size_is_refused_and_echoes_it(size: int) -> None:
    content = _reply("init_quote_ex", att_key_id=KEY_ID, b_pub_key_id=True, buf_size=size)
    assert (content.error_code, content.pub_key_id_size) == (AesmCode.PARAMETER, size)
    assert not content.HasField("target_info")
    assert not content.HasField("pub_key_id")


@pytest.mark.parametrize("wants_key", [False, True])
@pytest.mark.parametrize(
    ("key_id", "code"),
    [
        (None, AesmCode.PARAMETER),
        (b"", AesmCode.PARAMETER),
        (KEY_ID[:255], AesmCode.PARAMETER),
        (KEY_ID[:158], AesmCode.PARAMETER),
        (UNKNOWN, AesmCode.UNSUPPORTED_KEY_ID),
        (bytes(256), AesmCode.UNSUPPORTED_KEY_ID),
        (KEY_ID[:157] + b"\1" + KEY_ID[158:], AesmCode.UNSUPPORTED_KEY_ID),
    ],
)
def test_key_id_is_checked_by_every_call_that_has_one(
    key_id: bytes | None, code: AesmCode, *, wants_key: bool
) -> None:
    given = {} if key_id is None else {"att_key_id": key_id}
    # Everything else is wrong as well: the key id is looked at first.
    content = _reply("init_quote_ex", b_pub_key_id=wants_key, buf_size=31, **given)
    assert (content.error_code, content.pub_key_id_size) == (code, 31)
    assert not content.HasField("target_info")
    content = _reply("get_quote_size_ex", **given)
    assert (content.error_code, content.quote_size) == (code, 0)
    assert content.HasField("quote_size")
    content = _reply("get_quote_ex", report=b"", buf_size=0, qe_report_info=b"short", **given)
    assert (content.error_code, content.qe_report_info) == (code, b"short")
    assert not content.HasField("quote")


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("init_quote_ex", {"b_pub_key_id": True, "buf_size": 32}),
        ("init_quote_ex", {"b_pub_key_id": False}),
        ("get_quote_size_ex", {}),
        ("get_quote_ex", {"report": REPORT, "buf_size": 500}),
    ],
)
def test_without_a_service_the_answer_is_30_and_never_38(call: str, fields: dict[str, Any]) -> None:
    for key_id in (KEY_ID, UNKNOWN):
        content = _reply(call, key_ids=(), att_key_id=key_id, **fields)
        assert content.error_code == AesmCode.SERVICE_UNAVAILABLE
    for other in ("select_att_key_id", "get_supported_att_key_id_num"):
        assert _reply(other, key_ids=()).error_code == AesmCode.SERVICE_UNAVAILABLE


# --- size, quote ---


@pytest.mark.parametrize("size", [436, 4600, 64 * 1024])
def test_quote_size_asks_the_back_end(size: int) -> None:
    content = _answered("get_quote_size_ex", QuoteSize(size), att_key_id=KEY_ID)
    assert (content.error_code, content.quote_size) == (0, size)
    _, event = _decide("get_quote_size_ex", att_key_id=KEY_ID)
    assert event == Ask("get_quote_size_ex", GetQuoteSize())


def test_quote_asks_the_back_end_for_this_report() -> None:
    _, event = _decide("get_quote_ex", qe_report_info=INFO, **QUOTE_FIELDS)
    assert event == Ask("get_quote_ex", MakeQuote(REPORT, INFO, 500))
    _, event = _decide("get_quote_ex", **QUOTE_FIELDS)
    assert event == Ask("get_quote_ex", MakeQuote(REPORT, None, 500))


@pytest.mark.parametrize("size", [500, 501, 8192, 64 * 1024])
def test_quote_is_padded_to_the_buffer(size: int) -> None:
    fields = {**QUOTE_FIELDS, "buf_size": size}
    content = _answered("get_quote_ex", SignedQuote(QUOTE), **fields)
    assert content.error_code == 0
    assert content.quote == QUOTE + bytes(size - 500)
    assert not content.HasField("qe_report_info")


def test_shortest_quote_fits_the_shortest_buffer() -> None:
    content = _answered(
        "get_quote_ex", SignedQuote(QUOTE[:436]), **{**QUOTE_FIELDS, "buf_size": 436}
    )
    assert (content.error_code, content.quote) == (0, QUOTE[:436])


def test_quote_comes_with_the_qe_report_if_it_was_asked_for() -> None:
    made = b"\x2f" * 960
    answer = SignedQuote(QUOTE, made)
    content = _answered("get_quote_ex", answer, qe_report_info=INFO, **QUOTE_FIELDS)
    assert content.qe_report_info == made
    assert not _answered("get_quote_ex", answer, **QUOTE_FIELDS).HasField("qe_report_info")


@pytest.mark.parametrize(
    "wrong",
    [
        {"report": REPORT[:431]},
        {"report": REPORT + b"\0"},
        {"report": b""},
        {"report": REPORT[:384]},
        {"qe_report_info": b""},
        {"qe_report_info": INFO[:959]},
        {"qe_report_info": INFO + b"\0"},
        {"buf_size": 0},
        {"buf_size": 435},
        {"buf_size": 64 * 1024 + 1},
        {"buf_size": 2**32 - 1},
    ],
    ids=str,
)
def test_quote_that_cannot_be_is_refused_without_the_back_end(wrong: dict[str, Any]) -> None:
    content = _reply("get_quote_ex", **{**QUOTE_FIELDS, **wrong})
    assert content.error_code == AesmCode.PARAMETER
    assert not content.HasField("quote")


def test_quote_longer_than_the_buffer_is_refused() -> None:
    content = _answered("get_quote_ex", SignedQuote(QUOTE), **{**QUOTE_FIELDS, "buf_size": 499})
    assert content.error_code == AesmCode.PARAMETER
    assert not content.HasField("quote")


@pytest.mark.parametrize("code", [code for code in AesmCode if code is not AesmCode.SUCCESS])
def test_refusal_of_the_back_end_reaches_the_client(code: AesmCode) -> None:
    refusal = Refusal(code, "for the log only")
    init = {"att_key_id": KEY_ID, "b_pub_key_id": True, "buf_size": 32}
    content = _answered("init_quote_ex", refusal, **init)
    assert (content.error_code, content.pub_key_id_size) == (code, 32)
    assert not content.HasField("target_info")
    content = _answered("get_quote_size_ex", refusal, att_key_id=KEY_ID)
    assert (content.error_code, content.quote_size) == (code, 0)
    content = _answered("get_quote_ex", refusal, qe_report_info=INFO, **QUOTE_FIELDS)
    assert (content.error_code, content.qe_report_info) == (code, INFO)
    assert not content.HasField("quote")


WRONG_ANSWERS: list[Answer] = [
    Refusal(AesmCode.SUCCESS, "no refusal at all"),
    KeyInfo(b"", b"\1" * 32),
    KeyInfo(b"\1" * 511, b"\1" * 32),
    KeyInfo(b"\1" * 512, b"\1" * 31),
    QuoteSize(0),
    QuoteSize(-1),
    QuoteSize(435),
    QuoteSize(64 * 1024 + 1),
    QuoteSize(2**40),
    SignedQuote(b""),
    SignedQuote(b"\1" * 435),
    SignedQuote(QUOTE, None),
    SignedQuote(QUOTE, INFO[:959]),
]


@pytest.mark.parametrize("answer", WRONG_ANSWERS, ids=str)
@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("init_quote_ex", {"att_key_id": KEY_ID, "b_pub_key_id": True, "buf_size": 32}),
        ("get_quote_size_ex", {"att_key_id": KEY_ID}),
        ("get_quote_ex", {"qe_report_info": INFO, **QUOTE_FIELDS}),
    ],
)
def test_wrong_answer_of_the_back_end_is_an_error_of_the_right_type(
    call: str, fields: dict[str, Any], answer: Answer
) -> None:
    content = _answered(call, answer, **fields)
    assert content.error_code == AesmCode.UNEXPECTED
    assert not any(isinstance(value, bytes) and value != INFO for _, value in content.ListFields())


def test_refusal_by_policy_has_the_type_of_the_request() -> None:
    connection, _ = _decide("get_quote_ex", qe_report_info=INFO, **QUOTE_FIELDS)
    content = _read("get_quote_ex", connection.refuse(AesmCode.UNEXPECTED, "denied by rule"))
    assert (content.error_code, content.qe_report_info) == (1, INFO)


def test_nothing_is_answered_twice_or_unasked() -> None:
    connection, _ = _decide("get_quote_ex", **QUOTE_FIELDS)
    connection.answer(SignedQuote(QUOTE))
    with pytest.raises(RuntimeError):
        connection.answer(SignedQuote(QUOTE))
    with pytest.raises(RuntimeError):
        ServerConnection((KEY_ID,)).answer(KEY)


# --- calls that no longer exist ---

LEGACY: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "init_quote": ({}, {}),
    "get_quote": ({"report": REPORT, "quote_type": 0, "spid": bytes(16), "buf_size": 1116}, {}),
    "get_launch_token": (
        {"mr_enclave": bytes(32), "mr_signer": bytes(384), "se_attributes": bytes(16)},
        {},
    ),
    "report_error": (
        {"platform_info": bytes(101), "attestation_error_code": 1, "update_info_size": 12},
        {},
    ),
    "get_white_list_size": ({}, {"white_list_size": 0}),
    "get_white_list": ({"white_list_size": 2**32 - 1}, {}),
    "get_extended_group_id": ({}, {"x_group_id": 0}),
    "switch_extended_group": ({"x_group_id": 7}, {}),
    "register": ({"buf": b"list", "data_type": 0}, {}),
    "check_update_status": ({"update_info_size": 12, "config": 0}, {"status": 0}),
}


@pytest.mark.parametrize("call", LEGACY)
@pytest.mark.parametrize("key_ids", [(), (KEY_ID,)], ids=["no service", "service"])
def test_call_that_no_longer_exists_is_refused_with_30(
    call: str, key_ids: tuple[bytes, ...]
) -> None:
    fields, more = LEGACY[call]
    content = _reply(call, key_ids=key_ids, **fields)
    told = {field.name: value for field, value in content.ListFields()}
    assert told == {"error_code": AesmCode.SERVICE_UNAVAILABLE, **more}


@pytest.mark.parametrize("data_type", [1, 2**32 - 1])
def test_register_of_an_unknown_kind_is_refused_with_3(data_type: int) -> None:
    assert _reply("register", buf=b"", data_type=data_type).error_code == AesmCode.PARAMETER


# --- decoding ---

REQUIRED = {
    "get_quote": ("report", "quote_type", "spid", "buf_size"),
    "get_launch_token": ("mr_enclave", "mr_signer", "se_attributes"),
    "report_error": ("platform_info", "attestation_error_code", "update_info_size"),
    "register": ("buf", "data_type"),
    "check_update_status": ("update_info_size", "config"),
    "init_quote_ex": ("b_pub_key_id",),
    "get_quote_ex": ("report", "buf_size"),
    "get_supported_att_key_ids": ("buf_size",),
}
COMPLETE: dict[str, dict[str, Any]] = {
    **{call: fields for call, (fields, _) in LEGACY.items()},
    "init_quote_ex": {"att_key_id": KEY_ID, "b_pub_key_id": True, "buf_size": 32},
    "get_quote_ex": QUOTE_FIELDS,
    "get_supported_att_key_ids": {"buf_size": 256},
}


@pytest.mark.parametrize(
    ("call", "missing"), [(call, name) for call, names in REQUIRED.items() for name in names]
)
def test_request_without_a_required_field_is_refused_in_its_own_type(
    call: str, missing: str
) -> None:
    fields = {name: value for name, value in COMPLETE[call].items() if name != missing}
    content = _reply(call, **fields)
    told = {field.name: value for field, value in content.ListFields()}
    always = {"init_quote_ex": {"pub_key_id_size": 0}, "check_update_status": {"status": 0}}
    assert told == {"error_code": AesmCode.UNEXPECTED, **always.get(call, {})}


ORDER = [
    "get_launch_token", "init_quote", "get_quote", "report_error", "check_update_status",
    "get_white_list_size", "get_white_list", "get_extended_group_id", "switch_extended_group",
    "register", "init_quote_ex", "get_quote_size_ex", "get_quote_ex", "select_att_key_id",
    "get_supported_att_key_id_num", "get_supported_att_key_ids",
]  # fmt: skip


@pytest.mark.parametrize("count", range(len(ORDER)))
def test_of_several_requests_in_one_the_first_in_order_is_answered(count: int) -> None:
    request = Request()
    for call in reversed(ORDER[count:]):
        getattr(request, call).SetInParent()
    connection = ServerConnection((KEY_ID,))
    event = connection.receive(write_frame(request.SerializePartialToString()))
    assert isinstance(event, Reply)
    assert event.call == connection.call == ORDER[count]


def _field(number: int, data: bytes) -> bytes:
    tag = number << 3 | 2
    return bytes([tag & 0x7F | 0x80, tag >> 7]) + bytes([len(data)]) + data


def _event(message: bytes) -> object:
    return ServerConnection((KEY_ID,)).receive(write_frame(message))


def test_repeated_requests_merge_and_the_last_value_wins() -> None:
    message = _field(22, b"\x08\x01") + _field(22, b"\x48\x05") + _field(22, b"\x08\x80\x02")
    assert _read("get_supported_att_key_ids", _event(message)).att_key_ids == KEY_ID


def test_fields_in_any_order_and_unknown_ones_do_not_matter() -> None:
    message = _field(30, b"new") + _field(22, b"\x98\x06\x07\x48\x05\x08\x80\x02") + _field(20, b"")
    assert _read("get_supported_att_key_ids", _event(message)).error_code == 0


@pytest.mark.parametrize(
    "message",
    [
        b"",
        _field(20, b""),
        _field(20, b"\x08\x00"),
        _field(5, b""),
        _field(9, b"\x08\x00"),
        _field(23, b""),
        _field(1000, b"x"),
        b"\xff" * 40,
        b"\x00",
        b"\0" * 1024,
        b"GET / HTTP/1.1\r\n\r\n",
        _field(22, b"\x08")[:-1],
        _field(22, b"\x0a\x7f"),
        b"\x0b" * 5000,
    ],
    ids=lambda message: f"{len(message)} bytes, {message[:12].hex()}",
)
def test_request_of_no_kind_is_closed_without_a_byte(message: bytes) -> None:
    assert isinstance(_event(message), Close)


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_length_over_the_limit_is_closed_at_once(size: int) -> None:
    connection = ServerConnection((KEY_ID,))
    event = connection.receive(size.to_bytes(4, "little"))
    assert isinstance(event, Close)
    assert str(size) in event.why
    assert connection.receive(bytes(1000)) is None


def test_second_request_on_a_connection_is_never_answered() -> None:
    request = Request()
    request.get_supported_att_key_id_num.SetInParent()
    frame = write_frame(request.SerializeToString())
    connection = ServerConnection((KEY_ID,))
    assert isinstance(connection.receive(frame + frame), Reply)
    assert connection.receive(frame) is None
    assert not connection.is_empty


def test_connection_knows_whether_anything_arrived() -> None:
    connection = ServerConnection((KEY_ID,))
    assert connection.is_empty
    assert connection.receive(b"") is None
    assert connection.is_empty
    assert connection.receive(b"\1") is None
    assert not connection.is_empty
