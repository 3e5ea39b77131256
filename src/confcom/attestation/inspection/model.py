# SPDX-License-Identifier: Apache-2.0
"""What an inspection shows: sections of named values with their meanings, and notes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from confcom.wire import Annotation, Encoding, Field, Layout, Value, annotate

SCHEMA_VERSION: Final = 1
_WIDE_INTEGER_BYTES: Final = 8
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

Plain = str | int | bool | tuple[int, ...] | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Item:
    """One value.

    Attributes:
        name: in camelCase, as in the JSON of an attestation result.
        value: bytes are hex in memory order; integers of 8 bytes are hex text, because they do
            not fit the numbers of many JSON readers.
        meaning: the value in words, or empty.
    """

    name: str
    value: Plain
    meaning: str = ""

    def to_document(self) -> dict[str, object]:
        """Return the item as plain data; ``meaning`` is there when there is one."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        document: dict[str, object] = {"value": value}
        return document | {"meaning": self.meaning} if self.meaning else document


@dataclass(frozen=True, slots=True)
class Section:
    """A titled list of values, then of sections inside it; names are unique in a section."""

    name: str
    title: str
    items: tuple[Item, ...] = ()
    sections: tuple["Section", ...] = ()

    def to_document(self) -> dict[str, object]:
        """Return the section as plain data: an object with a member for each item and section."""
        items: dict[str, object] = {item.name: item.to_document() for item in self.items}
        return items | {section.name: section.to_document() for section in self.sections}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that is to be seen in some bytes. Nothing of it has been verified.

    Attributes:
        kind: what the bytes are, for machines.
        title: the same in words.
        sections: their content.
        notes: what a reader should not overlook.
        annotations: every byte once, for binary structures; empty for documents.
    """

    kind: str
    title: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    def to_document(
        self, *, encoding: Encoding, size_bytes: int, with_dump: bool = False
    ) -> dict[str, object]:
        """Return the inspection as plain data (``schema/inspection.v1.json``).

        Args:
            encoding: how the bytes were written down.
            size_bytes: their number, after decoding.
            with_dump: whether every byte is listed too.
        """
        document: dict[str, object] = {
            "schemaVersion": SCHEMA_VERSION,
            "kind": self.kind,
            "title": self.title,
            "encoding": encoding.name.lower(),
            "sizeBytes": size_bytes,
            "notes": list(self.notes),
            "content": {section.name: section.to_document() for section in self.sections},
        }
        if with_dump:
            document["dump"] = [_dumped(annotation) for annotation in self.annotations]
        return document


def items_of(
    layout: Layout, data: bytes, *, meanings: Mapping[str, str] = _NOTHING
) -> Iterator[Item]:
    """Yield an item for each field of a structure; padding only where it is not zero.

    Args:
        layout: the structure's table.
        data: at least the structure's bytes.
        meanings: words for fields, by name, instead of the table's own.
    """
    for field, value, annotation in zip(
        layout, layout.unpack(data), annotate(layout, data), strict=True
    ):
        if field.is_reserved:
            if any(annotation.data):
                yield Item(field.key, annotation.data.hex(), "padding that is not zero")
        else:
            meaning = meanings.get(field.name, annotation.meaning)
            yield Item(field.key, _plain(field, value), meaning)


def _dumped(annotation: Annotation) -> dict[str, object]:
    return {
        "offset": annotation.offset,
        "size": len(annotation.data),
        "name": annotation.name,
        "hex": annotation.data.hex(),
        "value": annotation.value,
        "meaning": annotation.meaning,
    }


def _plain(field: Field, value: Value) -> Plain:
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:#018x}" if field.size == _WIDE_INTEGER_BYTES else value


def time_text(seconds: int) -> str:
    """Return Unix seconds as a time in UTC, such as 2025-06-06T13:30:41Z."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
