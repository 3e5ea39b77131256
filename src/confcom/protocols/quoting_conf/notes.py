# SPDX-License-Identifier: Apache-2.0
"""What readers of other programs' configuration have to say, and values that they share.

A file of another program is used as far as it can be, as that program does; so what is wrong with
it is collected, with the number of its line. Values are never quoted: an address may hold a
password, a header a key.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

MAX_CONF_BYTES: Final = 64 * 1024
"""Longest file that is read; real ones have one or two thousand bytes."""
MAX_NOTES: Final = 50
"""Most notes about a file; the rest is counted."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_. -]{0,39}")
_ADDRESS: Final = re.compile(
    r"(?P<scheme>https?)://(?P<user>[^\s/?#@]{0,512}@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}))"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^\s?#]{0,1024})?(?P<query>\?[^\s#]{0,1024})?",
    re.IGNORECASE,
)
_PORTS: Final = {"http": 80, "https": 443}


class Weight(StrEnum):
    """How much a note matters.

    ``MISTAKE``: the line or value cannot be used, and a default stands in for it.
    ``WARNING``: it can be read, but has no effect, or one that somebody should know.
    """

    MISTAKE = "mistake"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to say about a file or an environment.

    Attributes:
        weight: whether it is a mistake.
        words: lower-case start, no full stop.
        line: number of the line, from 1; None where it is about no single line.
    """

    weight: Weight
    words: str
    line: int | None = None

    def __str__(self) -> str:
        return self.words if self.line is None else f"line {self.line}: {self.words}"


@dataclass(slots=True)
class Notebook:
    """Notes that are being collected, at most `MAX_NOTES`."""

    _kept: list[Note] = field(default_factory=list)
    _dropped: int = 0

    def mistake(self, words: str, line: int | None = None) -> None:
        """Note something that cannot be used."""
        self._add(Note(Weight.MISTAKE, words, line))

    def warn(self, words: str, line: int | None = None) -> None:
        """Note something that has no effect, or a surprising one."""
        self._add(Note(Weight.WARNING, words, line))

    def notes(self) -> tuple[Note, ...]:
        """Return what was noted in the order of lines, and how much more there would be."""
        kept = sorted(self._kept, key=lambda note: (note.line is None, note.line or 0))
        if not self._dropped:
            return tuple(kept)
        return (*kept, Note(Weight.MISTAKE, f"{self._dropped} more notes are left out"))

    def _add(self, note: Note) -> None:
        if len(self._kept) < MAX_NOTES:
            self._kept.append(note)
        else:
            self._dropped += 1


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An http or https address; its text shows neither user nor query.

    Attributes:
        scheme: ``http`` or ``https``.
        host: name or address, an IPv6 address without brackets.
        port: the default one where none is given.
        path: begins with a slash.
        text: as written; may hold credentials.
    """

    scheme: str
    host: str
    port: int
    path: str
    text: str = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def parse_address(text: str) -> WebAddress | None:
    """Return the address, or None if the text is no http or https address."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    port = int(match["port"]) if match["port"] else _PORTS[scheme]
    if not 0 < port < 65536 or not _is_host(match["host"]):
        return None
    return WebAddress(scheme, match["host"].strip("[]").lower(), port, match["path"] or "/", text)


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return True
    try:
        IPv6Address(host[1:-1])
    except AddressValueError:
        return False
    return True


def text_lines(data: bytes, notebook: Notebook) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is text; note the others."""
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError:
            notebook.mistake("is not UTF-8 text", number)


def is_too_large(data: bytes, notebook: Notebook) -> bool:
    """Note that a file is longer than any that is read, if it is."""
    if len(data) <= MAX_CONF_BYTES:
        return False
    notebook.mistake(f"the file has more than {MAX_CONF_BYTES} bytes, and nothing of it is used")
    return True


def shown_name(name: str) -> str:
    """Return a name as it may be shown; what is no name may be anything, also a secret."""
    return repr(name) if _NAME.fullmatch(name) else "a name with other characters"


def require_sound(notes: Sequence[Note], *, what: str) -> None:
    """Let a caller refuse a file for its mistakes.

    Args:
        notes: about the file.
        what: the file, for the message.

    Raises:
        MisconfiguredError: there are mistakes; the message lists all (``settings_invalid``).
    """
    mistakes = [str(note) for note in notes if note.weight is Weight.MISTAKE]
    if mistakes:
        raise MisconfiguredError(
            Reason.SETTINGS_INVALID,
            f"cannot use {what}: {'; '.join(mistakes)}",
            hint="correct the lines that are named; values are not shown, they may be secrets",
        )
