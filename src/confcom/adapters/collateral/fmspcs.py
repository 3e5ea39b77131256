# SPDX-License-Identifier: Apache-2.0
"""Lists of FMSPCs: what services answer, and what people keep in files. Nothing signs them."""

import re
from typing import Final

import msgspec

from confcom.errors import MalformedError
from confcom.reasons import Reason

_MAX_LISTED_FMSPCS: Final = 100_000
_FMSPC: Final = re.compile(r"[0-9A-F]{12}", re.ASCII)


class _ListedFmspc(msgspec.Struct, frozen=True):
    fmspc: str
    platform: str = ""


def read_fmspcs(data: bytes) -> tuple[bytes, ...]:
    """Return the FMSPCs of a list, 6 bytes each, sorted and without repetition.

    Args:
        data: JSON as Intel PCS answers, ``[{"fmspc": "00606A000000", "platform": "E5"}, …]``,
            or text with one FMSPC of 12 hex digits a line; ``#`` begins a comment.

    Raises:
        MalformedError: not such a list (``collateral_format``).
    """
    digits = _from_json(data) if data.lstrip().startswith(b"[") else _from_text(data)
    if len(digits) > _MAX_LISTED_FMSPCS:
        raise _not_a_list(f"{len(digits)} entries, limit {_MAX_LISTED_FMSPCS}")
    found: set[bytes] = set()
    for fmspc in digits:
        if not _FMSPC.fullmatch(fmspc.upper()):
            raise _not_a_list(f"{fmspc[:32]!r} is not 12 hex digits")
        found.add(bytes.fromhex(fmspc))
    if not found:
        raise _not_a_list("it is empty")
    return tuple(sorted(found))


def _from_json(data: bytes) -> list[str]:
    try:
        return [entry.fmspc for entry in msgspec.json.decode(data, type=list[_ListedFmspc])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise _not_a_list(str(exc)) from exc


def _from_text(data: bytes) -> list[str]:
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError as exc:
        raise _not_a_list("it is neither JSON nor ASCII text") from exc
    stripped = (line.partition("#")[0].strip() for line in lines)
    return [line for line in stripped if line]


def _not_a_list(why: str) -> MalformedError:
    return MalformedError(
        Reason.COLLATERAL_FORMAT,
        f"cannot read list of FMSPCs: {why}",
        hint="a list has one FMSPC of 12 hex digits a line, or is what a service answers",
    )
