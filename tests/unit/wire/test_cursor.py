# SPDX-License-Identifier: Apache-2.0
"""The reader that cannot leave its bounds."""

import pytest

from confcom.wire import Cursor, Field, Kind, Layout

SIZES = Layout(
    "sizes", 6, Field("count", 0, 2, Kind.UINT), Field("length", 2, 4, Kind.UINT), cite="tests"
)


class RefusedError(Exception):
    """What the format under test would raise."""


def cursor(data: bytes, *, start: int = 0, end: int | None = None) -> Cursor:
    return Cursor(data, what="box", refuse=RefusedError, start=start, end=end)


def test_starts_at_the_first_byte_unless_told_otherwise() -> None:
    assert Cursor(b"abc", what="box", refuse=RefusedError).take(3, "all") == b"abc"


def test_reads_forward() -> None:
    reader = cursor(b"ab\x01\x02\x03\x04\x05\x06z")
    assert reader.take(2, "name") == b"ab"
    assert reader.read(SIZES) == (0x0201, 0x06050403)
    assert (reader.position, reader.remaining) == (8, 1)
    assert reader.take(1, "rest") == b"z"
    reader.finish()


def test_reads_nothing_at_its_end() -> None:
    reader = cursor(b"")
    assert reader.take(0, "nothing") == b""
    reader.finish()


@pytest.mark.parametrize("size", [3, 4, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 64])
def test_refuses_to_read_past_its_end_and_stays_where_it_is(size: int) -> None:
    reader = cursor(b"abc")
    reader.take(1, "first")
    expected = f"box ends inside body: {size} bytes needed at offset 1, 2 left"
    with pytest.raises(RefusedError, match=expected):
        reader.take(size, "body")
    assert reader.position == 1


def test_does_not_read_past_the_end_it_was_given() -> None:
    reader = cursor(b"abcdef", start=1, end=3)
    assert reader.remaining == 2
    with pytest.raises(RefusedError, match="3 bytes needed at offset 1, 2 left"):
        reader.take(3, "body")
    assert reader.take(2, "body") == b"bc"
    reader.finish()


@pytest.mark.parametrize("size", range(SIZES.size))
def test_refuses_a_part_of_a_structure_and_stays_where_it_is(size: int) -> None:
    reader = cursor(bytes(size))
    with pytest.raises(RefusedError, match=f"ends inside sizes: 6 bytes needed .* {size} left"):
        reader.read(SIZES)
    assert reader.position == 0


def test_a_part_ends_where_it_was_told_to() -> None:
    reader = cursor(b"abcdef")
    reader.take(1, "first")
    part = reader.part(3, "lid")
    assert (part.position, part.end, reader.position) == (1, 4, 4)
    with pytest.raises(RefusedError, match="lid ends inside name: 4 bytes needed"):
        part.take(4, "name")
    assert part.take(3, "name") == b"bcd"
    assert reader.take(2, "rest") == b"ef"


def test_refuses_a_part_that_is_longer_than_the_whole() -> None:
    with pytest.raises(RefusedError, match="box ends inside lid: 4 bytes needed at offset 0"):
        cursor(b"abc").part(4, "lid")


def test_refuses_bytes_that_nothing_has_read() -> None:
    reader = cursor(b"abcd")
    reader.take(3, "body")
    with pytest.raises(RefusedError, match="box has 1 bytes after its last field, at offset 3"):
        reader.finish()
