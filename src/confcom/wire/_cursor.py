# SPDX-License-Identifier: Apache-2.0
"""A reader over bytes that cannot leave its bounds."""

from collections.abc import Callable
from typing import Any

from confcom.wire._layout import Layout


class Cursor:
    """Reads forward through bytes; every length is compared with what remains before slicing.

    Args:
        data: the bytes.
        what: name of the structure, for messages.
        refuse: makes the exception to raise from a message; a format passes its own.
        start: first byte to read.
        end: first byte not to read, by default the end of the data.

    Attributes:
        position: offset of the next byte.
        end: offset of the first byte not to read.
        refusal: makes an exception of the format from a message.
    """

    __slots__ = ("_data", "_what", "end", "position", "refusal")

    def __init__(
        self,
        data: bytes,
        *,
        what: str,
        refuse: Callable[[str], Exception],
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self._data = data
        self._what = what
        self.refusal = refuse
        self.position = start
        self.end = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        """Bytes not yet read."""
        return self.end - self.position

    def take(self, size: int, name: str) -> bytes:
        """Return the next ``size`` bytes, which hold ``name``."""
        start = self.position
        stop = start + size
        if stop > self.end:
            raise self._short(size, name)
        self.position = stop
        return self._data[start:stop]

    def read(self, layout: Layout) -> tuple[Any, ...]:
        """Return the values of a structure's fields, in the order of its table."""
        start = self.position
        stop = start + layout.size
        if stop > self.end:
            raise self._short(layout.size, layout.name)
        self.position = stop
        return layout.unpack(self._data, start)

    def part(self, size: int, name: str) -> "Cursor":
        """Return a reader over the next ``size`` bytes, which hold ``name``; they count as read."""
        start = self.position
        if start + size > self.end:
            raise self._short(size, name)
        self.position = start + size
        return Cursor(self._data, what=name, refuse=self.refusal, start=start, end=self.position)

    def finish(self) -> None:
        """Refuse bytes that nothing has read."""
        if self.remaining:
            raise self.refusal(
                f"{self._what} has {self.remaining} bytes after its last field, "
                f"at offset {self.position}"
            )

    def _short(self, size: int, name: str) -> Exception:
        return self.refusal(
            f"{self._what} ends inside {name}: {size} bytes needed at offset {self.position}, "
            f"{self.remaining} left"
        )
