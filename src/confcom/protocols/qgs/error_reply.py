# SPDX-License-Identifier: Apache-2.0
"""The reply that says only that there is no answer.

Source: Intel DCAP ``qgs_msg_lib.h`` and the service itself.
"""

from dataclasses import dataclass
from typing import Final, Self

from confcom.protocols.qgs.codes import REPLY_TO, ErrorCode, MessageType
from confcom.protocols.qgs.header import (
    MINOR_VERSION,
    SPARE,
    Header,
    check_zero,
    malformed,
    write_message,
)
from confcom.protocols.qgs.layouts import (
    GET_COLLATERAL_REPLY,
    GET_PLATFORM_INFO_REPLY,
    GET_QUOTE_REPLY,
    HEADER,
)
from confcom.wire import Layout

_FIXED: Final[dict[MessageType, Layout]] = {
    MessageType.GET_QUOTE_RESP: GET_QUOTE_REPLY,
    MessageType.GET_COLLATERAL_RESP: GET_COLLATERAL_REPLY,
    MessageType.GET_PLATFORM_INFO_RESP: GET_PLATFORM_INFO_REPLY,
}
_MAY_HAVE_SPARE: Final = (MessageType.GET_COLLATERAL_RESP, MessageType.GET_PLATFORM_INFO_RESP)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """A reply of any type whose fixed part is zero: 24, 48 or 28 bytes.

    Intel's service sends no spare bytes here, while Intel's client wants them in replies about
    the platform; so both are read.

    Attributes:
        type: of the reply.
        code: why there is no answer.
        has_spare: whether four zero bytes follow; never in replies about a quote.
        minor: minor version of the message.
    """

    type: MessageType
    code: ErrorCode
    has_spare: bool = False
    minor: int = MINOR_VERSION

    def __post_init__(self) -> None:
        """Refuse what no message can say."""
        if self.type not in _FIXED:
            raise malformed(f"QGS {self.type.name} cannot carry an error")
        if self.has_spare and self.type not in _MAY_HAVE_SPARE:
            raise malformed(f"QGS {self.type.name} has no spare bytes")

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Parse exactly one message.

        Raises:
            MalformedError: a wrong header, a request, an error code that does not exist, a fixed
                part that is not zero, or data behind it (reason ``message_format``).
        """
        header = Header.from_message(message)
        layout = _FIXED.get(header.type)
        if layout is None:
            raise malformed(f"QGS message is a {header.type.name}, expected a reply")
        try:
            code = ErrorCode(header.error_code)
        except ValueError as exc:
            raise malformed(f"QGS reply has unknown error code {header.error_code:#x}") from exc
        rest = message[HEADER.size :]
        has_spare = header.type in _MAY_HAVE_SPARE and len(rest) == layout.size + len(SPARE)
        if len(rest) != layout.size and not has_spare:
            raise malformed(
                f"QGS error reply has {len(message)} bytes, expected {HEADER.size + layout.size}"
            )
        check_zero(rest, "bytes behind an error")
        return cls(type=header.type, code=code, has_spare=has_spare, minor=header.minor)

    def to_bytes(self) -> bytes:
        """Return the message."""
        fixed = bytes(_FIXED[self.type].size)
        spare = SPARE if self.has_spare else b""
        return write_message(self.type, self.minor, fixed, spare, error_code=self.code)


def refuse_request(kind: MessageType) -> ErrorReply:
    """Return the reply with which Intel's service refuses a request of a type."""
    return ErrorReply(type=REPLY_TO[kind], code=ErrorCode.UNEXPECTED)
