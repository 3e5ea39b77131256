# SPDX-License-Identifier: Apache-2.0
"""Binary data as people paste it: raw, or as text in hex, base64 or base64url.

A text that could be several of them is taken for the first in this order: hex, base64, base64url.
"""

import binascii
import re
from enum import Enum
from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason


class Encoding(Enum):
    """How a binary input was written."""

    RAW = "raw bytes"
    HEX = "hex"
    BASE64 = "base64"
    BASE64URL = "base64url"


_HEX: Final = re.compile(rb"[0-9A-Fa-f]+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_BASE64URL: Final = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_BLANKS: Final = b" \t\r\n\f\v"
_PRINTABLE_ASCII: Final = bytes(range(0x20, 0x7F)) + _BLANKS
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
# What text tools put where bytes were no text (U+FFFD in UTF-8).
_REPLACEMENT: Final = b"\xef\xbf\xbd"


def decode_binary(data: bytes | str, *, what: str) -> bytes:
    """Return the bytes that an input stands for: raw, hex, base64 or base64url.

    Text may be broken over lines, start with a byte order mark or with ``0x``, and base64 may
    lack its padding. Text of hex digits only is read as hex.

    Args:
        data: content of a file, or the value of a flag.
        what: what the input should be, for messages.

    Raises:
        MalformedError: text that is in none of these encodings, and binary data that went
            through a text tool (input_encoding).
    """
    return decode_with_encoding(data, what=what)[0]


def decode_with_encoding(data: bytes | str, *, what: str) -> tuple[bytes, Encoding]:
    """Like `decode_binary`, and tell which encoding it was."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    text = ascii_text(raw)
    if text is None:
        if isinstance(data, str) or _went_through_text(raw):
            raise _undecodable(
                what,
                "it holds characters that stand for lost bytes or belong to no encoding",
                "write the bytes to a file without converting them to text, or use base64",
            )
        return raw, Encoding.RAW
    if b"-----BEGIN " in text:
        raise _undecodable(what, "it is PEM text", f"give the {what} itself, not certificates")
    packed = text.translate(None, _BLANKS)
    if not packed:
        raise _undecodable(what, "it holds nothing but blanks", f"give the {what} itself")
    return _decode_text(packed, what)


def ascii_text(data: bytes) -> bytes | None:
    """Return text in ASCII without its byte order mark, or None for anything else."""
    if data.startswith(_UTF16_MARKS):
        try:
            data = data.decode("utf-16").encode("ascii")
        except UnicodeError:
            return None
    data = data.removeprefix(_UTF8_MARK)
    return None if data.translate(None, _PRINTABLE_ASCII) else data


def _decode_text(packed: bytes, what: str) -> tuple[bytes, Encoding]:
    digits = packed[2:] if packed[:2] in {b"0x", b"0X"} else packed
    if _HEX.fullmatch(digits):
        if len(digits) % 2:
            raise _undecodable(
                what,
                f"it has an odd number of hex digits, {len(digits)}",
                "check that it was copied whole; each byte has two digits",
            )
        return bytes.fromhex(digits.decode("ascii")), Encoding.HEX
    if _BASE64.fullmatch(packed):
        return _decode_base64(packed, what), Encoding.BASE64
    if _BASE64URL.fullmatch(packed):
        return _decode_base64(packed.translate(_TO_STANDARD), what), Encoding.BASE64URL
    raise _undecodable(
        what,
        "it is text, but neither hex nor base64 nor base64url",
        f"give the {what} as raw bytes or in one of these encodings",
    )


def _decode_base64(packed: bytes, what: str) -> bytes:
    digits = packed.rstrip(b"=")
    missing, padding = -len(digits) % 4, len(packed) - len(digits)
    if missing == 3:
        raise _undecodable(
            what,
            f"it is base64 of {len(digits)} characters, which no number of bytes gives",
            "check that it was copied whole",
        )
    if padding not in {0, missing}:
        raise _undecodable(
            what,
            f"it is base64 with {padding} characters of padding, {missing} expected",
            "check that it was copied whole",
        )
    decoded = binascii.a2b_base64(digits + b"=" * missing)
    if binascii.b2a_base64(decoded, newline=False).rstrip(b"=") != digits:
        raise _undecodable(
            what,
            "it is base64 whose last character has bits that belong to no byte",
            "check that it was copied whole",
        )
    return decoded


def _went_through_text(data: bytes) -> bool:
    if _REPLACEMENT not in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _undecodable(what: str, why: str, hint: str) -> MalformedError:
    return MalformedError(Reason.INPUT_ENCODING, f"cannot decode {what}: {why}", hint=hint)
