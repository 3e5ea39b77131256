# SPDX-License-Identifier: Apache-2.0
"""``confcom doctor``: what this machine can do, and what is missing."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from confcom.cli import table
from confcom.cli.command import Command, session_of
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.style import Style, paint
from confcom.cli.table import Cell
from confcom.errors import UsageError
from confcom.reasons import ExitCode, Reason

if TYPE_CHECKING:
    from confcom.services.doctor import Section

SCHEMA_VERSION: Final = 1
_STYLES: Final = {"ok": Style.GOOD, "warning": Style.WARNING, "problem": Style.BAD}


@click.command(
    cls=Command,
    examples=(
        "confcom doctor",
        "confcom doctor --offline --output json",
        "confcom doctor --root /host",
    ),
)
@click.option(
    "--place",
    type=click.Choice(("auto", "node", "application")),
    default="auto",
    show_default=True,
    help="What to look at it as: a node that makes quotes, or an application's container.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    default="/",
    show_default=True,
    help="Root folder of the machine, where that of a node is mounted into a container.",
)
@click.option(
    "--socket",
    metavar="PATH",
    default="/var/run/aesmd/aesm.socket",
    show_default=True,
    help="Where the AESM daemon listens, as the machine names it.",
)
@click.option("--offline", is_flag=True, help="Ask no certificate service.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 60),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long to wait for each answer of the daemon and of a service.",
)
@output_option("table", "json", "yaml")
@click.pass_context
def doctor(
    ctx: click.Context, place: str, root: Path, socket: str, offline: bool, timeout_s: float
) -> int:
    """Tell what this machine can do, and what is missing.

    Looks at everything between an enclave and its quote; changes nothing and loads no library.
    The exit code is 1 if there is a problem; warnings do not count.
    """
    from confcom.adapters.machine import (  # noqa: PLC0415 - not for --help
        LookOptions,
        Place,
        look,
    )
    from confcom.adapters.rooted import Root  # noqa: PLC0415 - not for --help
    from confcom.cli.collateral_choice import own_choice  # noqa: PLC0415 - not for --help
    from confcom.services.doctor import (  # noqa: PLC0415 - not for --help
        QUOTING,
        Level,
        examine,
    )

    if not root.is_dir():
        what = "it is no folder" if root.exists() else "there is no such folder"
        raise UsageError(
            Reason.INPUT_UNREADABLE,
            f"cannot look at the machine below {root}: {what}",
            hint="name the folder at which the machine's / is mounted here, such as /host; "
            "without --root this machine itself is looked at",
        )
    # A relative path is one of ours, and of the machine only where that is another one.
    here = Path.cwd() if root.samefile("/") else Path("/")
    machine = look(
        LookOptions(
            environ=dict(os.environ),
            root=Root(root.absolute()),
            place=None if place == "auto" else Place(place),
            is_offline=offline,
            timeout_s=timeout_s,
            socket=here / socket,
            collateral=own_choice(session_of(ctx).effective),
        )
    )
    sections = (examine("quoting", QUOTING, machine),)
    counts = {level.value: sum(one.count(level) for one in sections) for level in Level}
    document = {
        "schemaVersion": SCHEMA_VERSION,
        "place": machine.place.value,
        "offline": offline,
        "counts": counts,
        "sections": [section.to_json() for section in sections],
    }
    output = Output(session_of(ctx))

    def text() -> str:
        told = "".join(_section(one, machine.place.value, output.color) for one in sections)
        warnings, problems = counts[Level.WARNING.value], counts[Level.PROBLEM.value]
        return f"{told}{_counted(problems, 'problem')}, {_counted(warnings, 'warning')}\n"

    output.write(document, text)
    return ExitCode.NO if counts[Level.PROBLEM.value] else ExitCode.YES


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _section(section: "Section", place: str, color: bool) -> str:
    title = paint(f"{section.name}, looked at as {place}", Style.TITLE, color=color)
    rows = list(_rows(section))
    return f"{title}\n{table.columns(('LEVEL', 'CHECK', 'FOUND'), rows, color=color)}"


def _rows(section: "Section") -> Iterator[Sequence[str | Cell]]:
    for finding in section.findings:
        told = finding.told
        level = Cell(told.level.value, _STYLES[told.level.value])
        reason = "" if told.reason is None else f" [{told.reason}]"
        yield (level, finding.check, f"{told.message}{reason}")
        if told.cause is not None:
            yield ("", "", Cell(f"  cause: {told.cause}", Style.FAINT))
        if told.cure is not None:
            yield ("", "", Cell(f"  cure: {told.cure}", Style.FAINT))
