# SPDX-License-Identifier: Apache-2.0
"""``confcom config``: which settings are in force, and why."""

import click

from confcom.cli import table
from confcom.cli.command import Group, session_of
from confcom.cli.options import output_option
from confcom.cli.output import Output

SCHEMA_VERSION = 1


@click.group(
    cls=Group,
    help="Show the settings and where they come from.",
    examples=("confcom config show --origin",),
)
def config() -> None:
    """Hold the verbs."""


@config.command(
    examples=("confcom config show --origin", "confcom config show --output json"),
)
@click.option("--origin", is_flag=True, help="Also show where each value comes from.")
@output_option("table", "json", "yaml")
@click.pass_context
def show(ctx: click.Context, origin: bool) -> None:
    """Show the value of every setting, secrets masked.

    A value comes from a flag, else from the environment, else from the settings file, else it
    is the default.
    """
    session = session_of(ctx)
    effective = session.effective
    values = effective.plain()
    origins = {path: str(where) for path, where in effective.origins.items()}
    document: dict[str, object] = {"schemaVersion": SCHEMA_VERSION, "settings": values}
    if origin:
        document["origins"] = origins
    output = Output(session)

    def rows() -> str:
        headers = ("SETTING", "VALUE", "ORIGIN") if origin else ("SETTING", "VALUE")
        lines = ((path, _text(value), origins[path]) for path, value in values.items())
        cells = (line[: len(headers)] for line in lines)
        return table.columns(headers, cells, color=output.color)

    output.write(document, rows)


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(map(_text, value)) or "-"
        case _:
            return str(value)
