# SPDX-License-Identifier: Apache-2.0
"""What bytes look like that are nothing that confcom reads: for the message that says so."""

from typing import Final

from confcom.wire import ascii_text

_SHOWN_BYTES: Final = 8
_TAR_MARK: Final = slice(257, 262)
_PREFIXES: Final = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x7fELF", "an ELF file: a program, a library or an enclave"),
    (b"MZ", "a Windows program or enclave"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"<", "XML or HTML"),
    (b"apiVersion:", "a Kubernetes manifest"),
)


def looks_like(data: bytes) -> str:
    """Return in words what bytes look like, with their size.

    Args:
        data: not empty.
    """
    size = f"{len(data)} byte" if len(data) == 1 else f"{len(data)} bytes"
    start = data.lstrip(b" \t\r\n")
    for prefix, words in _PREFIXES:
        if start.startswith(prefix):
            return f"{words} ({size})"
    if data[_TAR_MARK] == b"ustar":
        return f"a tar archive ({size})"
    if not any(data):
        return f"{size}, all zero"
    if _is_text(data):
        return f"text of {size}"
    return f"binary data of {size} that begin with {data[:_SHOWN_BYTES].hex()}"


def _is_text(data: bytes) -> bool:
    if ascii_text(data) is not None:
        return True
    try:
        return data.decode("utf-8").replace("\n", " ").replace("\t", " ").isprintable()
    except UnicodeDecodeError:
        return False
