# SPDX-License-Identifier: Apache-2.0
"""Frames of the AESM socket: a length of four bytes, little-endian, then one message.

Source: intel/linux-sgx, ``AESM`` UNIX socket transport. The length does not count itself.
"""

from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason

PREFIX_BYTES: Final = 4
MAX_REQUEST_BYTES: Final = 1024 * 1024
MAX_REPLY_BYTES: Final = 1024 * 1024


def write_frame(message: bytes) -> bytes:
    """Return a message behind its length; to be sent in one call."""
    return len(message).to_bytes(PREFIX_BYTES, "little") + message


class FrameReader:
    """Collects the bytes of one frame; memory grows with what arrives, not with what is announced.

    Args:
        most: largest message accepted.
    """

    __slots__ = ("_data", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has arrived yet."""
        return not self._data

    def receive(self, data: bytes) -> bytes | None:
        """Take bytes; return the message once it is complete, else None. What follows is ignored.

        Raises:
            MalformedError: the announced length is over the limit (reason ``too_large``).
        """
        self._data += data[: PREFIX_BYTES + self._most - len(self._data)]
        if len(self._data) < PREFIX_BYTES:
            return None
        size = int.from_bytes(self._data[:PREFIX_BYTES], "little")
        if size > self._most:
            raise MalformedError(
                Reason.TOO_LARGE, f"message of {size} bytes announced, limit {self._most}"
            )
        if len(self._data) < PREFIX_BYTES + size:
            return None
        return bytes(self._data[PREFIX_BYTES : PREFIX_BYTES + size])
