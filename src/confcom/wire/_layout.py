# SPDX-License-Identifier: Apache-2.0
"""Tables of fixed-size structures: one row a field, checked when built, used by parser and dump."""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum
from typing import Final, TypeVar

Value = int | bytes
_Structure = TypeVar("_Structure")


class Kind(Enum):
    """How the bytes of a field are read."""

    BYTES = "bytes"
    UINT = "uint"


class LayoutError(Exception):
    """A table is wrong (a bug in this program) or bytes have not the table's length."""


_UINT_CODES: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a table.

    Attributes:
        name: the dataclass attribute that holds the value; ``reserved…`` marks padding.
        offset: bytes from the start of the structure.
        size: bytes.
        kind: opaque bytes, or an unsigned integer in the table's byte order (1, 2, 4, 8 bytes).
        describe: turns a value into words for people; None where the value says enough.
        doc: what the field is, for the reference page.
    """

    name: str
    offset: int
    size: int
    kind: Kind = Kind.BYTES
    describe: Callable[[Value], str] | None = None
    _: KW_ONLY
    doc: str = ""

    @property
    def key(self) -> str:
        """The name in camelCase, as dumps and results spell it."""
        first, *others = self.name.split("_")
        return first + "".join(part.capitalize() for part in others)

    @property
    def end(self) -> int:
        """Offset of the first byte after the field."""
        return self.offset + self.size

    @property
    def is_reserved(self) -> bool:
        """Whether the field is padding."""
        return self.name.startswith("reserved")


class Layout:
    """A structure of fixed size whose fields touch without gap or overlap.

    Args:
        name: what the structure is called in the specification.
        size: total size in bytes.
        fields: rows in the order of their offsets.
        cite: document, version, table.
        byteorder: of all integers of the table.
    """

    __slots__ = ("_names", "_struct", "byteorder", "cite", "fields", "name", "size")

    def __init__(
        self,
        name: str,
        size: int,
        *fields: Field,
        cite: str,
        byteorder: str = "little",
    ) -> None:
        end = 0
        names: set[str] = set()
        for field in fields:
            if field.offset != end:
                raise LayoutError(f"{name}: field {field.name} starts at {field.offset}, not {end}")
            if field.name in names:
                raise LayoutError(f"{name}: field {field.name} appears twice")
            names.add(field.name)
            end = field.end
        if end != size:
            raise LayoutError(f"{name}: fields end at {end}, structure at {size}")
        self.name = name
        self.size = size
        self.fields: Sequence[Field] = fields
        self.cite = cite
        self.byteorder = byteorder
        order = "<" if byteorder == "little" else ">"
        self._struct = struct.Struct(order + "".join(_code(name, field) for field in fields))
        self._names = tuple(field.name for field in fields)

    @classmethod
    def joined(cls, name: str, *layouts: "Layout", cite: str) -> "Layout":
        """Return the table of structures that follow one another, to be read at once."""
        fields = []
        size = 0
        for layout in layouts:
            fields += [replace(field, offset=size + field.offset) for field in layout]
            size += layout.size
        return cls(name, size, *fields, cite=cite)

    def unpack(self, data: bytes, offset: int = 0) -> tuple[Value, ...]:
        """Return the values of all fields, in the table's order.

        Raises:
            LayoutError: fewer than ``size`` bytes remain at ``offset``.
        """
        try:
            return self._struct.unpack_from(data, offset)
        except struct.error as exc:
            raise LayoutError(
                f"{self.name}: {self.size} bytes needed, {max(0, len(data) - offset)} present"
            ) from exc

    def unpack_exactly(self, data: bytes) -> tuple[Value, ...]:
        """Return the values of all fields of bytes that are exactly this structure.

        Raises:
            LayoutError: the length differs.
        """
        if len(data) != self.size:
            raise LayoutError(f"{self.name}: {self.size} bytes expected, {len(data)} found")
        return self._struct.unpack(data)

    def construct(self, cls: type[_Structure], data: bytes) -> _Structure:
        """Return an object that has the fields as attributes, from bytes of exactly this size.

        This takes a third of the time of calling the class, because ``__init__`` of a frozen
        class sets each attribute against its own lock.

        Args:
            cls: a frozen dataclass without slots and without a ``__post_init__``.
            data: the bytes.

        Raises:
            LayoutError: the length differs.
        """
        made = object.__new__(cls)
        made.__dict__.update(zip(self._names, self.unpack_exactly(data), strict=True))
        return made

    def pack(self, values: Sequence[Value]) -> bytes:
        """Return the bytes of values given in the table's order.

        Raises:
            LayoutError: a value has the wrong size or range.
        """
        for field, value in zip(self.fields, values, strict=True):
            if isinstance(value, bytes) and len(value) != field.size:
                raise LayoutError(
                    f"{self.name}: {field.name} takes {field.size} bytes, {len(value)} given"
                )
        try:
            return self._struct.pack(*values)
        except struct.error as exc:
            raise LayoutError(f"{self.name}: a value is out of range: {exc}") from exc

    def pack_attributes(self, value: object) -> bytes:
        """Return the bytes of an object that has the fields as attributes."""
        return self.pack([getattr(value, field.name) for field in self.fields])

    def offset_of(self, name: str) -> int:
        """Return the offset of a field in bytes."""
        return self[name].offset

    def __getitem__(self, name: str) -> Field:
        """Return the row of that name."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def __iter__(self) -> Iterator[Field]:
        """Yield the rows."""
        return iter(self.fields)


def _code(name: str, field: Field) -> str:
    if field.kind is Kind.BYTES:
        return f"{field.size}s"
    if field.size not in _UINT_CODES:
        raise LayoutError(f"{name}: integer {field.name} cannot have {field.size} bytes")
    return _UINT_CODES[field.size]
