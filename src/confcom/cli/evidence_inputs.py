# SPDX-License-Identifier: Apache-2.0
"""The quotes that a run is given: files, one quote on standard input, or one a line there."""

import binascii
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import BinaryIO, Final, NamedTuple

from confcom.cli.inputs import STANDARD_INPUT, decode_binary, read_input
from confcom.dcap import MAX_QUOTE_BYTES
from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason

WHAT: Final = "quote"
MAX_TEXT_BYTES: Final = 4 * MAX_QUOTE_BYTES
"""Largest file or line: hex doubles a quote, and blanks may stand between the digits."""
SHORTEST_QUOTE_LINE: Final = 1360
"""Characters of base64 for the smallest quote; shorter lines are parts of a broken-up quote."""
_BASE64_QUOTES: Final = (b"AwACAAAA", b"BAACAAAA", b"BAACAIEA", b"BQACAAAA", b"BQACAIEA")
"""How base64 of version, key type and TEE type begins."""


class Input(NamedTuple):
    """One quote to judge.

    Attributes:
        name: file, ``-``, or ``-:17`` for line 17 of standard input.
        text: what was read; None for a file that is yet to be read.
    """

    name: str
    text: bytes | None = None

    def read(self) -> bytes:
        """Return the bytes of the quote.

        Raises:
            UsageError: the file cannot be read (input_unreadable).
            MalformedError: empty, too large, or text in no known encoding.
        """
        text = self.text
        if text is None:
            text = read_input(self.name, limit=MAX_TEXT_BYTES, what=WHAT)
        elif not text.strip():
            raise MalformedError(
                Reason.INPUT_ENCODING,
                "cannot decode quote: nothing is there",
                hint="check the command that should have written the quote",
            )
        elif len(text) > MAX_TEXT_BYTES:
            raise MalformedError(
                Reason.TOO_LARGE, f"cannot read quote: it is larger than {MAX_TEXT_BYTES} bytes"
            )
        return _decode_base64(text) or decode_binary(text, what=WHAT)


class Inputs(NamedTuple):
    """All quotes of a run.

    Attributes:
        items: in the order given; read as they are needed.
        is_single: whether the run is about one quote only.
        total: how many there are, or None where nobody knows yet.
    """

    items: Iterator[Input]
    is_single: bool
    total: int | None


def open_inputs(names: Sequence[str]) -> Inputs:
    """Return the quotes that arguments name.

    Standard input with more than one line holds one quote a line if one of its first two lines
    is long enough for a quote; otherwise it is one quote, raw or in text that may be broken
    over lines.

    Raises:
        UsageError: standard input is named twice, or cannot be read.
    """
    if names.count(STANDARD_INPUT) > 1:
        raise UsageError(Reason.USAGE, "standard input can be named only once")
    if STANDARD_INPUT not in names or sys.stdin is None:
        return Inputs(map(Input, names), len(names) == 1, len(names))
    stream = sys.stdin.buffer
    lines = _lines(stream)
    try:
        first = list(islice(lines, 2))
        if len(first) == 2 and _has_quote_a_line(first):
            return Inputs(_chain(names, _numbered(chain(first, lines))), False, None)
        whole = b"".join((*first, stream.read(MAX_TEXT_BYTES + 1)))
    except OSError as exc:
        raise UsageError(
            Reason.INPUT_UNREADABLE, f"cannot read quote from standard input: {exc.strerror}"
        ) from exc
    return Inputs(_chain(names, [Input(STANDARD_INPUT, whole)]), len(names) == 1, len(names))


def _decode_base64(text: bytes) -> bytes | None:
    """Decode what is surely base64 of a bare quote, without finding out the encoding first."""
    if not text.startswith(_BASE64_QUOTES):
        return None
    try:
        return binascii.a2b_base64(text.rstrip(b"\r\n"), strict_mode=True)
    except binascii.Error:
        return None


def _chain(names: Sequence[str], standard_input: Iterable[Input]) -> Iterator[Input]:
    for name in names:
        if name == STANDARD_INPUT:
            yield from standard_input
        else:
            yield Input(name)


def _has_quote_a_line(first: Sequence[bytes]) -> bool:
    return all(line.isascii() for line in first) and any(
        len(line.strip()) >= SHORTEST_QUOTE_LINE for line in first
    )


def _numbered(lines: Iterable[bytes]) -> Iterator[Input]:
    for number, line in enumerate(lines, 1):
        yield Input(f"{STANDARD_INPUT}:{number}", line)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines; of one that is too long only as much as shows that."""
    while line := stream.readline(MAX_TEXT_BYTES + 1):
        yield line
        while len(line) > MAX_TEXT_BYTES and not line.endswith(b"\n"):
            line = stream.readline(MAX_TEXT_BYTES + 1)
            if not line:
                return
