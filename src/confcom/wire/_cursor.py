# SPDX-License-Identifier: Apache-2.0
"""A reader over bytes that cannot leave its bounds."""

from collections.abc import Callable


class Cursor:
    """Reads forward through bytes; every length is compared with what remains before slicing.

    Args:
        data: the bytes.
        what: name of the structure, for messages.
        refuse: makes the exception to raise from a message; a format passes its own.
        start: first byte to read.
        end: first byte not to read, by default the end of the data.
    """

    __slots__ = ("_data", "_refuse", "_what", "end", "position")

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
        self._refuse = refuse
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
            raise self._refuse(
                f"{self._what} ends inside {name}: {size} bytes needed at offset {start}, "
                f"{self.remaining} left"
            )
        self.position = stop
        return self._data[start:stop]

    def u16(self, name: str) -> int:
        """Return the next two bytes as a little-endian integer."""
        return int.from_bytes(self.take(2, name), "little")

    def u32(self, name: str) -> int:
        """Return the next four bytes as a little-endian integer."""
        return int.from_bytes(self.take(4, name), "little")

    def finish(self) -> None:
        """Refuse bytes that nothing has read."""
        if self.remaining:
            raise self._refuse(
                f"{self._what} has {self.remaining} bytes after its last field, "
                f"at offset {self.position}"
            )
