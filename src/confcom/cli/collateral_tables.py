# SPDX-License-Identifier: Apache-2.0
"""Documents of collateral as rows for people and as JSON."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from confcom.adapters.collateral.document import Document
from confcom.cli.session import Session
from confcom.cli.style import Style
from confcom.cli.table import Cell, columns
from confcom.errors import ConfcomError
from confcom.reasons import ExitCode

SCHEMA_VERSION: Final = 1
_SOON_S: Final = 3 * 86_400
_SAID: Final = 5


class Row(NamedTuple):
    """One document, or why there is none.

    Attributes:
        name: of the request that it answers.
        source: host or path.
        document: the document if it is authentic, or None.
        error: what is wrong, or None.
        fetched_at: Unix seconds, or None where nobody knows.
    """

    name: str
    source: str | None
    document: Document | None = None
    error: ConfcomError | None = None
    fetched_at: int | None = None

    def to_json(self, now: float) -> dict[str, object]:
        """Return the row as plain data."""
        document = self.document
        return {
            "document": self.name,
            "state": self.state(now),
            "issued": None if document is None else _time(document.issue_date),
            "expires": None if document is None else _time(document.next_update),
            "evaluationDataNumber": None if document is None else document.evaluation_number,
            "evaluationDataNumbers": (
                None if document is None else list(document.listed_numbers) or None
            ),
            "source": self.source,
            "fetched": None if self.fetched_at is None else _time(self.fetched_at),
            "digest": None if document is None else digest(document),
            "reason": None if self.error is None else self.error.reason.value,
            "message": None if self.error is None else self.error.message,
        }

    def state(self, now: float) -> str:
        """Return ``valid``, ``expired``, ``not yet valid`` or ``refused``."""
        if self.document is None:
            return "valid" if self.error is None else "refused"
        if now > self.document.next_update:
            return "expired"
        return "not yet valid" if now < self.document.issue_date else "valid"


def documents_json(rows: Sequence[Row], now: float) -> dict[str, object]:
    """Return the rows, and which document expires next, as plain data."""
    ending = next_to_expire(rows)
    return {
        "schemaVersion": SCHEMA_VERSION,
        "at": _time(int(now)),
        "expiresNext": None
        if ending is None or ending.document is None
        else {"document": ending.name, "at": _time(ending.document.next_update)},
        "documents": [row.to_json(now) for row in rows],
    }


def documents_table(rows: Sequence[Row], now: float, *, color: bool) -> str:
    """Return the rows for reading, and a line on which document expires next."""
    if not rows:
        return "no documents\n"
    headers = ("DOCUMENT", "STATE", "NUMBER", "ISSUED", "EXPIRES", "SOURCE")
    table = columns(headers, [_cells(row, now) for row in rows], color=color)
    ending = next_to_expire(rows)
    if ending is None or ending.document is None:
        return table
    left = left_until(ending.document.next_update, now)
    return f"{table}\nnext to expire: {ending.name}, {left}\n"


def report_failures(session: Session, rows: Sequence[Row]) -> int:
    """Say on standard error what is wrong, once for each reason, and return the exit code."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.error is not None:
            groups.setdefault(row.error.reason.value, []).append(row)
    code = ExitCode.YES
    for failed in groups.values():
        error = failed[0].error
        if error is None:
            continue
        code = max(code, error.kind.outcome.exit_code)
        session.say("error", Style.BAD, error.message)
        if len(failed) > 1:
            others = ", ".join(row.name for row in failed[1:_SAID])
            more = f" and {len(failed) - _SAID} more" if len(failed) > _SAID else ""
            session.say("error", Style.BAD, f"{error.reason.value} also for {others}{more}")
        if error.hint:
            session.say("hint", Style.WARNING, error.hint)
    return code


def next_to_expire(rows: Iterable[Row]) -> Row | None:
    """Return the row of the document that expires first, or None if there is no document."""
    found = [row for row in rows if row.document is not None]
    return min(found, key=_end, default=None)


def by_expiry(rows: Iterable[Row]) -> list[Row]:
    """Return the rows in the order of their end, those without a document first."""
    return sorted(rows, key=lambda row: (row.document is not None, _end(row), row.name))


def left_until(moment: int, now: float) -> str:
    """Return in words how far away a moment is."""
    seconds = abs(moment - now)
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            words = f"{count} {unit}{'s' if count != 1 else ''}"
            break
    else:
        words = "less than a minute"
    return f"in {words}" if moment >= now else f"{words} ago"


def digest(document: Document) -> str:
    """Return the SHA-256 of a document's body."""
    return f"sha256:{hashlib.sha256(document.answer.body).hexdigest()}"


def _end(row: Row) -> int:
    return 0 if row.document is None else row.document.next_update


def _cells(row: Row, now: float) -> list[str | Cell]:
    document, state = row.document, row.state(now)
    source = row.source or "-"
    if document is None:
        found = Cell(state, Style.GOOD) if row.error is None else _bad(row.error)
        return [row.name, found, "-", "-", "-", source]
    if row.error is not None:
        shown = _bad(row.error)
    elif state != "valid":
        shown = Cell(state, Style.BAD)
    elif document.next_update - now < _SOON_S:
        shown = Cell("expires soon", Style.WARNING)
    else:
        shown = Cell(state, Style.GOOD)
    numbers = document.listed_numbers or (document.evaluation_number,)
    return [
        row.name,
        shown,
        ", ".join(str(number) for number in numbers if number is not None) or "-",
        _time(document.issue_date),
        _time(document.next_update),
        source,
    ]


def _bad(error: ConfcomError) -> Cell:
    return Cell(error.reason.value, Style.BAD)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
