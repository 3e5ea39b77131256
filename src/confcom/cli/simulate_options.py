# SPDX-License-Identifier: Apache-2.0
"""Options and inputs that the commands of the simulator share."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from confcom.adapters.files import write_file_atomically
from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.command import session_of
from confcom.cli.inputs import STANDARD_INPUT, about, decode_binary, read_input
from confcom.cli.output import Output
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.simulation import Enclave, Platform, SimulatedAuthority, TrustDomain
from confcom.simulation.descriptions import MAX_DESCRIPTION_BYTES, enclave_from_json, td_from_json

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

REPORT_DATA_BYTES: Final = 64
_FIRST_YEAR, _LAST_YEAR = 1970, 9000


class Shorter(Enum):
    """What becomes of hex that is shorter than expected."""

    REFUSE = "refuse"
    PAD = "pad"
    KEEP = "keep"


class HexBytes(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """Hex of a number of bytes.

    Args:
        size: bytes.
        shorter: refuse fewer, add zeros at the end, or keep as they are.
    """

    name = "hex"

    def __init__(self, size: int, shorter: Shorter = Shorter.REFUSE) -> None:
        self._size = size
        self._shorter = shorter

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> bytes:
        """Turn text into bytes."""
        try:
            data = bytes.fromhex(value)
        except ValueError:
            self.fail(f"{value!r} is not hex", param, ctx)
        is_refused = len(data) < self._size and self._shorter is Shorter.REFUSE
        if len(data) > self._size or is_refused:
            upto = "" if self._shorter is Shorter.REFUSE else "up to "
            self.fail(f"it has {len(data)} bytes, {upto}{self._size} are expected", param, ctx)
        return data.ljust(self._size, b"\0") if self._shorter is Shorter.PAD else data


def pki_option(function: F) -> F:
    """Add ``--pki``."""
    return click.option(
        "--pki",
        "folder",
        required=True,
        type=click.Path(path_type=Path, readable=False),
        metavar="DIR",
        help="Folder of the simulated hierarchy.",
    )(function)


def at_option(function: F) -> F:
    """Add ``--at``."""
    return click.option(
        "--at",
        metavar="TIME",
        help="Issue as of this time instead of now: 2026-01-31T12:00:00Z, or seconds since 1970.",
    )(function)


def out_option(function: F) -> F:
    """Add ``--out``."""
    return click.option(
        "--out",
        default=STANDARD_INPUT,
        metavar="FILE",
        help="Where to write it; by default, or with -, standard output.",
    )(function)


def dry_run_option(function: F) -> F:
    """Add ``--dry-run``."""
    return click.option(
        "--dry-run", is_flag=True, help="Say what would be written, and write nothing."
    )(function)


def report_data_option(function: F) -> F:
    """Add ``--report-data``."""
    return click.option(
        "--report-data",
        type=HexBytes(REPORT_DATA_BYTES, Shorter.PAD),
        default="",
        metavar="HEX",
        help="What the report vouches for: up to 64 bytes, zeros are added at the end.",
    )(function)


def enclave_option(function: F) -> F:
    """Add ``--enclave``, required."""
    return click.option(
        "--enclave",
        "enclave_file",
        required=True,
        metavar="FILE",
        help="Description of the enclave, made by confcom simulate enclave.",
    )(function)


def td_option(function: F) -> F:
    """Add ``--td``, required."""
    return click.option(
        "--td",
        "td_file",
        required=True,
        metavar="FILE",
        help="Description of the TD, made by confcom simulate td.",
    )(function)


def read_at(text: str | None) -> datetime:
    """Return the time that ``--at`` names, or now; to the second."""
    named = read_time(text, "--at")
    return (named or datetime.now(UTC)).replace(microsecond=0)


def read_time(text: str | None, flag: str) -> datetime | None:
    """Return the time that a flag names, or None.

    Raises:
        UsageError: it is not a time with a time zone, or not one a certificate can hold.
    """
    if text is None:
        return None
    try:
        is_count = text.isascii() and text.isdecimal()
        time = datetime.fromtimestamp(int(text), UTC) if is_count else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        time = None
    if time is None or time.tzinfo is None or not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise UsageError(
            Reason.USAGE,
            f"{flag} takes a time such as 2026-01-31T12:00:00Z, or seconds since 1970, "
            f"of the years {_FIRST_YEAR} to {_LAST_YEAR}, not {text!a}",
            hint="add Z at the end for UTC" if time is not None and time.tzinfo is None else None,
        )
    return time.astimezone(UTC)


def open_store(folder: Path) -> tuple[SimulationStore, SimulatedAuthority]:
    """Open a hierarchy that exists."""
    store = SimulationStore(folder)
    return store, store.authority()


def open_platform(folder: Path, name: str) -> Platform:
    """Read a platform of a hierarchy."""
    store, authority = open_store(folder)
    return store.platform(name, authority)


def read_enclave(file: str) -> Enclave:
    """Read the description of an enclave."""
    data = read_input(file, limit=MAX_DESCRIPTION_BYTES, what="enclave description")
    with about(file, hint="confcom simulate enclave writes such a description"):
        return enclave_from_json(data)


def read_td(file: str) -> TrustDomain:
    """Read the description of a TD."""
    data = read_input(file, limit=MAX_DESCRIPTION_BYTES, what="TD description")
    with about(file, hint="confcom simulate td writes such a description"):
        return td_from_json(data)


def read_binary(file: str, *, size: int, what: str, parse: Callable[[bytes], T]) -> T:
    """Read a structure of ``size`` bytes, raw, in hex or in base64."""
    text = read_input(file, limit=4 * size + 64, what=what)
    with about(file):
        return parse(decode_binary(text, what=what))


def write_binary(ctx: click.Context, out: str, data: bytes) -> None:
    """Write bytes to a file, or as one line of base64 to standard output."""
    if out == STANDARD_INPUT:
        Output(session_of(ctx)).write_text(base64.b64encode(data).decode("ascii") + "\n")
    else:
        write_file_atomically(Path(out), data)


def write_text(ctx: click.Context, out: str, data: bytes) -> None:
    """Write a text file, or the text to standard output."""
    if out == STANDARD_INPUT:
        Output(session_of(ctx)).write_text(data.decode("utf-8"))
    else:
        write_file_atomically(Path(out), data)
