# SPDX-License-Identifier: Apache-2.0
"""Options and messages that the commands about the AESM daemon share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from confcom.cli.failure import missing_extra
from confcom.cli.seconds import Seconds
from confcom.cli.session import Session
from confcom.cli.style import Style
from confcom.cli.table import Cell
from confcom.errors import ConfcomError

if TYPE_CHECKING:
    from confcom.adapters.aesm_health import Call, State

F = TypeVar("F", bound=Callable[..., Any])

SCHEMA_VERSION: Final = 1
DEFAULT_SOCKET: Final = "/var/run/aesmd/aesm.socket"
DEFAULT_TIMEOUT_S: Final = 15.0
LONGEST_TIMEOUT_S: Final = 600.0


def socket_option(function: F) -> F:
    """Add ``--socket``."""
    return click.option(
        "--socket",
        "path",
        metavar="PATH",
        default=DEFAULT_SOCKET,
        show_default=True,
        help="Where the daemon listens.",
    )(function)


def timeout_option(function: F) -> F:
    """Add ``--timeout``."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=Seconds(0, LONGEST_TIMEOUT_S, min_open=True),
        metavar="SECONDS",
        default=DEFAULT_TIMEOUT_S,
        show_default=True,
        help="How long each call may take; Intel's libraries wait 15 s.",
    )(function)


@contextmanager
def aesm_packages(command: str) -> Iterator[None]:
    """Say how to install what speaking to the daemon needs.

    Args:
        command: verb and its nouns, without the name of the program.

    Raises:
        MisconfiguredError: the block imports protobuf, and it is missing (``extra_missing``).
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        if (exc.name or "").split(".")[0] != "google":
            raise
        raise missing_extra(f"confcom {command}", "protobuf", "quote-helper") from exc


def say_failure(session: Session, error: ConfcomError) -> int:
    """Say on standard error what went wrong and what cures it; return the exit code."""
    session.say("error", Style.BAD, error.message)
    if error.hint:
        session.say("hint", Style.WARNING, error.hint)
    return error.kind.outcome.exit_code


def milliseconds(seconds: float) -> float:
    """Return milliseconds, to the microsecond."""
    return round(seconds * 1000, 3)


def call_json(call: "Call[Any]") -> dict[str, object]:
    """Return what became of a call as plain data."""
    error = call.finding.error
    return {
        "call": call.name,
        "state": call.finding.state.value,
        "ms": milliseconds(call.seconds),
        "code": call.finding.code,
        "reason": None if error is None else error.reason.value,
        "message": None if error is None else error.message,
        "cure": None if error is None else error.hint,
    }


def state_cell(state: "State") -> Cell:
    """Return a state for reading."""
    style = Style.GOOD if state == "answers" else Style.BAD
    return Cell(state.value.replace("_", " "), style)
