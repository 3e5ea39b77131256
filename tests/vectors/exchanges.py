# SPDX-License-Identifier: Apache-2.0
"""``aesm/index.json``: recorded exchanges of AESM and of the TDX quote generation service.

Each case has a kind, and names its files; which module compares a kind is told in
`tests.vectors.run`. Nothing here knows any single case.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        id: its name.
        kind: what kind of exchange it is.
        folder: where its files are.
        record: its object in ``index.json``.
    """

    id: str
    kind: str
    folder: Path
    record: Mapping[str, Any] = field(repr=False)

    @property
    def expect(self) -> str:
        """What is expected, in words."""
        return str(self.record["expect"])

    def read(self, name: str) -> bytes:
        """Return the bytes of the file that a member of the record names."""
        return read_hex(self.folder / self.record[name])


def read_hex(path: Path) -> bytes:
    """Return the bytes of a file of hex digits."""
    return bytes.fromhex(path.read_text(encoding="ascii"))


def read_cases(folder: Path) -> tuple[Case, ...]:
    """Return all cases of a folder."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return tuple(Case(one["id"], one["kind"], folder, one) for one in index["cases"])


Compare = Callable[[Case], Iterator[str]]
"""Yields what differs from the expectation."""


def compare(case: Case, kinds: Mapping[str, Compare]) -> list[str]:
    """Return what differs from the expectation; a kind that nothing compares differs."""
    if case.kind not in kinds:
        return [f"unknown kind {case.kind!r}"]
    try:
        return list(kinds[case.kind](case))
    except Exception as exc:  # noqa: BLE001 any foreign exception is the finding
        return [f"no verdict but {type(exc).__name__}: {exc}"]
