# SPDX-License-Identifier: Apache-2.0
"""Explanation of a TCB status: what is short, by how much, and what the operator does about it."""

from collections.abc import Iterator, Sequence

from confcom.attestation._actions import action_for, actions_for
from confcom.attestation._ladder import Ladder, Rung
from confcom.attestation._parts import ladders
from confcom.attestation.explanation import (
    Explanation,
    Forecast,
    NearestLevel,
    PartExplanation,
    Shortfall,
    Step,
)
from confcom.dcap import TcbDiagnosis, TcbStatus


def explain(diagnosis: TcbDiagnosis) -> Explanation:
    """Say why a quote has its TCB status and what would make it UpToDate.

    For the platform, the TDX module and the quoting enclave: the level that each stands on, the
    level with the best status that takes least to reach, the components that are short of it
    with both numbers, and the advisories that each level on the way closes.

    Args:
        diagnosis: of an authentic quote, also if its TCB is revoked or not supported; or of one
            whose quoting enclave is on no level, and of which therefore no more was looked at.
    """
    rated = tuple(ladders(diagnosis))
    parts = tuple(_explain_part(ladder) for ladder in rated)
    verdict = diagnosis.tcb
    status = None if verdict is None else verdict.status
    number = min(
        diagnosis.tcb_info.evaluation_data_number, diagnosis.qe_identity.evaluation_data_number
    )
    return Explanation(
        status=status,
        reason=None if diagnosis.refusal is None else diagnosis.refusal.reason,
        summary=_summarise(status, parts, number, is_whole=diagnosis.is_body_verified),
        fmspc=diagnosis.pck.extension.fmspc.hex().upper(),
        evaluation_data_number=number,
        advisory_ids=() if verdict is None else tuple(verdict.advisory_ids),
        parts=parts,
        actions=tuple(dict.fromkeys(actions_for(diagnosis, status, parts))),
    )


def compare(before: Explanation, after: Explanation) -> Forecast:
    """Say what the status of a quote becomes under other collateral.

    Args:
        before: explanation under the collateral in use.
        after: explanation of the same quote under the other collateral, such as that of the
            next evaluation data number.
    """
    opened = sorted(set(after.advisory_ids) - set(before.advisory_ids))
    closed = sorted(set(before.advisory_ids) - set(after.advisory_ids))
    was, becomes = _name(before.status), _name(after.status)
    change = f"stays {was}" if was == becomes else f"changes from {was} to {becomes}"
    numbers = (
        f"{before.evaluation_data_number} to {after.evaluation_data_number}"
        if before.evaluation_data_number != after.evaluation_data_number
        else f"{before.evaluation_data_number}, the same"
    )
    return Forecast(
        before,
        after,
        f"the status {change} (evaluation data number {numbers})",
        tuple(opened),
        tuple(closed),
    )


def _explain_part(ladder: Ladder) -> PartExplanation:
    standing, target = ladder.standing, ladder.target
    return PartExplanation(
        part=ladder.part,
        status=None if standing is None else standing.status,
        target=target.status,
        shortfalls=tuple(_shortfalls(ladder, target)),
        steps=tuple(_steps(ladder.steps())),
        nearest=_nearest(ladder) if standing is None else None,
    )


def _nearest(ladder: Ladder) -> NearestLevel:
    rung = ladder.nearest
    return NearestLevel(
        rung.status,
        rung.day,
        tuple(sorted(rung.advisory_ids)),
        tuple(_shortfalls(ladder, rung)),
    )


def _shortfalls(ladder: Ladder, rung: Rung) -> Iterator[Shortfall]:
    settings = ladder.configuration_components()
    for index in ladder.short_of(rung):
        yield Shortfall(
            str(ladder.components[index]),
            ladder.found[index],
            rung.values[index],
            index in settings,
            action_for(ladder.components[index], is_configuration=index in settings),
        )


def _steps(rungs: Sequence[Rung]) -> Iterator[Step]:
    before: frozenset[str] = frozenset()
    for rung in rungs:
        closed = sorted(before - rung.advisory_ids)
        yield Step(rung.status, rung.day, tuple(sorted(rung.advisory_ids)), tuple(closed))
        before = rung.advisory_ids


def _summarise(
    status: TcbStatus | None, parts: Sequence[PartExplanation], number: int, *, is_whole: bool
) -> str:
    rest = "" if is_whole else "; what the quote itself says was not verified"
    return f"TCB is {_name(status)} under evaluation data number {number}: {_cause(parts)}{rest}"


def _cause(parts: Sequence[PartExplanation]) -> str:
    causes = [
        f"{part.part} is {_name(part.status)}"
        + (f" ({len(part.shortfalls)} short of {part.target})" if part.shortfalls else "")
        for part in parts
        if part.status is not TcbStatus.UP_TO_DATE
    ]
    return ", ".join(causes) or "nothing is short"


def _name(status: TcbStatus | None) -> str:
    return "not supported" if status is None else status.value
