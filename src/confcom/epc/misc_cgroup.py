# SPDX-License-Identifier: Apache-2.0
"""The EPC in files of the ``misc`` controller of control groups, where a kernel has it.

Patches to Linux (2022 to 2024) count EPC under the key ``sgx_epc``, in bytes; no release of Linux
is known to have them. Without the key nothing enforces what a pod asked for.
"""

from dataclasses import dataclass
from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason

KEY: Final = "sgx_epc"
MAX_FILE_BYTES: Final = 64 * 1024
_MOST: Final = 2**64 - 1
_NUMBER_DIGITS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EpcUse:
    """EPC of one control group, bytes; None where its file says nothing of it.

    Attributes:
        max_bytes: its limit; None for none.
        current_bytes: what it uses.
        times_at_max: how often it was at its limit.
    """

    max_bytes: int | None = None
    current_bytes: int | None = None
    times_at_max: int | None = None


def parse_capacity(text: str) -> int | None:
    """Return the bytes that ``misc.capacity`` says, or None where nothing enforces the EPC.

    Raises:
        MalformedError: the key is there with another value than a number, or twice
            (``node_facts_format``).
    """
    return _value(text, KEY, "misc.capacity")


def parse_use(*, maximum: str = "", current: str = "", events: str = "") -> EpcUse:
    """Return what ``misc.max``, ``misc.current`` and ``misc.events`` of a group say.

    Raises:
        MalformedError: as of `parse_capacity`; a limit may also be ``max``, which is none.
    """
    return EpcUse(
        max_bytes=_value(maximum, KEY, "misc.max", no_limit="max"),
        current_bytes=_value(current, KEY, "misc.current"),
        times_at_max=_value(events, f"{KEY}.max", "misc.events"),
    )


def _value(text: str, key: str, file: str, *, no_limit: str | None = None) -> int | None:
    lines = (line.partition(" ") for line in text.split("\n"))
    values = [value for name, _, value in lines if name == key]
    if not values or values == [no_limit]:
        return None
    value, *more = values
    if more or not (value.isascii() and value.isdecimal() and len(value) <= _NUMBER_DIGITS):
        raise _malformed(file, key, " and ".join(values))
    number = int(value)
    if number > _MOST:
        raise _malformed(file, key, value)
    return number


def _malformed(file: str, key: str, value: str) -> MalformedError:
    return MalformedError(
        Reason.NODE_FACTS_FORMAT, f"{file}: {key} is {value[:40]!a}, not a number of bytes"
    )
