# SPDX-License-Identifier: Apache-2.0
"""Binary data that arrives as text: decoded when it is whole, refused when it is broken."""

import base64
import re

import pytest

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import Decoded, Encoding, decode

DATA = bytes(range(256))
HEX = DATA.hex().encode()
BASE64 = base64.b64encode(DATA)
BASE64URL = base64.urlsafe_b64encode(DATA)


def broken(text: bytes) -> MalformedError:
    with pytest.raises(MalformedError) as refusal:
        decode(text)
    assert refusal.value.reason is Reason.INPUT_ENCODING
    return refusal.value


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        HEX.upper(),
        b"0x" + HEX,
        b"0X" + HEX,
        HEX + b"\n",
        b"\n\t " + HEX + b"\r\n",
        b"\n".join(HEX[start : start + 60] for start in range(0, len(HEX), 60)),
        DATA.hex(" ").encode(),
    ],
)
def test_reads_hex(text: bytes) -> None:
    assert decode(text) == Decoded(Encoding.HEX, DATA)


@pytest.mark.parametrize("text", [BASE64, base64.encodebytes(DATA), BASE64.rstrip(b"=") + b"\r\n"])
def test_reads_base64(text: bytes) -> None:
    assert decode(text) == Decoded(Encoding.BASE64, DATA)


@pytest.mark.parametrize("text", [BASE64URL, BASE64URL.rstrip(b"="), b" " + BASE64URL + b"\n"])
def test_reads_base64url(text: bytes) -> None:
    assert decode(text) == Decoded(Encoding.BASE64URL, DATA)


@pytest.mark.parametrize("size", range(1, 9))
def test_reads_base64_of_every_length_with_and_without_padding(size: int) -> None:
    data = DATA[-size:]
    text = base64.b64encode(data)
    assert decode(text).data == data
    assert decode(text.rstrip(b"=")).data == data


@pytest.mark.parametrize(
    ("text", "encoding", "data"),
    [
        (b"cafe", Encoding.HEX, b"\xca\xfe"),
        (b"cafes", Encoding.RAW, b"cafes"),
        (b"Cats", Encoding.BASE64, b"\x09\xab\x6c"),
        (b"QQ==", Encoding.BASE64, b"A"),
        (b"-_-_", Encoding.BASE64URL, b"\xfb\xff\xbf"),
    ],
)
def test_takes_text_that_could_be_several_for_the_first(
    text: bytes, encoding: Encoding, data: bytes
) -> None:
    assert decode(text) == Decoded(encoding, data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        DATA,
        b"\x03\x00\x02\x00",
        b"caf\xc3\xa9",
        b"cafe\0",
        b"\xef\xbb\xbf" + HEX,
        HEX.decode().encode("utf-16"),
        b"-----BEGIN CERTIFICATE-----\n" + BASE64 + b"\n-----END CERTIFICATE-----\n",
        b" \n-----BEGIN X509 CRL-----\n" + BASE64,
        b'{"tcbInfo":{}}',
        b"\n [1, 2]",
        b"hello world, this is prose",
        b"0x",
        b"abd",
        b"QR==",
        b"QQ=",
        b"QUI==",
        b"QUJD=",
        b"=",
        b"A",
        b"+_+_",
    ],
)
def test_leaves_everything_else_as_it_is(data: bytes) -> None:
    assert decode(data) == Decoded(Encoding.RAW, data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEX[:-1],
            "text of 511 bytes is neither hex nor base64: it has an odd number of hex digits",
        ),
        (HEX[:-1] + b"\n", "text of 512 bytes is neither .* odd number of hex digits, 511$"),
        (BASE64 + b"A", "its 345 characters are not the whole of one encoding"),
        (BASE64.rstrip(b"=")[:-1] + b"=", "its 342 characters are not the whole"),
        (BASE64 + BASE64URL, "its 688 characters are not the whole"),
        (BASE64 + b"\n" + BASE64, "its 688 characters are not the whole"),
        (BASE64[:50] + b"!" + BASE64[50:], "character '!' at offset 50"),
        (b"\n" + BASE64[:50] + b"\\n" + BASE64, r"character '\\\\' at offset 51"),
        (b'"' + BASE64 + b'"', "character '\"' at offset 0"),
        (BASE64[:60] + b" " + b"." + BASE64, r"character '\.' at offset 61"),
    ],
)
def test_refuses_broken_text_and_says_where(text: bytes, message: str) -> None:
    error = broken(text)
    assert re.search(message, error.message)
    assert error.hint == "the text may be cut off, or mixed with other text; encode the file again"


def test_knows_percent_encoding() -> None:
    error = broken(BASE64[:60] + b"%0A" + BASE64)
    assert "character '%' at offset 60" in error.message
    assert error.hint == "the text may be percent-encoded: decode that first"


def test_takes_text_of_short_words_for_prose() -> None:
    assert decode(b"x" * 39 + b" y!").encoding is Encoding.RAW
    assert "character '!'" in broken(b"x" * 40 + b" y!").message
