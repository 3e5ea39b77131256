# SPDX-License-Identifier: Apache-2.0
"""Words for what nobody asked for."""

import pytest

from confcom.attestation._looks import looks_like


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "a PNG image (17 bytes)"),
        (b"\xff\xd8\xff\xe0", "a JPEG image (4 bytes)"),
        (b"\x7fELF" + bytes(60), "an ELF file: a program, a library or an enclave (64 bytes)"),
        (b"MZ\x90\0", "a Windows program or enclave (4 bytes)"),
        (b"\x1f\x8b\x08", "a gzip archive (3 bytes)"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive (4 bytes)"),
        (b"PK\x03\x04", "a zip archive (4 bytes)"),
        (b"%PDF-1.7", "a PDF document (8 bytes)"),
        (b"SQLite format 3\0", "an SQLite database (16 bytes)"),
        (b"  <html>", "XML or HTML (8 bytes)"),
        (b"apiVersion: v1\n", "a Kubernetes manifest (15 bytes)"),
        (bytes(257) + b"ustar", "a tar archive (262 bytes)"),
        (bytes(1), "1 byte, all zero"),
        (bytes(4096), "4096 bytes, all zero"),
        (b"hello world\n", "text of 12 bytes"),
        ("grüße\n\tan alle".encode(), "text of 16 bytes"),
        ("text".encode("utf-16"), "text of 10 bytes"),
        (b"\x01", "binary data of 1 byte that begin with 01"),
        (b"\x01\x02" * 8, "binary data of 16 bytes that begin with 0102010201020102"),
        (b"\x1b[31mred", "binary data of 8 bytes that begin with 1b5b33316d726564"),
        ("\u202etxt".encode(), "binary data of 6 bytes that begin with e280ae747874"),
    ],
)
def test_says_what_bytes_look_like(data: bytes, words: str) -> None:
    assert looks_like(data) == words
