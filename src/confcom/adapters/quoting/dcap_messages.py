# SPDX-License-Identifier: Apache-2.0
"""What the daemon and the child that holds the enclaves say to each other.

A frame is a length of four bytes, little-endian, then one message in MessagePack. Both ends are
of the same release, so there is no version. The daemon does not trust the child, which runs
libraries that may write anywhere: it bounds each frame, refuses what is not exactly one of these
messages, and takes no answer with another number than that of its question.
"""

from typing import Final, TypeVar

import msgspec

_M = TypeVar("_M")

PREFIX_BYTES: Final = 4
MAX_FRAME_BYTES: Final = 128 * 1024
KEY_ID_BYTES: Final = 256
TARGET_INFO_BYTES: Final = 512
PUBLIC_KEY_ID_BYTES: Final = 32
REPORT_BYTES: Final = 432
QE_REPORT_INFO_BYTES: Final = 960
MIN_QUOTE_BYTES: Final = 436
MAX_QUOTE_BYTES: Final = 64 * 1024


class AskInit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Make the attestation key ready."""

    number: int


class AskSize(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """How long is a quote?"""

    number: int


class AskQuote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Sign a REPORT of 432 bytes; QE report info has 960 bytes."""

    number: int
    report: bytes
    qe_report_info: bytes | None


class Loaded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The libraries are loaded; the first message of a child.

    Attributes:
        interface: ``complete`` or ``simple``.
        key_id: 256 bytes, or None where the library does not tell.
    """

    interface: str
    key_id: bytes | None


class NotLoaded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The libraries cannot be loaded; the first and last message of a child."""

    why: str


class KeyReady(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """TARGETINFO of 512 bytes, and the public key id of 32, or None where it cannot be known."""

    number: int
    target_info: bytes
    public_key_id: bytes | None


class SizeKnown(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Bytes of a quote."""

    number: int
    size: int


class QuoteMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A quote as long as the library said, and the QE report info it filled."""

    number: int
    quote: bytes
    qe_report_info: bytes | None


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The library refused, with its ``quote3_error_t``."""

    number: int
    error: int
    why: str


Question = AskInit | AskSize | AskQuote
Hello = Loaded | NotLoaded
Reply = KeyReady | SizeKnown | QuoteMade | Failed

_QUESTIONS: Final[msgspec.msgpack.Decoder[Question]] = msgspec.msgpack.Decoder(Question)
_HELLOS: Final[msgspec.msgpack.Decoder[Hello]] = msgspec.msgpack.Decoder(Hello)
_REPLIES: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)


class MessageError(Exception):
    """What came is none of our messages; the two ends no longer understand each other."""


def write_message(message: Question | Hello | Reply) -> bytes:
    """Return a message behind its length."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(PREFIX_BYTES, "little") + data


def read_length(prefix: bytes) -> int:
    """Return how many bytes follow a prefix of four.

    Raises:
        MessageError: more than a message can have.
    """
    length = int.from_bytes(prefix, "little")
    if length > MAX_FRAME_BYTES:
        raise MessageError(f"frame of {length} bytes announced, limit {MAX_FRAME_BYTES}")
    return length


def read_question(data: bytes) -> Question:
    """Return a question.

    Raises:
        MessageError: it is none.
    """
    return _decode(_QUESTIONS, data)


def read_hello(data: bytes) -> Hello:
    """Return the first message of a child.

    Raises:
        MessageError: it is none.
    """
    hello = _decode(_HELLOS, data)
    if isinstance(hello, Loaded) and hello.key_id is not None:
        _check("key id", hello.key_id, KEY_ID_BYTES)
    return hello


def read_reply(data: bytes, number: int) -> Reply:
    """Return the reply to the question of a number.

    Raises:
        MessageError: it is none, its parts have wrong sizes, or it answers another question.
    """
    reply = _decode(_REPLIES, data)
    if reply.number != number:
        raise MessageError(f"reply to question {reply.number}, expected to {number}")
    if isinstance(reply, KeyReady):
        _check("target info", reply.target_info, TARGET_INFO_BYTES)
        if reply.public_key_id is not None:
            _check("public key id", reply.public_key_id, PUBLIC_KEY_ID_BYTES)
    elif isinstance(reply, QuoteMade) and reply.qe_report_info is not None:
        _check("QE report info", reply.qe_report_info, QE_REPORT_INFO_BYTES)
    return reply


def _decode(decoder: msgspec.msgpack.Decoder[_M], data: bytes) -> _M:
    try:
        return decoder.decode(data)
    except msgspec.MsgspecError as exc:
        raise MessageError(f"message of {len(data)} bytes cannot be read: {exc}") from exc


def _check(what: str, data: bytes, size: int) -> None:
    if len(data) != size:
        raise MessageError(f"{what} of {len(data)} bytes, expected {size}")
