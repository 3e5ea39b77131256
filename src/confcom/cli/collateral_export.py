# SPDX-License-Identifier: Apache-2.0
"""``confcom collateral export``: write what verification needs, for sites without network."""

from collections.abc import Mapping
from pathlib import Path

import click

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.assembly import assemble, requests_for
from confcom.adapters.collateral.bundle import write_bundles
from confcom.adapters.collateral.directory import files_of
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.requests import CollateralRequest, Edition, SignedRequest
from confcom.adapters.files import write_file_atomically
from confcom.cli.collateral_gather import Gatherer, Targets, row_of
from confcom.cli.collateral_options import collateral_options
from confcom.cli.collateral_setup import caching_setup
from confcom.cli.collateral_subjects import read_subjects, requests_of, subject_options
from confcom.cli.collateral_tables import documents_json, documents_table, report_failures
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_options import grace_option, trust_options
from confcom.cli.options import output_option, setting_option
from confcom.cli.output import Output
from confcom.errors import UsageError
from confcom.reasons import Reason


@click.command(
    cls=Command,
    examples=(
        "confcom collateral export bundle.json quote.bin",
        "confcom collateral export bundle.json --fmspc 00606A000000 --ca platform",
        "confcom collateral export collateral/ --all fmspcs.txt",
    ),
)
@click.argument("path", metavar="FILE|DIR")
@click.argument("quotes", metavar="[QUOTE]...", nargs=-1)
@subject_options
@collateral_options
@setting_option("collateral.update", "--update")
@click.option("--dry-run", is_flag=True, help="Fetch and verify, but write no file.")
@grace_option
@trust_options
@output_option("table", "json", "yaml")
@click.pass_context
def export(
    ctx: click.Context,
    path: str,
    quotes: tuple[str, ...],
    fmspcs: tuple[str, ...],
    every: str | None,
    tees: tuple[str, ...],
    ca: str | None,
    collateral: tuple[str, ...],
    dry_run: bool,
    root: str | None,
    allow_simulated: bool,
    at: str | None,
    collateral_grace: str | None,
) -> int:
    """Write a bundle, or, if the path is a directory or ends in /, the raw answers.

    What is fresh in the cache is taken from there, the rest is fetched. Nothing is written unless
    every document is there and verified.
    """
    session = session_of(ctx)
    setup = caching_setup(
        session,
        collateral,
        root=root,
        allow_simulated=allow_simulated,
        at=at,
        grace=collateral_grace,
    )
    subjects = read_subjects(quotes, fmspcs, every, tees, ca)
    gatherer = Gatherer(setup, session)
    targets = gatherer.targets(subjects)
    wanted = requests_of(targets.chains, setup.edition)
    found = gatherer.documents(wanted, "fetching collateral")
    rows = [row_of(request, result) for request, result in found.items()]
    code = report_failures(session, rows)
    if code == 0 and not dry_run:
        answers = {
            request: result.answer
            for request, result in found.items()
            if isinstance(result, Document)
        }
        _write(path, answers, targets, setup.edition)
    now, output = setup.now().timestamp(), Output(session)
    written = None if code or dry_run else path
    output.write(
        {**documents_json(rows, now), "dryRun": dry_run, "written": written},
        lambda: documents_table(rows, now, color=output.color),
    )
    return code


def _write(
    path: str, answers: Mapping[SignedRequest, Answer], targets: Targets, edition: Edition
) -> None:
    if path.endswith("/") or Path(path).is_dir():
        everything: dict[CollateralRequest, Answer] = dict(answers.items())
        for request, document in targets.certificates.items():
            everything[request] = document.answer
        _write_answers(Path(path), everything)
        return
    bundles = [
        assemble(
            {request: answers[request] for request in requests_for(platform, edition)},
            pck_certificate_chain=chain,
        )
        for platform, chain in targets.chains.items()
    ]
    write_file_atomically(Path(path), write_bundles(bundles))


def _write_answers(folder: Path, answers: Mapping[CollateralRequest, Answer]) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as exc:
        raise UsageError(
            Reason.OUTPUT_UNWRITABLE,
            f"cannot make directory {folder}: {exc.strerror}",
            hint="name a directory, or one to be made in an existing folder that you may write to",
        ) from exc
    for request, answer in answers.items():
        for name, content in files_of(request, answer).items():
            write_file_atomically(folder / name, content)
