# SPDX-License-Identifier: Apache-2.0
"""``--platform``, by itself: daemons need no more of what the simulator's commands share."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

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
