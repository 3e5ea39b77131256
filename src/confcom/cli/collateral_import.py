# SPDX-License-Identifier: Apache-2.0
"""``confcom collateral import``: take a bundle or a directory into the cache."""

from pathlib import Path

import click

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.items import Group, Item, groups_of_path
from confcom.adapters.collateral.keep import keep
from confcom.cli.collateral_setup import CollateralSetup, caching_setup
from confcom.cli.collateral_tables import (
    Row,
    by_expiry,
    documents_json,
    documents_table,
    report_failures,
)
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_options import grace_option, trust_options
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.errors import ConfcomError


@click.command(
    name="import",
    cls=Command,
    examples=(
        "confcom collateral import bundle.json",
        "confcom collateral import collateral/ --dry-run",
    ),
)
@click.argument("path", metavar="FILE|DIR", type=click.Path(path_type=Path, readable=False))
@click.option("--dry-run", is_flag=True, help="Verify, but leave the cache as it is.")
@grace_option
@trust_options
@output_option("table", "json", "yaml")
@click.pass_context
def import_command(
    ctx: click.Context,
    path: Path,
    dry_run: bool,
    root: str | None,
    allow_simulated: bool,
    at: str | None,
    collateral_grace: str | None,
) -> int:
    """Take documents into the cache, each verified first.

    What does not verify, or is older than what the cache has, is left out and reported; the rest
    is taken. Exit code as for check.
    """
    session = session_of(ctx)
    setup = caching_setup(
        session, (), root=root, allow_simulated=allow_simulated, at=at, grace=collateral_grace
    )
    rows = [
        _take(item, group, setup, dry_run=dry_run)
        for group in groups_of_path(path, setup.edition)
        for item in group.items
    ]
    rows = by_expiry(rows)
    now, output = setup.now().timestamp(), Output(session)
    output.write(
        {**documents_json(rows, now), "dryRun": dry_run},
        lambda: documents_table(rows, now, color=output.color),
    )
    return report_failures(session, rows)


def _take(item: Item, group: Group, setup: CollateralSetup, *, dry_run: bool) -> Row:
    name, answer = item.request.name, item.answer
    if not isinstance(answer, Answer):
        return Row(name, None, error=answer)
    row = Row(name, answer.source)
    try:
        document = setup.checker.check(
            item.request,
            answer,
            root_ca_crl=group.root_ca_crl,
            now=setup.now().timestamp(),
        )
        if not dry_run:
            keep(
                DiskCache(setup.cache_path),
                document,
                checker=setup.checker,
                root_ca_crl=group.root_ca_crl,
                allow_rollback=setup.plan.settings.allow_rollback,
            )
    except ConfcomError as exc:
        return row._replace(error=exc)
    return row._replace(document=document, fetched_at=document.fetched_at)
