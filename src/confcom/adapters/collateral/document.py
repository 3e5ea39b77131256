# SPDX-License-Identifier: Apache-2.0
"""A document whose signatures have been verified, and the rule that none replaces a newer one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.requests import CollateralRequest
from confcom.errors import UnavailableError
from confcom.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A verified answer; only `confcom.adapters.collateral.checks.Checker` makes one.

    All times are Unix seconds.

    Attributes:
        request: what it answers.
        answer: the bytes as received.
        fetched_at: when.
        issue_date: its issueDate, thisUpdate or notBefore.
        next_update: its nextUpdate or notAfter.
        usable_until: how long it is handed out: next_update and the tolerated delay.
        evaluation_number: of TCB info and identities, else None.
        listed_numbers: of a list of evaluation data numbers, in ascending order.
    """

    request: CollateralRequest
    answer: Answer
    fetched_at: int
    issue_date: int
    next_update: int
    usable_until: int
    evaluation_number: int | None = None
    listed_numbers: tuple[int, ...] = ()


def refuse_rollback(kept: Document, offered: Document) -> None:
    """Do nothing if a document may take the place of the one at hand.

    Raises:
        UnavailableError: it has a lower evaluation data number or an earlier date of issue
            (``collateral_rollback``).
    """
    before, after = kept.evaluation_number, offered.evaluation_number
    if before is not None and after is not None and after < before:
        found, have = f"evaluation data number {after}", f"{before}"
    elif offered.issue_date < kept.issue_date:
        found, have = f"issue date {time_text(offered.issue_date)}", time_text(kept.issue_date)
    else:
        return
    raise UnavailableError(
        Reason.COLLATERAL_ROLLBACK,
        f"cannot use {offered.request} from {offered.answer.source}: it has {found}, "
        f"the one at hand has {have}",
        hint="the one at hand stays; to go back on purpose set collateral.allow_rollback",
    )


def time_text(seconds: int) -> str:
    """Return Unix seconds as YYYY-MM-DDTHH:MM:SSZ."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
