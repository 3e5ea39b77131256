# SPDX-License-Identifier: Apache-2.0
"""Recorded quotes of real machines: verified under Intel's root, each as of its own time.

They are not part of confcom. Where a folder of recorded cases is at hand, the quickstart
verifies those that are real and unchanged.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from confcom.cli.inputs import read_input
from confcom.dcap import Collateral, Quote, TcbStatus, intel_root, verify
from confcom.errors import ConfcomError, MalformedError
from confcom.reasons import Reason

VARIABLE: Final = "CONFCOM_VECTORS"
_BESIDE: Final = Path("..", "shared", "vectors")
_MAX_BYTES: Final = 16 * 1024 * 1024


class Recorded(NamedTuple):
    """How a recorded quote was judged.

    Attributes:
        name: of the case.
        quote: what kind of quote it is.
        at: the time it was verified as of.
        status: TCB status; None if it was refused.
        message: why it was refused, or empty.
    """

    name: str
    quote: str
    at: datetime
    status: TcbStatus | None
    message: str


class _Case(msgspec.Struct, frozen=True):
    id: str
    origin: str
    now: int
    quote: str
    collateral: str
    root: str
    expect: dict[str, object]
    quote_edits: list[object] = []


def find_recorded() -> Path | None:
    """Return the folder of recorded SGX and TDX cases as an absolute path, or None."""
    for folder in (os.environ.get(VARIABLE), _BESIDE):
        if folder and (Path(folder) / "dcap" / "cases.json").is_file():
            return (Path(folder) / "dcap").absolute()
    return None


def verify_recorded(folder: Path) -> Iterator[Recorded]:
    """Verify the real and unchanged quotes of a folder that are meant to be accepted."""
    root = intel_root()
    for case in _read_cases(folder / "cases.json"):
        is_accepted = case.expect.get("verdict") == "accept"
        if case.origin != "real" or case.quote_edits or case.root != "intel" or not is_accepted:
            continue
        at = datetime.fromtimestamp(case.now, UTC)
        data = _read(folder / case.quote, "quote")
        bundle = _read(folder / case.collateral, "collateral")
        kind = "not a quote"
        try:
            quote = Quote.from_bytes(data)
            kind = f"{'TDX' if quote.is_tdx else 'SGX'} version {quote.header.version:d}"
            verified = verify(quote, Collateral.from_json(bundle), at=at, root=root)
        except ConfcomError as exc:
            yield Recorded(case.id, kind, at, None, exc.message)
        else:
            yield Recorded(case.id, kind, at, verified.tcb.status, "")


def _read_cases(path: Path) -> list[_Case]:
    try:
        return msgspec.json.decode(_read(path, "list of recorded cases"), type=list[_Case])
    except msgspec.DecodeError as exc:
        raise MalformedError(
            Reason.UNRECOGNISED_INPUT,
            f"cannot read list of recorded cases from file {path}: {exc}",
            hint=f"unset {VARIABLE} to do without recorded quotes",
        ) from exc


def _read(path: Path, what: str) -> bytes:
    return read_input(str(path), limit=_MAX_BYTES, what=what)
