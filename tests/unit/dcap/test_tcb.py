# SPDX-License-Identifier: Apache-2.0
"""TCB evaluation: levels, modules, convergence and the relaunch rule, row by row."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from tests.forging import Json, check, outcome, with_qe_identity, with_tcb_info
from tests.simulated import Sample, platform, sgx, tdx

from confcom.dcap import (
    BodyType,
    IdentityLevel,
    PckExtension,
    QuoteVersion,
    TcbInfo,
    TcbLevel,
    TcbStatus,
)
from confcom.dcap.tcb import (
    check_module,
    choose_identity_level,
    choose_platform_level,
    converge,
    find_module,
    relaunch,
)
from confcom.dcap.td_report import TdReport
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason
from confcom.simulation import SIMULATED_ADVISORY

S = TcbStatus
PCK: PckExtension = platform().extension
RELAUNCH = {S.TD_RELAUNCH_ADVISED, S.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED}
PLATFORM = [status for status in S if status not in RELAUNCH]


def level(
    sgx_svns: tuple[int, ...] = PCK.sgx_svns,
    pce_svn: int = PCK.pce_svn,
    tdx_svns: tuple[int, ...] | None = None,
) -> TcbLevel:
    return TcbLevel(sgx_svns, pce_svn, tdx_svns, S.UP_TO_DATE, 0)


def raised(svns: tuple[int, ...], index: int, by: int = 1) -> tuple[int, ...]:
    return (*svns[:index], svns[index] + by, *svns[index + 1 :])


@pytest.mark.parametrize("index", range(16))
def test_every_sgx_component_counts(index: int) -> None:
    assert choose_platform_level(PCK, [level()], None) is not None
    assert choose_platform_level(PCK, [level(raised(PCK.sgx_svns, index))], None) is None
    higher = replace(PCK, sgx_svns=raised(PCK.sgx_svns, index))
    assert choose_platform_level(higher, [level()], None) is not None


def test_the_pce_counts() -> None:
    assert choose_platform_level(PCK, [level(pce_svn=PCK.pce_svn + 1)], None) is None
    assert choose_platform_level(PCK, [level(pce_svn=PCK.pce_svn - 1)], None) is not None


@pytest.mark.parametrize("index", range(16))
@pytest.mark.parametrize("major", [0, 1, 2])
def test_tdx_components_count_except_those_of_a_module_with_identity(
    index: int, major: int
) -> None:
    svn = bytes((5, major, *(5,) * 14))
    wanted = raised(tuple(svn), index)
    found = choose_platform_level(PCK, [level(tdx_svns=wanted)], svn)
    assert (found is not None) == (major != 0 and index < 2)


def test_the_first_level_that_is_reached_is_chosen() -> None:
    lower = level(pce_svn=PCK.pce_svn - 1)
    levels = [level(pce_svn=PCK.pce_svn + 1), level(), lower]
    assert choose_platform_level(PCK, levels, None) == levels[1]
    assert choose_platform_level(PCK, [], None) is None


@pytest.mark.parametrize(("svn", "expected"), [(9, 7), (7, 7), (6, 5), (5, 5), (4, None)])
def test_identity_levels(svn: int, expected: int | None) -> None:
    levels = [IdentityLevel(number, S.UP_TO_DATE, 0) for number in (7, 5)]
    found = choose_identity_level(levels, svn)
    assert (found.isv_svn if found else None) == expected


CONVERGED_OLD = {
    S.UP_TO_DATE: S.OUT_OF_DATE,
    S.SW_HARDENING_NEEDED: S.OUT_OF_DATE,
    S.CONFIGURATION_NEEDED: S.OUT_OF_DATE_CONFIGURATION_NEEDED,
    S.CONFIGURATION_AND_SW_HARDENING_NEEDED: S.OUT_OF_DATE_CONFIGURATION_NEEDED,
    S.OUT_OF_DATE: S.OUT_OF_DATE,
    S.OUT_OF_DATE_CONFIGURATION_NEEDED: S.OUT_OF_DATE_CONFIGURATION_NEEDED,
    S.REVOKED: S.REVOKED,
}
COMPONENTS = [S.UP_TO_DATE, S.OUT_OF_DATE, S.REVOKED]


@pytest.mark.parametrize("status", PLATFORM)
@pytest.mark.parametrize("components", [*product(COMPONENTS, repeat=2), (S.UP_TO_DATE,)])
def test_convergence(status: TcbStatus, components: tuple[TcbStatus, ...]) -> None:
    expected = status
    if S.OUT_OF_DATE in components:
        expected = CONVERGED_OLD[status]
    if S.REVOKED in components:
        expected = S.REVOKED
    assert converge(status, components) is expected


OLD = {S.OUT_OF_DATE, S.OUT_OF_DATE_CONFIGURATION_NEEDED}
WITH_CONFIGURATION = {
    S.CONFIGURATION_NEEDED,
    S.CONFIGURATION_AND_SW_HARDENING_NEEDED,
    S.OUT_OF_DATE_CONFIGURATION_NEEDED,
}


@pytest.mark.parametrize(("launch", "current"), list(product(PLATFORM, repeat=2)))
def test_relaunch_rule(launch: TcbStatus, current: TcbStatus) -> None:
    found = relaunch(launch, current)
    if S.REVOKED in (launch, current):
        assert found is S.REVOKED
    elif launch in OLD and current not in OLD:
        needs = bool({launch, current} & WITH_CONFIGURATION)
        expected = S.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED if needs else S.TD_RELAUNCH_ADVISED
        assert found is expected
    else:
        assert found is launch


# Through verification

SGX, TDX = sgx(), tdx()
OLD_TDX = tdx(version=QuoteVersion.V4, body_type=BodyType.TD_1_0)


@pytest.mark.parametrize("status", [*PLATFORM, None])
def test_platform_status_comes_out_as_issued(status: TcbStatus | None) -> None:
    for sample in (sgx(status=status), tdx(status=status)):
        if status is None:
            assert outcome(sample.quote, sample.collateral) is Reason.TCB_NOT_SUPPORTED
        elif status is S.REVOKED:
            assert outcome(sample.quote, sample.collateral) is Reason.TCB_REVOKED
        else:
            verdict = check(sample.quote, sample.collateral).tcb
            assert verdict.status is status
            expected = () if status is S.UP_TO_DATE else (SIMULATED_ADVISORY,)
            assert verdict.advisory_ids == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (S.UP_TO_DATE, S.UP_TO_DATE),
        (S.OUT_OF_DATE, S.OUT_OF_DATE),
        (S.REVOKED, Reason.TCB_REVOKED),
        (None, Reason.TCB_NOT_SUPPORTED),
    ],
)
@pytest.mark.parametrize("part", ["qe_status", "module_status"])
def test_components_decide_too(
    part: str, status: TcbStatus | None, expected: TcbStatus | Reason
) -> None:
    wish: dict[str, Any] = {part: status}
    sample = tdx(**wish)
    if isinstance(expected, Reason):
        assert outcome(sample.quote, sample.collateral) is expected
    else:
        assert check(sample.quote, sample.collateral).tcb.status is expected


@pytest.mark.parametrize("status", sorted(RELAUNCH))
def test_a_td_that_outlived_an_update_should_be_launched_again(status: TcbStatus) -> None:
    updated = platform().with_running_module(bytes((7, 1, 7)) + bytes(13))
    sample = tdx(on=updated, status=status)
    verdict = check(sample.quote, sample.collateral).tcb
    assert verdict.status is status
    assert verdict.launch_status in OLD
    assert verdict.current_status not in OLD
    assert verdict.module_level is not None


def test_the_smaller_evaluation_data_number_counts() -> None:
    for info, qe in ((20, 18), (18, 20)):
        sample = sgx(evaluation_data_number=info, qe_evaluation_data_number=qe)
        assert check(sample.quote, sample.collateral).tcb.evaluation_data_number == 18


def test_advisories_of_all_chosen_levels_are_joined_sorted_and_once() -> None:
    def advise(document: Json) -> None:
        document["tcbLevels"][0]["advisoryIDs"] = ["B", "A", "B"]

    def advise_qe(document: Json) -> None:
        document["tcbLevels"][0]["advisoryIDs"] = ["C", "A"]

    changed = with_qe_identity(with_tcb_info(SGX.collateral, advise), advise_qe)
    assert check(SGX.quote, changed).tcb.advisory_ids == ("A", "B", "C")


def test_the_earliest_date_of_the_chosen_levels_counts() -> None:
    def date(document: Json) -> None:
        document["tcbLevels"][0]["tcbDate"] = "2001-01-01T00:00:00Z"

    changed = with_qe_identity(SGX.collateral, date)
    assert check(SGX.quote, changed).tcb.date == 978307200


# TDX modules


def info_of(sample: Sample) -> TcbInfo:
    return TcbInfo.from_bytes(sample.collateral.tcb_info)


def test_modules_are_found_by_major_version_in_either_case() -> None:
    info = info_of(TDX)
    (identity,) = info.module_identities
    assert identity.id == "TDX_01"
    assert find_module(info, bytes((9, 1)) + bytes(14)) is identity
    assert find_module(info, bytes((9, 0)) + bytes(14)) is info.tdx_module
    assert find_module(info, bytes((9, 2)) + bytes(14)) is None
    lower = with_tcb_info(TDX.collateral, lambda d: d["tdxModuleIdentities"][0].update(id="tdx_01"))
    assert outcome(TDX.quote, lower) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("tdxModuleIdentities"),
        lambda d: d["tdxModuleIdentities"][0].update(id="TDX_02"),
        lambda d: d["tdxModuleIdentities"][0].update(id="TDX_1"),
        lambda d: d["tdxModuleIdentities"][0].update(mrsigner="11" * 48),
        lambda d: d["tdxModuleIdentities"][0].update(attributes="01" + "00" * 7),
    ],
)
@pytest.mark.parametrize("sample", [TDX, OLD_TDX], ids=["1.5", "1.0"])
def test_refuses_another_module(sample: Sample, change: object) -> None:
    changed = with_tcb_info(sample.collateral, change)  # type: ignore[arg-type]
    assert outcome(sample.quote, changed) is Reason.TDX_MODULE_MISMATCH


def body(**changes: object) -> TdReport:
    parsed = check(TDX.quote, TDX.collateral).quote.body
    assert isinstance(parsed, TdReport)
    return replace(parsed, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"mr_signer_seam": b"\x01" + bytes(47)},
        {"seam_attributes": b"\x01" + bytes(7)},
        {"seam_attributes": bytes(7) + b"\x80"},
        {"tee_tcb_svn": bytes((1, 9)) + bytes(14)},
    ],
)
def test_refuses_reports_of_another_module(changes: dict[str, object]) -> None:
    check_module(info_of(TDX), body())
    with pytest.raises(NotAuthenticError) as caught:
        check_module(info_of(TDX), body(**changes))
    assert caught.value.reason is Reason.TDX_MODULE_MISMATCH


def test_refuses_attributes_of_a_module_even_if_they_are_expected() -> None:
    expected = with_tcb_info(
        TDX.collateral,
        lambda d: d["tdxModuleIdentities"][0].update(attributes="01" + "00" * 7),
    )
    info = TcbInfo.from_bytes(expected.tcb_info)
    with pytest.raises(NotAuthenticError):
        check_module(info, body(seam_attributes=b"\x01" + bytes(7)))


def test_refuses_a_running_module_without_identity() -> None:
    running = platform().with_running_module(bytes((7, 3, 7)) + bytes(13))
    sample = tdx(on=running)
    changed = with_tcb_info(
        sample.collateral,
        lambda d: d.update(
            tdxModuleIdentities=[one for one in d["tdxModuleIdentities"] if one["id"] == "TDX_01"]
        ),
    )
    assert outcome(sample.quote, changed) is Reason.TDX_MODULE_MISMATCH


def test_refuses_a_running_module_that_is_revoked() -> None:
    running = platform().with_running_module(bytes((7, 3, 7)) + bytes(13))
    sample = tdx(on=running)
    changed = with_tcb_info(
        sample.collateral,
        lambda d: d["tdxModuleIdentities"][1]["tcbLevels"][0].update(tcbStatus="Revoked"),
    )
    assert outcome(sample.quote, changed) is Reason.TCB_REVOKED


def test_a_module_of_version_0_has_no_level_of_its_own() -> None:
    module = replace(
        platform().module,
        tee_tcb_svn=bytes((5, 0, 7)) + bytes(13),
        tee_tcb_svn2=bytes((5, 0, 7)) + bytes(13),
    )
    host = replace(platform(), module=module)
    sample = tdx(on=host)
    verdict = check(sample.quote, sample.collateral).tcb
    assert (verdict.status, verdict.module_level) == (S.UP_TO_DATE, None)
    changed = with_tcb_info(sample.collateral, lambda d: d["tdxModule"].update(mrsigner="11" * 48))
    assert outcome(sample.quote, changed) is Reason.TDX_MODULE_MISMATCH
