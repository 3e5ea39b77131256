# SPDX-License-Identifier: Apache-2.0
"""Binary data that arrives as text: decoded when it is whole, refused when it is not."""

import base64

import pytest

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import Encoding, ascii_text, decode_binary, decode_with_encoding

DATA = bytes(range(256))
HEX = DATA.hex().encode()
BASE64 = base64.b64encode(DATA)
BASE64URL = base64.urlsafe_b64encode(DATA)
UTF8_MARK = b"\xef\xbb\xbf"


def refused(data: bytes | str) -> str:
    with pytest.raises(MalformedError) as refusal:
        decode_binary(data, what="quote")
    assert refusal.value.reason is Reason.INPUT_ENCODING
    assert refusal.value.hint
    assert refusal.value.message.startswith("cannot decode quote: ")
    return refusal.value.message.removeprefix("cannot decode quote: ")


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        HEX.upper(),
        b"0x" + HEX,
        b"0X" + HEX,
        b"\n\t " + HEX + b"\r\n",
        b"\n".join(HEX[start : start + 60] for start in range(0, len(HEX), 60)),
        DATA.hex(" ").encode(),
        UTF8_MARK + HEX,
        HEX.decode().encode("utf-16"),
        "\ufeff".encode("utf-16-be") + HEX.decode().encode("utf-16-be"),
        HEX.decode(),
    ],
)
def test_reads_hex(text: bytes | str) -> None:
    assert decode_with_encoding(text, what="quote") == (DATA, Encoding.HEX)


@pytest.mark.parametrize(
    "text",
    [BASE64, base64.encodebytes(DATA), BASE64.rstrip(b"=") + b"\r\n", UTF8_MARK + BASE64],
)
def test_reads_base64(text: bytes) -> None:
    assert decode_with_encoding(text, what="quote") == (DATA, Encoding.BASE64)


@pytest.mark.parametrize(
    "text", [BASE64URL, BASE64URL.rstrip(b"="), b" " + BASE64URL + b"\n", BASE64URL.decode()]
)
def test_reads_base64url(text: bytes | str) -> None:
    assert decode_with_encoding(text, what="quote") == (DATA, Encoding.BASE64URL)


@pytest.mark.parametrize("size", range(1, 9))
def test_reads_base64_of_every_length_with_and_without_padding(size: int) -> None:
    data = DATA[-size:]
    text = base64.b64encode(data)
    assert decode_binary(text, what="quote") == data
    assert decode_binary(text.rstrip(b"="), what="quote") == data


@pytest.mark.parametrize(
    ("text", "encoding", "data"),
    [
        (b"cafe", Encoding.HEX, b"\xca\xfe"),
        (b"Cats", Encoding.BASE64, b"\x09\xab\x6c"),
        (b"QQ==", Encoding.BASE64, b"A"),
        (b"-_-_", Encoding.BASE64URL, b"\xfb\xff\xbf"),
    ],
)
def test_takes_text_that_could_be_several_for_the_first(
    text: bytes, encoding: Encoding, data: bytes
) -> None:
    assert decode_with_encoding(text, what="quote") == (data, encoding)


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        b"\x03\x00\x02\x00",
        b"cafe\0",
        b"\xff\xfe\x00\xd8",
        b"\xff\xfec",
        "caf\xe9".encode(),
        DATA + "\ufffd".encode(),
    ],
)
def test_leaves_binary_data_as_it_is(data: bytes) -> None:
    assert decode_with_encoding(data, what="quote") == (data, Encoding.RAW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it holds nothing but blanks"),
        (b" \n", "it holds nothing but blanks"),
        (UTF8_MARK, "it holds nothing but blanks"),
        (HEX[:-1], "it has an odd number of hex digits, 511"),
        (b"0x" + HEX[1:], "it has an odd number of hex digits, 511"),
        (BASE64 + b"A", "neither hex nor base64 nor base64url"),
        (BASE64[:-3], "it is base64 of 341 characters, which no number of bytes gives"),
        (b"QQ=", "it is base64 with 1 characters of padding, 2 expected"),
        (b"QUI==", "it is base64 with 2 characters of padding, 1 expected"),
        (b"QUJD=", "it is base64 with 1 characters of padding, 0 expected"),
        (b"QR==", "last character has bits that belong to no byte"),
        (b"QR", "last character has bits that belong to no byte"),
        (b"+_+_", "neither hex nor base64 nor base64url"),
        (b"=", "neither hex nor base64 nor base64url"),
        (b"hello, world", "neither hex nor base64 nor base64url"),
        (b'{"tcbInfo":{}}', "neither hex nor base64 nor base64url"),
        (BASE64[:50] + b"%0A" + BASE64, "neither hex nor base64 nor base64url"),
        (b"-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n", "it is PEM text"),
        (b"\n -----BEGIN X509 CRL-----", "it is PEM text"),
        (DATA.decode("utf-8", "replace").encode(), "characters that stand for lost bytes"),
        ("caf\xe9", "characters that stand for lost bytes or belong to no encoding"),
        ("\udcff\udc80", "characters that stand for lost bytes or belong to no encoding"),
    ],
)
def test_refuses_text_that_is_not_an_encoding_of_bytes(text: bytes | str, message: str) -> None:
    assert message in refused(text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"abc\n", b"abc\n"),
        (UTF8_MARK + b"abc", b"abc"),
        ("abc".encode("utf-16"), b"abc"),
        ("\xe9".encode("utf-16"), None),
        (b"abc\0", None),
        (b"\x1b[0m", None),
        (b"\x7f", None),
    ],
)
def test_knows_ascii_text(data: bytes, text: bytes | None) -> None:
    assert ascii_text(data) == text
