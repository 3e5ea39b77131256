# SPDX-License-Identifier: Apache-2.0
"""What the TDX quote generation service sends back.

Source: Intel DCAP ``qgs_msg_lib.h`` and the service itself. Every value that exists is one that
can be sent: making one checks what parsing checks.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from confcom.protocols.qgs.codes import REPLY_TO, MessageType
from confcom.protocols.qgs.error_reply import ErrorReply
from confcom.protocols.qgs.framing import MAX_REPLY_BYTES, read_frame
from confcom.protocols.qgs.header import (
    MINOR_VERSION,
    SPARE,
    Header,
    check_zero,
    malformed,
    open_message,
    pack,
    take_spare,
    write_message,
)
from confcom.protocols.qgs.layouts import (
    GET_COLLATERAL_REPLY,
    GET_PLATFORM_INFO_REPLY,
    GET_QUOTE_REPLY,
)
from confcom.protocols.qgs.requests import (
    KEY_ID_BYTES,
    FramedRequest,
    GetCollateralRequest,
    GetQuoteRequest,
)

_DOCUMENTS: Final = tuple(
    row.name.removesuffix("_size") for row in GET_COLLATERAL_REPLY if row.name.endswith("_size")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQuoteReply:
    """A quote.

    Attributes:
        quote: of its own length.
        selected_id: 16 bytes, which of the client's keys signed; empty where it named none or one.
        minor: minor version of the message.
    """

    type: ClassVar = MessageType.GET_QUOTE_RESP

    quote: bytes = field(repr=False)
    selected_id: bytes = b""
    minor: int = MINOR_VERSION

    def __post_init__(self) -> None:
        """Refuse what no message can say."""
        if not self.quote:
            raise malformed("QGS reply has neither a quote nor an error code")
        if len(self.selected_id) not in {0, KEY_ID_BYTES}:
            raise malformed(
                f"QGS reply has a key id of {len(self.selected_id)} bytes, expected 0 or "
                f"{KEY_ID_BYTES}"
            )

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Parse exactly one message.

        Raises:
            MalformedError: a header that is none of this message, sizes that do not add up, no
                quote, a key id of another size (reason ``message_format``).
        """
        header, cursor = open_message(message, cls.type)
        id_size, quote_size = cursor.read(GET_QUOTE_REPLY)
        selected_id = cursor.take(id_size, "key id")
        quote = cursor.take(quote_size, "quote")
        cursor.finish()
        return cls(quote=quote, selected_id=selected_id, minor=header.minor)

    def to_bytes(self) -> bytes:
        """Return the message."""
        fixed = pack(GET_QUOTE_REPLY, len(self.selected_id), len(self.quote))
        return write_message(self.type, self.minor, fixed, self.selected_id, self.quote)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCollateralReply:
    """What verification needs; each document as its publisher made it, none empty.

    Attributes:
        collateral_major: major version of the collateral.
        collateral_minor: minor version of the collateral.
        pck_crl_issuer_chain: PEM.
        root_ca_crl: CRL, hex or DER.
        pck_crl: CRL, hex or DER.
        tcb_info_issuer_chain: PEM.
        tcb_info: signed JSON.
        qe_identity_issuer_chain: PEM.
        qe_identity: signed JSON.
        has_spare: whether four zero bytes follow, as they do for requests of minor version 0.
        minor: minor version of the message.
    """

    type: ClassVar = MessageType.GET_COLLATERAL_RESP

    collateral_major: int
    collateral_minor: int
    pck_crl_issuer_chain: bytes = field(repr=False)
    root_ca_crl: bytes = field(repr=False)
    pck_crl: bytes = field(repr=False)
    tcb_info_issuer_chain: bytes = field(repr=False)
    tcb_info: bytes = field(repr=False)
    qe_identity_issuer_chain: bytes = field(repr=False)
    qe_identity: bytes = field(repr=False)
    has_spare: bool = False
    minor: int = MINOR_VERSION

    def __post_init__(self) -> None:
        """Refuse what no message can say."""
        for name in _DOCUMENTS:
            if not getattr(self, name):
                raise malformed(f"QGS reply has no {name}")

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Parse exactly one message.

        Raises:
            MalformedError: a header that is none of this message, sizes that do not add up, an
                empty document, spare bytes that are not zero (reason ``message_format``).
        """
        header, cursor = open_message(message, cls.type)
        major, minor, *sizes = cursor.read(GET_COLLATERAL_REPLY)
        documents = [cursor.take(size, name) for name, size in zip(_DOCUMENTS, sizes, strict=True)]
        has_spare = take_spare(cursor)
        cursor.finish()
        return cls(
            collateral_major=major,
            collateral_minor=minor,
            **dict(zip(_DOCUMENTS, documents, strict=True)),
            has_spare=has_spare,
            minor=header.minor,
        )

    def to_bytes(self) -> bytes:
        """Return the message."""
        documents = [getattr(self, name) for name in _DOCUMENTS]
        versions = (self.collateral_major, self.collateral_minor)
        fixed = pack(GET_COLLATERAL_REPLY, *versions, *map(len, documents))
        spare = SPARE if self.has_spare else b""
        return write_message(self.type, self.minor, fixed, *documents, spare)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPlatformInfoReply:
    """Which platform this is; four zero bytes follow, which Intel's clients demand.

    Attributes:
        tdqe_svn: security version of the TD quoting enclave.
        pce_svn: security version of the PCE.
        platform_id: as the quoting library gives it, not empty.
        cpu_svn: CPUSVN, not empty.
        minor: minor version of the message.
    """

    type: ClassVar = MessageType.GET_PLATFORM_INFO_RESP

    tdqe_svn: int
    pce_svn: int
    platform_id: bytes
    cpu_svn: bytes
    minor: int = MINOR_VERSION

    def __post_init__(self) -> None:
        """Refuse what no message can say."""
        if not self.platform_id or not self.cpu_svn:
            raise malformed("QGS reply has no platform id or no CPUSVN")

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Parse exactly one message.

        Raises:
            MalformedError: a header that is none of this message, sizes that do not add up or
                are zero, no spare bytes or such that are not zero (reason ``message_format``).
        """
        header, cursor = open_message(message, cls.type)
        tdqe_svn, pce_svn, id_size, svn_size = cursor.read(GET_PLATFORM_INFO_REPLY)
        platform_id = cursor.take(id_size, "platform id")
        cpu_svn = cursor.take(svn_size, "CPUSVN")
        check_zero(cursor.take(len(SPARE), "spare bytes"), "spare bytes")
        cursor.finish()
        return cls(
            tdqe_svn=tdqe_svn,
            pce_svn=pce_svn,
            platform_id=platform_id,
            cpu_svn=cpu_svn,
            minor=header.minor,
        )

    def to_bytes(self) -> bytes:
        """Return the message."""
        sizes = (len(self.platform_id), len(self.cpu_svn))
        fixed = pack(GET_PLATFORM_INFO_REPLY, self.tdqe_svn, self.pce_svn, *sizes)
        return write_message(
            self.type,
            self.minor,
            fixed,
            self.platform_id,
            self.cpu_svn,
            SPARE,
        )


Answered = GetQuoteReply | GetCollateralReply | GetPlatformInfoReply
FramedReply = Answered | ErrorReply

_PARSERS: Final[dict[MessageType, type[Answered]]] = {
    MessageType.GET_QUOTE_RESP: GetQuoteReply,
    MessageType.GET_COLLATERAL_RESP: GetCollateralReply,
    MessageType.GET_PLATFORM_INFO_RESP: GetPlatformInfoReply,
}


def read_reply(message: bytes) -> FramedReply:
    """Parse a reply of any type.

    Raises:
        MalformedError: it is none, or not right (reason ``message_format``).
    """
    header = Header.from_message(message)
    if header.error_code:
        return ErrorReply.from_bytes(message)
    parser = _PARSERS.get(header.type)
    if parser is None:
        raise malformed(f"QGS message is a {header.type.name}, expected a reply")
    return parser.from_bytes(message)


def reply_from_stream(data: bytes) -> FramedReply:
    """Parse all bytes that a server sends over a connection: one frame.

    Raises:
        MalformedError: they are none (reasons ``message_format`` and ``too_large``).
    """
    return read_reply(read_frame(data, most=MAX_REPLY_BYTES))


def check_answers(reply: FramedReply, request: FramedRequest) -> None:
    """Refuse a reply that does not answer the request.

    Raises:
        MalformedError: another type, a key id that the client did not name, or spare bytes that
            the request's minor version does not call for, or none where it does (reason
            ``message_format``).
    """
    expected = REPLY_TO[request.type]
    if reply.type is not expected:
        raise malformed(f"QGS reply is a {reply.type.name}, expected {expected.name}")
    match request, reply:
        case GetQuoteRequest(), GetQuoteReply(selected_id=chosen):
            if chosen and request.key_ids and chosen not in request.key_ids:
                raise malformed(f"QGS reply names key id {chosen.hex()}, which was not asked for")
        case GetCollateralRequest(), GetCollateralReply(has_spare=has_spare):
            if has_spare is not (request.minor == 0):
                raise malformed(
                    f"QGS reply has {len(SPARE) if has_spare else 'no'} spare bytes for a "
                    f"request of minor version {request.minor}"
                )
        case _:
            pass
