# SPDX-License-Identifier: Apache-2.0
"""Read what the user names: a file or standard input, in any encoding people paste."""

import base64
import binascii
import os
import re
import stat
import sys
from enum import Enum
from pathlib import Path

from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason
from confcom.runtime.text import printable

STANDARD_INPUT = "-"

_HEX = re.compile(rb"[0-9A-Fa-f]+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
_BLANKS = b" \t\r\n\f\v"
_PRINTABLE_ASCII = bytes(range(0x20, 0x7F)) + _BLANKS
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# What text tools put where bytes were no text (U+FFFD in UTF-8).
_REPLACEMENT = b"\xef\xbf\xbd"


class Encoding(Enum):
    """How a binary input was written."""

    RAW = "raw bytes"
    HEX = "hex"
    BASE64 = "base64"
    BASE64URL = "base64url"


def read_input(name: str, *, limit: int, what: str) -> bytes:
    """Read a file, or standard input for ``-``, up to a limit.

    Args:
        name: path of the file, or ``-``.
        limit: the largest size accepted, in bytes.
        what: what the input should be, for messages: ``quote``, ``collateral bundle``.

    Raises:
        UsageError: there is no such file, it is a folder or cannot be read (input_unreadable).
        MalformedError: it is empty (unrecognised_input) or larger than the limit (too_large).
    """
    where = "standard input" if name == STANDARD_INPUT else f"file {printable(name)}"
    try:
        data = _read_stdin(limit) if name == STANDARD_INPUT else _read_file(name, limit)
    except (OSError, ValueError) as exc:
        raise _unreadable(where, what, exc) from exc
    if not data:
        raise MalformedError(
            Reason.UNRECOGNISED_INPUT,
            f"cannot read {what} from {where}: it is empty",
            hint=f"check the command that should have written the {what}",
        )
    if len(data) > limit:
        raise MalformedError(
            Reason.TOO_LARGE,
            f"cannot read {what} from {where}: it is larger than {limit} bytes",
            hint=f"check that it is a {what}; none is that large",
        )
    return data


def decode_binary(data: bytes | str, *, what: str) -> bytes:
    """Return the bytes that an input stands for: raw, hex, base64 or base64url.

    Text may be broken over lines, start with a byte order mark or with ``0x``, and base64 may
    lack its padding. Text of hex digits only is read as hex.

    Args:
        data: what `read_input` returned, or the value of a flag.
        what: what the input should be, for messages.

    Raises:
        MalformedError: text that is in none of these encodings, and binary data that went
            through a text tool (input_encoding).
    """
    return decode_with_encoding(data, what=what)[0]


def decode_with_encoding(data: bytes | str, *, what: str) -> tuple[bytes, Encoding]:
    """Like `decode_binary`, and tell which encoding it was."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    text = _text_of(raw)
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


_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def _decode_base64(packed: bytes, what: str) -> bytes:
    bare = packed.rstrip(b"=")
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except binascii.Error as exc:
        raise _undecodable(
            what,
            f"it is base64 of {len(bare)} characters, which no number of bytes gives",
            "check that it was copied whole",
        ) from exc


def _text_of(data: bytes) -> bytes | None:
    """Return ASCII text without its byte order mark, or None for anything else."""
    if data.startswith(_UTF16_MARKS):
        try:
            data = data.decode("utf-16").encode("ascii")
        except UnicodeError:
            return None
    data = data.removeprefix(_UTF8_MARK)
    return None if data.translate(None, _PRINTABLE_ASCII) else data


def _went_through_text(data: bytes) -> bool:
    if _REPLACEMENT not in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _read_stdin(limit: int) -> bytes:
    if sys.stdin is None:
        raise ValueError("it is closed")
    return sys.stdin.buffer.read(limit + 1)


def _read_file(name: str, limit: int) -> bytes:
    with Path(name).open("rb") as stream:
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size > limit:
            return b"\0" * (limit + 1)  # refused by its size; not worth reading
        return stream.read(limit + 1)


def _unreadable(where: str, what: str, exc: OSError | ValueError) -> UsageError:
    match exc:
        case FileNotFoundError():
            why, hint = "there is no such file", "check the path; - reads standard input"
        case IsADirectoryError():
            why, hint = "it is a folder", f"name the file that holds the {what}"
        case PermissionError():
            why, hint = "you may not read it", "check owner and permissions of file and folders"
        case OSError():
            why, hint = exc.strerror or "it cannot be read", "check the path"
        case _:
            why, hint = str(exc), "check the path"
    return UsageError(
        Reason.INPUT_UNREADABLE, f"cannot read {what} from {where}: {printable(why)}", hint=hint
    )


def _undecodable(what: str, why: str, hint: str) -> MalformedError:
    return MalformedError(Reason.INPUT_ENCODING, f"cannot decode {what}: {why}", hint=hint)
