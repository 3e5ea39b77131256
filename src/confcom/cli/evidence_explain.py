# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence explain``: why a quote has its TCB status, and what to do about it."""

from collections.abc import Iterator

import click

from confcom.attestation import Evidence
from confcom.attestation import explain as explaining
from confcom.attestation.explanation import (
    Explanation,
    Forecast,
    NearestLevel,
    PartExplanation,
)
from confcom.cli.command import Command, session_of
from confcom.cli.evidence_inputs import open_inputs
from confcom.cli.evidence_judge import Judge, make_plan, verification_options
from confcom.cli.evidence_options import grace_option
from confcom.cli.inputs import about
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.style import Style, paint
from confcom.cli.table import Cell, columns
from confcom.dcap import TcbStatus
from confcom.errors import UsageError
from confcom.reasons import ExitCode, Reason
from confcom.runtime.text import printable


@click.command(
    cls=Command,
    examples=(
        "confcom evidence explain quote.bin",
        "confcom evidence explain quote.bin --compare-collateral next.json",
    ),
)
@click.argument("quote", metavar="QUOTE|-")
@verification_options
@grace_option
@click.option(
    "--compare-collateral",
    metavar="FILE|DIR|URL",
    help="Also say what the status becomes under this collateral.",
)
@output_option("table", "json", "yaml")
@click.pass_context
def explain(
    ctx: click.Context, /, quote: str, compare_collateral: str | None, **flags: object
) -> int:
    """Say why a quote has its TCB status, what is short, and what the operator does about it.

    The quote must be authentic; a TCB that is revoked or not supported is explained too, be it
    that of the platform, the TDX module or the quoting enclave. With
    --compare-collateral the same quote is rated a second time, for example under the next
    evaluation data number, before a TCB recovery makes it the usual one.
    """
    session = session_of(ctx)
    plan = make_plan(session, flags)
    inputs = open_inputs([quote])
    if not inputs.is_single:
        raise UsageError(Reason.USAGE, "explain takes one quote, standard input has one a line")
    with about(quote):
        evidence = Evidence.from_bytes(next(inputs.items).read())
    before = explaining.explain(Judge(plan, warn=session.warn).diagnose(evidence))
    document = before.to_json()
    forecast = None
    if compare_collateral is not None:
        other = Judge(plan.with_collateral(compare_collateral), warn=session.warn)
        forecast = explaining.compare(before, explaining.explain(other.diagnose(evidence)))
        document["forecast"] = forecast.to_json()
    output = Output(session)
    output.write(document, lambda: "".join(_lines(before, forecast, color=output.color)))
    return ExitCode.YES


def _lines(before: Explanation, forecast: Forecast | None, *, color: bool) -> Iterator[str]:
    yield from _explanation(before, color=color)
    if forecast is not None:
        yield f"\n{paint('forecast:', Style.TITLE, color=color)} {forecast.summary}\n"
        for title, ids in (("added", forecast.opened), ("gone", forecast.closed)):
            if ids:
                yield f"advisories {title}: {printable(', '.join(ids))}\n"
        yield "\n"
        yield from _explanation(forecast.after, color=color)


def _explanation(explanation: Explanation, *, color: bool) -> Iterator[str]:
    style = Style.GOOD if explanation.status is TcbStatus.UP_TO_DATE else Style.BAD
    yield f"{paint(printable(explanation.summary), style, color=color)}\n"
    yield f"platform: FMSPC {explanation.fmspc}\n"
    if explanation.status is not None:  # below all levels, no level lists any
        yield f"advisories: {printable(', '.join(explanation.advisory_ids)) or 'none'}\n"
    for part in explanation.parts:
        yield from _part(part, color=color)
    if explanation.actions:
        yield f"\n{paint('what to do', Style.TITLE, color=color)}\n"
        for number, action in enumerate(explanation.actions, 1):
            yield f"  {number}. {printable(action)}\n"


def _part(part: PartExplanation, *, color: bool) -> Iterator[str]:
    name = "below all levels" if part.status is None else part.status.value
    yield f"\n{paint(part.part, Style.TITLE, color=color)}: {name}\n"
    if part.nearest is not None and len(part.steps) > 1:
        yield f"nearest level: {_nearest(part.nearest)}\n"
    if part.shortfalls:
        yield columns(
            ("SHORT", "FOUND", f"FOR {part.target.value}", "KIND"),
            (
                (
                    short.component,
                    Cell(str(short.found), Style.BAD),
                    str(short.wanted),
                    "configuration" if short.is_configuration else "version",
                )
                for short in part.shortfalls
            ),
            color=color,
        )
    yield columns(
        ("LEVEL OF", "STATUS", "CLOSES"),
        ((step.date, step.status.value, ", ".join(step.closes)) for step in part.steps),
        color=color,
    )


def _nearest(level: NearestLevel) -> str:
    short = ", ".join(
        f"{one.component} {one.wanted}, found {one.found}" for one in level.shortfalls
    )
    advisories = ", ".join(level.advisory_ids) or "no advisories"
    return printable(f"{level.status}, dated {level.date}, {advisories}; needs {short}")
