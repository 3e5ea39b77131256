# SPDX-License-Identifier: Apache-2.0
"""``confcom collateral fetch``: get documents from the sources into the cache."""

import click

from confcom.adapters.collateral.requests import CollateralRequest
from confcom.cli.collateral_gather import Gatherer
from confcom.cli.collateral_options import collateral_options
from confcom.cli.collateral_setup import CollateralSetup, caching_setup
from confcom.cli.collateral_subjects import read_subjects, requests_of, subject_options
from confcom.cli.collateral_tables import (
    SCHEMA_VERSION,
    documents_json,
    documents_table,
    report_failures,
)
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_options import grace_option, trust_options
from confcom.cli.options import output_option, setting_option
from confcom.cli.output import Output
from confcom.cli.session import Session
from confcom.cli.table import columns


@click.command(
    cls=Command,
    examples=(
        "confcom collateral fetch quote.bin",
        "confcom collateral fetch --fmspc 00606A000000 --tee sgx --tee tdx",
        "confcom collateral fetch --all fmspcs.txt --dry-run",
    ),
)
@click.argument("quotes", metavar="[QUOTE]...", nargs=-1)
@subject_options
@collateral_options
@setting_option("collateral.update", "--update")
@click.option(
    "--evaluation-numbers", is_flag=True, help="Also fetch the list of evaluation data numbers."
)
@click.option("--refresh", is_flag=True, help="Ask the sources even for what is still fresh.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched; open no connection.")
@grace_option
@trust_options
@output_option("table", "json", "yaml")
@click.pass_context
def fetch(
    ctx: click.Context,
    quotes: tuple[str, ...],
    fmspcs: tuple[str, ...],
    every: str | None,
    tees: tuple[str, ...],
    ca: str | None,
    collateral: tuple[str, ...],
    evaluation_numbers: bool,
    refresh: bool,
    dry_run: bool,
    root: str | None,
    allow_simulated: bool,
    at: str | None,
    collateral_grace: str | None,
) -> int:
    """Fetch documents into the cache, and verify them on the way.

    For the platforms of quotes, for FMSPCs, or for all FMSPCs of a list. What is fresh in the
    cache is not fetched again. Exit code 4 if a document is not to be had, 2 if it cannot be kept.
    """
    session = session_of(ctx)
    setup = caching_setup(
        session,
        collateral,
        root=root,
        allow_simulated=allow_simulated,
        at=at,
        refresh=refresh,
        grace=collateral_grace,
    )
    subjects = read_subjects(quotes, fmspcs, every, tees, ca)
    if dry_run:
        platforms = subjects.platforms()
        wanted = requests_of(platforms, setup.edition, with_numbers=evaluation_numbers)
        _show_plan(session, setup, (*subjects.pck_requests(), *wanted))
        return 0
    gatherer = Gatherer(setup, session, must_keep=True)
    wanted = requests_of(
        gatherer.targets(subjects).chains, setup.edition, with_numbers=evaluation_numbers
    )
    rows = gatherer.rows(wanted, "fetching collateral")
    now = setup.now().timestamp()
    output = Output(session)
    output.write(documents_json(rows, now), lambda: documents_table(rows, now, color=output.color))
    return report_failures(session, rows)


def _show_plan(
    session: Session, setup: CollateralSetup, wanted: tuple[CollateralRequest, ...]
) -> None:
    finder, now = setup.offline_finder(), setup.now().timestamp()
    fresh = {request: finder.cached(request, now) is not None for request in wanted}
    sources = [str(name) for name in setup.names]
    document = {
        "schemaVersion": SCHEMA_VERSION,
        "dryRun": True,
        "sources": sources,
        "documents": [
            {"document": request.name, "fetch": not fresh[request]} for request in wanted
        ],
    }
    output = Output(session)

    def table() -> str:
        rows = [
            (request.name, "fresh in the cache" if fresh[request] else "would be fetched")
            for request in wanted
        ]
        listed = columns(("DOCUMENT", "ACTION"), rows, color=output.color) if rows else ""
        return f"{listed}\nsources, in order: {', '.join(sources)}\n"

    output.write(document, table)
