# SPDX-License-Identifier: Apache-2.0
"""Enclaves in software: identity, REPORTs, and local attestation in both directions."""

from dataclasses import replace

import pytest
from tests import vectors_path

from confcom.errors import NotAuthenticError, UsageError
from confcom.reasons import Reason
from confcom.sgx import Flags, Report, TargetInfo
from confcom.simulation.enclave import SIMULATED_CPU_SVN, SIMULATED_KEY_ID, Enclave
from confcom.simulation.local_attestation import NO_TARGET, SDK_QUOTING_ENCLAVE, check_report

ALICE = Enclave(mr_enclave=b"\xa1" * 32, mr_signer=b"\x51" * 32, isv_prod_id=7, isv_svn=2)
BOB = Enclave(mr_enclave=b"\xb0" * 32, mr_signer=b"\x51" * 32)
CAROL = Enclave(mr_enclave=b"\xca" * 32, mr_signer=b"\x51" * 32)
KSS_ENCLAVE = Enclave(
    mr_enclave=b"\x55" * 32,
    mr_signer=b"\x51" * 32,
    flags=Flags.INIT | Flags.MODE64BIT | Flags.KSS,
    isv_ext_prod_id=b"\x01" * 16,
    isv_family_id=b"\x02" * 16,
    config_id=b"\x03" * 64,
    config_svn=9,
)
DATA = bytes(range(64))


@pytest.fixture(scope="module")
def report() -> Report:
    return ALICE.ereport(BOB.target_info, DATA)


def test_two_enclaves_attest_each_other() -> None:
    assert BOB.check(ALICE.ereport(BOB.target_info, DATA)) == ALICE.body(DATA)
    assert ALICE.check(BOB.ereport(ALICE.target_info, DATA)) == BOB.body(DATA)


def test_report_carries_the_whole_identity() -> None:
    body = KSS_ENCLAVE.ereport(BOB.target_info, DATA).body
    for name in (
        "mr_enclave",
        "mr_signer",
        "isv_prod_id",
        "isv_svn",
        "flags",
        "xfrm",
        "misc_select",
        "isv_ext_prod_id",
        "isv_family_id",
        "config_id",
        "config_svn",
    ):
        assert getattr(body, name) == getattr(KSS_ENCLAVE, name), name
    assert body.report_data == DATA
    assert body.cpu_svn == SIMULATED_CPU_SVN


def test_report_survives_bytes(report: Report) -> None:
    assert BOB.check(Report.from_bytes(report.to_bytes())).report_data == DATA


def test_config_id_and_svn_of_the_target_are_part_of_the_key() -> None:
    report = ALICE.ereport(KSS_ENCLAVE.target_info, DATA)
    KSS_ENCLAVE.check(report)
    for other in (
        replace(KSS_ENCLAVE, config_svn=8),
        replace(KSS_ENCLAVE, config_id=bytes(64)),
        replace(KSS_ENCLAVE, misc_select=1),
        replace(KSS_ENCLAVE, xfrm=7),
        replace(KSS_ENCLAVE, flags=KSS_ENCLAVE.flags | Flags.DEBUG),
    ):
        with pytest.raises(NotAuthenticError) as caught:
            other.check(report)
        assert caught.value.reason is Reason.REPORT_MAC


def test_signer_product_and_svn_of_the_target_are_not_part_of_the_key(report: Report) -> None:
    replace(BOB, mr_signer=bytes(32), isv_prod_id=9, isv_svn=9).check(report)


def test_refuses_report_for_another_enclave(report: Report) -> None:
    with pytest.raises(NotAuthenticError) as caught:
        CAROL.check(report)
    assert caught.value.reason is Reason.REPORT_MAC


def test_refuses_any_changed_byte(report: Report) -> None:
    raw = report.to_bytes()
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1 << position % 8
        with pytest.raises(NotAuthenticError) as caught:
            BOB.check(Report.from_bytes(bytes(changed)))
        assert caught.value.reason is Reason.REPORT_MAC


@pytest.mark.parametrize("mac", [bytes(16), b"\xff" * 16])
def test_refuses_wrong_mac(report: Report, mac: bytes) -> None:
    with pytest.raises(NotAuthenticError) as caught:
        BOB.check(replace(report, mac=mac))
    assert caught.value.reason is Reason.REPORT_MAC


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (NO_TARGET, "a TARGETINFO of zeros"),
        (ALICE.target_info, "the enclave that made it"),
        (SDK_QUOTING_ENCLAVE, "quoting enclave of Intel's SDK"),
        (CAROL.target_info, "made for carol"),
    ],
)
def test_names_the_target_of_a_misdirected_report(target: TargetInfo, words: str) -> None:
    report = ALICE.ereport(target, DATA)
    with pytest.raises(NotAuthenticError, match=words) as caught:
        BOB.check(report, others={"carol": CAROL.target_info})
    assert caught.value.reason is Reason.REPORT_TARGET
    assert caught.value.hint is not None


def test_other_targets_never_make_a_report_acceptable() -> None:
    report = ALICE.ereport(CAROL.target_info, DATA)
    with pytest.raises(NotAuthenticError):
        BOB.check(report, others={"carol": CAROL.target_info, "bob": CAROL.target_info})


@pytest.mark.parametrize("size", [0, 63, 65])
def test_refuses_report_data_of_another_size(size: int) -> None:
    with pytest.raises(UsageError, match=f"report_data of a REPORT takes 64 bytes, {size} given"):
        ALICE.ereport(BOB.target_info, bytes(size))


@pytest.mark.parametrize(
    ("cpu_svn", "key_id"), [(bytes(15), SIMULATED_KEY_ID), (SIMULATED_CPU_SVN, bytes(31))]
)
def test_refuses_processor_values_of_another_size(cpu_svn: bytes, key_id: bytes) -> None:
    with pytest.raises(UsageError, match="of a REPORT takes"):
        ALICE.ereport(BOB.target_info, DATA, cpu_svn=cpu_svn, key_id=key_id)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mr_enclave", bytes(31)),
        ("mr_signer", bytes(33)),
        ("isv_ext_prod_id", b""),
        ("isv_family_id", bytes(15)),
        ("config_id", bytes(65)),
        ("isv_prod_id", 65536),
        ("isv_svn", -1),
        ("config_svn", 65536),
        ("flags", 1 << 64),
        ("xfrm", 1 << 64),
        ("misc_select", 1 << 32),
    ],
)
def test_refuses_identity_out_of_size_or_range(name: str, value: bytes | int) -> None:
    with pytest.raises(UsageError, match=f"{name} of a simulated enclave takes"):
        replace(KSS_ENCLAVE, **{name: value})  # type: ignore[arg-type]


def test_refuses_flags_without_init() -> None:
    with pytest.raises(UsageError, match="lack INIT"):
        replace(ALICE, flags=Flags.MODE64BIT)


@pytest.mark.parametrize("name", ["isv_ext_prod_id", "isv_family_id", "config_id", "config_svn"])
def test_refuses_kss_field_without_kss(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} of a simulated enclave set without") as caught:
        replace(ALICE, **{name: getattr(KSS_ENCLAVE, name)})
    assert caught.value.hint is not None


@pytest.mark.parametrize("expected", [True, False])
def test_agrees_with_recorded_reports_of_the_sdk(expected: bool) -> None:
    folder = vectors_path.require("aesm") / "sim"
    name = "report_ok.hex" if expected else "report_bad_data.hex"
    report, target = (
        bytes.fromhex((folder / file).read_text().replace("\n", ""))
        for file in (name, "target_info.hex")
    )
    assert TargetInfo.from_bytes(target) == SDK_QUOTING_ENCLAVE
    if expected:
        check_report(Report.from_bytes(report), SDK_QUOTING_ENCLAVE)
    else:
        with pytest.raises(NotAuthenticError) as caught:
            check_report(Report.from_bytes(report), SDK_QUOTING_ENCLAVE)
        assert caught.value.reason is Reason.REPORT_MAC
