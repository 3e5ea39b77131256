# SPDX-License-Identifier: Apache-2.0
"""Verdicts and explanations for reading: the verdict first, then why."""

from collections.abc import Iterator, Sequence
from typing import Final

from confcom.attestation import AttestationResult, Check, CheckOutcome
from confcom.cli.style import Style, paint
from confcom.cli.table import Cell, columns, pairs
from confcom.reasons import ExitCode
from confcom.runtime.text import printable, shorten

_WIDEST: Final = 60
_OUTCOME_STYLES: Final = {
    CheckOutcome.PASS: Style.GOOD,
    CheckOutcome.FAIL: Style.BAD,
}


def verdict_of(result: AttestationResult) -> Cell:
    """Return the verdict in one or two words."""
    if result.reason is None:
        return Cell("accepted", Style.GOOD)
    if result.is_authentic:
        return Cell("not acceptable", Style.BAD)
    match result.exit_code:
        case ExitCode.MALFORMED:
            return Cell("malformed", Style.BAD)
        case ExitCode.UNKNOWN:
            return Cell("undecided", Style.WARNING)
        case _:
            return Cell("not authentic", Style.BAD)


def result_table(result: AttestationResult, *, color: bool, tried: Sequence[str] = ()) -> str:
    """Return one result: verdict, facts, and the checks that were made.

    Args:
        result: what to show.
        color: whether styles are shown.
        tried: where collateral was looked for; shown where its lack left everything undecided.
    """
    made = [check for check in result.checks if check.outcome is not CheckOutcome.NOT_REACHED]
    left = [check.name for check in result.checks if check.outcome is CheckOutcome.NOT_REACHED]
    facts = list(_facts(result, "verified at" if made else "as of"))
    if not made and tried:
        facts.append(("looked in", ", ".join(tried)))
    parts = [_verdict_line(result, color=color), pairs(facts, color=color)]
    if made:
        headers = ("CHECK", "OUTCOME", "EXPECTED", "FOUND")
        parts.append(columns(headers, map(_row, made), color=color))
    if left and (made or result.exit_code is ExitCode.NO):
        parts.append(f"not reached: {', '.join(left)}\n")
    elif left:
        parts.append("no check was made: this says nothing about the platform or its quote\n")
    return "\n".join(parts)


def result_line(name: str, result: AttestationResult, *, color: bool) -> str:
    """Return one result in one line: verdict, reason, input, message."""
    verdict = verdict_of(result)
    label = paint(f"{verdict.text:<14}", verdict.style, color=color)
    return f"{label}  {printable(name)}: {printable(result.message)}\n"


def _verdict_line(result: AttestationResult, *, color: bool) -> str:
    verdict = verdict_of(result)
    label = paint(verdict.text, verdict.style, color=color)
    reason = "" if result.reason is None else f" ({result.reason})"
    line = f"{label}{reason}: {printable(result.message)}\n"
    if result.hint:
        line += f"{paint('hint:', Style.WARNING, color=color)} {printable(result.hint)}\n"
    return line


def _facts(result: AttestationResult, when: str) -> Iterator[tuple[str, str | Cell]]:
    if result.evidence is not None:
        evidence = result.evidence
        kind = f"{evidence['type']}, version {evidence['version']}, body {evidence['bodyType']}"
        yield "evidence", kind
    if (tcb := result.tcb) is not None:
        number = tcb.evaluation_data_number
        yield "TCB", f"{tcb.status}, dated {tcb.date:%Y-%m-%d}, evaluation data number {number}"
        if tcb.launch_status is not None:
            yield "TCB at launch, now", f"{tcb.launch_status}, {tcb.current_status}"
        yield "advisories", ", ".join(tcb.advisory_ids) or "none"
        yield "platform", f"FMSPC {tcb.fmspc}"
    if result.is_simulated:
        yield "root", Cell(f"{result.root} (SIMULATED: proves nothing)", Style.WARNING)
    else:
        yield "root", result.root
    yield when, f"{result.verified_at:%Y-%m-%dT%H:%M:%SZ}"
    if result.valid_until is not None:
        yield "valid until", f"{result.valid_until:%Y-%m-%dT%H:%M:%SZ}"


def _row(check: Check) -> tuple[str | Cell, ...]:
    return (
        check.name,
        Cell(check.outcome.value, _OUTCOME_STYLES[check.outcome]),
        shorten(check.expected or "", _WIDEST),
        shorten(check.found or "", _WIDEST),
    )
