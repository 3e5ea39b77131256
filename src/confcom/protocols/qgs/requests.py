# SPDX-License-Identifier: Apache-2.0
"""What clients of the TDX quote generation service send.

Source: Intel DCAP ``qgs_msg_lib.h`` and the service itself. Every value that exists is one that
can be sent: making one checks what parsing checks.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from confcom.protocols.qgs.calls import PckCa
from confcom.protocols.qgs.codes import MessageType
from confcom.protocols.qgs.framing import MAX_REQUEST_BYTES, PREFIX_BYTES, read_frame
from confcom.protocols.qgs.header import (
    MINOR_VERSION,
    Header,
    check_zero,
    malformed,
    open_message,
    pack,
    write_message,
)
from confcom.protocols.qgs.layouts import GET_COLLATERAL_REQUEST, GET_QUOTE_REQUEST, RAW_REQUEST
from confcom.wire import LayoutError

REPORT_BYTES: Final = 1024
KEY_ID_BYTES: Final = 16
FMSPC_BYTES: Final = 6
RAW_STARTS: Final = (b"\x81\0\0\0", b"\x81\0\1\0")
"""First bytes of a raw request; as the length of a frame they would be over two gigabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQuoteRequest:
    """Make a quote of a TDREPORT.

    Attributes:
        report: 1024 bytes.
        key_ids: UUIDs, 16 bytes each, of attestation keys that the client takes; none for any.
        minor: minor version of the message.
    """

    type: ClassVar = MessageType.GET_QUOTE_REQ

    report: bytes = field(repr=False)
    key_ids: tuple[bytes, ...] = ()
    minor: int = MINOR_VERSION

    def __post_init__(self) -> None:
        """Refuse what no message can say."""
        if len(self.report) != REPORT_BYTES:
            raise malformed(
                f"QGS request has a report of {len(self.report)} bytes, expected {REPORT_BYTES}"
            )
        if any(len(key_id) != KEY_ID_BYTES for key_id in self.key_ids):
            raise malformed(f"QGS request has a key id of other than {KEY_ID_BYTES} bytes")

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Parse exactly one message.

        Raises:
            MalformedError: a header that is none of this message, sizes that do not add up, a
                report or key ids of another size (reason ``message_format``).
        """
        header, cursor = open_message(message, cls.type)
        report_size, ids_size = cursor.read(GET_QUOTE_REQUEST)
        if ids_size % KEY_ID_BYTES:
            raise malformed(
                f"QGS request has {ids_size} bytes of key ids, expected a multiple of "
                f"{KEY_ID_BYTES}"
            )
        report = cursor.take(report_size, "report")
        ids = cursor.take(ids_size, "key ids")
        cursor.finish()
        split = (ids[start : start + KEY_ID_BYTES] for start in range(0, ids_size, KEY_ID_BYTES))
        return cls(report=report, key_ids=tuple(split), minor=header.minor)

    def to_bytes(self) -> bytes:
        """Return the message."""
        ids = b"".join(self.key_ids)
        fixed = pack(GET_QUOTE_REQUEST, len(self.report), len(ids))
        return write_message(self.type, self.minor, fixed, self.report, ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCollateralRequest:
    """Fetch what verification of quotes of one kind of platform needs.

    Attributes:
        fmspc: which platforms; as received, 6 bytes in practice.
        ca: name of the CA of their PCK certificates, as received, perhaps with a NUL at the end.
        minor: minor version of the message; with 0 the reply ends with four spare bytes.
    """

    type: ClassVar = MessageType.GET_COLLATERAL_REQ

    fmspc: bytes
    ca: bytes
    minor: int = MINOR_VERSION

    def __post_init__(self) -> None:
        """Refuse what no message can say."""
        if not self.fmspc or not self.ca:
            raise malformed("QGS request has no FMSPC or no name of a CA")

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Parse exactly one message.

        Raises:
            MalformedError: a header that is none of this message, sizes that do not add up or
                are zero (reason ``message_format``).
        """
        header, cursor = open_message(message, cls.type)
        fmspc_size, ca_size = cursor.read(GET_COLLATERAL_REQUEST)
        fmspc = cursor.take(fmspc_size, "FMSPC")
        ca = cursor.take(ca_size, "name of the CA")
        cursor.finish()
        return cls(fmspc=fmspc, ca=ca, minor=header.minor)

    def to_bytes(self) -> bytes:
        """Return the message."""
        fixed = pack(GET_COLLATERAL_REQUEST, len(self.fmspc), len(self.ca))
        return write_message(self.type, self.minor, fixed, self.fmspc, self.ca)

    def platform(self) -> tuple[bytes, PckCa]:
        """Return FMSPC and CA as something that can be looked up.

        Raises:
            MalformedError: an FMSPC of other than 6 bytes, or a name of no CA (reason
                ``message_format``).
        """
        if len(self.fmspc) != FMSPC_BYTES:
            raise malformed(
                f"QGS request has an FMSPC of {len(self.fmspc)} bytes, expected {FMSPC_BYTES}"
            )
        for ca in PckCa:
            if self.ca.removesuffix(b"\0") == ca.encode("ascii"):
                return self.fmspc, ca
        raise malformed(f"QGS request names a CA of {len(self.ca)} bytes that is none of Intel's")


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPlatformInfoRequest:
    """Say which platform this is."""

    type: ClassVar = MessageType.GET_PLATFORM_INFO_REQ

    minor: int = MINOR_VERSION

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Parse exactly one message.

        Raises:
            MalformedError: a header that is none of this message, or bytes behind it (reason
                ``message_format``).
        """
        header, cursor = open_message(message, cls.type)
        cursor.finish()
        return cls(minor=header.minor)

    def to_bytes(self) -> bytes:
        """Return the message."""
        return write_message(self.type, self.minor, b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawQuoteRequest:
    """Make a quote of a TDREPORT that comes without header and length, and goes back so.

    Attributes:
        report: 1024 bytes whose type and fixed zeros say that they are a TDREPORT.
    """

    report: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no TDREPORT."""
        try:
            values = RAW_REQUEST.unpack_exactly(self.report)
        except LayoutError as exc:
            raise malformed(f"cannot parse {exc}") from exc
        if values[0] not in RAW_STARTS:
            raise malformed(
                f"QGS raw request starts with {self.report[:4].hex()}, expected "
                f"{' or '.join(start.hex() for start in RAW_STARTS)}"
            )
        for row, value in zip(RAW_REQUEST, values, strict=True):
            if row.is_reserved and isinstance(value, bytes):
                check_zero(value, f"bytes {row.offset} to {row.end - 1}")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 1024 bytes.

        Raises:
            MalformedError: another length, type or version, or bytes that have to be zero and
                are not (reason ``message_format``).
        """
        return cls(report=data)

    def to_bytes(self) -> bytes:
        """Return the 1024 bytes."""
        return self.report


FramedRequest = GetQuoteRequest | GetCollateralRequest | GetPlatformInfoRequest
Request = FramedRequest | RawQuoteRequest

_PARSERS: Final[dict[MessageType, type[FramedRequest]]] = {
    MessageType.GET_QUOTE_REQ: GetQuoteRequest,
    MessageType.GET_COLLATERAL_REQ: GetCollateralRequest,
    MessageType.GET_PLATFORM_INFO_REQ: GetPlatformInfoRequest,
}


def type_of_request(message: bytes) -> MessageType:
    """Return the type of a request whose header is right, whatever follows the header.

    Raises:
        MalformedError: a wrong header, or a reply (reason ``message_format``).
    """
    kind = Header.from_message(message).type
    if kind not in _PARSERS:
        raise malformed(f"QGS message is a {kind.name}, expected a request")
    return kind


def read_request(message: bytes) -> FramedRequest:
    """Parse a request of any type.

    Raises:
        MalformedError: it is none, or not right (reason ``message_format``).
    """
    return _PARSERS[type_of_request(message)].from_bytes(message)


def request_from_stream(data: bytes) -> Request:
    """Parse all bytes that a client sends over a connection: one frame, or a raw request.

    Raises:
        MalformedError: they are neither (reasons ``message_format`` and ``too_large``).
    """
    if data[:PREFIX_BYTES] in RAW_STARTS:
        return RawQuoteRequest.from_bytes(data)
    return read_request(read_frame(data, most=MAX_REQUEST_BYTES))
