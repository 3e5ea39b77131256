# SPDX-License-Identifier: Apache-2.0
"""Text of strangers cannot steer a terminal."""

import pytest

from confcom.runtime.text import printable, shorten


@pytest.mark.parametrize("text", ["", "CN=Intel SGX Root CA", "schön ☃ 雪", "back\\slash"])
def test_leaves_printable_text_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines\r", r"two\x0alines\x0d"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f\x00", r"\x7f\x00"),
        ("abc\u202edef", r"abc\u202edef"),
        ("line\u2028separator", r"line\u2028separator"),
        ("\ud800", r"\ud800"),
        ("\U000e0041tag", r"\U000e0041tag"),
    ],
)
def test_escapes_what_would_not_print(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert printable(text).isprintable()


def test_keeps_what_the_caller_allows() -> None:
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


def test_shortens_to_the_limit() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
