# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence verify``: is a quote genuine, and is it what you expect?

What only a run over several quotes or the network needs is imported where it is used: a verdict
on one quote must not take longer than it has to.
"""

import os

import click

from confcom.attestation import SCHEMA_VERSION, AttestationResult, refused
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_inputs import Input, Inputs, open_inputs
from confcom.cli.evidence_judge import Judge, Plan, make_plan, verification_options
from confcom.cli.evidence_options import reference_options
from confcom.cli.evidence_tables import result_table
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.session import Session
from confcom.errors import MalformedError
from confcom.reasons import ExitCode


@click.command(
    cls=Command,
    examples=(
        "confcom evidence verify quote.bin",
        "confcom evidence verify quote.bin --collateral bundle.json --reference app.toml",
        "confcom evidence verify - --output jsonl < quotes.b64",
    ),
)
@click.argument("quotes", metavar="QUOTE|-...", nargs=-1, required=True)
@verification_options
@reference_options()
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes for many quotes; as many as there are cores unless given.",
)
@output_option("table", "json", "yaml", "jsonl")
@click.pass_context
def verify(
    ctx: click.Context, /, quotes: tuple[str, ...], jobs: int | None, **flags: object
) -> int:
    """Tell whether quotes are genuine, and whether they are what you expect.

    Quotes are files with raw bytes, hex or base64. Standard input (-) holds one such quote, or one
    base64 quote a line. Several quotes are verified in one run, with one result a line.

    Exit codes: 0 accepted, 1 refused, 3 malformed, 4 undecided for lack of collateral. A run
    over several quotes ends with the highest of theirs.
    """
    session = session_of(ctx)
    plan = make_plan(session, flags)
    inputs = open_inputs(quotes)
    judge = Judge(plan, warn=session.warn)
    if inputs.is_single:
        return _verify_one(session, next(inputs.items), judge)
    return _verify_many(session, inputs, judge, plan, jobs or len(os.sched_getaffinity(0)))


def _verify_one(session: Session, item: Input, judge: Judge) -> int:
    result = _judge_one(item, judge)
    write_result(session, result, judge, name=item.name)
    return result.exit_code


def write_result(
    session: Session, result: AttestationResult, judge: Judge, *, name: str | None = None
) -> None:
    """Write one result to standard output.

    Args:
        session: says in which format.
        result: what to write.
        judge: who made it, and knows where collateral was looked for.
        name: of the input, for JSON lines.
    """
    output = Output(session)
    document = result.to_json()
    if output.format == "jsonl":  # as every line of a longer run
        document = {"schemaVersion": SCHEMA_VERSION, "input": name} | document
    tried = judge.looked_in() if result.exit_code is ExitCode.UNKNOWN else ()
    output.write(document, lambda: result_table(result, color=output.color, tried=tried))


def _judge_one(item: Input, judge: Judge) -> AttestationResult:
    try:
        data = item.read()
    except MalformedError as exc:
        return refused(exc, at=judge.now(), root=judge.root)
    return judge.judge(data)


def _verify_many(session: Session, inputs: Inputs, judge: Judge, plan: Plan, jobs: int) -> int:
    from confcom.cli.evidence_batch import run  # noqa: PLC0415 - many quotes only
    from confcom.cli.evidence_results import Renderer, Tally  # noqa: PLC0415 - many quotes only
    from confcom.cli.progress import progress  # noqa: PLC0415 - many quotes only

    output = Output(session)
    renderer = Renderer(output.format, output.color)
    tally = Tally()
    with progress(session, "verifying quotes", inputs.total) as advance:
        results = run(inputs.items, judge=judge, plan=plan, renderer=renderer, jobs=jobs)
        for text in renderer.join(tally.count(results, advance)):
            output.write_text(text)
    if output.format == "table":
        output.write_text(tally.summary())
    return tally.exit_code
