# SPDX-License-Identifier: Apache-2.0
"""Appraisal as a whole: more demands never accept more, and no input ends without a result."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.simulated import AT, REPORT_DATA, Sample, authority, platform, sgx, tdx

from confcom.attestation import (
    ANY_STATUS,
    TABLE,
    AttestationResult,
    CheckOutcome,
    Endorsements,
    Evidence,
    ReferenceValues,
    appraise,
    judge,
    read_reference,
)
from confcom.dcap import TcbStatus
from confcom.errors import MisconfiguredError
from confcom.sgx import Flags
from confcom.simulation import Enclave

KSS = Enclave(
    mr_enclave=b"\xe0" * 32,
    mr_signer=b"\x51" * 32,
    isv_prod_id=1,
    isv_svn=1,
    flags=Flags.INIT | Flags.KSS | Flags.DEBUG,
    isv_family_id=b"\x01" * 16,
)


@cache
def samples() -> tuple[Sample, ...]:
    host = platform().with_running_module(bytes((7, 1, 8)) + bytes(13))
    return (
        sgx(),
        sgx(KSS, status=TcbStatus.OUT_OF_DATE, advisory_ids=("INTEL-SA-00001",)),
        sgx(status=TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED, evaluation_data_number=17),
        tdx(),
        tdx(on=host, status=TcbStatus.TD_RELAUNCH_ADVISED),
    )


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def digests(*right: bytes) -> st.SearchStrategy[Any]:
    one = st.sampled_from([*right, bytes(len(right[0]))])
    return optional(st.lists(one, min_size=1, max_size=2).map(tuple))


ADVISORIES = st.frozensets(
    st.sampled_from(["INTEL-SA-00001", "INTEL-SA-00002", "SIMULATED-SA-00001"])
)
CONSTRAINTS: dict[str, st.SearchStrategy[Any]] = {
    "mr_enclave": digests(b"\xe0" * 32),
    "mr_signer": digests(b"\x51" * 32),
    "product_id": optional(st.integers(0, 1)),
    "min_isv_svn": optional(st.integers(0, 2)),
    "family_id": optional(st.sampled_from([bytes(16), b"\x01" * 16])),
    "mr_td": digests(b"\x7d" * 48),
    "rtmr2": digests(bytes(48), b"\x01" * 48),
    "sept_ve_disable": st.booleans(),
    "min_module_version": optional(st.tuples(st.integers(0, 2), st.integers(5, 7))),
    "report_data": optional(st.sampled_from([REPORT_DATA, bytes(64)])),
    "allow_advisory": optional(ADVISORIES),
    "forbid_advisory": optional(ADVISORIES),
    "min_evaluation_number": optional(st.sampled_from([16, 17, 18, 20, 21])),
    "max_collateral_age": optional(st.integers(-1, 1).map(timedelta)),
}
ALLOWANCES: dict[str, st.SearchStrategy[Any]] = {
    "allow_debug": st.booleans(),
    "allow_tcb_status": st.sets(st.sampled_from(sorted(ANY_STATUS))).map(frozenset),
    "tcb_date_baseline": optional(st.just(datetime(2000, 1, 1, tzinfo=UTC))),
}


def references() -> st.SearchStrategy[ReferenceValues]:
    return st.builds(ReferenceValues, **CONSTRAINTS, **ALLOWANCES)


@st.composite
def stricter_pairs(draw: st.DrawFn) -> tuple[ReferenceValues, ReferenceValues]:
    strict = draw(references())
    loose = strict
    for key in draw(st.sets(st.sampled_from(sorted(CONSTRAINTS)))):
        loose = replace(loose, **{key: getattr(ReferenceValues(), key)})
    if draw(st.booleans()):
        loose = replace(loose, allow_debug=True, allow_tcb_status=ANY_STATUS)
    return loose, strict


@given(st.integers(0, 4), stricter_pairs())
def test_adding_a_demand_never_accepts_more(
    index: int, pair: tuple[ReferenceValues, ReferenceValues]
) -> None:
    verified = samples()[index].verified()
    loose, strict = (appraise(verified, reference, at=AT) for reference in pair)
    assert strict.is_authentic
    assert loose.is_authentic
    assert loose.is_acceptable or not strict.is_acceptable


@given(st.integers(0, 4), references())
def test_result_agrees_with_its_checks(index: int, reference: ReferenceValues) -> None:
    result = appraise(samples()[index].verified(), reference, at=AT)
    failures = [check for check in result.checks if check.outcome is CheckOutcome.FAIL]
    assert result.reason is (failures[0].reason if failures else None)
    assert all(check.reason is not None for check in failures)
    assert all(
        check.reason is None for check in result.checks if check.outcome is not CheckOutcome.FAIL
    )


def judge_bytes(data: bytes) -> AttestationResult:
    def endorse(_: Evidence) -> Endorsements:
        return Endorsements(samples()[0].collateral)

    return judge(
        data,
        endorse=endorse,
        reference=ReferenceValues(),
        at=AT,
        root=authority().trusted_root,
        allow_simulated=True,
    )


@given(st.binary(max_size=2048))
def test_any_bytes_give_a_result_that_accepts_nothing(data: bytes) -> None:
    result = judge_bytes(data)
    assert result.reason is not None
    assert not result.is_acceptable


@given(st.data())
def test_changed_byte_of_the_signed_part_never_accepts(data: st.DataObject) -> None:
    quote = bytearray(samples()[0].quote)
    offset = data.draw(st.integers(0, 431))
    quote[offset] ^= data.draw(st.integers(1, 255))
    result = judge_bytes(bytes(quote))
    assert not result.is_authentic
    assert result.is_acceptable is None


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)


def mistakes(flags: dict[str, object], file: bytes | None = None) -> str | None:
    """The message about all mistakes, or None if there are none."""
    try:
        reference = read_reference(flags, file=file)
    except MisconfiguredError as exc:
        return exc.message
    assert TcbStatus.UP_TO_DATE in reference.allow_tcb_status
    assert TcbStatus.REVOKED not in reference.allow_tcb_status
    return None


@given(st.dictionaries(st.sampled_from([row.key for row in TABLE]), VALUES | st.lists(VALUES)))
def test_any_flags_give_reference_values_or_a_list_of_mistakes(flags: dict[str, object]) -> None:
    message = mistakes(flags)
    assert message is None or "in the reference values\n  " in message


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_file_gives_reference_values_or_a_list_of_mistakes(file: bytes) -> None:
    message = mistakes({}, b"version = 1\n" + file)
    assert message is None or "in the reference values\n  " in message
