# SPDX-License-Identifier: Apache-2.0
"""From bytes to results: judged evidence, refusals, and the JSON that the schema describes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources
from typing import Any

import jsonschema
import pytest
from tests.simulated import AT, Sample, authority, sgx, tdx

from confcom.attestation import (
    AttestationResult,
    CheckOutcome,
    Endorsements,
    Evidence,
    EvidenceType,
    ReferenceValues,
    judge,
    refused,
)
from confcom.attestation.result import format_time
from confcom.dcap import BodyType, QuoteVersion, TcbStatus, VerificationStep, intel_root
from confcom.errors import BRANCHES, ConfcomError, MisconfiguredError, UnavailableError
from confcom.reasons import OUTCOMES, ExitCode, Kind, Reason
from confcom.sgx import Flags
from confcom.simulation import Enclave

CLASS_OF = {branch.kind: branch for branch in BRANCHES}
STEPS = list(VerificationStep)
ROOT = authority().trusted_root


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    text = (
        resources.files("confcom.attestation")
        .joinpath("schema/attestation-result.v1.json")
        .read_text(encoding="utf-8")
    )
    document = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def judged(
    sample: Sample,
    reference: ReferenceValues | None = None,
    *,
    quote: bytes | None = None,
    at: datetime = AT,
    allow_simulated: bool = True,
) -> AttestationResult:
    return judge(
        sample.quote if quote is None else quote,
        endorse=lambda _: Endorsements(sample.collateral),
        reference=reference or ReferenceValues(),
        at=at,
        root=ROOT,
        allow_simulated=allow_simulated,
    )


def flipped(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


def error_of(reason: Reason, step: str | None) -> ConfcomError:
    return CLASS_OF[reason.kind](reason, "what happened", hint="what to do", step=step)


ERRORS = [reason for reason in Reason if reason.kind is not Kind.BUG]


@pytest.mark.parametrize("reason", ERRORS)
def test_refusal_has_the_fields_of_its_reason(
    reason: Reason, schema: jsonschema.Draft202012Validator
) -> None:
    result = refused(error_of(reason, STEPS[1].value), at=AT, root=ROOT)
    outcome = OUTCOMES[reason.kind]
    document = result.to_json()
    assert document["authentic"] is outcome.authentic
    assert document["acceptable"] is outcome.acceptable
    assert document["reason"] == reason.value
    assert document["message"] == "what happened"
    assert document["hint"] == "what to do"
    assert result.exit_code is outcome.exit_code
    if reason.kind is not Kind.NOT_ACCEPTABLE:  # appraisal gives those, with claims
        schema.validate(document)


@pytest.mark.parametrize("index", range(len(STEPS)))
def test_steps_before_failure_have_passed_and_those_behind_were_not_reached(index: int) -> None:
    error = error_of(Reason.QUOTE_SIGNATURE, STEPS[index].value)
    checks = refused(error, at=AT, root=ROOT).checks
    assert [check.name for check in checks] == [step.value for step in STEPS]
    assert [check.outcome for check in checks] == [
        *[CheckOutcome.PASS] * index,
        CheckOutcome.FAIL,
        *[CheckOutcome.NOT_REACHED] * (len(STEPS) - index - 1),
    ]
    assert checks[index].reason is Reason.QUOTE_SIGNATURE
    assert checks[index].found == "what happened"


@pytest.mark.parametrize("step", [None, "no such step"])
def test_failure_outside_the_steps_reaches_none(step: str | None) -> None:
    checks = refused(error_of(Reason.INPUT_ENCODING, step), at=AT, root=ROOT).checks
    assert {check.outcome for check in checks} == {CheckOutcome.NOT_REACHED}


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param(sgx(), id="sgx-3"),
        pytest.param(
            sgx(
                Enclave(
                    mr_enclave=b"\x01" * 32,
                    mr_signer=b"\x02" * 32,
                    flags=Flags.INIT | Flags.KSS,
                    isv_family_id=b"\x03" * 16,
                )
            ),
            id="sgx-kss",
        ),
        pytest.param(sgx(version=QuoteVersion.V5), id="sgx-5"),
        pytest.param(tdx(version=QuoteVersion.V4, body_type=BodyType.TD_1_0), id="tdx-4"),
        pytest.param(tdx(), id="tdx-5"),
        pytest.param(tdx(body_type=BodyType.TD_1_5_EX), id="tdx-5-extended"),
        pytest.param(sgx(status=TcbStatus.OUT_OF_DATE), id="not-acceptable"),
        pytest.param(sgx(status=TcbStatus.REVOKED), id="revoked"),
        pytest.param(sgx(status=None), id="not-supported"),
    ],
)
def test_result_of_judged_quote_fits_the_schema(
    sample: Sample, schema: jsonschema.Draft202012Validator
) -> None:
    document = judged(sample).to_json()
    schema.validate(document)
    assert json.loads(json.dumps(document)) == document
    assert document["simulated"] is True


def test_table_of_outcomes_holds_for_real_runs() -> None:
    good = sgx()
    cases: list[tuple[AttestationResult, bool, bool | None, ExitCode]] = [
        (judged(good), True, True, ExitCode.YES),
        (judged(good, ReferenceValues(product_id=9)), True, False, ExitCode.NO),
        (judged(good, quote=flipped(good.quote, 120)), False, None, ExitCode.NO),
        (judged(sgx(status=TcbStatus.REVOKED)), False, None, ExitCode.NO),
        (judged(sgx(status=None)), False, None, ExitCode.NO),
        (judged(good, allow_simulated=False), False, None, ExitCode.NO),
        (judged(good, at=AT + timedelta(days=60)), False, None, ExitCode.NO),
        (judged(good, quote=good.quote[:-1]), False, None, ExitCode.MALFORMED),
        (judged(good, quote=b""), False, None, ExitCode.MALFORMED),
        (judged(good, quote=bytes(64 * 1024 + 1)), False, None, ExitCode.MALFORMED),
    ]
    for result, authentic, acceptable, code in cases:
        found = (result.is_authentic, result.is_acceptable, result.exit_code)
        assert found == (authentic, acceptable, code), result.message


def test_missing_collateral_leaves_the_question_open() -> None:
    sample = sgx()
    result = judge(
        sample.quote,
        endorse=lambda _: Endorsements(),
        reference=ReferenceValues(),
        at=AT,
        root=ROOT,
        allow_simulated=True,
    )
    assert result.reason is Reason.COLLATERAL_MISSING
    assert result.exit_code is ExitCode.UNKNOWN


def test_unreachable_source_is_a_result() -> None:
    def endorse(_: Evidence) -> Endorsements:
        raise UnavailableError(Reason.SOURCE_UNREACHABLE, "cannot reach example.test")

    result = judge(sgx().quote, endorse=endorse, reference=ReferenceValues(), at=AT, root=ROOT)
    assert result.reason is Reason.SOURCE_UNREACHABLE
    assert result.evidence == {"type": "sgx-quote", "version": 3, "bodyType": 1}
    assert {check.outcome for check in result.checks} == {CheckOutcome.NOT_REACHED}


def test_wrong_settings_are_no_result() -> None:
    def endorse(_: Evidence) -> Endorsements:
        raise MisconfiguredError(Reason.SETTINGS_INVALID, "wrong")

    with pytest.raises(MisconfiguredError):
        judge(sgx().quote, endorse=endorse, reference=ReferenceValues(), at=AT, root=ROOT)


def test_claims_of_evidence_that_is_not_authentic_are_left_out() -> None:
    good = sgx()
    result = judged(good, quote=flipped(good.quote, 120))
    assert result.reason is Reason.QUOTE_SIGNATURE
    assert result.evidence == {"type": "sgx-quote", "version": 3, "bodyType": 1}
    assert result.tcb is None
    assert result.valid_until is None
    assert judged(good, quote=b"x").evidence is None


def test_grace_of_reference_values_reaches_verification() -> None:
    sample = sgx(issued=AT, lifetime=timedelta(days=30))
    fresh_lists = authority().pck_crl(sample.verified().pck.ca, at=AT, lifetime=timedelta(days=90))
    sample = replace(sample, collateral=replace(sample.collateral, pck_crl=fresh_lists))
    late = AT + timedelta(days=40)
    assert judged(sample, at=late).reason is Reason.COLLATERAL_EXPIRED
    short = ReferenceValues(collateral_grace=timedelta(days=9))
    assert judged(sample, short, at=late).reason is Reason.COLLATERAL_EXPIRED
    assert judged(sample, ReferenceValues(collateral_grace=timedelta(days=10)), at=late).reason is (
        None
    )


def test_evidence_tells_its_type_and_its_wrapper() -> None:
    quote = sgx().quote
    bare = Evidence.from_bytes(quote)
    assert (bare.type, bare.wrapper) == (EvidenceType.SGX_QUOTE, None)
    assert Evidence.from_bytes(tdx().quote).type is EvidenceType.TDX_QUOTE
    header = (
        (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + len(quote).to_bytes(8, "little")
    )
    wrapped = Evidence.from_bytes(header + quote)
    assert wrapped.wrapper is not None
    assert wrapped.data == quote
    assert wrapped.quote == bare.quote


def test_result_shows_the_tcb() -> None:
    result = judged(
        sgx(
            status=TcbStatus.OUT_OF_DATE,
            advisory_ids=("INTEL-SA-00002", "INTEL-SA-00001"),
            evaluation_data_number=18,
            qe_evaluation_data_number=17,
        )
    )
    tcb: Any = result.to_json()["tcb"]
    assert tcb["status"] == "OutOfDate"
    assert tcb["advisoryIds"] == ["INTEL-SA-00001", "INTEL-SA-00002"]
    assert tcb["evaluationDataNumber"] == 17
    assert tcb["fmspc"] == "0053494D0000"
    assert tcb["launchStatus"] is None
    tcb = judged(tdx()).to_json()["tcb"]
    assert (tcb["launchStatus"], tcb["currentStatus"]) == ("UpToDate", "UpToDate")


def test_claims_are_those_of_the_body() -> None:
    claims: Any = judged(sgx()).to_json()["evidence"]
    assert claims["mrEnclave"] == "e0" * 32
    assert claims["debug"] is False
    assert claims["flags"].split()[0] == "INIT"
    assert claims["configId"] is None
    claims = judged(tdx()).to_json()["evidence"]
    assert claims["mrTd"] == "7d" * 48
    assert claims["septVeDisable"] is True
    assert claims["moduleVersion"] == "1.6"


def test_times_are_written_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert format_time(datetime(2026, 1, 1, 1, tzinfo=east)) == "2025-12-31T23:00:00Z"
    assert format_time(datetime(2026, 1, 1, 1, tzinfo=UTC)) == "2026-01-01T01:00:00Z"


def test_result_under_a_real_root_has_no_mark(schema: jsonschema.Draft202012Validator) -> None:
    result = refused(error_of(Reason.QUOTE_FORMAT, None), at=AT, root=intel_root())
    document = result.to_json()
    schema.validate(document)
    assert "simulated" not in document
    assert document["trust"] == {"root": intel_root().name, "simulated": False}
