# SPDX-License-Identifier: Apache-2.0
"""Inputs are read within limits; every bad one has one clear message."""

import io
import os
import sys
from pathlib import Path

import pytest

from confcom.cli.inputs import (
    Encoding,
    decode_binary,
    decode_with_encoding,
    read_input,
)
from confcom.errors import ConfcomError, MalformedError, UsageError
from confcom.reasons import Reason

QUOTE = bytes(range(256))


class Stdin:
    """Standard input that holds bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def refusal(name: str, limit: int = 100) -> ConfcomError:
    with pytest.raises((UsageError, MalformedError)) as caught:
        read_input(name, limit=limit, what="quote")
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


# --- reading ---


@pytest.mark.parametrize("size", [1, 99, 100])
def test_reads_up_to_the_limit(tmp_path: Path, size: int) -> None:
    file = tmp_path / "quote"
    file.write_bytes(b"q" * size)
    assert read_input(str(file), limit=100, what="quote") == b"q" * size


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(QUOTE))
    assert read_input("-", limit=1000, what="quote") == QUOTE


def test_reads_a_pipe(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"quote")
        os.close(writer)
        assert read_input(f"/dev/fd/{reader}", limit=100, what="quote") == b"quote"
    finally:
        os.close(reader)


def test_refuses_missing_file(tmp_path: Path) -> None:
    error = refusal(f"{tmp_path}/missing\x1b[2J")
    assert error.reason is Reason.INPUT_UNREADABLE
    assert error.message == (
        f"cannot read quote from file {tmp_path}/missing\\x1b[2J: there is no such file"
    )


def test_refuses_folder(tmp_path: Path) -> None:
    error = refusal(str(tmp_path))
    assert error.reason is Reason.INPUT_UNREADABLE
    assert error.message == f"cannot read quote from file {tmp_path}: it is a folder"
    assert error.hint == "name the file that holds the quote"


@pytest.mark.usefixtures("_without_rights_of_root")
def test_refuses_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "quote").write_bytes(QUOTE)
    (tmp_path / "quote").chmod(0)
    error = refusal(str(tmp_path / "quote"))
    assert error.reason is Reason.INPUT_UNREADABLE
    assert error.message.endswith(": you may not read it")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "it is a folder"),
        ("x" * 5000, "File name too long"),
        ("a\0b", "embedded null byte"),
        ("/etc/passwd/quote", "Not a directory"),
        ("/proc/self/mem", "Input/output error"),
    ],
)
def test_refuses_names_that_cannot_be_read(name: str, why: str) -> None:
    error = refusal(name)
    assert error.reason is Reason.INPUT_UNREADABLE
    assert error.message.endswith(f": {why}")


def test_refuses_empty_file_and_empty_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quote").touch()
    monkeypatch.setattr(sys, "stdin", Stdin(b""))
    for name in (str(tmp_path / "quote"), "-"):
        error = refusal(name)
        assert error.reason is Reason.UNRECOGNISED_INPUT
        assert error.message.endswith(": it is empty")


def test_refuses_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    error = refusal("-")
    assert error.reason is Reason.INPUT_UNREADABLE
    assert error.message == "cannot read quote from standard input: it is closed"


def test_refuses_more_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quote").write_bytes(b"q" * 101)
    monkeypatch.setattr(sys, "stdin", Stdin(b"q" * 101))
    for name in (str(tmp_path / "quote"), "-", "/dev/zero"):
        error = refusal(name)
        assert error.reason is Reason.TOO_LARGE
        assert error.message.endswith(": it is larger than 100 bytes")


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(2**40)
    assert refusal(str(tmp_path / "huge")).reason is Reason.TOO_LARGE


def test_offers_the_decoding_of_pasted_data() -> None:
    assert decode_binary("0x0300", what="quote") == b"\3\0"
    assert decode_with_encoding("AwAB", what="quote") == (b"\3\0\1", Encoding.BASE64)
