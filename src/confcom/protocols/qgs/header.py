# SPDX-License-Identifier: Apache-2.0
"""The header of every QGS message, and what reading and writing of all messages share.

Source: Intel DCAP ``qgs_msg_lib.h``.
"""

from dataclasses import dataclass
from typing import Final, Self

from confcom.errors import MalformedError
from confcom.protocols.qgs.codes import MessageType
from confcom.protocols.qgs.layouts import HEADER
from confcom.reasons import Reason
from confcom.wire import Cursor, Layout, LayoutError, Value

MAJOR_VERSION: Final = 1
MINOR_VERSION: Final = 1
SPARE: Final = bytes(4)
"""What some replies end with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first 16 bytes of a message.

    Attributes:
        type: what the message is.
        size: bytes of the whole message.
        minor: minor version, which nobody checks; the major version is always 1.
        error_code: 0 unless the message is an error reply.
    """

    type: MessageType
    size: int
    minor: int = MINOR_VERSION
    error_code: int = 0

    @classmethod
    def from_message(cls, message: bytes) -> Self:
        """Read the header of a whole message.

        Raises:
            MalformedError: fewer than 16 bytes, another major version, a type that does not
                exist, or a size other than the message's (reason ``message_format``).
        """
        cursor = Cursor(message, what="QGS message", refuse=malformed)
        major, minor, number, size, error_code = cursor.read(HEADER)
        if major != MAJOR_VERSION:
            raise malformed(
                f"QGS message has major version {major}, expected {MAJOR_VERSION}",
            )
        try:
            kind = MessageType(number)
        except ValueError as exc:
            raise malformed(f"QGS message has type {number}, expected 0 to 5") from exc
        if size != len(message):
            raise malformed(f"QGS message says that it has {size} bytes, {len(message)} found")
        return cls(type=kind, size=size, minor=minor, error_code=error_code)


def open_message(message: bytes, kind: MessageType) -> tuple[Header, Cursor]:
    """Return the header of a message of one type, and a reader of what follows the header.

    Raises:
        MalformedError: as `Header.from_message`, another type, or an error code that is not 0.
    """
    header = Header.from_message(message)
    if header.type is not kind:
        raise malformed(f"QGS message is a {header.type.name}, expected {kind.name}")
    if header.error_code:
        raise malformed(f"QGS {kind.name} has error code {header.error_code:#x}, expected 0")
    return header, Cursor(message, what=f"QGS {kind.name}", refuse=malformed, start=HEADER.size)


def write_message(
    kind: MessageType, minor: int, fixed: bytes, *parts: bytes, error_code: int = 0
) -> bytes:
    """Return a message: header, fixed part, data.

    Raises:
        MalformedError: the minor version or the size has no room in the header.
    """
    size = HEADER.size + len(fixed) + sum(map(len, parts))
    header = pack(HEADER, MAJOR_VERSION, minor, int(kind), size, error_code)
    return b"".join((header, fixed, *parts))


def pack(layout: Layout, *values: Value) -> bytes:
    """Return the bytes of a table's fields.

    Raises:
        MalformedError: a number that has no room in its field.
    """
    try:
        return layout.pack(values)
    except LayoutError as exc:
        raise malformed(f"cannot write {exc}") from exc


def take_spare(cursor: Cursor) -> bool:
    """Return whether the four zero bytes follow that some replies end with, and read them."""
    if cursor.remaining != len(SPARE):
        return False
    check_zero(cursor.take(len(SPARE), "spare bytes"), "spare bytes")
    return True


def check_zero(data: bytes, name: str) -> None:
    """Refuse bytes that are not zero."""
    if any(data):
        raise malformed(f"QGS message has {name} that are not zero")


def malformed(message: str) -> MalformedError:
    """Return the error for bytes that are no message."""
    return MalformedError(Reason.MESSAGE_FORMAT, message)
