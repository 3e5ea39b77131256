# SPDX-License-Identifier: Apache-2.0
"""Byte ranges by the names of fields, for code that handles a structure without parsing it."""

from confcom.wire import Layout


def span(layout: Layout, first: str, last: str | None = None) -> slice:
    """Return the bytes from field ``first`` to the end of field ``last`` (or of ``first``)."""
    end = layout[last or first]
    return slice(layout.offset_of(first), end.offset + end.size)
