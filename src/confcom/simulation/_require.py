# SPDX-License-Identifier: Apache-2.0
"""Sizes and ranges of what the simulator is asked for."""

from confcom.errors import UsageError
from confcom.reasons import Reason


def require_size(what: str, name: str, value: bytes, size: int) -> None:
    """Refuse a byte string of another size."""
    if len(value) != size:
        raise UsageError(Reason.USAGE, f"{name} of a {what} takes {size} bytes, {len(value)} given")


def require_range(what: str, name: str, value: int, bits: int) -> None:
    """Refuse an integer that does not fit into ``bits`` bits without sign."""
    if not 0 <= value < 1 << bits:
        raise UsageError(
            Reason.USAGE, f"{name} of a {what} takes 0 to {(1 << bits) - 1}, {value} given"
        )
