# SPDX-License-Identifier: Apache-2.0
"""The annotated dump: every byte once, with field, value and meaning."""

import pytest

from confcom.wire import (
    Annotation,
    Field,
    Kind,
    Layout,
    Value,
    annotate,
    annotate_bytes,
    render_dump,
)


def spoken(value: Value) -> str:
    return "seven" if value == 7 else "another"


THING = Layout(
    "thing",
    64,
    Field("kind", 0, 2, Kind.UINT, spoken),
    Field("count", 2, 2, Kind.UINT),
    Field("id", 4, 16),
    Field("digest", 20, 32),
    Field("reserved", 52, 12),
    cite="made up",
)
DATA = bytes.fromhex("0700 0f00") + bytes(range(16)) + bytes(range(100, 132)) + bytes(12)


def test_names_every_field_with_its_offset_in_the_file() -> None:
    annotations = annotate(THING, DATA, base=1000, prefix="box")
    assert [(a.offset, len(a.data), a.name) for a in annotations] == [
        (1000, 2, "box.kind"),
        (1002, 2, "box.count"),
        (1004, 16, "box.id"),
        (1020, 32, "box.digest"),
        (1052, 12, "box.reserved"),
    ]


def test_covers_every_byte_once() -> None:
    assert b"".join(annotation.data for annotation in annotate(THING, DATA)) == DATA


def test_covers_no_byte_behind_the_structure() -> None:
    assert annotate(THING, DATA + b"more") == annotate(THING, DATA)


def test_says_values_and_meanings() -> None:
    kind, count, ident, digest, reserved = annotate(THING, DATA)
    assert (kind.value, kind.meaning) == ("7", "seven")
    assert (count.value, count.meaning) == ("15 (0xf)", "")
    assert ident.value == "000102030405060708090a0b0c0d0e0f"
    assert digest.value == "6465666768696a6b… (32 bytes)"
    assert reserved.value == "12 zero bytes"


def test_shows_padding_that_is_not_zero() -> None:
    *_, reserved = annotate(THING, DATA[:-1] + b"\x01")
    assert reserved.value == "000000000000000000000001"


def test_shows_a_field_of_zeros_as_such() -> None:
    _, _, ident, digest, _ = annotate(THING, bytes(64))
    assert (ident.value, digest.value) == ("16 zero bytes", "32 zero bytes")


def test_prints_sixteen_bytes_a_line() -> None:
    assert list(render_dump(annotate(THING, DATA))) == [
        "     0  07 00                                            kind = 7  (seven)",
        "     2  0f 00                                            count = 15 (0xf)",
        "     4  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  "
        "id = 000102030405060708090a0b0c0d0e0f",
        "    20  64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 73  "
        "digest = 6465666768696a6b… (32 bytes)",
        "    36  74 75 76 77 78 79 7a 7b 7c 7d 7e 7f 80 81 82 83",
        "    52  00 00 00 00 00 00 00 00 00 00 00 00              reserved = 12 zero bytes",
    ]


def test_prints_a_field_without_bytes() -> None:
    empty = Annotation(offset=9, data=b"", name="nothing", value="0 bytes")
    assert list(render_dump([empty])) == [" " * 5 + "9" + " " * 51 + "nothing = 0 bytes"]


def test_shows_text_beside_its_further_lines() -> None:
    text = Annotation(
        offset=0, data=b"-----BEGIN CERTIFICATE-----\nMII\r\n", name="pem", value="PEM"
    )
    first, second, third = render_dump([text])
    assert first.endswith("  pem = PEM")
    assert second == "    16  46 49 43 41 54 45 2d 2d 2d 2d 2d 0a 4d 49 49 0d  FICATE----- MII"
    assert third == "    32  0a"


def test_shows_no_text_beside_bytes_that_are_not() -> None:
    data = Annotation(offset=0, data=b"A" * 20 + b"\0", name="bytes", value="21 bytes")
    assert list(render_dump([data]))[1] == "    16  41 41 41 41 00"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"", "0 zero bytes"),
        (b"\0", "1 zero byte"),
        (bytes(70), "70 zero bytes"),
        (b"\1\2", "0102"),
        (b"\1" * 17, "0101010101010101… (17 bytes)"),
    ],
)
def test_shows_bytes_that_no_table_describes(data: bytes, value: str) -> None:
    expected = Annotation(offset=5, data=data, name="rest", value=value)
    assert annotate_bytes("rest", data, offset=5) == expected
