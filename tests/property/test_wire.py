# SPDX-License-Identifier: Apache-2.0
"""Wire primitives on any input: a value or their own error, and never a byte lost."""

import base64
import contextlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from confcom.errors import MalformedError
from confcom.wire import (
    Cursor,
    DerElement,
    DerError,
    Encoding,
    Field,
    Kind,
    Layout,
    annotate,
    decode_binary,
    decode_with_encoding,
    read_der,
)

_SIZES = {Kind.BYTES: st.integers(0, 40), Kind.UINT: st.sampled_from([1, 2, 4, 8])}


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    fields: list[Field] = []
    end = 0
    for number, kind in enumerate(draw(st.lists(st.sampled_from(Kind), min_size=1, max_size=8))):
        fields.append(Field(f"field{number}", end, draw(_SIZES[kind]), kind))
        end = fields[-1].end
    byteorder = draw(st.sampled_from(["little", "big"]))
    return Layout("thing", end, *fields, cite="drawn", byteorder=byteorder)


@given(st.data(), layouts())
def test_a_layout_writes_what_it_read(data: st.DataObject, layout: Layout) -> None:
    raw = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    assert layout.pack(layout.unpack_exactly(raw)) == raw


@given(st.data(), layouts(), st.integers(0, 1 << 20))
def test_an_annotation_covers_each_byte_once(
    data: st.DataObject, layout: Layout, base: int
) -> None:
    raw = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    end = base
    for annotation in annotate(layout, raw, base=base):
        assert annotation.offset == end
        assert annotation.data == raw[end - base : end - base + len(annotation.data)]
        end += len(annotation.data)
    assert end == base + layout.size


PAIR = Layout("pair", 3, Field("a", 0, 1, Kind.UINT), Field("b", 1, 2), cite="tests")
WORD = Layout("word", 4, Field("a", 0, 4, Kind.UINT), cite="tests")


@given(
    st.binary(max_size=64),
    st.lists(st.one_of(st.integers(0, 1 << 33), st.sampled_from([PAIR, WORD])), max_size=9),
)
def test_a_cursor_returns_the_bytes_in_order_or_refuses(
    data: bytes, steps: list[int | Layout]
) -> None:
    cursor = Cursor(data, what="box", refuse=ValueError)
    read = b""
    with contextlib.suppress(ValueError):
        for step in steps:
            if isinstance(step, Layout):
                read += step.pack(cursor.read(step))
            else:
                read += cursor.take(step, "x")
    assert data[: cursor.position] == read
    assert cursor.remaining == len(data) - len(read)


def encode(element: DerElement) -> bytes:
    size = len(element.content)
    count = (size.bit_length() + 7) // 8
    length = bytes([size]) if size < 128 else bytes([0x80 | count]) + size.to_bytes(count)
    return bytes([element.tag]) + length + element.content


HEX_DIGITS = b"0123456789abcdefABCDEF"
TAGS = st.integers(0, 255).filter(lambda tag: tag & 0x1F != 0x1F)
ELEMENTS = st.builds(DerElement, TAGS, st.binary(max_size=300))


@given(ELEMENTS)
def test_der_reads_what_was_written(element: DerElement) -> None:
    assert read_der(encode(element)) == element


@given(st.lists(ELEMENTS, max_size=6))
def test_der_reads_the_sequence_that_was_written(elements: list[DerElement]) -> None:
    outer = DerElement(0x30, b"".join(map(encode, elements)))
    assert read_der(encode(outer)).sequence(most=6) == tuple(elements)


@given(ELEMENTS, st.integers(0, 310))
def test_der_refuses_every_truncation(element: DerElement, size: int) -> None:
    data = encode(element)
    assume(size < len(data))
    with pytest.raises(DerError):
        read_der(data[:size])


@given(st.integers(0, 1 << 64))
def test_der_reads_every_integer_in_its_one_encoding(number: int) -> None:
    content = number.to_bytes(number.bit_length() // 8 + 1)
    assert DerElement(2, content).integer(largest=1 << 64) == number


@given(st.one_of(st.binary(max_size=80), ELEMENTS.map(encode)))
def test_der_of_any_bytes_is_a_value_or_our_error_and_has_one_encoding(data: bytes) -> None:
    with contextlib.suppress(DerError):
        element = read_der(data)
        assert encode(element) == data
        for read in (
            lambda: element.sequence(most=4),
            lambda: element.octets(len(element.content)),
            lambda: element.integer(largest=1 << 64),
            element.boolean,
            element.object_identifier,
        ):
            with contextlib.suppress(DerError):
                read()


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["\n", " ", "\r\n", ""]))
def test_hex_is_read_as_it_was_written(data: bytes, end: str) -> None:
    assert decode_with_encoding(data.hex() + end, what="quote") == (data, Encoding.HEX)


@given(st.binary(min_size=1, max_size=200))
def test_base64_is_read_as_it_was_written(data: bytes) -> None:
    for text in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        for written in (text, text.rstrip(b"=")):
            assume(written.strip(HEX_DIGITS))
            assert decode_binary(written, what="quote") == data


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        decoded, encoding = decode_with_encoding(data, what="quote")
        assert encoding is not Encoding.RAW or decoded == data


@given(st.text(max_size=100))
def test_the_value_of_any_flag_is_decoded_or_refused(text: str) -> None:
    with contextlib.suppress(MalformedError):
        assert decode_with_encoding(text, what="quote")[1] is not Encoding.RAW
