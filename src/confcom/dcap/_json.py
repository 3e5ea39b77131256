# SPDX-License-Identifier: Apache-2.0
"""Strict reading of JSON that somebody signed.

Duplicate keys, numbers that are not plain integers, byte order marks and text that is not UTF-8
are refused: two readers could understand them differently.
"""

import json
import re
from calendar import timegm
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NoReturn

from confcom.errors import MalformedError
from confcom.reasons import Reason

MAX_DOCUMENT_BYTES: Final = 1024 * 1024
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)
_LONGEST_NUMBER: Final = 20

Object = Mapping[str, object]


class DocumentError(Exception):
    """A document is not what it must be; caught where the document's name is known."""


def load(data: bytes, what: str, *, limit: int = MAX_DOCUMENT_BYTES) -> Object:
    """Parse a JSON object of at most ``limit`` bytes.

    Raises:
        MalformedError: reasons ``collateral_format``, ``too_large``.
    """
    if len(data) > limit:
        raise MalformedError(
            Reason.TOO_LARGE, f"{what} has {len(data)} bytes, more than the limit of {limit}"
        )
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError, DocumentError) as exc:
        text = "nested too deep" if isinstance(exc, RecursionError) else str(exc)
        raise MalformedError(
            Reason.COLLATERAL_FORMAT, f"cannot parse {what} as JSON: {text[:200]}"
        ) from exc
    if not isinstance(value, dict):
        raise MalformedError(Reason.COLLATERAL_FORMAT, f"{what} is not a JSON object")
    return value


def member(parent: Object, name: str) -> object:
    """Return a member that must be there."""
    try:
        return parent[name]
    except KeyError:
        raise DocumentError(f"{name} is missing") from None


def text(parent: Object, name: str) -> str:
    """Return a member that is a string."""
    value = member(parent, name)
    if not isinstance(value, str):
        raise DocumentError(f"{name} is not a string")
    return value


def integer(parent: Object, name: str, largest: int) -> int:
    """Return a member that is an integer from 0 to ``largest``."""
    value = member(parent, name)
    if type(value) is not int or not 0 <= value <= largest:
        raise DocumentError(f"{name} is not an integer from 0 to {largest}")
    return value


def raw(parent: Object, name: str, size: int) -> bytes:
    """Return the bytes of a member that is hex text of ``size`` bytes."""
    value = text(parent, name)
    if len(value) != 2 * size or not _HEX.fullmatch(value):
        raise DocumentError(f"{name} is not {2 * size} hex digits")
    return bytes.fromhex(value)


def date(parent: Object, name: str) -> int:
    """Return a member YYYY-MM-DDTHH:MM:SSZ as Unix seconds."""
    value = text(parent, name)
    try:
        # Text of another form becomes one that no calendar has.
        plain = value[:-1] if _DATE.fullmatch(value) else ""
        return timegm(datetime.fromisoformat(plain).timetuple())
    except ValueError:
        raise DocumentError(f"{name} {value[:40]!r} is not a date YYYY-MM-DDTHH:MM:SSZ") from None


def objects(parent: Object, name: str, *, most: int) -> list[Object]:
    """Return a member that is a list of one to ``most`` objects."""
    value = member(parent, name)
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise DocumentError(f"{name} is not a list of 1 to {most} entries")
    for entry in value:
        if not isinstance(entry, dict):
            raise DocumentError(f"{name} has an entry that is not an object")
    return value


def child(parent: Object, name: str) -> Object:
    """Return a member that is an object."""
    value = member(parent, name)
    if not isinstance(value, dict):
        raise DocumentError(f"{name} is not an object")
    return value


def texts(parent: Object, name: str, *, most: int) -> tuple[str, ...]:
    """Return a member that is a list of strings, or nothing if it is absent."""
    value = parent.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        raise DocumentError(f"{name} is not a list of at most {most} entries")
    for entry in value:
        if not isinstance(entry, str) or not 1 <= len(entry) <= 64 or not entry.isprintable():
            raise DocumentError(f"{name} has an entry that is not a short text")
    return tuple(value)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise DocumentError("an object has a key twice")
    return result


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise DocumentError("a number has too many digits")
    return int(digits)


def _refuse_number(digits: str) -> NoReturn:
    raise DocumentError(f"number {digits[:20]} is not an integer")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
)
