# SPDX-License-Identifier: Apache-2.0
"""``--platform``, by itself: daemons need no more of what the simulator's commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from confcom.errors import UsageError
from confcom.reasons import Reason

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_NAME: Final = "simulated"


def platform_option(function: F) -> F:
    """Add ``--platform``."""
    return click.option(
        "--platform",
        "name",
        default=DEFAULT_NAME,
        show_default=True,
        metavar="NAME",
        help="Name of the platform.",
    )(function)


def platform_or_folder_option(function: F) -> F:
    """Add ``--platform`` where it may also stand for ``--pki``; see `folder_and_name`."""
    return click.option(
        "--platform",
        "name",
        default=DEFAULT_NAME,
        show_default=True,
        metavar="NAME|DIR",
        help="Simulated: name of the platform. Without --pki, a path or the folder of a hierarchy "
        "stands for --pki DIR.",
    )(function)


def folder_and_name(folder: Path | None, given: str) -> tuple[Path | None, str]:
    """Return the hierarchy and the name of the platform.

    A text with a slash, ``.`` and ``..`` are paths, since no name has the first and none begins as
    the others; a plain word is one where a hierarchy of that name is here.

    Args:
        folder: what ``--pki`` says, or None.
        given: what ``--platform`` says.

    Raises:
        UsageError: both name a folder.
    """
    is_path = "/" in given or given in {".", ".."}
    if folder is None and (is_path or (given and Path(given, "authority.json").is_file())):
        return Path(given), DEFAULT_NAME
    if is_path:
        raise UsageError(
            Reason.USAGE,
            f"cannot use --platform {given} together with --pki {folder}: both are folders",
            hint="name the platform by its name alone, or leave --pki out",
        )
    return folder, given
