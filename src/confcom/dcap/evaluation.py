# SPDX-License-Identifier: Apache-2.0
"""Lists of TCB evaluation data numbers (Intel PCS REST specification, version 4)."""

from dataclasses import dataclass
from typing import Final, Self

from confcom.dcap import _json as js
from confcom.dcap._json import DocumentError, Object
from confcom.errors import MalformedError
from confcom.reasons import Reason

MAX_NUMBERS: Final = 256
_UINT32: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class EvaluationNumber:
    """A number, the date of the TCB recovery event behind it, and its tcbDate (Unix seconds)."""

    number: int
    recovery_event_date: int
    tcb_date: int


@dataclass(frozen=True, slots=True)
class EvaluationNumbers:
    """The numbers that the service answers for, newest first; times are Unix seconds."""

    id: str
    issue_date: int
    next_update: int
    numbers: tuple[EvaluationNumber, ...]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse the inner object.

        Raises:
            MalformedError: reasons ``collateral_format``, ``too_large``.
        """
        document = js.load(data, "list of TCB evaluation data numbers")
        try:
            return cls(*_fields(document))  # type: ignore[arg-type]
        except DocumentError as exc:
            raise MalformedError(
                Reason.COLLATERAL_FORMAT, f"cannot use list of TCB evaluation data numbers: {exc}"
            ) from exc


def _fields(document: Object) -> tuple[object, ...]:
    version = js.integer(document, "version", _UINT32)
    if version != 1:
        raise DocumentError(f"version {version} is not supported; 1 is")
    id_ = js.text(document, "id")
    if id_ not in {"SGX", "TDX"}:
        raise DocumentError(f"id {id_[:20]!r} is neither SGX nor TDX")
    numbers = [
        EvaluationNumber(
            js.integer(entry, "tcbEvaluationDataNumber", _UINT32),
            js.date(entry, "tcbRecoveryEventDate"),
            js.date(entry, "tcbDate"),
        )
        for entry in js.objects(document, "tcbEvalNumbers", most=MAX_NUMBERS)
    ]
    if len({entry.number for entry in numbers}) != len(numbers):
        raise DocumentError("tcbEvalNumbers has a number twice")
    numbers.sort(key=lambda entry: entry.number, reverse=True)
    return (id_, js.date(document, "issueDate"), js.date(document, "nextUpdate"), tuple(numbers))
