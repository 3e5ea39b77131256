# SPDX-License-Identifier: Apache-2.0
"""Appraisal: for each demand one quote that meets it and one that does not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from tests.simulated import AT, DAY, REPORT_DATA, Sample, authority, platform, sgx, tdx

from confcom.attestation import (
    ANY_STATUS,
    TABLE,
    Applies,
    AttestationResult,
    Check,
    CheckOutcome,
    Evidence,
    ReferenceValues,
    appraise,
)
from confcom.attestation._rules import COMMON_RULES, SGX_RULES, TDX_RULES, show_duration
from confcom.dcap import BodyType, QuoteVersion, TcbStatus, TdAttributes, VerificationStep
from confcom.reasons import ExitCode, Kind, Reason
from confcom.sgx import Flags
from confcom.simulation import Enclave, TrustDomain

ENCLAVE = Enclave(
    mr_enclave=b"\xe0" * 32,
    mr_signer=b"\x51" * 32,
    isv_prod_id=7,
    isv_svn=3,
    flags=Flags.INIT | Flags.MODE64BIT | Flags.KSS,
    isv_family_id=b"\xfa" * 16,
    isv_ext_prod_id=b"\xe1" * 16,
    config_id=b"\xc0" * 64,
    config_svn=9,
)
PLAIN = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
TD = TrustDomain(
    mr_td=b"\x7d" * 48,
    mr_config_id=b"\x01" * 48,
    mr_owner=b"\x02" * 48,
    mr_owner_config=b"\x03" * 48,
    rtmrs=tuple(bytes([0x10 + index]) * 48 for index in range(4)),
    mr_service_td=b"\x04" * 48,
)
RELAUNCH = {
    TcbStatus.TD_RELAUNCH_ADVISED,
    TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
}
ANY = ReferenceValues(allow_tcb_status=ANY_STATUS)


class Demand(NamedTuple):
    """A demand, a quote that meets it, one that does not."""

    reason: Reason
    reference: ReferenceValues
    met: Callable[[], Sample]
    missed: Callable[[], Sample]
    check: str | None = None


def sgx_demand(reason: Reason, reference: ReferenceValues, **other: object) -> Demand:
    return Demand(
        reason,
        reference,
        lambda: sgx(ENCLAVE),
        lambda: sgx(replace(ENCLAVE, **other)),  # type: ignore[arg-type]
    )


def tdx_demand(
    reason: Reason, reference: ReferenceValues, check: str | None = None, **other: object
) -> Demand:
    return Demand(
        reason,
        reference,
        lambda: tdx(TD),
        lambda: tdx(replace(TD, **other)),  # type: ignore[arg-type]
        check,
    )


def out_of_date(tcb_date: datetime) -> Sample:
    return sgx(status=TcbStatus.OUT_OF_DATE, tcb_date=tcb_date)


BASELINE = datetime(2025, 1, 1, tzinfo=UTC)
AFTER = datetime(2025, 12, 1, tzinfo=UTC)
BEFORE = datetime(2025, 2, 1, tzinfo=UTC)
"""Levels below the newest are dated 180 days before it, so this one lies before the baseline."""

DEMANDS = [
    sgx_demand(
        Reason.MR_ENCLAVE,
        ReferenceValues(mr_enclave=(bytes(32), ENCLAVE.mr_enclave)),
        mr_enclave=b"\xe1" * 32,
    ),
    sgx_demand(
        Reason.MR_SIGNER,
        ReferenceValues(mr_signer=(ENCLAVE.mr_signer,)),
        mr_signer=b"\x52" * 32,
    ),
    sgx_demand(Reason.PRODUCT_ID, ReferenceValues(product_id=7), isv_prod_id=8),
    sgx_demand(Reason.ISV_SVN, ReferenceValues(min_isv_svn=3), isv_svn=2),
    sgx_demand(
        Reason.FAMILY_ID,
        ReferenceValues(family_id=ENCLAVE.isv_family_id),
        isv_family_id=b"\xfb" * 16,
    ),
    sgx_demand(
        Reason.EXT_PRODUCT_ID,
        ReferenceValues(ext_product_id=ENCLAVE.isv_ext_prod_id),
        isv_ext_prod_id=b"\xe2" * 16,
    ),
    sgx_demand(
        Reason.CONFIG_ID, ReferenceValues(config_id=ENCLAVE.config_id), config_id=b"\xc1" * 64
    ),
    sgx_demand(Reason.CONFIG_SVN, ReferenceValues(min_config_svn=9), config_svn=8),
    tdx_demand(Reason.MR_TD, ReferenceValues(mr_td=(TD.mr_td, bytes(48))), mr_td=b"\x7e" * 48),
    *(
        tdx_demand(
            Reason.RTMR,
            ReferenceValues(**{f"rtmr{index}": (TD.rtmrs[index],)}),  # type: ignore[arg-type]
            f"rtmr{index}",
            rtmrs=(*TD.rtmrs[:index], bytes(48), *TD.rtmrs[index + 1 :]),
        )
        for index in range(4)
    ),
    tdx_demand(
        Reason.MR_CONFIG_ID,
        ReferenceValues(mr_config_id=TD.mr_config_id),
        mr_config_id=bytes(48),
    ),
    tdx_demand(Reason.MR_OWNER, ReferenceValues(mr_owner=TD.mr_owner), mr_owner=bytes(48)),
    tdx_demand(
        Reason.MR_OWNER_CONFIG,
        ReferenceValues(mr_owner_config=TD.mr_owner_config),
        mr_owner_config=bytes(48),
    ),
    tdx_demand(
        Reason.MR_SERVICE_TD,
        ReferenceValues(mr_service_td=TD.mr_service_td),
        mr_service_td=bytes(48),
    ),
    tdx_demand(
        Reason.SEPT_VE_DISABLE,
        ReferenceValues(sept_ve_disable=True),
        td_attributes=TdAttributes.PKS,
    ),
    Demand(
        Reason.DEBUG,
        ReferenceValues(),
        lambda: sgx(PLAIN),
        lambda: sgx(replace(PLAIN, flags=PLAIN.flags | Flags.DEBUG)),
    ),
    Demand(
        Reason.DEBUG,
        ReferenceValues(),
        lambda: tdx(TD),
        lambda: tdx(replace(TD, td_attributes=1 << 3)),
    ),
    Demand(
        Reason.TCB_STATUS,
        ReferenceValues(),
        lambda: sgx(PLAIN),
        lambda: sgx(PLAIN, status=TcbStatus.SW_HARDENING_NEEDED),
    ),
    Demand(
        Reason.TCB_STATUS,
        ReferenceValues(
            allow_tcb_status=frozenset({TcbStatus.UP_TO_DATE, TcbStatus.CONFIGURATION_NEEDED})
        ),
        lambda: sgx(PLAIN, status=TcbStatus.CONFIGURATION_NEEDED),
        lambda: sgx(PLAIN, status=TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED),
    ),
    Demand(
        Reason.TCB_STATUS,
        ReferenceValues(tcb_date_baseline=BASELINE),
        lambda: out_of_date(AFTER),
        lambda: out_of_date(BEFORE),
    ),
    Demand(
        Reason.ADVISORY,
        replace(ANY, allow_advisory=frozenset({"INTEL-SA-00615", "INTEL-SA-00001"})),
        lambda: sgx(status=TcbStatus.OUT_OF_DATE, advisory_ids=("INTEL-SA-00615",)),
        lambda: sgx(
            status=TcbStatus.OUT_OF_DATE, advisory_ids=("INTEL-SA-00615", "INTEL-SA-00002")
        ),
        "allowed_advisories",
    ),
    Demand(
        Reason.ADVISORY,
        replace(ANY, forbid_advisory=frozenset({"INTEL-SA-00615"})),
        lambda: sgx(status=TcbStatus.OUT_OF_DATE, advisory_ids=("INTEL-SA-00001",)),
        lambda: sgx(
            status=TcbStatus.OUT_OF_DATE, advisory_ids=("INTEL-SA-00615", "INTEL-SA-00001")
        ),
        "forbidden_advisories",
    ),
    Demand(
        Reason.EVALUATION_NUMBER,
        ReferenceValues(min_evaluation_number=17),
        lambda: sgx(PLAIN, evaluation_data_number=17),
        lambda: sgx(PLAIN, evaluation_data_number=18, qe_evaluation_data_number=16),
    ),
    Demand(
        Reason.COLLATERAL_AGE,
        ReferenceValues(max_collateral_age=timedelta(days=3)),
        lambda: sgx(PLAIN),
        lambda: sgx(PLAIN),
    ),
    Demand(
        Reason.REPORT_DATA,
        ReferenceValues(report_data=REPORT_DATA),
        lambda: sgx(PLAIN),
        lambda: sgx(PLAIN),
    ),
    Demand(
        Reason.EVIDENCE_TYPE,
        ReferenceValues(product_id=0),
        lambda: sgx(PLAIN),
        lambda: tdx(TD),
    ),
    Demand(
        Reason.EVIDENCE_TYPE,
        ReferenceValues(sept_ve_disable=True),
        lambda: tdx(TD),
        lambda: sgx(PLAIN),
    ),
    Demand(
        Reason.MODULE_VERSION,
        ReferenceValues(min_module_version=(1, 6)),
        lambda: tdx(TD),
        lambda: tdx(TD),
    ),
]


def judged(sample: Sample, reference: ReferenceValues, *, at: datetime = AT) -> AttestationResult:
    return appraise(sample.verified(at=at), reference, at=at)


def failed(result: AttestationResult) -> list[Check]:
    return [check for check in result.checks if check.outcome is CheckOutcome.FAIL]


def missed_case(demand: Demand) -> AttestationResult:
    """The demand, or a stricter one where the quotes do not differ, against the other quote."""
    at, reference = AT, demand.reference
    if demand.reason is Reason.COLLATERAL_AGE:
        at = AT + 3 * DAY + timedelta(seconds=1)
    elif demand.reason is Reason.REPORT_DATA:
        reference = replace(reference, report_data=REPORT_DATA[:63] + b"\0")
    elif demand.reason is Reason.MODULE_VERSION:
        reference = replace(reference, min_module_version=(1, 7))
    return judged(demand.missed(), reference, at=at)


IDS = [f"{number}-{demand.reason}" for number, demand in enumerate(DEMANDS)]


def test_every_reason_of_appraisal_is_tried_here() -> None:
    assert {demand.reason for demand in DEMANDS} == {
        reason for reason in Reason if reason.kind is Kind.NOT_ACCEPTABLE
    }


def test_every_reference_value_is_demanded_here_or_is_an_allowance() -> None:
    given = {
        key for demand in DEMANDS for applies in Applies for key in demand.reference.given(applies)
    }
    assert {row.key for row in TABLE} - given == {"allow_debug", "collateral_grace"}


@pytest.mark.parametrize("demand", DEMANDS, ids=IDS)
def test_accepts_quote_that_meets_demand(demand: Demand) -> None:
    result = judged(demand.met(), demand.reference)
    assert failed(result) == []
    assert result.reason is None
    assert result.exit_code is ExitCode.YES
    assert result.is_acceptable is True
    names = {check.name for check in result.checks}
    assert (demand.check or demand.reason.value) in names


@pytest.mark.parametrize("demand", DEMANDS, ids=IDS)
def test_refuses_quote_that_misses_demand(demand: Demand) -> None:
    result = missed_case(demand)
    (check,) = failed(result)
    assert check.reason is result.reason is demand.reason
    assert check.name == (demand.check or demand.reason.value)
    assert check.expected != check.found
    assert result.is_authentic
    assert result.is_acceptable is False
    assert result.exit_code is ExitCode.NO
    assert result.hint
    assert "expected" in result.message


@pytest.mark.parametrize(
    "reference",
    [
        ReferenceValues(family_id=bytes(16)),
        ReferenceValues(ext_product_id=bytes(16)),
        ReferenceValues(config_id=bytes(64)),
        ReferenceValues(min_config_svn=0),
    ],
)
def test_enclave_without_kss_meets_no_demand_on_kss_fields(reference: ReferenceValues) -> None:
    (check,) = failed(judged(sgx(PLAIN), reference))
    assert check.found == "enclave without KSS"


def test_td_report_without_service_td_does_not_meet_demand_for_none() -> None:
    sample = tdx(TD, version=QuoteVersion.V4, body_type=BodyType.TD_1_0)
    (check,) = failed(judged(sample, ReferenceValues(mr_service_td=bytes(48))))
    assert check.reason is Reason.MR_SERVICE_TD
    assert check.found == "TD report 1.0, which has none"


def test_debug_is_accepted_only_when_allowed() -> None:
    debug = sgx(replace(PLAIN, flags=PLAIN.flags | Flags.DEBUG))
    assert judged(debug, ReferenceValues(allow_debug=True)).is_acceptable
    assert judged(debug, ANY).reason is Reason.DEBUG


@pytest.mark.parametrize("status", sorted(ANY_STATUS - RELAUNCH))
def test_any_accepts_every_status_and_the_default_only_one(status: TcbStatus) -> None:
    sample = sgx(PLAIN, status=status)
    assert judged(sample, ANY).is_acceptable
    assert judged(sample, ReferenceValues()).is_acceptable is (status is TcbStatus.UP_TO_DATE)


@pytest.mark.parametrize("status", sorted(RELAUNCH))
def test_relaunch_status_is_accepted_by_name_only(status: TcbStatus) -> None:
    host = platform().with_running_module(bytes((7, 1, 8)) + bytes(13))
    sample = tdx(TD, on=host, status=status)
    assert judged(sample, ReferenceValues()).reason is Reason.TCB_STATUS
    assert judged(sample, ReferenceValues(allow_tcb_status=frozenset({status}))).is_acceptable
    baseline = ReferenceValues(tcb_date_baseline=datetime(2000, 1, 1, tzinfo=UTC))
    assert judged(sample, baseline).reason is Reason.TCB_STATUS


def test_no_accepted_status_accepts_nothing() -> None:
    result = judged(sgx(PLAIN), ReferenceValues(allow_tcb_status=frozenset()))
    assert result.reason is Reason.TCB_STATUS
    assert failed(result)[0].expected == "none"


def test_baseline_turns_missing_update_into_missing_configuration() -> None:
    sample = sgx(PLAIN, status=TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED, tcb_date=AFTER)
    baseline = ReferenceValues(tcb_date_baseline=BASELINE)
    assert judged(sample, baseline).reason is Reason.TCB_STATUS
    accepted = frozenset({TcbStatus.UP_TO_DATE, TcbStatus.CONFIGURATION_NEEDED})
    result = judged(sample, replace(baseline, allow_tcb_status=accepted))
    assert result.is_acceptable
    assert result.tcb is not None
    assert result.tcb.status == "OutOfDateConfigurationNeeded"


def test_level_dated_at_the_baseline_is_good_enough() -> None:
    sample = out_of_date(AFTER)
    dated = datetime.fromtimestamp(sample.verified().tcb.date, UTC)
    assert judged(sample, ReferenceValues(tcb_date_baseline=dated)).is_acceptable
    later = ReferenceValues(tcb_date_baseline=dated + timedelta(seconds=1))
    assert judged(sample, later).reason is Reason.TCB_STATUS


def test_all_failures_are_reported_together_in_order() -> None:
    debug = replace(ENCLAVE, flags=ENCLAVE.flags | Flags.DEBUG)
    reference = ReferenceValues(
        mr_enclave=(bytes(32),),
        product_id=1,
        min_isv_svn=99,
        report_data=bytes(64),
        min_evaluation_number=99,
    )
    result = judged(sgx(debug, status=TcbStatus.OUT_OF_DATE), reference)
    assert [check.name for check in failed(result)] == [
        "debug",
        "tcb_status",
        "evaluation_number",
        "report_data",
        "mr_enclave",
        "product_id",
        "isv_svn",
    ]
    assert result.reason is Reason.DEBUG
    assert result.message == (
        "mode is debug, expected production; "
        "TCB status is OutOfDate, expected UpToDate; "
        "TCB evaluation data number is 20, expected 99 or higher; "
        "REPORTDATA is 0001020304050607…, expected 0000000000000000…; "
        "MRENCLAVE is e0e0e0e0e0e0e0e0…, expected 0000000000000000…; "
        "product id is 7, expected 1; "
        "ISVSVN is 3, expected 99 or higher"
    )


def test_evidence_of_the_other_kind_does_not_hide_other_failures() -> None:
    reference = ReferenceValues(mr_td=(bytes(48),), report_data=bytes(64))
    result = judged(sgx(PLAIN), reference)
    assert [check.reason for check in failed(result)] == [
        Reason.EVIDENCE_TYPE,
        Reason.REPORT_DATA,
    ]
    assert failed(result)[0].expected == "TDX quote (mr_td demanded)"
    assert failed(result)[0].found == "SGX quote"


@pytest.mark.parametrize(
    ("sample", "reference", "check", "expected", "found"),
    [
        (tdx(TD), ReferenceValues(min_module_version=(2, 7)), "module_version", "2.7 or higher",
         "1.6"),
        (sgx(PLAIN), ReferenceValues(product_id=0), "evidence_type",
         "SGX quote (product_id demanded)", "SGX quote"),
        (tdx(TD), ReferenceValues(sept_ve_disable=True), "sept_ve_disable", "set", "set"),
        (sgx(PLAIN), ANY, "tcb_status", "any but Revoked", "UpToDate"),
        (sgx(PLAIN), replace(ANY, allow_tcb_status=ANY_STATUS | {TcbStatus.REVOKED}),
         "tcb_status", "any but Revoked", "UpToDate"),
        (sgx(PLAIN), ReferenceValues(allow_advisory=frozenset()), "allowed_advisories",
         "only none", "none"),
        (sgx(PLAIN), ReferenceValues(allow_advisory=frozenset({"A-B-2", "A-B-1"})),
         "allowed_advisories", "only A-B-1, A-B-2", "none"),
        (sgx(PLAIN), ReferenceValues(forbid_advisory=frozenset({"A-B-2", "A-B-1"})),
         "forbidden_advisories", "none of A-B-1, A-B-2", "none"),
        (sgx(status=TcbStatus.OUT_OF_DATE, advisory_ids=("A-B-2", "A-B-1")),
         ReferenceValues(forbid_advisory=frozenset({"A-B-3"})), "forbidden_advisories",
         "none of A-B-3", "A-B-1, A-B-2"),
        (sgx(status=TcbStatus.OUT_OF_DATE, tcb_date=AFTER),
         ReferenceValues(tcb_date_baseline=BASELINE), "tcb_status", "UpToDate",
         "OutOfDate of 2025-06-04, by the baseline UpToDate"),
        (sgx(ENCLAVE), ReferenceValues(mr_signer=(bytes(32), ENCLAVE.mr_signer)), "mr_signer",
         "00" * 32 + " or " + "51" * 32, "51" * 32),
    ],
)  # fmt: skip
def test_checks_say_what_was_expected_and_found(
    sample: Sample, reference: ReferenceValues, check: str, expected: str, found: str
) -> None:
    checks = {one.name: one for one in judged(sample, reference).checks}
    assert (checks[check].expected, checks[check].found) == (expected, found)


def test_message_keeps_the_names_of_statuses_whole() -> None:
    sample = sgx(status=TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED)
    assert judged(sample, ReferenceValues()).message == (
        "TCB status is ConfigurationAndSWHardeningNeeded, expected UpToDate"
    )


def test_message_shortens_every_measurement() -> None:
    reference = ReferenceValues(mr_enclave=(bytes(32), b"\x01" * 32), family_id=bytes(16))
    assert judged(sgx(ENCLAVE), reference).message == (
        "MRENCLAVE is e0e0e0e0e0e0e0e0…, expected 0000000000000000… or 0101010101010101…; "
        "family id is fafafafafafafafa…, expected 0000000000000000…"
    )


def test_message_of_success_says_what_was_shown() -> None:
    words = "quote is authentic and acceptable: TCB UpToDate under evaluation data number 20"
    assert judged(sgx(PLAIN), ReferenceValues()).message == f"SGX {words}"
    assert judged(tdx(TD), ReferenceValues()).message == f"TDX {words}"


def test_mixed_reference_values_refuse_both_kinds() -> None:
    mixed = ReferenceValues(product_id=7, sept_ve_disable=True)
    assert judged(sgx(ENCLAVE), mixed).reason is Reason.EVIDENCE_TYPE
    assert judged(tdx(TD), mixed).reason is Reason.EVIDENCE_TYPE


def test_verification_steps_come_first_and_have_passed() -> None:
    checks = judged(sgx(PLAIN), ReferenceValues()).checks
    count = len(VerificationStep)
    assert [check.name for check in checks[:count]] == [step.value for step in VerificationStep]
    assert {check.outcome for check in checks[:count]} == {CheckOutcome.PASS}
    assert [check.name for check in checks[count:]] == ["time", "debug", "tcb_status"]


def test_every_check_has_its_own_name() -> None:
    names = [step.value for step in VerificationStep]
    for rules in (COMMON_RULES, SGX_RULES, TDX_RULES):
        names += [rule.name for rule in rules]
    assert len(names) == len(set(names))


def test_only_a_verified_quote_is_taken() -> None:
    for other in (sgx(PLAIN).quote, None, Evidence.from_bytes(sgx(PLAIN).quote)):
        with pytest.raises(TypeError, match="takes a VerifiedQuote"):
            appraise(other, ReferenceValues(), at=AT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (timedelta(seconds=-1), Reason.NOT_YET_VALID),
        (timedelta(0), None),
        (30 * DAY, None),
        (30 * DAY + timedelta(seconds=1), Reason.COLLATERAL_EXPIRED),
    ],
)
def test_verification_holds_only_in_its_time(offset: timedelta, reason: Reason | None) -> None:
    result = appraise(sgx(PLAIN).verified(), ReferenceValues(), at=AT + offset)
    assert result.reason is reason
    assert result.is_authentic is (reason is None)
    assert result.is_acceptable is (True if reason is None else None)


def test_result_is_valid_until_first_document_ends() -> None:
    result = judged(sgx(PLAIN), ReferenceValues())
    assert result.verified_at == AT
    assert result.valid_until == AT + 30 * DAY


def test_result_is_valid_no_longer_than_demanded_age() -> None:
    result = judged(sgx(PLAIN), ReferenceValues(max_collateral_age=2 * DAY))
    assert result.valid_until == AT + 2 * DAY
    result = judged(sgx(PLAIN), ReferenceValues(max_collateral_age=99 * DAY))
    assert result.valid_until == AT + 30 * DAY


def test_oldest_document_decides_how_long_a_result_is_valid() -> None:
    fresh = sgx(PLAIN, issued=AT + 5 * DAY)
    old = sgx(PLAIN).collateral.pck_crl
    sample = replace(fresh, collateral=replace(fresh.collateral, pck_crl=old))
    result = judged(sample, ReferenceValues(max_collateral_age=9 * DAY), at=AT + 5 * DAY)
    assert result.valid_until == AT + 9 * DAY


def test_document_as_old_as_allowed_is_fresh_enough() -> None:
    reference = ReferenceValues(max_collateral_age=DAY)
    assert judged(sgx(PLAIN), reference, at=AT + DAY).is_acceptable
    late = judged(sgx(PLAIN), reference, at=AT + DAY + timedelta(seconds=1))
    assert late.reason is Reason.COLLATERAL_AGE


def test_age_of_the_root_list_does_not_count() -> None:
    old = authority().root_crl(at=AT)
    fresh = sgx(PLAIN, issued=AT + 20 * DAY)
    sample = replace(fresh, collateral=replace(fresh.collateral, root_ca_crl=old))
    reference = ReferenceValues(max_collateral_age=DAY)
    assert judged(sample, reference, at=AT + 20 * DAY).is_acceptable


@pytest.mark.parametrize("part", ["pck_crl", "tcb_info", "qe_identity"])
def test_age_of_each_other_document_counts(part: str) -> None:
    old, fresh = sgx(PLAIN), sgx(PLAIN, issued=AT + 20 * DAY)
    names = [part] if part == "pck_crl" else [part, f"{part}_signature"]
    parts = {name: getattr(old.collateral, name) for name in names}
    sample = replace(fresh, collateral=replace(fresh.collateral, **parts))
    reference = ReferenceValues(max_collateral_age=DAY)
    (check,) = failed(judged(sample, reference, at=AT + 20 * DAY))
    assert check.reason is Reason.COLLATERAL_AGE
    assert check.expected == "issued at most 1d ago"
    assert check.found is not None
    assert check.found.endswith("issued 20d ago (2026-01-02T03:04:05Z)")


def test_result_under_simulated_root_says_so() -> None:
    result = judged(sgx(PLAIN), ReferenceValues())
    assert result.is_simulated
    assert "SIMULATED" in result.root


def test_reminds_that_no_identity_was_demanded() -> None:
    assert "which workload" in (judged(sgx(PLAIN), ReferenceValues()).hint or "")
    assert judged(sgx(PLAIN), ReferenceValues(mr_signer=(PLAIN.mr_signer,))).hint is None
    assert judged(tdx(TD), ReferenceValues(mr_td=(TD.mr_td,))).hint is None


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=1), "1m"),
        (timedelta(seconds=90), "1.5m"),
        (timedelta(hours=1), "1h"),
        (timedelta(days=1), "1d"),
        (timedelta(days=10, hours=12), "10.5d"),
    ],
)
def test_shows_lengths_of_time_for_people(length: timedelta, text: str) -> None:
    assert show_duration(length) == text
