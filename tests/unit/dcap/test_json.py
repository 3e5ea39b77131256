# SPDX-License-Identifier: Apache-2.0
"""Strict JSON: what two readers could understand differently is refused."""

from collections.abc import Callable

import pytest

from confcom.dcap import _json as js
from confcom.dcap._json import MAX_DOCUMENT_BYTES, DocumentError
from confcom.errors import MalformedError
from confcom.reasons import Reason


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b' {"a" : 1}\n', {"a": 1}),
        ('{"ä":"ö"}'.encode(), {"ä": "ö"}),
        (b'{"a":[true,false,null]}', {"a": [True, False, None]}),
        (b'{"a":18446744073709551615}', {"a": 2**64 - 1}),
        (b'{"a":-1}', {"a": -1}),
    ],
)
def test_loads_plain_objects(data: bytes, value: object) -> None:
    assert js.load(data, "thing") == value


HOSTILE = [
    b"",
    b" ",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"{",
    b"}",
    b'{"a":1}}',
    b'{"a":1}{"a":1}',
    b'{"a":1,}',
    b"{'a':1}",
    b"{a:1}",
    b'{"a":1,"a":1}',
    b'{"b":{"a":1,"a":2}}',
    b'{"a":1.0}',
    b'{"a":1e1}',
    b'{"a":1E400}',
    b'{"a":-0.0}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":-Infinity}',
    b'{"a":01}',
    b'{"a":+1}',
    b'{"a":0x1}',
    b'{"a":' + b"9" * 21 + b"}",
    b'{"a":' + b"9" * 4301 + b"}",
    b'{"a":-' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\0}\0",
    b"{}\0",
    b"\0",
    b'{"a":"\0"}',
    b'{"a":"\n"}',
    b'{"a":"\xff"}',
    b'{"a":"\xc0\xaf"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\\x41"}',
    b'{"a":"\\ud8"}',
    b"// comment\n{}",
]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_refuses_what_is_no_plain_object(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        js.load(data, "thing")
    assert caught.value.reason is Reason.COLLATERAL_FORMAT
    assert "thing" in caught.value.message
    assert len(caught.value.message) < 300


def test_a_document_has_at_most_a_mebibyte() -> None:
    assert MAX_DOCUMENT_BYTES == 1048576


def test_refuses_documents_that_are_too_large_before_reading_them() -> None:
    assert js.load(b"{}" + b" " * (MAX_DOCUMENT_BYTES - 2), "thing") == {}
    with pytest.raises(MalformedError) as caught:
        js.load(b"{}" + b" " * (MAX_DOCUMENT_BYTES - 1), "thing")
    assert caught.value.reason is Reason.TOO_LARGE


def refused(read: Callable[[], object], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        read()


def test_members_are_read() -> None:
    parent = {"t": "x", "i": 7, "h": "0aFF", "o": {}, "l": [{}], "s": ["A"]}
    assert js.member(parent, "t") == js.text(parent, "t") == "x"
    assert js.integer(parent, "i", 7) == 7
    assert js.raw(parent, "h", 2) == b"\x0a\xff"
    assert js.child(parent, "o") == {}
    assert js.objects(parent, "l", most=1) == [{}]
    assert js.texts(parent, "s", most=1) == ("A",)
    assert js.texts(parent, "absent", most=1) == ()


@pytest.mark.parametrize(
    "read", [js.member, js.text, js.child, js.date, lambda p, n: js.integer(p, n, 9)]
)
def test_a_missing_member_is_named(read: Callable[[dict[str, object], str], object]) -> None:
    refused(lambda: read({}, "name"), "name is missing")


@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_refuses_members_that_are_no_text(value: object) -> None:
    refused(lambda: js.text({"a": value}, "a"), "not a string")


@pytest.mark.parametrize("value", [None, "1", True, False, [], {}, -1, 256, 10**19])
def test_refuses_members_that_are_no_integer_in_range(value: object) -> None:
    refused(lambda: js.integer({"a": value}, "a", 255), "from 0 to 255")


@pytest.mark.parametrize(
    "value",
    ["", "00", "000000", "0 00", " 000", "00 0", "0x00", "zzzz", "\u0660" * 4],
)
def test_refuses_members_that_are_no_hex_of_the_size(value: str) -> None:
    refused(lambda: js.raw({"a": value}, "a", 2), "not 4 hex digits")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T00:00:00Z", 1709164800),
        ("9999-12-31T23:59:59Z", 253402300799),
        ("0001-01-01T00:00:00Z", -62135596800),
    ],
)
def test_dates_are_unix_seconds(text: str, seconds: int) -> None:
    assert js.date({"a": text}, "a") == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00z",
        "2024-01-01t00:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00+00:00",
        "2024-01-01T00:00:00.0Z",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01T00:00:00Z\n",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "2024-1-1T00:00:00Z",
        "20240101T000000Z",
        "\u0662\u0660\u0662\u0664-01-01T00:00:00Z",
    ],
)
def test_refuses_other_dates(text: str) -> None:
    refused(lambda: js.date({"a": text}, "a"), "not a date")


@pytest.mark.parametrize("value", [None, {}, "x", [], [{}] * 4])
def test_refuses_lists_of_the_wrong_length(value: object) -> None:
    refused(lambda: js.objects({"a": value}, "a", most=3), "1 to 3 entries")


@pytest.mark.parametrize("entry", [None, 1, "x", []])
def test_refuses_entries_that_are_no_objects(entry: object) -> None:
    refused(lambda: js.objects({"a": [{}, entry]}, "a", most=3), "not an object")
    refused(lambda: js.child({"a": entry}, "a"), "not an object")


@pytest.mark.parametrize("value", [None, {}, "x", 1, ["A"] * 4])
def test_refuses_texts_that_are_no_short_list(value: object) -> None:
    refused(lambda: js.texts({"a": value}, "a", most=3), "at most 3")


@pytest.mark.parametrize("entry", [None, 1, "", "x" * 65, "a\nb", "\x1b[31m", "\ud800", []])
def test_refuses_texts_that_nobody_should_print(entry: object) -> None:
    refused(lambda: js.texts({"a": ["A", entry]}, "a", most=3), "not a short text")
