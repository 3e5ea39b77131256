# SPDX-License-Identifier: Apache-2.0
"""Trust domains in software: measurements, extension of registers, TDREPORTs and their check."""

import hashlib
from dataclasses import replace

import pytest

from confcom.dcap.td_report import TDREPORT, TdxReport
from confcom.errors import MalformedError, NotAuthenticError, UsageError
from confcom.reasons import Reason
from confcom.simulation.td import TdxModule, TrustDomain, check_td_report, seal_td_report

MODULE = TdxModule(
    tee_tcb_svn=bytes((5, 1, 7)) + bytes(13), tee_tcb_svn2=bytes((6, 1, 7)) + bytes(13)
)
OLD_MODULE = TdxModule(tee_tcb_svn=bytes((5, 0, 7)) + bytes(13))
TD = TrustDomain(mr_td=b"\x7d" * 48, mr_owner=b"\x01" * 48)
KEY = b"k" * 32
CPU_SVN = b"\xcc" * 16
DATA = bytes(range(64))


@pytest.fixture(scope="module")
def report() -> TdxReport:
    return TD.td_report(DATA, module=MODULE, mac_key=KEY, cpu_svn=CPU_SVN)


def test_report_carries_td_and_module(report: TdxReport) -> None:
    assert (report.mr_td, report.mr_owner, report.report_data) == (TD.mr_td, TD.mr_owner, DATA)
    assert (report.tee_tcb_svn, report.tee_tcb_svn2) == (MODULE.tee_tcb_svn, MODULE.tee_tcb_svn2)
    assert report.mr_seam == MODULE.mr_seam
    assert report.report_type == b"\x81\x00\x01\x00"


def test_report_of_a_module_without_update_has_version_0() -> None:
    report = TD.td_report(DATA, module=OLD_MODULE, mac_key=KEY, cpu_svn=CPU_SVN)
    assert report.report_type == b"\x81\x00\x00\x00"
    assert report.tee_tcb_svn2 == bytes(16)
    check_td_report(report.to_bytes(), KEY)


def test_same_platform_accepts_its_report(report: TdxReport) -> None:
    check_td_report(report.to_bytes(), KEY)


def test_refuses_any_changed_byte(report: TdxReport) -> None:
    raw = report.to_bytes()
    for position in range(TDREPORT.size):
        changed = bytearray(raw)
        changed[position] ^= 1 << position % 8
        with pytest.raises((NotAuthenticError, MalformedError)) as caught:
            check_td_report(bytes(changed), KEY)
        assert caught.value.reason in {Reason.REPORT_MAC, Reason.REPORT_FORMAT}


@pytest.mark.parametrize(("position", "value"), [(0, 0), (495, 1), (511, 1)])
def test_refuses_other_report_type_and_filled_padding(
    report: TdxReport, position: int, value: int
) -> None:
    changed = bytearray(report.to_bytes())
    changed[position] = value
    with pytest.raises(MalformedError, match="expected type 81 and zeros") as caught:
        check_td_report(bytes(changed), KEY)
    assert caught.value.reason is Reason.REPORT_FORMAT


@pytest.mark.parametrize("size", [0, 1023, 1025])
def test_refuses_report_of_another_size(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        check_td_report(bytes(size), KEY)
    assert caught.value.reason is Reason.REPORT_FORMAT


def test_refuses_report_of_another_platform(report: TdxReport) -> None:
    with pytest.raises(NotAuthenticError, match="does not fit this simulated platform"):
        check_td_report(report.to_bytes(), b"K" * 32)


def test_refuses_exchanged_measurements_under_the_old_digests(report: TdxReport) -> None:
    with pytest.raises(NotAuthenticError, match="tee_info_hash of the TDREPORT"):
        check_td_report(replace(report, mr_td=bytes(48)).to_bytes(), KEY)
    with pytest.raises(NotAuthenticError, match="tee_tcb_info_hash of the TDREPORT"):
        check_td_report(replace(report, mr_seam=bytes(48)).to_bytes(), KEY)


def test_sealing_anew_makes_a_changed_report_genuine(report: TdxReport) -> None:
    changed = seal_td_report(replace(report, mr_td=bytes(48)), KEY)
    check_td_report(changed.to_bytes(), KEY)


@pytest.mark.parametrize("index", range(4))
def test_extending_hashes_old_value_and_digest(index: int) -> None:
    digest = b"\xee" * 48
    extended = TD.extend(index, digest)
    assert extended.rtmrs[index] == hashlib.sha384(bytes(48) + digest).digest()
    assert [r for i, r in enumerate(extended.rtmrs) if i != index] == [bytes(48)] * 3
    assert extended.extend(index, digest).rtmrs[index] != extended.rtmrs[index]
    assert TD.rtmrs[index] == bytes(48)


def test_order_of_extensions_matters() -> None:
    one, two = b"\x01" * 48, b"\x02" * 48
    assert TD.extend(0, one).extend(0, two) != TD.extend(0, two).extend(0, one)


@pytest.mark.parametrize("index", [-1, 4])
def test_refuses_extension_of_a_register_that_does_not_exist(index: int) -> None:
    with pytest.raises(UsageError, match=f"a TD has RTMR 0 to 3, {index} asked"):
        TD.extend(index, bytes(48))


def test_refuses_extension_with_a_short_digest() -> None:
    with pytest.raises(UsageError, match="digest of a simulated TD takes 48 bytes, 32 given"):
        TD.extend(0, bytes(32))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mr_td", bytes(32)),
        ("mr_config_id", b""),
        ("mr_owner", bytes(47)),
        ("mr_owner_config", bytes(49)),
        ("mr_service_td", bytes(64)),
        ("td_attributes", 1 << 64),
        ("xfam", -1),
        ("rtmrs", (bytes(48), bytes(48), bytes(47), bytes(48))),
    ],
)
def test_refuses_td_out_of_size_or_range(name: str, value: object) -> None:
    with pytest.raises(UsageError, match="of a simulated TD takes"):
        replace(TD, **{name: value})  # type: ignore[arg-type]


def test_refuses_td_with_three_registers() -> None:
    with pytest.raises(UsageError, match="has 4 RTMRs, 3 given"):
        replace(TD, rtmrs=(bytes(48),) * 3)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("tee_tcb_svn", 15),
        ("tee_tcb_svn2", 17),
        ("mr_seam", 32),
        ("mr_signer_seam", 32),
        ("seam_attributes", 4),
    ],
)
def test_refuses_module_out_of_size(name: str, size: int) -> None:
    with pytest.raises(UsageError, match=f"{name} of a TDX module takes"):
        replace(MODULE, **{name: bytes(size)})


@pytest.mark.parametrize(
    ("data", "key", "cpu_svn"),
    [(bytes(63), KEY, CPU_SVN), (DATA, bytes(16), CPU_SVN), (DATA, KEY, bytes(15))],
)
def test_refuses_report_inputs_of_another_size(data: bytes, key: bytes, cpu_svn: bytes) -> None:
    with pytest.raises(UsageError, match="takes"):
        TD.td_report(data, module=MODULE, mac_key=key, cpu_svn=cpu_svn)
