# SPDX-License-Identifier: Apache-2.0
"""The cases of ``dcap/cases.json``: read, run, compared with what is expected.

Layout of the folder: ``cases.json`` names for each case a quote with edits, a file of collateral,
a root, a time, options, and what is expected. Nothing here knows any single case.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from confcom.attestation import (
    ANY_STATUS,
    AttestationResult,
    Endorsements,
    ReferenceValues,
    judge,
)
from confcom.dcap import Collateral, TrustedRoot

LIMIT_S = 5.0
"""Longest time for any answer."""
_KNOWN_OPTIONS = {"allow_debug"}
_NOT_COMPARED = {"verdict", "reasons"}


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        id: its name.
        folder: where its files are.
        record: its object in ``cases.json``.
    """

    id: str
    folder: Path
    record: Mapping[str, Any] = field(repr=False)

    @property
    def at(self) -> datetime:
        """The time to verify at."""
        return datetime.fromtimestamp(self.record["now"], UTC)

    @property
    def expect(self) -> Mapping[str, Any]:
        """What is expected."""
        expect: Mapping[str, Any] = self.record["expect"]
        return expect

    @property
    def quote(self) -> bytes:
        """The quote, after its edits."""
        data = (self.folder / self.record["quote"]).read_bytes()
        return edit(data, self.record.get("quote_edits", ()))

    @property
    def collateral(self) -> bytes:
        """The collateral, as it is in the file."""
        return (self.folder / self.record["collateral"]).read_bytes()

    @property
    def root(self) -> TrustedRoot:
        """The only trusted root."""
        return _read_root(self.folder / "roots" / f"{self.record['root']}.pem")

    @property
    def allow_debug(self) -> bool:
        """Whether debug evidence is acceptable.

        Raises:
            ValueError: the case has an option that is not known here.
        """
        options = self.record.get("options", {})
        if unknown := set(options) - _KNOWN_OPTIONS:
            raise ValueError(f"unknown options: {', '.join(sorted(unknown))}")
        return bool(options.get("allow_debug", False))


def read_cases(folder: Path) -> tuple[Case, ...]:
    """Return all cases of a folder."""
    records = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    return tuple(Case(record["id"], folder, record) for record in records)


def edit(data: bytes, edits: Sequence[Sequence[Any]]) -> bytes:
    """Return a quote after its edits, applied in order.

    Raises:
        ValueError: an edit is not known.
    """
    edited = bytearray(data)
    for kind, *arguments in edits:
        match kind, arguments:
            case "xor", [int(offset), str(mask)]:
                for index, value in enumerate(bytes.fromhex(mask), offset):
                    edited[index] ^= value
            case "set", [int(offset), str(content)]:
                replacement = bytes.fromhex(content)
                edited[offset : offset + len(replacement)] = replacement
            case "truncate", [int(length)]:
                del edited[length:]
            case "append", [str(content)]:
                edited += bytes.fromhex(content)
            case "append-zeros", [int(count)]:
                edited += bytes(count)
            case _:
                raise ValueError(f"unknown edit {kind}")
    return bytes(edited)


def run(case: Case) -> AttestationResult:
    """Return the verdict on a case; any TCB status is acceptable, as the cases ask only for it."""
    reference = ReferenceValues(allow_tcb_status=ANY_STATUS, allow_debug=case.allow_debug)
    return judge(
        case.quote,
        endorse=lambda _: Endorsements(Collateral.from_json(case.collateral)),
        reference=reference,
        at=case.at,
        root=case.root,
    )


def compare(case: Case) -> Iterator[str]:
    """Yield what differs from the expectation."""
    started = time.monotonic()
    try:
        result = run(case)
    except Exception as exc:  # noqa: BLE001 any foreign exception is the finding
        yield f"no verdict but {type(exc).__name__}: {exc}"
        return
    if (elapsed := time.monotonic() - started) > LIMIT_S:
        yield f"took {elapsed:.1f} s, more than {LIMIT_S} s"
    verdict = case.expect["verdict"]
    accepted = result.reason is None
    if verdict not in {"accept", "reject", "either"}:
        yield f"unknown expectation {verdict!r}"
    elif verdict != "either" and accepted != (verdict == "accept"):
        yield f"expected {verdict}, got {result.reason or 'accept'}: {result.message}"
    elif verdict == "reject" and result.reason not in case.expect["reasons"]:
        yield f"expected a reason of {case.expect['reasons']}, got {result.reason}"
    elif accepted:
        yield from _compare_values(case, result.to_json())


def _compare_values(case: Case, result: Mapping[str, Any]) -> Iterator[str]:
    tcb, evidence = result["tcb"], result["evidence"]
    found = {
        "tcb_status": tcb["status"],
        "advisory_ids": tcb["advisoryIds"],
        "tcb_evaluation_data_number": tcb["evaluationDataNumber"],
        "fmspc": tcb["fmspc"],
        "launch_tcb_status": tcb["launchStatus"],
        "current_tcb_status": tcb["currentStatus"],
        "debug": evidence["debug"],
    }
    for key in case.expect.keys() - _NOT_COMPARED:
        if key not in found:
            yield f"unknown expectation {key}"
        elif found[key] != case.expect[key]:
            yield f"{key}: expected {case.expect[key]}, got {found[key]}"


@cache
def _read_root(path: Path) -> TrustedRoot:
    return TrustedRoot.from_pem(path.read_bytes())
