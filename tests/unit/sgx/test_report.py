# SPDX-License-Identifier: Apache-2.0
"""Report body, REPORT, TARGETINFO: each byte at its place, other lengths refused."""

import pytest

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import REPORT, REPORT_BODY, TARGET_INFO, Flags, Report, ReportBody, TargetInfo

BODY_BYTES = bytes(index * 7 % 256 for index in range(384))
REPORT_BYTES = BODY_BYTES + bytes(range(32)) + bytes(range(16))
TARGET_BYTES = bytes(index * 11 % 256 for index in range(512))


def test_finds_the_fields_of_a_report_body_at_their_offsets() -> None:
    body = ReportBody.from_bytes(BODY_BYTES)
    assert body.cpu_svn == BODY_BYTES[:16]
    assert body.misc_select == int.from_bytes(BODY_BYTES[16:20], "little")
    assert body.isv_ext_prod_id == BODY_BYTES[32:48]
    assert body.flags == int.from_bytes(BODY_BYTES[48:56], "little")
    assert body.xfrm == int.from_bytes(BODY_BYTES[56:64], "little")
    assert body.mr_enclave == BODY_BYTES[64:96]
    assert body.mr_signer == BODY_BYTES[128:160]
    assert body.config_id == BODY_BYTES[192:256]
    assert body.isv_prod_id == int.from_bytes(BODY_BYTES[256:258], "little")
    assert body.isv_svn == int.from_bytes(BODY_BYTES[258:260], "little")
    assert body.config_svn == int.from_bytes(BODY_BYTES[260:262], "little")
    assert body.isv_family_id == BODY_BYTES[304:320]
    assert body.report_data == BODY_BYTES[320:384]


def test_finds_key_id_and_mac_of_a_report_behind_its_body() -> None:
    report = Report.from_bytes(REPORT_BYTES)
    assert report.body == ReportBody.from_bytes(BODY_BYTES)
    assert (report.key_id, report.mac) == (bytes(range(32)), bytes(range(16)))


def test_finds_the_fields_of_a_target_info_at_their_offsets() -> None:
    target = TargetInfo.from_bytes(TARGET_BYTES)
    assert target.mr_enclave == TARGET_BYTES[:32]
    assert target.flags == int.from_bytes(TARGET_BYTES[32:40], "little")
    assert target.xfrm == int.from_bytes(TARGET_BYTES[40:48], "little")
    assert target.config_svn == int.from_bytes(TARGET_BYTES[50:52], "little")
    assert target.misc_select == int.from_bytes(TARGET_BYTES[52:56], "little")
    assert target.config_id == TARGET_BYTES[64:128]


def test_writes_what_it_read() -> None:
    assert ReportBody.from_bytes(BODY_BYTES).to_bytes() == BODY_BYTES
    assert Report.from_bytes(REPORT_BYTES).to_bytes() == REPORT_BYTES
    assert TargetInfo.from_bytes(TARGET_BYTES).to_bytes() == TARGET_BYTES


@pytest.mark.parametrize("size", [0, 1, 383, 385, 432, 1 << 16])
def test_refuses_a_report_body_of_another_length(size: int) -> None:
    expected = f"cannot parse report body: SGX report body: 384 bytes expected, {size} found"
    with pytest.raises(MalformedError, match=expected) as refusal:
        ReportBody.from_bytes(bytes(size))
    assert refusal.value.reason is Reason.REPORT_FORMAT


@pytest.mark.parametrize("size", [0, 384, 431, 433, 512])
def test_refuses_a_report_of_another_length(size: int) -> None:
    expected = f"cannot parse REPORT: SGX REPORT: 432 bytes expected, {size} found"
    with pytest.raises(MalformedError, match=expected) as refusal:
        Report.from_bytes(bytes(size))
    assert refusal.value.reason is Reason.REPORT_FORMAT


@pytest.mark.parametrize("size", [0, 432, 511, 513])
def test_refuses_a_target_info_of_another_length(size: int) -> None:
    expected = f"cannot parse TARGETINFO: SGX TARGETINFO: 512 bytes expected, {size} found"
    with pytest.raises(MalformedError, match=expected) as refusal:
        TargetInfo.from_bytes(bytes(size))
    assert refusal.value.reason is Reason.REPORT_FORMAT


@pytest.mark.parametrize(
    ("flags", "is_debug", "has_kss"),
    [
        (0, False, False),
        (Flags.INIT | Flags.MODE64BIT, False, False),
        (Flags.INIT | Flags.DEBUG, True, False),
        (Flags.KSS, False, True),
        (Flags.DEBUG | Flags.KSS, True, True),
        ((1 << 64) - 1 - Flags.DEBUG - Flags.KSS, False, False),
    ],
)
def test_knows_debug_and_key_separation_by_their_bits(
    flags: int, is_debug: bool, has_kss: bool
) -> None:
    raw = bytearray(384)
    raw[48:56] = flags.to_bytes(8, "little")
    body = ReportBody.from_bytes(bytes(raw))
    assert (body.is_debug, body.has_kss) == (is_debug, has_kss)


def test_tables_describe_attributes_in_words() -> None:
    for layout in (REPORT_BODY, TARGET_INFO):
        described = {field.name for field in layout if field.describe}
        assert described == {"flags", "xfrm", "misc_select"}
    assert REPORT["mac"].end == 432
