# SPDX-License-Identifier: Apache-2.0
"""Readers of single reference values: text of a flag or a TOML value to a checked value.

Each reader raises ``ValueError`` whose message says what was expected and what was found; the
caller knows the origin and collects the mistakes.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from string import hexdigits
from typing import Final

from confcom.dcap import TcbStatus

Reader = Callable[[object], object]

ANY_STATUS: Final = frozenset(TcbStatus) - {TcbStatus.REVOKED}
"""What the word ``any`` stands for: a revoked platform is never acceptable."""

_HEX: Final = frozenset(hexdigits)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STATUS_BY_WORD: Final = {status.lower(): status for status in TcbStatus}


def hex_bytes(size: int) -> Reader:
    """Return a reader of exactly ``size`` bytes written as hex digits."""

    def read(value: object) -> bytes:
        text = _hex_digits(value)
        if len(text) != 2 * size:
            raise ValueError(f"{2 * size} hex digits ({size} bytes) expected, {len(text)} found")
        return bytes.fromhex(text)

    return read


def padded_hex_bytes(size: int) -> Reader:
    """Return a reader of up to ``size`` bytes in hex; what is missing at the end is zero."""

    def read(value: object) -> bytes:
        text = _hex_digits(value)
        if len(text) > 2 * size or len(text) % 2:
            raise ValueError(
                f"an even number of at most {2 * size} hex digits ({size} bytes) expected, "
                f"{len(text)} found"
            )
        return bytes.fromhex(text).ljust(size, b"\0")

    return read


def integer(largest: int) -> Reader:
    """Return a reader of an integer from 0 to ``largest``."""

    def read(value: object) -> int:
        number = value
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
            number = int(value)
        if not isinstance(number, int) or isinstance(number, bool):
            raise ValueError(f"integer expected, {_show(value)} found")  # noqa: TRY004 one kind
        if not 0 <= number <= largest:
            raise ValueError(f"integer from 0 to {largest} expected, {_show(value)} found")
        return number

    return read


def switch(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"true or false expected, {_show(value)} found")  # noqa: TRY004 one kind
    return value


def tcb_status(value: object) -> frozenset[TcbStatus]:
    """Read one TCB status in Intel's spelling (case does not matter), or ``any``."""
    word = _text(value).lower()
    if word == "any":
        return ANY_STATUS
    status = _STATUS_BY_WORD.get(word)
    if status is TcbStatus.REVOKED:
        raise ValueError("Revoked is never acceptable")
    if status is None:
        known = ", ".join(sorted(ANY_STATUS))
        raise ValueError(f"any, or one of {known} expected, {_show(value)} found")
    return frozenset({status})


def advisory(value: object) -> str:
    """Read the id of a security advisory, such as INTEL-SA-00615."""
    word = _text(value).upper()
    parts = word.split("-")
    if not (len(parts) == 3 and parts[0].isalpha() and parts[1].isalpha() and parts[2].isdecimal()):
        raise ValueError(f"an advisory id such as INTEL-SA-00615 expected, {_show(value)} found")
    return word


def duration(value: object) -> timedelta:
    """Read a length of time: a number with unit d, h, m or s, such as 30d."""
    text = _text(value)
    number, unit = text[:-1], text[-1:]
    if not (unit in _SECONDS and number.isascii() and number.isdecimal() and len(number) < 9):
        raise ValueError(
            f"a number with unit d, h, m or s, such as 30d, expected, {_show(value)} found"
        )
    seconds = int(number) * _SECONDS[unit]
    if seconds > _SECONDS["d"] * 36500:
        raise ValueError(f"at most 36500d expected, {_show(value)} found")
    return timedelta(seconds=seconds)


def day(value: object) -> datetime:
    """Read a date, YYYY-MM-DD, as its first second in UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        found = value
    else:
        text = _text(value)
        try:
            found = date.fromisoformat(text)
        except ValueError as exc:
            raise ValueError(f"a date as YYYY-MM-DD expected, {_show(value)} found") from exc
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def module_version(value: object) -> tuple[int, int]:
    """Read the version of a TDX module as major.minor, such as 1.5."""
    parts = _text(value).split(".")
    if len(parts) != 2 or not all(
        part.isascii() and part.isdecimal() and len(part) < 4 and int(part) < 256 for part in parts
    ):
        raise ValueError(f"major.minor, such as 1.5, expected, {_show(value)} found")
    return int(parts[0]), int(parts[1])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"text expected, {_show(value)} found")  # noqa: TRY004 one kind
    return value


def _hex_digits(value: object) -> str:
    text = _text(value)
    if not text:
        raise ValueError("hex digits expected, empty text found")
    for char in text:
        if char not in _HEX:
            raise ValueError(f"hex digits expected, {char!a} found")
    return text


def _show(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:39]}..."
