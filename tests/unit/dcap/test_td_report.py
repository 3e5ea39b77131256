# SPDX-License-Identifier: Apache-2.0
"""TD reports and TDREPORT: each byte at its place, other lengths refused."""

import pytest

from confcom.dcap import TdAttributes, TdReport, TdxReport
from confcom.dcap.td_report import TD_REPORT_1_0, TD_REPORT_1_5, TD_REPORT_1_5_EX
from confcom.errors import MalformedError
from confcom.reasons import Reason

FIELDS = {
    "tee_tcb_svn": (0, 16),
    "mr_seam": (16, 48),
    "mr_signer_seam": (64, 48),
    "seam_attributes": (112, 8),
    "td_attributes": (120, 8),
    "xfam": (128, 8),
    "mr_td": (136, 48),
    "mr_config_id": (184, 48),
    "mr_owner": (232, 48),
    "mr_owner_config": (280, 48),
    "rtmr0": (328, 48),
    "rtmr1": (376, 48),
    "rtmr2": (424, 48),
    "rtmr3": (472, 48),
    "report_data": (520, 64),
    "tee_tcb_svn2": (584, 16),
    "mr_service_td": (600, 48),
    "vmid": (648, 1),
    "td_id": (649, 32),
    "device_info_hash": (681, 48),
    "init_service_td_hash": (729, 48),
    "init_service_td_attributes": (777, 8),
    "init_cpu_svn": (785, 16),
    "init_tee_tcb_svn": (801, 16),
    "init_fmspc": (817, 12),
    "current_service_td_hash": (829, 48),
    "current_service_td_attributes": (877, 8),
}
"""Offset and size of each field, from the specification."""
BYTES = bytes(index * 7 % 251 for index in range(1024))
FORMS = {584: TD_REPORT_1_0, 648: TD_REPORT_1_5, 885: TD_REPORT_1_5_EX}


@pytest.mark.parametrize("size", FORMS)
def test_finds_the_fields_of_each_form_at_their_offsets(size: int) -> None:
    report = TdReport.from_bytes(BYTES[:size])
    for name, (offset, length) in FIELDS.items():
        value = getattr(report, name)
        if offset >= size:
            assert value is None, name
        elif isinstance(value, int):
            assert value == int.from_bytes(BYTES[offset : offset + length], "little"), name
        else:
            assert value == BYTES[offset : offset + length], name
    assert report.rtmrs == (report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3)
    assert report.layout is FORMS[size]
    assert report.to_bytes() == BYTES[:size]


@pytest.mark.parametrize("size", [0, 1, 384, 583, 585, 647, 649, 884, 886, 1024])
def test_refuses_a_report_of_another_length(size: int) -> None:
    with pytest.raises(MalformedError, match=f"584, 648 or 885 bytes expected, {size} found") as no:
        TdReport.from_bytes(bytes(size))
    assert no.value.reason is Reason.QUOTE_FORMAT


@pytest.mark.parametrize("bit", range(64))
def test_any_bit_of_the_debug_group_means_debug_and_no_other_does(bit: int) -> None:
    data = bytearray(584)
    data[120 + bit // 8] = 1 << bit % 8
    report = TdReport.from_bytes(bytes(data))
    assert report.td_attributes == 1 << bit
    assert report.is_debug is (bit < 8)


def test_attributes_have_the_bits_of_the_specification() -> None:
    assert {one.name: one.bit_length() - 1 for one in TdAttributes} == {
        "DEBUG": 0,
        "SEPT_VE_DISABLE": 28,
        "MIGRATABLE": 29,
        "PKS": 30,
        "KL": 31,
        "PERFMON": 63,
    }


def test_finds_the_fields_of_a_tdreport_at_their_offsets() -> None:
    report = TdxReport.from_bytes(BYTES)
    for name, offset, size in (
        ("cpu_svn", 16, 16),
        ("report_data", 128, 64),
        ("mac", 224, 32),
        ("valid_mask", 256, 8),
        ("tee_tcb_svn", 264, 16),
        ("mr_seam", 280, 48),
        ("mr_signer_seam", 328, 48),
        ("seam_attributes", 376, 8),
        ("tee_tcb_svn2", 384, 16),
        ("mr_td", 528, 48),
        ("mr_config_id", 576, 48),
        ("mr_owner", 624, 48),
        ("mr_owner_config", 672, 48),
        ("rtmr0", 720, 48),
        ("rtmr3", 864, 48),
        ("mr_service_td", 912, 48),
    ):
        assert getattr(report, name) == BYTES[offset : offset + size], name
    assert report.td_attributes == int.from_bytes(BYTES[512:520], "little")
    assert report.xfam == int.from_bytes(BYTES[520:528], "little")
    assert report.to_bytes() == BYTES


@pytest.mark.parametrize("size", [0, 1, 584, 1023, 1025])
def test_refuses_a_tdreport_of_another_length(size: int) -> None:
    with pytest.raises(MalformedError, match=f"1024 bytes expected, {size} found") as no:
        TdxReport.from_bytes(bytes(size))
    assert no.value.reason is Reason.REPORT_FORMAT


def test_words_of_a_report_name_bits_and_versions() -> None:
    def words(name: str, value: int | bytes) -> str:
        describe = TD_REPORT_1_5[name].describe
        assert describe is not None
        return describe(value)

    assert words("td_attributes", 1 | 1 << 28) == "DEBUG SEPT_VE_DISABLE"
    assert words("xfam", 3) == "X87 SSE"
    for name in ("tee_tcb_svn", "tee_tcb_svn2"):
        assert words(name, b"\x05\x01\x07" + bytes(13)) == (
            "module minor 5, module major 1, SEAM loader 7"
        )
