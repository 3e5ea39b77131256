# SPDX-License-Identifier: Apache-2.0
"""What is this? Tells by content what some bytes are, and parses them.

The attempts, in their order:

1. JSON: by the members of the object.
2. PEM: by its labels.
3. Other text: hex, base64 or base64url, decoded once; then 1, 2 and 4 for what it stands for.
4. Binary: Open Enclave headers around a quote; then

   a. a quote, by the vendor id of Intel's quoting enclaves;
   b. DER, a measurement stream, a SIGSTRUCT, by how they begin;
   c. structures without a mark, by size and by the bytes in them that are zero;
   d. a quote, by version, key type and TEE type.

Once a mark is found the parser of that kind decides, and its refusal is the answer: a quote that
is cut off is a broken quote, not something unknown.
"""

import re
from dataclasses import dataclass
from typing import Final

from confcom.attestation._binaries import BinaryContent, near_miss, read_binary
from confcom.attestation._looks import looks_like
from confcom.attestation._texts import TextContent, read_text
from confcom.dcap import Quote
from confcom.dcap.wrappers import Layer, layers
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import Encoding, decode_with_encoding

MAX_INPUT_BYTES: Final = 8 * 1024 * 1024
# No word of a language is this long, and no line of encoded data shorter, the last one aside.
_LONG_WORD: Final = re.compile(rb"\s*\S{40}")
_HEX_TEXT: Final = re.compile(rb"[0-9A-Fa-f\s]+")
_KNOWN: Final = (
    "known are quotes, REPORT, TARGETINFO, TDREPORT, SIGSTRUCT, measurement streams, certificates, "
    "revocation lists, TCB Info, enclave identities, evaluation data numbers, collateral bundles"
)

Content = BinaryContent | TextContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What some bytes are.

    Attributes:
        content: the parsed value; its type says the kind.
        data: the bytes it was parsed from: decoded, wrappers included.
        encoding: how they were written down.
        layers: Open Enclave headers around a quote, the outermost first.
    """

    content: Content
    data: bytes
    encoding: Encoding
    layers: tuple[Layer, ...] = ()


def recognise(data: bytes) -> Recognition:
    """Tell what some bytes are, and parse them.

    Args:
        data: at most 8 MiB; binary, JSON, PEM, or text in hex, base64 or base64url.

    Raises:
        MalformedError: nothing known (reason ``unrecognised_input``; the message says what it
            looks like), a broken encoding (``input_encoding``), too many bytes (``too_large``),
            or what the parser of the recognised kind says.
    """
    if not data:
        raise MalformedError(Reason.UNRECOGNISED_INPUT, "cannot recognise input: it is empty")
    if len(data) > MAX_INPUT_BYTES:
        raise MalformedError(
            Reason.TOO_LARGE,
            f"input has {len(data)} bytes, more than the limit of {MAX_INPUT_BYTES}",
        )
    text = read_text(data)
    if text is not None:
        return Recognition(content=text, data=data, encoding=Encoding.RAW)
    decoded, encoding = _decode(data)
    if encoding is not Encoding.RAW and (text := read_text(decoded)) is not None:
        return Recognition(content=text, data=decoded, encoding=encoding)
    found = layers(decoded)
    if found:
        quote = Quote.from_bytes(decoded[found[-1].content])
        return Recognition(content=quote, data=decoded, encoding=encoding, layers=found)
    content = read_binary(decoded)
    if content is None:
        raise _unrecognised(data, decoded, encoding)
    return Recognition(content=content, data=decoded, encoding=encoding)


def _decode(data: bytes) -> tuple[bytes, Encoding]:
    try:
        return decode_with_encoding(data, what="input")
    except MalformedError as exc:
        if _LONG_WORD.match(data) or _HEX_TEXT.fullmatch(data):
            raise
        raise _unrecognised(data, data, Encoding.RAW) from exc


def _unrecognised(data: bytes, decoded: bytes, encoding: Encoding) -> MalformedError:
    words = f"it looks like {looks_like(data)}"
    if encoding is not Encoding.RAW:
        words += f", and read as {encoding.value} like {looks_like(decoded)}"
    near = near_miss(len(decoded))
    if near is not None:
        words += f"; {near} has that size, but this is none"
    return MalformedError(
        Reason.UNRECOGNISED_INPUT, f"cannot recognise input: {words}", hint=_KNOWN
    )
