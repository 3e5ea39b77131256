# SPDX-License-Identifier: Apache-2.0
"""Reference values: what a relying party demands of evidence, from flags or from a TOML file.

``TABLE`` is the one list of them. Flags, file keys, the reference page and the checks of an
appraisal all follow it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from confcom.attestation import _values
from confcom.dcap import TcbStatus
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason


class Applies(StrEnum):
    """Which evidence a reference value speaks of."""

    SGX = "SGX"
    TDX = "TDX"
    BOTH = "SGX, TDX"


class Arity(StrEnum):
    """How often a value may be given."""

    ONE = "one"
    MANY = "one or more"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class ReferenceValues:
    """What is demanded; None means that nothing is demanded.

    Measurements with several values accept any one of them. Sizes: MRENCLAVE and MRSIGNER 32
    bytes; family and extended product id 16; CONFIGID and REPORTDATA 64; all of TDX 48.

    Attributes:
        allow_tcb_status: TCB statuses that are acceptable; never Revoked.
        tcb_date_baseline: an OutOfDate TCB counts as up to date if dated on or after this time.
        allow_advisory: if given, every advisory of the TCB must be among these.
        forbid_advisory: none of the advisories of the TCB may be among these.
        max_collateral_age: most time since TCB Info, QE identity and PCK CRL were issued. The
            root CA's CRL is left out, because it is issued once a year.
        collateral_grace: for how long after their nextUpdate TCB Info and QE identity are still
            used; zero is strict. It relaxes verification, not appraisal.
    """

    mr_enclave: tuple[bytes, ...] | None = None
    mr_signer: tuple[bytes, ...] | None = None
    product_id: int | None = None
    min_isv_svn: int | None = None
    family_id: bytes | None = None
    ext_product_id: bytes | None = None
    config_id: bytes | None = None
    min_config_svn: int | None = None
    mr_td: tuple[bytes, ...] | None = None
    rtmr0: tuple[bytes, ...] | None = None
    rtmr1: tuple[bytes, ...] | None = None
    rtmr2: tuple[bytes, ...] | None = None
    rtmr3: tuple[bytes, ...] | None = None
    mr_config_id: bytes | None = None
    mr_owner: bytes | None = None
    mr_owner_config: bytes | None = None
    mr_service_td: bytes | None = None
    sept_ve_disable: bool = False
    min_module_version: tuple[int, int] | None = None
    report_data: bytes | None = None
    allow_debug: bool = False
    allow_tcb_status: frozenset[TcbStatus] = frozenset({TcbStatus.UP_TO_DATE})
    tcb_date_baseline: datetime | None = None
    allow_advisory: frozenset[str] | None = None
    forbid_advisory: frozenset[str] | None = None
    min_evaluation_number: int | None = None
    max_collateral_age: timedelta | None = None
    collateral_grace: timedelta = timedelta(0)

    def given(self, applies: Applies) -> tuple[str, ...]:
        """Return the keys of the demands and allowances that speak of exactly that evidence."""
        return _given(self, applies)


@lru_cache(maxsize=64)
def _given(reference: ReferenceValues, applies: Applies) -> tuple[str, ...]:
    return tuple(
        row.key
        for row in TABLE
        if row.applies is applies and getattr(reference, row.key) != getattr(NOTHING, row.key)
    )


NOTHING: Final = ReferenceValues()
"""Demands no more than what is always demanded."""


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """One row of the table.

    Attributes:
        key: name in the TOML file and of the attribute of ``ReferenceValues``.
        metavar: what is written for the value in help and documentation.
        read: makes the value from what was given.
        reason: why evidence is refused when the demand is not met.
        applies: which evidence it speaks of.
        help: one sentence for people.
        arity: whether it may be given several times.
        combine: makes one value of several.
    """

    key: str
    metavar: str
    read: _values.Reader
    reason: Reason
    applies: Applies
    help: str
    arity: Arity = Arity.ONE
    combine: Callable[[list[object]], object] = tuple

    @property
    def flag(self) -> str:
        """The flag of the command line."""
        return "--" + self.key.replace("_", "-")


def _statuses(found: list[object]) -> object:
    accepted: frozenset[object] = frozenset({TcbStatus.UP_TO_DATE})
    return accepted.union(*(part for part in found if isinstance(part, frozenset)))


_DIGEST32: Final = _values.hex_bytes(32)
_DIGEST48: Final = _values.hex_bytes(48)
_UINT16: Final = _values.integer(0xFFFF)

# fmt: off
# A table is read by rows.
TABLE: Final[tuple[ReferenceValue, ...]] = (
    ReferenceValue(
        "mr_enclave", "HEX", _DIGEST32, Reason.MR_ENCLAVE, Applies.SGX,
        "Measurement of the enclave, 32 bytes.", Arity.MANY,
    ),
    ReferenceValue(
        "mr_signer", "HEX", _DIGEST32, Reason.MR_SIGNER, Applies.SGX,
        "SHA-256 of the signing key of the enclave, 32 bytes.", Arity.MANY,
    ),
    ReferenceValue(
        "product_id", "N", _UINT16, Reason.PRODUCT_ID, Applies.SGX,
        "Product id of the enclave (ISVPRODID).",
    ),
    ReferenceValue(
        "min_isv_svn", "N", _UINT16, Reason.ISV_SVN, Applies.SGX,
        "Lowest security version of the enclave (ISVSVN).",
    ),
    ReferenceValue(
        "family_id", "HEX", _values.hex_bytes(16), Reason.FAMILY_ID, Applies.SGX,
        "Family id, 16 bytes; the enclave must have KSS.",
    ),
    ReferenceValue(
        "ext_product_id", "HEX", _values.hex_bytes(16), Reason.EXT_PRODUCT_ID, Applies.SGX,
        "Extended product id, 16 bytes; the enclave must have KSS.",
    ),
    ReferenceValue(
        "config_id", "HEX", _values.hex_bytes(64), Reason.CONFIG_ID, Applies.SGX,
        "CONFIGID, 64 bytes; the enclave must have KSS.",
    ),
    ReferenceValue(
        "min_config_svn", "N", _UINT16, Reason.CONFIG_SVN, Applies.SGX,
        "Lowest CONFIGSVN; the enclave must have KSS.",
    ),
    ReferenceValue(
        "mr_td", "HEX", _DIGEST48, Reason.MR_TD, Applies.TDX,
        "Measurement of the TD at launch, 48 bytes.", Arity.MANY,
    ),
    *(
        ReferenceValue(
            f"rtmr{index}", "HEX", _DIGEST48, Reason.RTMR, Applies.TDX,
            f"Run-time measurement register {index} of the TD, 48 bytes.", Arity.MANY,
        )
        for index in range(4)
    ),
    ReferenceValue(
        "mr_config_id", "HEX", _DIGEST48, Reason.MR_CONFIG_ID, Applies.TDX,
        "MRCONFIGID of the TD, 48 bytes.",
    ),
    ReferenceValue(
        "mr_owner", "HEX", _DIGEST48, Reason.MR_OWNER, Applies.TDX,
        "MROWNER of the TD, 48 bytes.",
    ),
    ReferenceValue(
        "mr_owner_config", "HEX", _DIGEST48, Reason.MR_OWNER_CONFIG, Applies.TDX,
        "MROWNERCONFIG of the TD, 48 bytes.",
    ),
    ReferenceValue(
        "mr_service_td", "HEX", _DIGEST48, Reason.MR_SERVICE_TD, Applies.TDX,
        "MRSERVICETD, 48 bytes; all zero demands that no service TD is bound.",
    ),
    ReferenceValue(
        "sept_ve_disable", "", _values.switch, Reason.SEPT_VE_DISABLE, Applies.TDX,
        "Demand the TD attribute SEPT_VE_DISABLE.", Arity.SWITCH,
    ),
    ReferenceValue(
        "min_module_version", "MAJOR.MINOR", _values.module_version, Reason.MODULE_VERSION,
        Applies.TDX, "Lowest version of the TDX module at launch of the TD.",
    ),
    ReferenceValue(
        "report_data", "HEX", _values.padded_hex_bytes(64), Reason.REPORT_DATA, Applies.BOTH,
        "REPORTDATA, up to 64 bytes; zero bytes are added at the end up to 64.",
    ),
    ReferenceValue(
        "allow_debug", "", _values.switch, Reason.DEBUG, Applies.BOTH,
        "Accept debug enclaves and TDs, whose memory can be read from outside.", Arity.SWITCH,
    ),
    ReferenceValue(
        "allow_tcb_status", "STATUS", _values.tcb_status, Reason.TCB_STATUS, Applies.BOTH,
        "Accept this TCB status besides UpToDate; any stands for all but Revoked.",
        Arity.MANY, _statuses,
    ),
    ReferenceValue(
        "tcb_date_baseline", "DATE", _values.day, Reason.TCB_STATUS, Applies.BOTH,
        "Take an OutOfDate TCB as up to date if it is dated on or after this day.",
    ),
    ReferenceValue(
        "allow_advisory", "ID", _values.advisory, Reason.ADVISORY, Applies.BOTH,
        "Accept only TCBs whose advisories are all among these.", Arity.MANY, frozenset,
    ),
    ReferenceValue(
        "forbid_advisory", "ID", _values.advisory, Reason.ADVISORY, Applies.BOTH,
        "Refuse TCBs with this advisory.", Arity.MANY, frozenset,
    ),
    ReferenceValue(
        "min_evaluation_number", "N", _values.integer(0xFFFFFFFF), Reason.EVALUATION_NUMBER,
        Applies.BOTH, "Lowest TCB evaluation data number of the collateral.",
    ),
    ReferenceValue(
        "max_collateral_age", "AGE", _values.duration, Reason.COLLATERAL_AGE, Applies.BOTH,
        "Refuse when TCB Info, QE identity or PCK CRL was issued longer ago, such as 30d.",
    ),
    ReferenceValue(
        "collateral_grace", "AGE", _values.duration, Reason.COLLATERAL_EXPIRED, Applies.BOTH,
        "Use TCB Info and QE identity for so long after their expiry (baseline mode).",
    ),
)
# fmt: on
KEYS: Final = tuple(row.key for row in TABLE)


def read_reference(
    flags: Mapping[str, object], *, file: bytes | None = None, file_name: str = "reference file"
) -> ReferenceValues:
    """Return the reference values of flags and of a TOML file.

    A flag replaces the file's value of the same key.

    Args:
        flags: key of the table to what was given: a text, several, or a switch's true; keys
            whose value is None, empty or a switch's false were not given.
        file: contents of the TOML file, which begins with ``version = 1``.
        file_name: its name, for messages.

    Raises:
        MisconfiguredError: reason ``reference_invalid``; the message lists every mistake with
            its origin.
    """
    mistakes: list[str] = []
    values: dict[str, object] = {}
    if file is not None:
        from confcom.attestation import reference_file  # noqa: PLC0415 start-up time: tomllib

        for key, raw in reference_file.decode(file, f"file {file_name}", KEYS, mistakes).items():
            _read_row(_ROW_BY_KEY[key], raw, f"file {file_name}: {key}", values, mistakes)
    for row in TABLE:
        raw = flags.get(row.key)
        if raw not in (None, (), False):
            _read_row(row, raw, f"flag {row.flag}", values, mistakes)
    reference = ReferenceValues(**values)  # type: ignore[arg-type]
    mistakes.extend(_contradictions(reference))
    if mistakes:
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake"
        raise MisconfiguredError(
            Reason.REFERENCE_INVALID,
            "\n  ".join((f"{count} in the reference values", *mistakes)),
            hint="the page on reference values lists every key, flag and form",
        )
    return reference


_ROW_BY_KEY: Final = {row.key: row for row in TABLE}


def _read_row(
    row: ReferenceValue, raw: object, origin: str, values: dict[str, object], mistakes: list[str]
) -> None:
    if row.arity is not Arity.MANY:
        found = _read_value(row, raw, origin, mistakes)
        if found is not None:
            values[row.key] = found
        return
    given = list(raw) if isinstance(raw, list | tuple) else [raw]
    if not given and row.reason is not Reason.ADVISORY:
        mistakes.append(f"{origin}: at least one value expected, empty list found")
    found_all = [
        _read_value(row, one, f"{origin}, value {number}" if len(given) > 1 else origin, mistakes)
        for number, one in enumerate(given, 1)
    ]
    values[row.key] = row.combine([one for one in found_all if one is not None])


def _read_value(
    row: ReferenceValue, raw: object, origin: str, mistakes: list[str]
) -> object | None:
    try:
        return row.read(raw)
    except ValueError as exc:
        mistakes.append(f"{origin}: {exc}")
        return None


def _contradictions(reference: ReferenceValues) -> list[str]:
    mistakes = []
    sgx, tdx = reference.given(Applies.SGX), reference.given(Applies.TDX)
    if sgx and tdx:
        mistakes.append(
            f"{', '.join(sgx)} (SGX) and {', '.join(tdx)} (TDX): no quote can meet both"
        )
    both = (reference.allow_advisory or frozenset()) & (reference.forbid_advisory or frozenset())
    if both:
        mistakes.append(f"both allowed and forbidden: {', '.join(sorted(both))}")
    return mistakes
