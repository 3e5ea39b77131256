# SPDX-License-Identifier: Apache-2.0
"""Binary data that arrives as text: hex, base64 and base64url, told apart by their characters.

Text that could be several of them is taken for the first in this order: hex (digits only, an even
number of them), base64, base64url. PEM and JSON are texts in their own right and stay as they are.
"""

import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason


class Encoding(StrEnum):
    """How bytes were written down."""

    RAW = "raw"
    HEX = "hex"
    BASE64 = "base64"
    BASE64URL = "base64url"


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes, and how they were written down."""

    encoding: Encoding
    data: bytes


_BLANKS: Final = b" \t\r\n"
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e]+")
_ALREADY_TEXT: Final = (b"-----BEGIN", b"{", b"[")
_HEX: Final = re.compile(rb"(?:0[xX])?((?:[0-9A-Fa-f]{2})+)")
_BASE64: Final = re.compile(rb"([0-9A-Za-z+/]+)(={0,2})")
_BASE64URL: Final = re.compile(rb"([0-9A-Za-z_-]+)(={0,2})")
_HEX_DIGITS: Final = re.compile(rb"[0-9A-Fa-f]+")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_NOT_ENCODED: Final = re.compile(rb"[^0-9A-Za-z+/_= \t\r\n-]")
# No word of a language is this long, no line of encoded binary data shorter, its last one aside.
_LONG_WORD: Final = re.compile(rb"[^ \t\r\n]{40}")


def decode(data: bytes) -> Decoded:
    """Return the bytes that a text stands for; anything that is not such a text as it is.

    Blanks and line ends are skipped, padding may be missing, hex may begin with ``0x``.

    Raises:
        MalformedError: a text that begins like an encoded one and is broken
            (reason ``input_encoding``).
    """
    if not _TEXT.fullmatch(data) or data.lstrip(_BLANKS).startswith(_ALREADY_TEXT):
        return Decoded(Encoding.RAW, data)
    compact = data.translate(None, _BLANKS)
    if match := _HEX.fullmatch(compact):
        return Decoded(Encoding.HEX, bytes.fromhex(match[1].decode()))
    for encoding, pattern in ((Encoding.BASE64, _BASE64), (Encoding.BASE64URL, _BASE64URL)):
        match = pattern.fullmatch(compact)
        if match and (decoded := _from_base64(match[1], len(match[2]))) is not None:
            return Decoded(encoding, decoded)
    if _LONG_WORD.match(data.lstrip(_BLANKS)):
        raise _broken(data, compact)
    return Decoded(Encoding.RAW, data)


def _from_base64(digits: bytes, padding: int) -> bytes | None:
    missing = -len(digits) % 4
    if missing == 3 or padding not in {0, missing}:
        return None
    standard = digits.translate(_TO_STANDARD)
    decoded = binascii.a2b_base64(standard + b"=" * missing)
    # Bits that belong to no byte must be zero: one value has one encoding.
    canonical = binascii.b2a_base64(decoded, newline=False).rstrip(b"=")
    return decoded if canonical == standard else None


def _broken(data: bytes, compact: bytes) -> MalformedError:
    hint = "the text may be cut off, or mixed with other text; encode the file again"
    if found := _NOT_ENCODED.search(data):
        cause = f"character {found[0].decode()!r} at offset {found.start()}"
        if found[0] == b"%":
            hint = "the text may be percent-encoded: decode that first"
    elif _HEX_DIGITS.fullmatch(compact):
        cause = f"it has an odd number of hex digits, {len(compact)}"
    else:
        cause = f"its {len(compact)} characters are not the whole of one encoding"
    return MalformedError(
        Reason.INPUT_ENCODING,
        f"text of {len(data)} bytes is neither hex nor base64: {cause}",
        hint=hint,
    )
