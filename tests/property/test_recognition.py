# SPDX-License-Identifier: Apache-2.0
"""Recognition of any input: a value that can be shown whole, or our error."""

import base64
import contextlib

from hypothesis import given
from hypothesis import strategies as st
from tests.structures import FORMS, quote_bytes

from confcom.attestation.inspection import inspect
from confcom.attestation.recognition import recognise
from confcom.dcap import CertType
from confcom.errors import MalformedError
from confcom.sgx.sigstruct import HEADER1
from confcom.wire import Encoding, render_dump

QUOTES = [
    quote_bytes(version, body_type, cert_type=cert_type, certification=bytes(size), trailing=3)
    for version, body_type in FORMS
    for cert_type, size in ((CertType.PCK_CHAIN, 90), (CertType.PPID_RSA3072, 404))
]
MARKS = [
    b"",
    b"{",
    b'{"tcbInfo":',
    b'{"fmspc":"","tcbLevels":',
    b"-----BEGIN CERTIFICATE-----",
    b"-----BEGIN%20CERTIFICATE-----%",
    b"-----BEGIN X509 CRL-----",
    b"\x30\x82",
    b"\x30\x81\x80",
    b"ECREATE\0",
    HEADER1,
    QUOTES[0][:48],
    bytes.fromhex("0100000002000000"),
    bytes.fromhex("03000000a3a21e871b4d4014b70aa125d2fbcd8c"),
]
SIZES = st.sampled_from([384, 432, 512, 584, 648, 885, 1024, 1808])


def show(data: bytes) -> None:
    """Go all the way from bytes to text; only our refusal may end it early."""
    with contextlib.suppress(MalformedError):
        found = recognise(data)
        inspection = inspect(found)
        inspection.to_document(encoding=found.encoding, size_bytes=len(found.data), with_dump=True)
        assert list(render_dump(inspection.annotations)) or not inspection.annotations
        dumped = b"".join(annotation.data for annotation in inspection.annotations)
        assert dumped in {b"", found.data}


@given(st.sampled_from(MARKS), st.binary(max_size=500))
def test_any_bytes_are_shown_or_refused(mark: bytes, data: bytes) -> None:
    show(mark + data)


@given(st.data(), SIZES)
def test_any_bytes_of_a_known_size_are_shown_or_refused(data: st.DataObject, size: int) -> None:
    show(data.draw(st.binary(min_size=size, max_size=size)))


@given(st.data(), SIZES, st.integers(1, 64))
def test_sparse_bytes_of_a_known_size_are_shown_or_refused(
    data: st.DataObject, size: int, count: int
) -> None:
    raw = bytearray(size)
    for offset in data.draw(st.lists(st.integers(0, size - 1), max_size=count)):
        raw[offset] = data.draw(st.integers(0, 255))
    show(bytes(raw))


@given(st.sampled_from(QUOTES), st.integers(0, 1 << 16), st.integers(1, 255))
def test_a_changed_quote_is_shown_or_refused(quote: bytes, where: int, change: int) -> None:
    raw = bytearray(quote)
    raw[where % len(raw)] ^= change
    show(bytes(raw))


@given(st.sampled_from(QUOTES), st.integers(0, 1 << 16))
def test_a_truncated_quote_is_refused_or_shorter(quote: bytes, size: int) -> None:
    show(quote[: size % len(quote)])


@given(st.text(max_size=200))
def test_any_text_is_shown_or_refused(text: str) -> None:
    show(text.encode())
    show(text.encode("utf-16"))


@given(st.sampled_from(QUOTES), st.booleans())
def test_an_encoded_quote_is_the_quote(quote: bytes, in_hex: bool) -> None:
    text = quote.hex().encode() if in_hex else base64.b64encode(quote)
    found = recognise(text)
    assert found.data == quote
    assert found.content == recognise(quote).content
    assert found.encoding is (Encoding.HEX if in_hex else Encoding.BASE64)
