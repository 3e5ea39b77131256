# SPDX-License-Identifier: Apache-2.0
"""A quoting enclave below every level of its identity: explained, without claims of the quote."""

import json
from dataclasses import replace
from importlib import resources

import jsonschema
import pytest
from tests.simulated import AT, REPORT_DATA, Sample, authority, platform, sgx, tdx

from confcom.attestation.explain import explain
from confcom.attestation.explanation import Explanation
from confcom.dcap import CertType, IdentityLevel, Quote, TcbDiagnosis, TcbStatus, diagnose
from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason
from confcom.simulation import Enclave


def diagnosed(sample: Sample) -> TcbDiagnosis:
    quote = Quote.from_bytes(sample.quote)
    return diagnose(quote, sample.collateral, at=AT, root=sample.root, allow_simulated=True)


def explained(sample: Sample) -> Explanation:
    explanation = explain(diagnosed(sample))
    schema = json.loads(
        resources.files("confcom.attestation")
        .joinpath("schema/explanation.v1.json")
        .read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator(schema).validate(explanation.to_json())
    return explanation


def with_levels(sample: Sample, *levels: IdentityLevel) -> Sample:
    """Return the sample under an identity with those levels."""
    identity = replace(diagnosed(sample).qe_identity, levels=levels)
    collateral = authority().collateral(platform(), at=AT, qe_identity=identity)
    return replace(sample, collateral=collateral)


def level(isv_svn: int, status: TcbStatus, date: int, *advisory_ids: str) -> IdentityLevel:
    (first, *_) = diagnosed(sgx()).qe_identity.levels
    return replace(
        first, isv_svn=isv_svn, status=status, date=date, advisory_ids=tuple(advisory_ids)
    )


def test_names_number_found_and_number_of_the_lowest_level() -> None:
    sample = with_levels(
        sgx(),
        level(12, TcbStatus.UP_TO_DATE, 1_747_180_800),
        level(10, TcbStatus.OUT_OF_DATE, 1_710_288_000, "INTEL-SA-00615"),
        level(9, TcbStatus.OUT_OF_DATE, 1_691_539_200, "INTEL-SA-00615", "INTEL-SA-00657"),
    )
    explanation = explained(sample)
    assert explanation.status is None
    assert explanation.reason is Reason.TCB_NOT_SUPPORTED
    assert "quoting enclave is not supported (1 short of UpToDate)" in explanation.summary
    enclave = explanation.parts[-1]
    assert (enclave.part, enclave.status, enclave.target) == (
        "quoting enclave", None, TcbStatus.UP_TO_DATE,
    )  # fmt: skip
    (short,) = enclave.shortfalls
    assert (short.component, short.found, short.wanted) == ("quoting enclave ISVSVN", 8, 12)
    nearest = enclave.nearest
    assert nearest is not None
    (missing,) = nearest.shortfalls
    assert (missing.found, missing.wanted) == (8, 9)
    assert (nearest.status, nearest.date) == (TcbStatus.OUT_OF_DATE, "2023-08-09")
    assert nearest.advisory_ids == ("INTEL-SA-00615", "INTEL-SA-00657")
    assert [(step.date, step.closes) for step in enclave.steps] == [
        ("2023-08-09", ()),
        ("2024-03-13", ("INTEL-SA-00657",)),
        ("2025-05-14", ("INTEL-SA-00615",)),
    ]


def test_says_where_the_quoting_enclave_is_updated() -> None:
    (action,) = explained(sgx(qe_status=None)).actions
    assert action.startswith("update the quoting enclave where quotes are made")
    for word in ("libsgx-ae-qe3", "libsgx-ae-tdqe", "container", "restart the quote service"):
        assert word in action


def test_platform_is_rated_from_its_certificate() -> None:
    both = explained(sgx(qe_status=None, status=TcbStatus.OUT_OF_DATE))
    assert [part.part for part in both.parts] == ["platform", "quoting enclave"]
    assert both.parts[0].status is TcbStatus.OUT_OF_DATE
    assert both.parts[0].nearest is None
    assert any("BIOS" in action for action in both.actions)


def test_td_is_not_rated_by_numbers_that_nobody_vouched_for() -> None:
    explanation = explained(tdx(qe_status=None))
    assert [part.part for part in explanation.parts] == ["quoting enclave"]
    assert explanation.summary.endswith("; what the quote itself says was not verified")


def test_changed_body_changes_nothing_in_the_explanation() -> None:
    sample = tdx(qe_status=None)
    changed = bytearray(sample.quote)
    changed[54:56] = bytes((changed[54] ^ 0xFF, changed[55]))  # TEE_TCB_SVN of the body
    assert explained(replace(sample, quote=bytes(changed))) == explained(sample)


def test_number_in_the_header_is_no_reason_to_doubt_the_certificate() -> None:
    info = diagnosed(sgx()).tcb_info
    short = replace(info, levels=(replace(info.levels[0], pce_svn=99),))
    for qe_status, is_said in ((None, False), (TcbStatus.UP_TO_DATE, True)):
        diagnosis = diagnosed(sgx(qe_status=qe_status, tcb_info=short))
        header = replace(diagnosis.quote.header, pce_svn=99)
        explanation = explain(replace(diagnosis, quote=replace(diagnosis.quote, header=header)))
        said = [action for action in explanation.actions if "PCK certificate says" in action]
        assert bool(said) is is_said


@pytest.mark.parametrize("kind", list(CertType)[:5])
def test_platform_certificate_is_found_wherever_it_is(kind: CertType) -> None:
    report = Enclave(mr_enclave=b"\x01" * 32, mr_signer=b"\x02" * 32).ereport(
        platform().qe_target_info, REPORT_DATA
    )
    sample = Sample(
        quote=platform().quote_sgx(report, cert_type=kind),
        collateral=authority().collateral(
            platform(), at=AT, qe_status=None, with_pck_chain=kind is not CertType.PCK_CHAIN
        ),
    )
    assert explained(sample).fmspc == platform().fmspc.hex().upper()


def test_body_counts_where_the_quote_was_verified() -> None:
    assert diagnosed(sgx()).is_body_verified
    assert diagnosed(sgx(status=None)).is_body_verified
    assert diagnosed(sgx(status=TcbStatus.REVOKED)).is_body_verified
    assert not diagnosed(sgx(qe_status=None)).is_body_verified


def test_quoting_enclave_that_nobody_signed_is_not_explained() -> None:
    sample = sgx(qe_status=None)
    broken = bytearray(sample.quote)
    broken[564 + 256] ^= 1  # ISVPRODID of the QE report
    with pytest.raises(NotAuthenticError) as caught:
        explained(replace(sample, quote=bytes(broken)))
    assert caught.value.reason is Reason.QE_REPORT_SIGNATURE


def test_other_platform_is_not_explained() -> None:
    other = authority().add_platform("elsewhere", at=AT, fmspc=b"\x0e" * 6)
    collateral = authority().collateral(other, at=AT, qe_status=None)
    with pytest.raises(NotAuthenticError) as caught:
        explained(replace(sgx(), collateral=collateral))
    assert caught.value.reason is Reason.TCB_INFO_MISMATCH


def test_broken_collateral_is_not_explained() -> None:
    collateral = replace(sgx(qe_status=None).collateral, qe_identity=b"{}")
    with pytest.raises((NotAuthenticError, MalformedError)) as caught:
        explained(replace(sgx(), collateral=collateral))
    assert caught.value.reason is Reason.QE_IDENTITY_SIGNATURE
