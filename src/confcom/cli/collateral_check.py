# SPDX-License-Identifier: Apache-2.0
"""``confcom collateral check``: is a bundle authentic, complete and inside its dates?"""

from pathlib import Path

import click

from confcom.cli.collateral_contents import rows_of_path
from confcom.cli.collateral_setup import caching_setup
from confcom.cli.collateral_tables import (
    by_expiry,
    documents_json,
    documents_table,
    report_failures,
)
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_options import grace_option, trust_options
from confcom.cli.options import output_option
from confcom.cli.output import Output


@click.command(
    cls=Command,
    examples=(
        "confcom collateral check bundle.json",
        "confcom collateral check collateral/ --at 2025-06-20T12:00:00Z",
    ),
)
@click.argument("path", metavar="FILE|DIR")
@grace_option
@trust_options
@output_option("table", "json", "yaml")
@click.pass_context
def check(
    ctx: click.Context,
    path: str,
    root: str | None,
    allow_simulated: bool,
    at: str | None,
    collateral_grace: str | None,
) -> int:
    """Check all signatures and times of a bundle or a directory.

    Exit codes: 0 everything is authentic and valid, 1 something is not, 3 something does not
    parse, 4 something is missing. The worst one counts.
    """
    session = session_of(ctx)
    setup = caching_setup(
        session, (), root=root, allow_simulated=allow_simulated, at=at, grace=collateral_grace
    )
    rows = by_expiry(rows_of_path(setup, Path(path)))
    now = setup.now().timestamp()
    output = Output(session)
    output.write(documents_json(rows, now), lambda: documents_table(rows, now, color=output.color))
    return report_failures(session, rows)
