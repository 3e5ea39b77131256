# SPDX-License-Identifier: Apache-2.0
"""The annotated hex dump: each byte of a structure with field, offset, value and meaning."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from confcom.wire._layout import Layout

_BYTES_PER_LINE = 16
_TEXT = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_SHOWN = bytes.maketrans(b"\t\r\n", b"   ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A run of bytes with its name.

    Attributes:
        offset: bytes from the start of the file.
        data: the bytes themselves.
        name: dotted path of the field.
        value: the value in words: a number, or shortened hex.
        meaning: what the value means, or empty.
    """

    offset: int
    data: bytes
    name: str
    value: str
    meaning: str = ""


def annotate(
    layout: Layout, data: bytes, *, base: int = 0, prefix: str = ""
) -> tuple[Annotation, ...]:
    """Return one annotation for each field of a structure.

    Args:
        layout: the structure's table.
        data: at least the structure's bytes.
        base: offset of the structure in the file.
        prefix: put before each field's key, with a dot.
    """
    lead = f"{prefix}." if prefix else ""
    return tuple(
        Annotation(
            offset=base + field.offset,
            data=data[field.offset : field.offset + field.size],
            name=lead + field.key,
            value=_show(value),
            meaning=field.describe(value) if field.describe else "",
        )
        for field, value in zip(layout, layout.unpack(data), strict=True)
    )


def render_dump(annotations: Iterable[Annotation]) -> Iterator[str]:
    """Yield the lines of the dump: offset, hex, field, value, meaning.

    The second and further lines of text show the text, with blanks for line ends.
    """
    for annotation in annotations:
        first = annotation.data[:_BYTES_PER_LINE]
        label = f"{annotation.name} = {annotation.value}"
        if annotation.meaning:
            label += f"  ({annotation.meaning})"
        yield f"{annotation.offset:6d}  {first.hex(' '):<47}  {label}".rstrip()
        is_text = not annotation.data.translate(None, _TEXT)
        for start in range(_BYTES_PER_LINE, len(annotation.data), _BYTES_PER_LINE):
            line = annotation.data[start : start + _BYTES_PER_LINE]
            text = line.translate(_SHOWN).decode("ascii") if is_text else ""
            yield f"{annotation.offset + start:6d}  {line.hex(' '):<47}  {text}".rstrip()


def annotate_bytes(name: str, data: bytes, *, offset: int) -> Annotation:
    """Return the annotation of bytes that no table describes."""
    return Annotation(offset=offset, data=data, name=name, value=_show_bytes(data))


def _show(value: int | bytes) -> str:
    if isinstance(value, int):
        return f"{value} ({value:#x})" if value > 9 else str(value)
    return _show_bytes(value)


def _show_bytes(data: bytes) -> str:
    if not any(data):
        return "1 zero byte" if len(data) == 1 else f"{len(data)} zero bytes"
    return data.hex() if len(data) <= 16 else f"{data[:8].hex()}… ({len(data)} bytes)"
