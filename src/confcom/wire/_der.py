# SPDX-License-Identifier: Apache-2.0
"""A strict reader of DER (ITU-T X.690, clause 10) for the few structures confcom reads itself.

Certificates and revocation lists as a whole are parsed by the ``cryptography`` package; this
reader serves the vendor extensions inside them. It accepts definite lengths in their shortest
form only, never recurses on its own, and never copies more than it returns.
"""

from dataclasses import dataclass
from enum import IntEnum


class DerError(Exception):
    """Bytes are not the DER that was asked for."""


class Tag(IntEnum):
    """Universal tags in use, with the constructed bit where it applies."""

    BOOLEAN = 0x01
    INTEGER = 0x02
    OCTET_STRING = 0x04
    OBJECT_IDENTIFIER = 0x06
    ENUMERATED = 0x0A
    SEQUENCE = 0x30


@dataclass(frozen=True, slots=True)
class DerElement:
    """One element: tag byte and contents."""

    tag: int
    content: bytes

    def sequence(self, *, most: int) -> tuple["DerElement", ...]:
        """Return the elements of a SEQUENCE of at most ``most`` elements."""
        self._expect(Tag.SEQUENCE)
        elements: list[DerElement] = []
        position = 0
        while position < len(self.content):
            if len(elements) == most:
                raise DerError(f"sequence has more than {most} elements")
            element, position = _read(self.content, position)
            elements.append(element)
        return tuple(elements)

    def octets(self, size: int) -> bytes:
        """Return the contents of an OCTET STRING of exactly ``size`` bytes."""
        self._expect(Tag.OCTET_STRING)
        if len(self.content) != size:
            raise DerError(f"octet string has {len(self.content)} bytes, expected {size}")
        return self.content

    def integer(self, *, largest: int, tag: Tag = Tag.INTEGER) -> int:
        """Return an INTEGER (or ENUMERATED) from 0 to ``largest``."""
        self._expect(tag)
        content = self.content
        if not content or len(content) > 9:
            raise DerError(f"integer has {len(content)} bytes")
        if len(content) > 1 and content[0] == 0 and content[1] < 0x80:
            raise DerError("integer is not in its shortest form")
        value = int.from_bytes(content, "big", signed=True)
        if not 0 <= value <= largest:
            raise DerError(f"integer {value} is outside 0 to {largest}")
        return value

    def boolean(self) -> bool:
        """Return a BOOLEAN."""
        self._expect(Tag.BOOLEAN)
        if self.content not in {b"\x00", b"\xff"}:
            raise DerError("boolean is neither 00 nor FF")
        return self.content == b"\xff"

    def object_identifier(self) -> bytes:
        """Return the encoded contents of an OBJECT IDENTIFIER."""
        self._expect(Tag.OBJECT_IDENTIFIER)
        content = self.content
        if not content:
            raise DerError("object identifier is empty")
        if content[-1] & 0x80 or (0x80 in content and _has_padded_number(content)):
            raise DerError("object identifier is cut off or has a number not in its shortest form")
        return content

    def _expect(self, tag: Tag) -> None:
        if self.tag != tag:
            raise DerError(f"tag {tag:#04x} ({tag.name}) expected, {self.tag:#04x} found")


def read_der(data: bytes) -> DerElement:
    """Return the one element that the bytes are.

    Raises:
        DerError: malformed, or followed by further bytes.
    """
    element, end = _read(data, 0)
    if end != len(data):
        raise DerError(f"{len(data) - end} bytes follow the element")
    return element


def _has_padded_number(content: bytes) -> bool:
    return any(
        byte == 0x80 and before < 0x80
        for before, byte in zip(b"\0" + content, content, strict=False)
    )


def _read(data: bytes, start: int) -> tuple[DerElement, int]:
    if len(data) - start < 2:
        raise DerError("element ends inside its header")
    tag = data[start]
    if tag & 0x1F == 0x1F:
        raise DerError("multi-byte tags are not expected here")
    length = data[start + 1]
    position = start + 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or position + count > len(data):
            raise DerError("length is indefinite, too long or cut off")
        length = int.from_bytes(data[position : position + count], "big")
        if length < 0x80 or data[position] == 0:
            raise DerError("length is not in its shortest form")
        position += count
    end = position + length
    if end > len(data):
        raise DerError(f"element of {length} bytes has {len(data) - position} left")
    return DerElement(tag, data[position:end]), end
