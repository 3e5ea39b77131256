# SPDX-License-Identifier: Apache-2.0
"""Text from outside, made safe for terminals and log files.

Certificates, documents and file names come from strangers. Printed as they are, they could
move the cursor, colour the screen, reverse the reading direction or fake a second log line.
"""


def printable(text: str, *, keep: str = "") -> str:
    r"""Return the text with every character that is not printable written as an escape.

    Control characters (both C0 and C1), bidirectional and zero-width marks, line and
    paragraph separators and lone surrogates become ``\x1b``, ``\u202e`` or ``\U000e0001``.

    Args:
        text: any text.
        keep: characters that stay although they are not printable, such as a line feed.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else _escape(ord(char)) for char in text
    )


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, the last one an ellipsis when cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
