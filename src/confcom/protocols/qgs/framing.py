# SPDX-License-Identifier: Apache-2.0
"""Frames of QGS connections: a length of four bytes, big-endian, then one message.

Source: Intel DCAP, transport of the TDX quote generation service. The length does not count
itself; everything inside the message is little-endian.
"""

from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason

PREFIX_BYTES: Final = 4
LEAST_BYTES: Final = 16
"""Shortest message: a header."""
MAX_REQUEST_BYTES: Final = 16 * 1024
MAX_REPLY_BYTES: Final = 1024 * 1024


def write_frame(message: bytes) -> bytes:
    """Return a message behind its length."""
    return len(message).to_bytes(PREFIX_BYTES, "big") + message


def read_frame(frame: bytes, *, most: int) -> bytes:
    """Return the message of bytes that are exactly one frame.

    Raises:
        MalformedError: the announced length is too small, another than what follows
            (``message_format``) or over the limit (``too_large``).
    """
    size = frame_size(frame, most=most)
    if size is None:
        raise MalformedError(
            Reason.MESSAGE_FORMAT,
            f"cannot read QGS frame: {PREFIX_BYTES} bytes of length expected, {len(frame)} found",
        )
    if len(frame) != size:
        raise MalformedError(
            Reason.MESSAGE_FORMAT,
            f"cannot read QGS frame: message of {size - PREFIX_BYTES} bytes announced, "
            f"{len(frame) - PREFIX_BYTES} found",
        )
    return frame[PREFIX_BYTES:]


def frame_size(start: bytes | bytearray, *, most: int) -> int | None:
    """Return how many bytes the frame has that starts so, None until its length is there.

    Raises:
        MalformedError: the announced length has no room for a header (``message_format``) or is
            over the limit (``too_large``).
    """
    if len(start) < PREFIX_BYTES:
        return None
    size = int.from_bytes(start[:PREFIX_BYTES], "big")
    if size > most:
        raise MalformedError(
            Reason.TOO_LARGE, f"QGS message of {size} bytes announced, limit {most}"
        )
    if size < LEAST_BYTES:
        raise MalformedError(
            Reason.MESSAGE_FORMAT,
            f"QGS message of {size} bytes announced, at least {LEAST_BYTES} expected",
        )
    return PREFIX_BYTES + size
