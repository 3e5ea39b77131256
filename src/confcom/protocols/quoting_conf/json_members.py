# SPDX-License-Identifier: Apache-2.0
"""The members of a JSON object with comments, each with the number of its line."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

# What is not closed is taken to its end, so that each character is looked at once.
_TOKEN: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|//[^\n]*|/\*(?:.*?(?P<end>\*/)|.*)', re.DOTALL)
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_NOT_LINE_END: Final = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the outermost object.

    Attributes:
        name: its name.
        value: plain data.
        line: where its name stands, from 1.
    """

    name: str
    value: object
    line: int


class SyntaxMistakeError(Exception):
    """A text is no JSON object with comments; caught in this package.

    Attributes:
        line: where, from 1.
    """

    def __init__(self, words: str, line: int) -> None:
        super().__init__(words)
        self.line = line


def is_json(text: str) -> bool:
    """Tell whether a text begins as an object does, comments aside."""
    return _without_comments(text).lstrip().startswith("{")


def read_members(text: str) -> list[Member]:
    """Return the members in their order, also those whose names repeat.

    Raises:
        SyntaxMistakeError: it is no object; Intel's provider uses nothing of such a file.
    """
    comment = _unclosed_comment(text)
    if comment is not None:
        raise SyntaxMistakeError("a comment does not end", text.count("\n", 0, comment) + 1)
    plain = _without_comments(text)
    starts = [match.end() for match in re.finditer("\n", plain)]
    try:
        return [
            Member(name, value, bisect_right(starts, offset) + 1)
            for name, value, offset in _pairs(plain)
        ]
    except json.JSONDecodeError as exc:
        raise SyntaxMistakeError(_words(exc.msg), bisect_right(starts, exc.pos) + 1) from None
    except RecursionError:
        raise SyntaxMistakeError("values are nested too deep", 1) from None
    except ValueError:  # a number with thousands of digits, or one such as NaN
        raise SyntaxMistakeError("a number that is none in JSON, or too long", 1) from None


def _pairs(text: str) -> Iterator[tuple[str, object, int]]:
    at = _expect("{", text, _skip(text, 0))
    at = _skip(text, at)
    if text[at : at + 1] != "}":
        while True:
            start = at
            if text[start : start + 1] != '"':
                raise json.JSONDecodeError("expected a name in quotes", text, start)
            name, at = _DECODER.raw_decode(text, start)
            at = _skip(text, _expect(":", text, _skip(text, at)))
            value, at = _DECODER.raw_decode(text, at)
            yield name, value, start
            at = _skip(text, at)
            if text[at : at + 1] != ",":
                break
            at = _skip(text, at + 1)
    at = _skip(text, _expect("}", text, at))
    if at < len(text):
        raise json.JSONDecodeError("expected nothing after the object", text, at)


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return at if match is None else match.end()


def _expect(what: str, text: str, at: int) -> int:
    if text[at : at + 1] != what:
        raise json.JSONDecodeError(f"expected {what}", text, at)
    return at + 1


def _words(message: str) -> str:
    # The library's messages name what was expected and never quote the text.
    return message[:1].lower() + message[1:]


def _without_comments(text: str) -> str:
    return _TOKEN.sub(
        lambda match: match[0] if match[0][0] == '"' else _NOT_LINE_END.sub(" ", match[0]), text
    )


def _unclosed_comment(text: str) -> int | None:
    for match in _TOKEN.finditer(text):
        if match[0].startswith("/*") and match["end"] is None:
            return match.start()
    return None


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a number in JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
