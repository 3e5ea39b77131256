# SPDX-License-Identifier: Apache-2.0
"""Explanations: what is short of what, by how much, and what to do about it."""

import json
from dataclasses import replace
from datetime import datetime
from importlib import resources

import jsonschema
import pytest
from tests.simulated import AT, REPORT_DATA, Sample, authority, platform, sgx, tdx

from confcom.attestation._actions import action_for
from confcom.attestation._ladder import Component
from confcom.attestation._parts import MODULE, PCE, QUOTING_ENCLAVE
from confcom.attestation.explain import compare, explain
from confcom.attestation.explanation import Explanation
from confcom.dcap import QuoteVersion, TcbInfo, TcbLevel, TcbStatus, diagnose
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason
from confcom.simulation import Enclave


def explained(sample: Sample, *, at: datetime = AT) -> Explanation:
    return explain(
        diagnose(sample.quote, sample.collateral, at=at, root=sample.root, allow_simulated=True)
    )


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    text = (
        resources.files("confcom.attestation")
        .joinpath("schema/explanation.v1.json")
        .read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    return jsonschema.Draft202012Validator(json.loads(text))


STATUSES = [status for status in TcbStatus if "Relaunch" not in status]


@pytest.mark.parametrize("status", STATUSES)
def test_explains_every_status_of_a_platform(
    status: TcbStatus, schema: jsonschema.Draft202012Validator
) -> None:
    explanation = explained(sgx(status=status))
    schema.validate(explanation.to_json())
    assert explanation.status is status
    assert f"TCB is {status.value} under evaluation data number 20" in explanation.summary
    platform_part, enclave = explanation.parts
    assert platform_part.status is status
    assert (enclave.status, enclave.shortfalls) == (TcbStatus.UP_TO_DATE, ())
    assert bool(explanation.actions) is (status is not TcbStatus.UP_TO_DATE)
    assert explanation.reason is (Reason.TCB_REVOKED if status is TcbStatus.REVOKED else None)


def test_nothing_is_short_of_up_to_date() -> None:
    explanation = explained(sgx())
    assert explanation.summary.endswith(": nothing is short")
    assert explanation.actions == ()
    assert explanation.advisory_ids == ()


def test_explains_platform_below_all_levels(schema: jsonschema.Draft202012Validator) -> None:
    explanation = explained(sgx(status=None))
    schema.validate(explanation.to_json())
    assert explanation.status is None
    assert explanation.reason is Reason.TCB_NOT_SUPPORTED
    part = explanation.parts[0]
    assert part.status is None
    assert part.shortfalls
    assert len(part.steps) == 1
    assert "platform is not supported" in explanation.summary


def test_explains_quoting_enclave_that_is_behind() -> None:
    explanation = explained(sgx(qe_status=TcbStatus.OUT_OF_DATE))
    assert explanation.status is TcbStatus.OUT_OF_DATE
    enclave = explanation.parts[-1]
    (short,) = enclave.shortfalls
    assert (short.component, short.found, short.wanted) == ("quoting enclave ISVSVN", 8, 9)
    assert "libsgx-ae-qe3" in explanation.actions[0]
    assert len(explanation.actions) == 1


def test_explains_module_that_is_behind() -> None:
    explanation = explained(tdx(module_status=TcbStatus.OUT_OF_DATE))
    parts = {part.part: part for part in explanation.parts}
    assert list(parts) == ["platform", "TDX_01", "quoting enclave"]
    (short,) = parts["TDX_01"].shortfalls
    assert (short.component, short.found, short.wanted) == ("TDX module SVN", 6, 7)
    assert explanation.actions == ("update the TDX module of the host, then launch the TD again",)


def test_module_is_found_among_others() -> None:
    info = TcbInfo.from_bytes(tdx().collateral.tcb_info)
    (own,) = info.module_identities
    identities = (replace(own, id="TDX_03"), replace(own, id="tdx_01"))
    sample = tdx(tcb_info=replace(info, module_identities=identities))
    assert [part.part for part in explained(sample).parts][1] == "tdx_01"


def test_old_module_has_no_ladder_of_its_own() -> None:
    module = replace(platform().module, tee_tcb_svn=bytes((3, 0, 7)) + bytes(13), tee_tcb_svn2=None)
    host = authority().add_platform("old", at=AT, module=module)
    sample = tdx(on=host, version=QuoteVersion.V4, body_type=None)
    assert [part.part for part in explained(sample).parts] == ["platform", "quoting enclave"]


@pytest.mark.parametrize(
    "status",
    [TcbStatus.TD_RELAUNCH_ADVISED, TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED],
)
def test_advises_to_launch_again(
    status: TcbStatus, schema: jsonschema.Draft202012Validator
) -> None:
    host = platform().with_running_module(bytes((7, 1, 8)) + bytes(13))
    explanation = explained(tdx(on=host, status=status))
    schema.validate(explanation.to_json())
    assert explanation.status is status
    assert explanation.actions[0].startswith("launch the TD again")
    names = [part.part for part in explanation.parts]
    assert "platform (as it runs now)" in names
    assert "TDX_01 (as it runs now)" in names
    if status is TcbStatus.TD_RELAUNCH_ADVISED:
        assert len(explanation.actions) == 1


# --- a ladder as Intel serves it ----------------------------------------------------------


def level(*sgx_svns: int, pce: int, status: TcbStatus, advisories: tuple[str, ...]) -> TcbLevel:
    (first, *_) = TcbInfo.from_bytes(sgx().collateral.tcb_info).levels
    svns = (*sgx_svns, *(0,) * (16 - len(sgx_svns)))
    return replace(first, sgx=svns, pce_svn=pce, status=status, advisory_ids=advisories)


LEVELS = (
    level(16, 16, 3, 3, 9, 9, 1, pce=13, status=TcbStatus.SW_HARDENING_NEEDED, advisories=("A",)),
    level(
        16, 16, 3, 3, 9, 9, 0, pce=13,
        status=TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED, advisories=("A", "B"),
    ),
    level(15, 15, 3, 3, 9, 9, 1, pce=13, status=TcbStatus.OUT_OF_DATE, advisories=("A", "C")),
    level(
        14, 14, 3, 3, 9, 9, 0, pce=11,
        status=TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED, advisories=("A", "B", "C", "D"),
    ),
)  # fmt: skip


def on_ladder(
    *sgx_svns: int, pce: int, header_pce: int | None = None, version: QuoteVersion = QuoteVersion.V3
) -> Explanation:
    """Explain a platform with those numbers under LEVELS."""
    svns = (*sgx_svns, *(0,) * (16 - len(sgx_svns)))
    host = authority().add_platform("ladder", at=AT, sgx_svns=svns, pce_svn=pce)
    info = replace(TcbInfo.from_bytes(sgx().collateral.tcb_info), levels=LEVELS)
    enclave = Enclave(mr_enclave=b"\x01" * 32, mr_signer=b"\x02" * 32)
    quote = host.quote_sgx(enclave.ereport(host.qe_target_info, REPORT_DATA), version=version)
    collateral = authority().collateral(host, at=AT, tcb_info=info)
    diagnosis = diagnose(
        quote, collateral, at=AT, root=authority().trusted_root, allow_simulated=True
    )
    if header_pce is not None:
        header = replace(diagnosis.quote.header, pce_svn=header_pce)
        diagnosis = replace(diagnosis, quote=replace(diagnosis.quote, header=header))
    return explain(diagnosis)


def test_names_short_components_with_both_numbers() -> None:
    explanation = on_ladder(14, 14, 3, 3, 9, 9, 0, pce=11)
    assert explanation.status is TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED
    part = explanation.parts[0]
    assert part.target is TcbStatus.SW_HARDENING_NEEDED
    assert [
        (short.component, short.found, short.wanted, short.is_configuration)
        for short in part.shortfalls
    ] == [
        ("SGX TCB component 1 (BIOS, Early Microcode Update)", 14, 16, False),
        ("SGX TCB component 2 (OS/VMM, SGX Late Microcode Update)", 14, 16, False),
        ("SGX TCB component 7", 0, 1, True),
        ("PCE SVN", 11, 13, False),
    ]
    assert explanation.summary.endswith(
        "platform is OutOfDateConfigurationNeeded (4 short of SWHardeningNeeded)"
    )


def test_lists_what_each_level_on_the_way_closes() -> None:
    steps = on_ladder(14, 14, 3, 3, 9, 9, 0, pce=11).parts[0].steps
    assert [(step.status, step.closes) for step in steps] == [
        (TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED, ()),
        (TcbStatus.OUT_OF_DATE, ("B", "D")),
        (TcbStatus.SW_HARDENING_NEEDED, ("C",)),
    ]
    assert steps[0].advisory_ids == ("A", "B", "C", "D")
    assert steps[-1].advisory_ids == ("A",)


def test_says_what_the_operator_does_in_order() -> None:
    actions = on_ladder(14, 14, 3, 3, 9, 9, 0, pce=11).actions
    words = ["BIOS of the host", "microcode from the operating", "configuration", "PCE of the"]
    words += ["new PCK certificate", "mitigations for A, then accept"]
    assert len(actions) == len(words)
    for word, action in zip(words, actions, strict=True):
        assert word in action


def test_software_alone_can_mend_the_best_level() -> None:
    explanation = on_ladder(16, 16, 3, 3, 9, 9, 1, pce=13)
    assert explanation.parts[0].shortfalls == ()
    (action,) = explanation.actions
    assert action.startswith("no level is better than SWHardeningNeeded")


def test_notices_certificate_that_lags_behind_the_platform() -> None:
    stale = on_ladder(16, 16, 3, 3, 9, 9, 1, pce=11, header_pce=13)
    assert stale.actions[0].startswith("the platform has PCE SVN 13, its PCK certificate says 11")
    for current in (
        on_ladder(16, 16, 3, 3, 9, 9, 1, pce=11, header_pce=12),
        on_ladder(16, 16, 3, 3, 9, 9, 1, pce=13, header_pce=14),
        on_ladder(16, 16, 3, 3, 9, 9, 1, pce=11, header_pce=13, version=QuoteVersion.V4),
    ):
        assert not any("PCK certificate says" in action for action in current.actions)


def test_document_without_a_good_level_is_a_dead_end() -> None:
    host = platform()
    info = TcbInfo.from_bytes(sgx(status=TcbStatus.OUT_OF_DATE).collateral.tcb_info)
    info = replace(info, levels=tuple(one for one in info.levels if "OutOf" in one.status))
    sample = sgx(tcb_info=info)
    assert host.fmspc == info.fmspc
    (action,) = explained(sample).actions
    assert action.startswith("no level of the document for platform is better than OutOfDate")


@pytest.mark.parametrize(
    ("component", "is_configuration", "words"),
    [
        (PCE, False, "update the PCE"),
        (MODULE, False, "update the TDX module"),
        (QUOTING_ENCLAVE, False, "update the quoting enclave"),
        (Component("x", "OS/VMM", "TDX Module"), False, "update the TDX module"),
        (Component("x", "OS/VMM", "SEAMLDR ACM"), False, "SEAMLDR"),
        (Component("x", "OS/VMM", "SGX Late Microcode Update"), False, "load newer microcode"),
        (Component("x", "BIOS", "Early Microcode Update"), False, "update the BIOS"),
        (Component("x"), False, "update the BIOS"),
        (Component("x"), True, "change the configuration"),
    ],
)
def test_action_follows_what_the_component_is(
    component: Component, is_configuration: bool, words: str
) -> None:
    assert words in action_for(component, is_configuration=is_configuration)


# --- forecasts ----------------------------------------------------------------------------


def test_forecast_tells_what_other_collateral_makes_of_the_quote(
    schema: jsonschema.Draft202012Validator,
) -> None:
    now = sgx()
    coming = replace(
        now,
        collateral=sgx(
            status=TcbStatus.OUT_OF_DATE, evaluation_data_number=21, advisory_ids=("NEW-SA-1",)
        ).collateral,
    )
    forecast = compare(explained(now), explained(coming))
    assert forecast.summary == (
        "the status changes from UpToDate to OutOfDate (evaluation data number 20 to 21)"
    )
    assert (forecast.opened, forecast.closed) == (("NEW-SA-1",), ())
    schema.validate(forecast.before.to_json() | {"forecast": forecast.to_json()})
    back = compare(explained(coming), explained(now))
    assert (back.opened, back.closed) == ((), ("NEW-SA-1",))


def test_forecast_may_change_nothing() -> None:
    explanation = explained(sgx(status=None))
    assert compare(explanation, explanation).summary == (
        "the status stays not supported (evaluation data number 20, the same)"
    )


def test_quote_that_is_not_authentic_is_not_explained() -> None:
    sample = sgx()
    broken = replace(sample, quote=sample.quote[:100] + b"\xff" + sample.quote[101:])
    with pytest.raises(NotAuthenticError) as caught:
        explained(broken)
    assert caught.value.reason is Reason.QUOTE_SIGNATURE
