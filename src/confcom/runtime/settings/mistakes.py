# SPDX-License-Identifier: Apache-2.0
"""Where a value of a setting came from, and what was wrong with it."""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from confcom.errors import MisconfiguredError
from confcom.reasons import Reason
from confcom.runtime.text import printable


class Layer(Enum):
    """The four places a value can come from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "env"
    FLAG = "flag"


class Origin(NamedTuple):
    """Where one value came from.

    Attributes:
        layer: which of the four places.
        name: path of the file, name of the variable or of the flag; empty for a default.
        line: line in the file, from 1, where it could be found.
    """

    layer: Layer
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        text = f"{self.layer.value} {self.name}".rstrip()
        return text if self.line is None else f"{text} line {self.line}"


class Given(NamedTuple):
    """A raw value for a known key."""

    path: str
    raw: object
    origin: Origin


class Mistake(NamedTuple):
    """One thing that is wrong with the settings."""

    origin: Origin
    problem: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.problem}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like this one, or None when none is like it.

    A dotted key is also found by its last part, for a value that stands in the wrong group.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only needed after a mistake

    candidates = list(known)
    close = get_close_matches(name, candidates, n=1)
    if close:
        return close[0]
    by_last = {candidate.rpartition(".")[2]: candidate for candidate in reversed(candidates)}
    close = get_close_matches(name.rpartition(".")[2], by_last, n=1)
    return by_last[close[0]] if close else None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that a key or variable is not known, and which known one is nearest."""
    near = nearest(name, known)
    advice = f"; the nearest known {what} is {near}" if near else ""
    return f"unknown {what} {printable(name)}{advice}"


def refuse(mistakes: Sequence[Mistake]) -> MisconfiguredError:
    """Return one error that reports every mistake with its origin."""
    if len(mistakes) == 1:
        message = f"cannot use the settings: {mistakes[0]}"
    else:
        lines = "".join(f"\n  {mistake}" for mistake in mistakes)
        message = f"cannot use the settings, {len(mistakes)} mistakes:{lines}"
    return MisconfiguredError(
        Reason.SETTINGS_INVALID,
        message,
        hint="every setting is described in docs/reference/settings.md",
    )
