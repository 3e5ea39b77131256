# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import GenericAlias
from typing import Any, TypeVar, get_args

import click

from confcom.cli.command import session_of
from confcom.runtime.settings import Flag, Settings
from confcom.runtime.settings.spec import Key, keys_of

F = TypeVar("F", bound=Callable[..., Any])


def output_option(*formats: str) -> Callable[[F], F]:
    """Add ``--output``/``-o``; the session knows the choice, the function gets no argument.

    Args:
        formats: what the command can write, its default first, such as ``table``, ``json``,
            ``yaml`` and ``jsonl``. The setting ``output.format`` replaces the default where
            the command offers that format.
    """

    def note(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        session = session_of(ctx)
        session.formats = formats
        session.output_format = value

    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        expose_value=False,
        callback=note,
        help=f"Format of the result; {formats[0]} unless the settings say otherwise.",
    )


def setting_option(path: str, *names: str, help: str | None = None) -> Callable[[F], F]:  # noqa: A002 - click's word
    """Add a flag for a setting; the session's settings know the value, the function does not.

    Args:
        path: dotted path of the setting; type, choices, bounds and help come from the model.
        names: the flags; by default the last part of the path (``--timeout-s``).
        help: instead of the first sentence of the setting's description.
    """
    key = keys_of(Settings)[path]
    flags = names or (key.flag,)

    def note(ctx: click.Context, param: click.Parameter, value: object) -> None:
        if value not in (None, ()):
            session_of(ctx).give(Flag(path, max(param.opts, key=len), value))

    return click.option(
        *flags,
        expose_value=False,
        callback=note,
        help=help or _first_sentence(key.spec.doc),
        **_click_type(key),
    )


def _first_sentence(doc: str) -> str:
    sentence, _, _ = doc.partition(". ")
    return sentence.replace("`", "").removesuffix(".") + "."


def _click_type(key: Key) -> dict[str, Any]:
    unit = (key.spec.unit or "").upper() or None
    if isinstance(key.type, GenericAlias):
        (item,) = {member for member in get_args(key.type) if member is not Ellipsis}
        return {"multiple": True, "metavar": "FILE" if item is Path else "TEXT"}
    if key.type is bool:
        # Without a default, so that "not given" leaves the word to file and environment.
        return {"is_flag": True, "default": None, "flag_value": True}
    if key.type is int:
        low, high = map(int, key.spec.bounds)
        return {"type": click.IntRange(low, high), "metavar": unit}
    if key.type is float:
        return {"type": click.FloatRange(*key.spec.bounds), "metavar": unit}
    if issubclass(key.type, StrEnum):
        return {"type": click.Choice([member.value for member in key.type])}
    return {"metavar": "PATH" if key.type is Path else "TEXT"}
