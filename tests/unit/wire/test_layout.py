# SPDX-License-Identifier: Apache-2.0
"""Tables of structures: checked when built, exact when read and written."""

from types import SimpleNamespace

import pytest

from confcom.wire import Field, Kind, Layout, LayoutError

POINT = Layout(
    "point",
    10,
    Field("tag", 0, 2),
    Field("x", 2, 4, Kind.UINT),
    Field("y", 6, 1, Kind.UINT),
    Field("reserved", 7, 3),
    cite="made up",
)
POINT_BYTES = bytes.fromhex("beef 01020304 ff 000000")


def layout_of(*fields: Field, size: int = 8) -> Layout:
    return Layout("thing", size, *fields, cite="made up")


def test_refuses_a_gap_between_fields() -> None:
    with pytest.raises(LayoutError, match="thing: field b starts at 5, not 4"):
        layout_of(Field("a", 0, 4), Field("b", 5, 3))


def test_refuses_an_overlap_of_fields() -> None:
    with pytest.raises(LayoutError, match="thing: field b starts at 3, not 4"):
        layout_of(Field("a", 0, 4), Field("b", 3, 5))


def test_refuses_a_first_field_that_does_not_start_at_zero() -> None:
    with pytest.raises(LayoutError, match="thing: field a starts at 1, not 0"):
        layout_of(Field("a", 1, 7))


@pytest.mark.parametrize("size", [7, 9])
def test_refuses_fields_that_do_not_sum_to_the_size(size: int) -> None:
    with pytest.raises(LayoutError, match=f"thing: fields end at 8, structure at {size}"):
        layout_of(Field("a", 0, 8), size=size)


def test_refuses_two_fields_of_one_name() -> None:
    with pytest.raises(LayoutError, match="thing: field a appears twice"):
        layout_of(Field("a", 0, 4), Field("a", 4, 4))


@pytest.mark.parametrize("size", [3, 5, 6, 7, 16])
def test_refuses_an_integer_of_a_size_that_no_processor_has(size: int) -> None:
    with pytest.raises(LayoutError, match=f"thing: integer a cannot have {size} bytes"):
        layout_of(Field("a", 0, size, Kind.UINT), size=size)


def test_reads_integers_as_little_endian() -> None:
    assert POINT.unpack(POINT_BYTES) == (b"\xbe\xef", 0x04030201, 255, bytes(3))


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_reads_integers_of_every_size(size: int) -> None:
    layout = layout_of(Field("a", 0, size, Kind.UINT), size=size)
    assert layout.unpack_exactly(b"\xff" * size) == ((1 << 8 * size) - 1,)


def test_reads_integers_as_big_endian_when_the_table_says_so() -> None:
    big = Layout("big", 4, Field("x", 0, 4, Kind.UINT), cite="made up", byteorder="big")
    assert big.unpack(bytes.fromhex("01020304")) == (0x01020304,)
    assert big.pack((1,)) == bytes.fromhex("00000001")


def test_reads_at_an_offset() -> None:
    assert POINT.unpack(b"??" + POINT_BYTES, 2) == POINT.unpack(POINT_BYTES)


def test_reads_the_front_of_longer_bytes() -> None:
    assert POINT.unpack(POINT_BYTES + b"more") == POINT.unpack(POINT_BYTES)


@pytest.mark.parametrize("size", [0, 1, 9])
def test_refuses_bytes_that_are_too_few(size: int) -> None:
    with pytest.raises(LayoutError, match=f"point: 10 bytes needed, {size} present"):
        POINT.unpack(POINT_BYTES[:size])


@pytest.mark.parametrize(("offset", "present"), [(1, 9), (10, 0), (11, 0), (1000, 0)])
def test_refuses_an_offset_behind_which_bytes_are_too_few(offset: int, present: int) -> None:
    with pytest.raises(LayoutError, match=f"point: 10 bytes needed, {present} present"):
        POINT.unpack(POINT_BYTES, offset)


@pytest.mark.parametrize("size", [0, 9, 11, 20])
def test_reads_exactly_only_what_has_the_size(size: int) -> None:
    assert POINT.unpack_exactly(POINT_BYTES) == POINT.unpack(POINT_BYTES)
    with pytest.raises(LayoutError, match=f"point: 10 bytes expected, {size} found"):
        POINT.unpack_exactly((POINT_BYTES * 2)[:size])


def test_writes_what_it_read() -> None:
    assert POINT.pack(POINT.unpack(POINT_BYTES)) == POINT_BYTES


@pytest.mark.parametrize("tag", [b"", b"1", b"123"])
def test_refuses_to_write_bytes_of_another_size(tag: bytes) -> None:
    with pytest.raises(LayoutError, match=f"point: tag takes 2 bytes, {len(tag)} given"):
        POINT.pack((tag, 0, 0, bytes(3)))


@pytest.mark.parametrize("number", [-1, 256, 1 << 80])
def test_refuses_to_write_a_number_that_does_not_fit(number: int) -> None:
    with pytest.raises(LayoutError, match="point: a value is out of range"):
        POINT.pack((bytes(2), 0, number, bytes(3)))


def test_writes_the_attributes_of_an_object_by_their_names() -> None:
    point = SimpleNamespace(reserved=bytes(3), y=255, x=0x04030201, tag=b"\xbe\xef", other=7)
    assert POINT.pack_attributes(point) == POINT_BYTES


def test_refuses_to_write_an_object_that_lacks_a_field() -> None:
    with pytest.raises(AttributeError, match="tag"):
        POINT.pack_attributes(SimpleNamespace(x=1))


def test_knows_where_each_field_is() -> None:
    assert [(field.name, field.offset, field.end) for field in POINT] == [
        ("tag", 0, 2),
        ("x", 2, 6),
        ("y", 6, 7),
        ("reserved", 7, 10),
    ]
    assert POINT["x"] is POINT.fields[1]
    assert POINT.offset_of("y") == 6


def test_knows_no_field_that_is_not_in_the_table() -> None:
    with pytest.raises(KeyError, match="z"):
        POINT.offset_of("z")


def test_knows_padding_by_its_name() -> None:
    assert [field.is_reserved for field in POINT] == [False, False, False, True]


@pytest.mark.parametrize(
    ("name", "key"),
    [("x", "x"), ("mr_enclave", "mrEnclave"), ("isv_ext_prod_id", "isvExtProdId"), ("q1", "q1")],
)
def test_spells_names_in_camel_case_for_results(name: str, key: str) -> None:
    assert Field(name, 0, 1).key == key
