# SPDX-License-Identifier: Apache-2.0
"""Raw values of file, environment and flags become values of the settings model."""

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import GenericAlias, MappingProxyType
from typing import Any, get_args

from confcom.runtime.settings.spec import Key
from confcom.runtime.text import printable, shorten

_WORDS = MappingProxyType(
    {"true": True, "yes": True, "on": True, "1": True}
    | {"false": False, "no": False, "off": False, "0": False}
)
_SHOWN_CHARACTERS = 60
_LONGEST_NUMBER = 20


def convert(key: Key, raw: object) -> object:
    """Turn one raw value into the type of its key.

    Args:
        key: the setting.
        raw: text from environment or flag, or a value as TOML has it. Text is read as the
            type asks: numbers in digits, truth as true or false, lists separated by commas,
            and an empty text as "not set" where a setting may be unset.

    Raises:
        ValueError: what was expected and what was found; never a value that looks secret.
    """
    if key.optional and raw == "":
        return None
    if isinstance(key.type, GenericAlias):
        return _list(key, raw)
    return _one(key, key.type, raw)


def _list(key: Key, raw: object) -> tuple[object, ...]:
    if isinstance(raw, str):
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    if not isinstance(raw, list | tuple):
        raise _expected("a list", raw)
    return tuple(_one(key, get_args(key.type)[0], item) for item in raw)


def _one(key: Key, kind: type, raw: object) -> object:
    if issubclass(kind, StrEnum):
        return _choice(kind, raw)
    return _CONVERTERS[kind](key, raw)


def _choice(kind: type[StrEnum], raw: object) -> StrEnum:
    if isinstance(raw, str) and raw in list(kind):
        return kind(raw)
    raise _expected(f"one of {', '.join(kind)}", raw)


def _bool(_key: Key, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in _WORDS:
        return _WORDS[raw.lower()]
    raise _expected("true or false", raw)


def _int(key: Key, raw: object) -> int:
    expected = f"a whole number{_range(key)}"
    number = raw
    if isinstance(raw, str) and raw.isascii() and raw.removeprefix("-").isdecimal():
        number = int(raw) if len(raw) <= _LONGEST_NUMBER else None
    if isinstance(number, bool) or not isinstance(number, int) or not _is_within(key, number):
        raise _expected(expected, raw)
    return number


def _float(key: Key, raw: object) -> float:
    expected = f"a number{_range(key)}"
    number = raw
    if isinstance(raw, str):
        try:
            number = float(raw)
        except ValueError:
            raise _expected(expected, raw) from None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise _expected(expected, raw)
    if not math.isfinite(number) or not _is_within(key, number):
        raise _expected(expected, raw)
    return float(number)


def _text(key: Key, raw: object) -> str:
    if not isinstance(raw, str) or not raw:
        raise _expected("text", raw)
    problem = key.spec.check(raw) if key.spec.check else None
    if problem:
        raise ValueError(f"{problem}, found {_show(raw)}")
    return raw


def _path(_key: Key, raw: object) -> Path:
    if isinstance(raw, Path):
        return raw
    if not isinstance(raw, str) or not raw or "\0" in raw:
        raise _expected("a path", raw)
    return Path(raw)


_CONVERTERS: Mapping[type, Callable[[Key, Any], object]] = MappingProxyType(
    {bool: _bool, int: _int, float: _float, str: _text, Path: _path}
)


def _is_within(key: Key, number: float) -> bool:
    low, high = key.spec.bounds
    return low <= number <= high


def _range(key: Key) -> str:
    low, high = key.spec.bounds
    return f" from {low:g} to {high:.10g} {key.spec.unit or ''}".rstrip()


def _expected(what: str, raw: object) -> ValueError:
    return ValueError(f"expected {what}, found {_show(raw)}")


def _show(raw: object) -> str:
    if isinstance(raw, dict):
        return "a group"
    from confcom.runtime.redact import redact_text  # noqa: PLC0415 - only after a mistake

    text = shorten(printable(redact_text(str(raw))), _SHOWN_CHARACTERS)
    return f"'{text}'" if isinstance(raw, str) else text
