# SPDX-License-Identifier: Apache-2.0
"""``confcom collateral show``: what is in the cache, a bundle or a directory, and when it ends."""

from pathlib import Path

import click

from confcom.cli.collateral_contents import rows_of_cache, rows_of_path
from confcom.cli.collateral_setup import caching_setup
from confcom.cli.collateral_tables import by_expiry, documents_json, documents_table
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_options import trust_options
from confcom.cli.options import output_option
from confcom.cli.output import Output


@click.command(
    cls=Command,
    examples=(
        "confcom collateral show",
        "confcom collateral show bundle.json --output json",
    ),
)
@click.argument("path", metavar="[FILE|DIR]", required=False)
@trust_options
@output_option("table", "json", "yaml")
@click.pass_context
def show(
    ctx: click.Context, path: str | None, root: str | None, allow_simulated: bool, at: str | None
) -> int:
    """Show documents with their dates and evaluation data numbers, the next to expire first.

    Without an argument: those of the cache. Each document is verified before it is shown; one
    that does not verify is shown with the reason.
    """
    session = session_of(ctx)
    setup = caching_setup(session, (), root=root, allow_simulated=allow_simulated, at=at)
    rows = by_expiry(rows_of_cache(setup) if path is None else rows_of_path(setup, Path(path)))
    now = setup.now().timestamp()
    output = Output(session)
    output.write(documents_json(rows, now), lambda: documents_table(rows, now, color=output.color))
    return 0
