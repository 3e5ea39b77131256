# SPDX-License-Identifier: Apache-2.0
"""How every binary structure is declared, read, written and shown."""

from confcom.wire._cursor import Cursor
from confcom.wire._der import DerElement, DerError, Tag, read_der
from confcom.wire._dump import Annotation, annotate, annotate_bytes, render_dump
from confcom.wire._layout import Field, Kind, Layout, LayoutError, Value
from confcom.wire._text import Encoding, ascii_text, decode_binary, decode_with_encoding

__all__ = [
    "Annotation",
    "Cursor",
    "DerElement",
    "DerError",
    "Encoding",
    "Field",
    "Kind",
    "Layout",
    "LayoutError",
    "Tag",
    "Value",
    "annotate",
    "annotate_bytes",
    "ascii_text",
    "decode_binary",
    "decode_with_encoding",
    "read_der",
    "render_dump",
]
