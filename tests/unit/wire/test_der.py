# SPDX-License-Identifier: Apache-2.0
"""The strict DER reader: one encoding of each value, and nothing else."""

import pytest

from confcom.wire import DerElement, DerError, Tag, read_der

TRUE = bytes.fromhex("0101ff")


def element(text: str) -> DerElement:
    return read_der(bytes.fromhex(text))


def test_reads_an_element() -> None:
    assert element("0403 010203") == DerElement(Tag.OCTET_STRING, b"\x01\x02\x03")


def test_reads_an_element_without_contents() -> None:
    assert element("3000") == DerElement(Tag.SEQUENCE, b"")


@pytest.mark.parametrize("size", [127, 128, 255, 256, 65535, 65536, 1 << 24])
def test_reads_lengths_in_their_shortest_form(size: int) -> None:
    count = (size.bit_length() + 7) // 8
    length = bytes([size]) if size < 128 else bytes([0x80 | count]) + size.to_bytes(count)
    assert len(read_der(b"\x04" + length + bytes(size)).content) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends inside its header"),
        ("30", "ends inside its header"),
        ("0401", "element of 1 bytes has 0 left"),
        ("0403 0102", "element of 3 bytes has 2 left"),
        ("0400 00", "1 bytes follow the element"),
        ("3080 0000", "indefinite"),
        ("0481 7f" + "00" * 127, "not in its shortest form"),
        ("0481 00", "not in its shortest form"),
        ("0482 0080" + "00" * 128, "not in its shortest form"),
        ("0482 00ff" + "00" * 255, "not in its shortest form"),
        ("0481", "cut off"),
        ("0482 01", "cut off"),
        ("0484 ffffffff", "element of 4294967295 bytes has 0 left"),
        ("0485 0100000000", "too long"),
        ("04ff" + "ff" * 127, "too long"),
        ("1f01 00", "multi-byte tags"),
        ("3f8101 00", "multi-byte tags"),
        ("ff01 00", "multi-byte tags"),
    ],
)
def test_refuses_other_framing(text: str, message: str) -> None:
    with pytest.raises(DerError, match=message):
        element(text)


def test_reads_the_elements_of_a_sequence() -> None:
    sequence = element("3008 020105 0101ff 0500")
    assert [inner.tag for inner in sequence.sequence(most=3)] == [2, 1, 5]


def test_reads_an_empty_sequence() -> None:
    assert element("3000").sequence(most=0) == ()


@pytest.mark.parametrize("count", [3, 100, 5000])
def test_refuses_a_sequence_of_too_many_elements(count: int) -> None:
    sequence = DerElement(Tag.SEQUENCE, TRUE * count)
    with pytest.raises(DerError, match="sequence has more than 2 elements"):
        sequence.sequence(most=2)


@pytest.mark.parametrize("text", ["3001 02", "3003 020205", "3004 0101ff 01", "3005 0484ffffffff"])
def test_refuses_a_sequence_whose_last_element_is_cut_off(text: str) -> None:
    with pytest.raises(DerError):
        element(text).sequence(most=9)


def test_opens_one_level_only_however_deep_the_nesting() -> None:
    data = b""
    for _ in range(5000):
        size = len(data)
        count = (size.bit_length() + 7) // 8
        length = bytes([size]) if size < 128 else bytes([0x80 | count]) + size.to_bytes(count)
        data = b"\x30" + length + data
    (inner,) = read_der(data).sequence(most=1)
    assert inner.tag == Tag.SEQUENCE


def test_reads_octets_of_the_expected_size() -> None:
    assert element("0402 aabb").octets(2) == b"\xaa\xbb"


@pytest.mark.parametrize("size", [0, 1, 3])
def test_refuses_octets_of_another_size(size: int) -> None:
    with pytest.raises(DerError, match=f"octet string has {size} bytes, expected 2"):
        DerElement(Tag.OCTET_STRING, bytes(size)).octets(2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("020100", 0),
        ("02017f", 127),
        ("02020080", 128),
        ("020200ff", 255),
        ("02020100", 256),
        ("02020ff0", 0x0FF0),
        ("0209 00ffffffffffffffff", (1 << 64) - 1),
    ],
)
def test_reads_integers(text: str, value: int) -> None:
    assert element(text).integer(largest=1 << 64) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0200", "integer has 0 bytes"),
        ("020a 00ffffffffffffffffff", "integer has 10 bytes"),
        ("02020000", "not in its shortest form"),
        ("0202007f", "not in its shortest form"),
        ("0201ff", "integer -1 is outside 0 to 255"),
        ("020180", "integer -128 is outside"),
        ("0202ff80", "integer -128 is outside"),
        ("02020100", "integer 256 is outside 0 to 255"),
        ("0a0101", r"tag 0x02 \(INTEGER\) expected, 0x0a found"),
        ("0101ff", "tag 0x02"),
    ],
)
def test_refuses_other_integers(text: str, message: str) -> None:
    with pytest.raises(DerError, match=message):
        element(text).integer(largest=255)


def test_reads_an_enumerated_value_only_where_one_is_expected() -> None:
    assert element("0a0102").integer(largest=2, tag=Tag.ENUMERATED) == 2
    with pytest.raises(DerError, match=r"tag 0x0a \(ENUMERATED\) expected, 0x02 found"):
        element("020102").integer(largest=2, tag=Tag.ENUMERATED)


def test_reads_booleans() -> None:
    assert element("010100").boolean() is False
    assert element("0101ff").boolean() is True


@pytest.mark.parametrize("text", ["010101", "01017f", "0100", "0102ffff", "01020000"])
def test_refuses_other_booleans(text: str) -> None:
    with pytest.raises(DerError, match="boolean is neither 00 nor FF"):
        element(text).boolean()


def test_reads_object_identifiers() -> None:
    assert element("0603 2a0304").object_identifier() == bytes.fromhex("2a0304")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0600", "object identifier is empty"),
        ("0602 2a86", "cut off or has a number not in its shortest form"),
        ("0603 2a8001", "cut off or has a number not in its shortest form"),
        ("0602 8001", "cut off or has a number not in its shortest form"),
        ("0604 2a030080", "cut off or has a number not in its shortest form"),
    ],
)
def test_refuses_other_object_identifiers(text: str, message: str) -> None:
    with pytest.raises(DerError, match=message):
        element(text).object_identifier()


def test_takes_a_number_of_an_object_identifier_that_has_zero_bits_inside() -> None:
    encoded = bytes.fromhex("2a 86 80 00 81 80 80 01")
    assert DerElement(Tag.OBJECT_IDENTIFIER, encoded).object_identifier() == encoded


@pytest.mark.parametrize("tag", [0x10, 0x31, 0x24, 0x30 | 0x80, 0xA0])
def test_takes_no_other_tag_for_a_sequence(tag: int) -> None:
    with pytest.raises(DerError, match=r"tag 0x30 \(SEQUENCE\) expected"):
        DerElement(tag, b"").sequence(most=1)


def test_takes_no_constructed_octet_string() -> None:
    with pytest.raises(DerError, match=r"tag 0x04 \(OCTET_STRING\) expected, 0x24 found"):
        element("2404 0402aabb").octets(2)
