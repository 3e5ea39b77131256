# SPDX-License-Identifier: Apache-2.0
"""Options about trust and reference values, and what their values stand for."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click

from confcom.attestation import TABLE, Arity, ReferenceValue, ReferenceValues, read_reference
from confcom.cli.inputs import read_input
from confcom.dcap import TrustedRoot, intel_root
from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason

F = TypeVar("F", bound=Callable[..., Any])

MAX_ROOT_BYTES: Final = 64 * 1024
MAX_REFERENCE_BYTES: Final = 1024 * 1024
_LONGEST_TIMESTAMP: Final = 12


def trust_options(function: F) -> F:
    """Add ``--root``, ``--allow-simulated`` and ``--at``; they are flags only, never settings."""
    for option in (
        click.option(
            "--at",
            metavar="TIME",
            help="Verify as of this time instead of now: 2025-06-06T13:30:41Z, or seconds "
            "since 1970.",
        ),
        click.option(
            "--allow-simulated",
            is_flag=True,
            help="Accept a simulated root if --root names it. Proves nothing.",
        ),
        click.option(
            "--root", metavar="PEM", help="Trust this root certificate instead of Intel's."
        ),
    ):
        function = option(function)
    return function


def reference_options(*, without: Collection[str] = ()) -> Callable[[F], F]:
    """Add ``--reference`` and one flag for each reference value.

    Args:
        without: keys of values for which the command has an option of its own.
    """

    def add(function: F) -> F:
        for row in reversed(TABLE):
            if row.key not in without:
                function = _flag(row)(function)
        return click.option(
            "--reference",
            metavar="FILE",
            help="Reference values in TOML; flags replace its values.",
        )(function)

    return add


def grace_option(function: F) -> F:
    """Add the one reference value that decides which documents are taken at all."""
    return _flag(next(row for row in TABLE if row.key == "collateral_grace"))(function)


def read_grace(text: str | None) -> timedelta:
    """Return what ``--collateral-grace`` names; nothing if it was not given.

    Raises:
        MisconfiguredError: it is no length of time (reference_invalid).
    """
    return read_reference({"collateral_grace": text}).collateral_grace


def read_reference_values(file: str | None, flags: Mapping[str, object]) -> ReferenceValues:
    """Return the reference values of a file and of flags.

    Raises:
        UsageError: the file cannot be read.
        MisconfiguredError: all mistakes (reference_invalid).
    """
    if file is None:
        return read_reference(flags)
    data = read_input(file, limit=MAX_REFERENCE_BYTES, what="reference values")
    return read_reference(flags, file=data, file_name=file)


def read_root_pem(name: str | None) -> bytes | None:
    """Return the content of the file that ``--root`` names, or None.

    Raises:
        UsageError: the file cannot be read.
        MalformedError: it is empty or too large.
    """
    if name is None:
        return None
    return read_input(name, limit=MAX_ROOT_BYTES, what="root certificate")


def read_root(name: str | None) -> TrustedRoot:
    """Return the root that ``--root`` names, or Intel's.

    Raises:
        UsageError: the file cannot be read.
        MalformedError: it holds no certificate that could be a root.
    """
    return root_of(read_root_pem(name))


def root_of(pem: bytes | None) -> TrustedRoot:
    """Return the root in the file that ``--root`` named, or Intel's.

    Raises:
        MalformedError: it holds no certificate that could be a root.
    """
    if pem is None:
        return intel_root()
    try:
        return TrustedRoot.from_pem(pem)
    except MalformedError as exc:
        raise MalformedError(
            exc.reason,
            f"cannot use the file that --root names: {exc.message}",
            hint=exc.hint or "--root takes one root certificate in PEM",
        ) from exc


def read_time(text: str | None) -> datetime | None:
    """Return the time that ``--at`` names, or None.

    Raises:
        UsageError: it is not a time with a time zone.
    """
    if text is None:
        return None
    time = _parse_time(text)
    if time is None or time.tzinfo is None:
        raise UsageError(
            Reason.USAGE,
            f"--at takes a time such as 2025-06-06T13:30:41Z, or seconds since 1970, not {text!a}",
            hint="add Z at the end for UTC" if time is not None else None,
        )
    return time.astimezone(UTC)


def _parse_time(text: str) -> datetime | None:
    try:
        if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_TIMESTAMP:
            return datetime.fromtimestamp(int(text), UTC)
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None


def _flag(row: ReferenceValue) -> Callable[[F], F]:
    if row.arity is Arity.SWITCH:
        return click.option(row.flag, row.key, is_flag=True, help=row.help)
    return click.option(
        row.flag,
        row.key,
        metavar=row.metavar,
        multiple=row.arity is Arity.MANY,
        help=row.help,
    )
