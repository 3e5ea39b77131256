# SPDX-License-Identifier: Apache-2.0
"""Structures of fixed size: values by name, words for attributes, every byte in the dump."""

import datetime
from dataclasses import replace

import pytest

from confcom.attestation.inspection import Inspection, Section, inspect
from confcom.attestation.inspection.structures import (
    NOT_VERIFIED,
    inspect_measurement,
    inspect_report,
    inspect_report_body,
    inspect_sigstruct,
    inspect_target_info,
    inspect_td_report_body,
    inspect_tdreport,
)
from confcom.attestation.recognition import recognise
from confcom.dcap import TdAttributes, TdReport, TdxReport
from confcom.sgx import Flags, Report, ReportBody, TargetInfo
from confcom.sgx.measurement import MeasurementBuilder
from confcom.sgx.sigstruct import SigningType
from confcom.testing.sigstruct import new_author_key, sign_enclave

NORMAL = Flags.INIT | Flags.MODE64BIT
BODY = ReportBody.from_bytes(bytes(range(256)) + bytes(range(128)))
TD_SIZES = {584: "TD report 1.0", 648: "TD report 1.5", 885: "TD report 1.5 extended"}


def items(section: Section) -> dict[str, tuple[object, str]]:
    return {item.name: (item.value, item.meaning) for item in section.items}


def dumped(inspection: Inspection) -> bytes:
    end = 0
    for annotation in inspection.annotations:
        assert annotation.offset == end
        end += len(annotation.data)
    return b"".join(annotation.data for annotation in inspection.annotations)


def test_report_body_is_shown_field_by_field() -> None:
    inspection = inspect_report_body(replace(BODY, flags=NORMAL | Flags.KSS, xfrm=3))
    assert inspection.kind == "sgx-report-body"
    (section,) = inspection.sections
    shown = items(section)
    assert shown["mrEnclave"] == (BODY.mr_enclave.hex(), "")
    assert shown["mrSigner"] == (BODY.mr_signer.hex(), "")
    assert shown["isvProdId"] == (BODY.isv_prod_id, "")
    assert shown["flags"] == ("0x0000000000000085", "INIT MODE64BIT KSS")
    assert shown["xfrm"] == ("0x0000000000000003", "X87 SSE")
    assert shown["configId"] == (BODY.config_id.hex(), "")
    assert shown["reserved2"][1] == "padding that is not zero"


def test_fields_of_key_separation_mean_nothing_without_it() -> None:
    (section,) = inspect_report_body(replace(BODY, flags=NORMAL)).sections
    shown = items(section)
    for name in ("isvExtProdId", "isvFamilyId", "configId", "configSvn"):
        assert shown[name][1] == "means nothing: KSS is not set"


@pytest.mark.parametrize(
    ("flags", "notes"),
    [
        (NORMAL, []),
        (NORMAL | Flags.DEBUG, ["debug enclave: its memory can be read from outside"]),
        (
            Flags.MODE64BIT,
            ["INIT is not set: no processor reports or quotes such an enclave"],
        ),
    ],
)
def test_notes_on_an_enclave(flags: int, notes: list[str]) -> None:
    body = replace(BODY, flags=flags)
    assert list(inspect_report_body(body).notes) == [NOT_VERIFIED, *notes]
    report = Report(body, bytes(32), bytes(16))
    assert list(inspect_report(report).notes)[2:] == notes


def test_dump_of_a_report_is_every_byte_of_it() -> None:
    report = Report(BODY, bytes(range(32)), bytes(range(16)))
    inspection = inspect_report(report)
    assert dumped(inspection) == report.to_bytes()
    assert [annotation.name for annotation in inspection.annotations][-3:] == [
        "body.reportData",
        "keyId",
        "mac",
    ]
    assert [section.name for section in inspection.sections] == ["body", "authentication"]
    assert items(inspection.sections[1])["mac"] == (bytes(range(16)).hex(), "")


def test_dump_of_an_aligned_report_ends_with_its_padding() -> None:
    inspection = inspect_report(Report(BODY, bytes(32), bytes(16)), padding=80)
    assert dumped(inspection)[432:] == bytes(80)
    assert inspection.annotations[-1].name == "padding"


def test_dump_of_a_report_body_is_every_byte_of_it() -> None:
    assert dumped(inspect_report_body(BODY)) == BODY.to_bytes()


def test_dump_of_a_target_info_is_every_byte_of_it() -> None:
    target = TargetInfo.from_bytes(bytes(range(256)) * 2)
    inspection = inspect_target_info(target)
    assert dumped(inspection) == target.to_bytes()
    assert items(inspection.sections[0])["mrEnclave"] == (target.mr_enclave.hex(), "")


@pytest.mark.parametrize("size", TD_SIZES)
def test_dump_of_a_td_report_body_is_every_byte_of_it(size: int) -> None:
    body = TdReport.from_bytes(bytes(index % 251 for index in range(size)))
    inspection = inspect_td_report_body(body)
    assert dumped(inspection) == body.to_bytes()
    assert inspection.title == f"{TD_SIZES[size]} (without MAC or signature)"
    assert items(inspection.sections[0])["mrTd"] == (body.mr_td.hex(), "")


@pytest.mark.parametrize(
    ("attributes", "service_td", "notes"),
    [
        (TdAttributes.SEPT_VE_DISABLE, bytes(48), []),
        (TdAttributes.SEPT_VE_DISABLE | 0x80, bytes(48), ["TD under debug"]),
        (TdAttributes.PKS, bytes(48), ["SEPT_VE_DISABLE is not set"]),
        (TdAttributes.SEPT_VE_DISABLE, bytes(47) + b"\1", ["a service TD is bound"]),
        (1, b"\1" * 48, ["TD under debug", "SEPT_VE_DISABLE is not set", "a service TD is bound"]),
    ],
)
def test_notes_on_a_td(attributes: int, service_td: bytes, notes: list[str]) -> None:
    body = replace(
        TdReport.from_bytes(bytes(648)), td_attributes=attributes, mr_service_td=service_td
    )
    report = replace(
        TdxReport.from_bytes(bytes(1024)), td_attributes=attributes, mr_service_td=service_td
    )
    for found in (inspect_td_report_body(body).notes[1:], inspect_tdreport(report).notes[2:]):
        assert len(found) == len(notes)
        for note, words in zip(found, notes, strict=True):
            assert note.startswith(words)


def test_a_td_report_without_the_field_has_no_service_td() -> None:
    body = replace(TdReport.from_bytes(bytes(584)), td_attributes=TdAttributes.SEPT_VE_DISABLE)
    assert inspect_td_report_body(body).notes == (NOT_VERIFIED,)


def test_dump_of_a_tdreport_is_every_byte_of_it() -> None:
    report = TdxReport.from_bytes(bytes(index % 251 for index in range(1024)))
    inspection = inspect_tdreport(report)
    assert dumped(inspection) == report.to_bytes()
    assert items(inspection.sections[0])["rtmr3"] == (report.rtmr3.hex(), "")


@pytest.mark.timeout(60)
def test_sigstruct_says_who_signed_what_and_whether_the_signature_fits() -> None:
    day = datetime.date(2026, 3, 14)
    sigstruct = sign_enclave(new_author_key(), mr_enclave=bytes(range(32)), date=day, isv_svn=7)
    inspection = inspect_sigstruct(sigstruct)
    computed, fields = map(items, inspection.sections)
    assert computed["mrSigner"] == (sigstruct.mr_signer.hex(), "SHA-256 of the modulus")
    assert computed["signatureValid"] == (True, "with the key inside, whoever holds it")
    assert fields["enclaveHash"] == (bytes(range(32)).hex(), "")
    assert fields["date"] == (0x20260314, "2026-03-14")
    assert fields["flagsMask"] == ("0xfffffffffffffffd", "may differ: DEBUG")
    assert fields["isvSvn"] == (7, "")
    assert inspection.notes == ()
    assert dumped(inspection) == sigstruct.to_bytes()
    changed = inspect_sigstruct(replace(sigstruct, isv_svn=8, signing_type=SigningType.DEBUG))
    is_valid, words = items(changed.sections[0])["signatureValid"]
    assert is_valid is False
    assert "does not cover these bytes" in words
    assert changed.notes == ("signed for debugging: production tools refuse it",)


def test_measurement_stream_gives_the_mrenclave() -> None:
    builder = MeasurementBuilder()
    builder.ecreate(size_bytes=1 << 20, ssa_frame_pages=1)
    measurement = builder.measurement()
    inspection = inspect_measurement(measurement)
    shown = items(inspection.sections[0])
    assert shown["mrEnclave"] == (measurement.mr_enclave.hex(), "SHA-256 of the stream")
    assert shown["sizeBytes"] == (1 << 20, "")
    assert shown["pages"] == (0, "")
    assert inspection.annotations == ()


PLAIN = replace(BODY, cpu_svn=bytes(16), misc_select=0, reserved1=bytes(12), flags=NORMAL, xfrm=3)
PLAIN = replace(PLAIN, reserved2=bytes(32), reserved3=bytes(32), reserved4=bytes(42))
TD_START = b"\x03\x01" + bytes(14) + b"\x66" * 48
STREAM = MeasurementBuilder().ecreate(size_bytes=1 << 20, ssa_frame_pages=1)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PLAIN.to_bytes(), "sgx-report-body"),
        (Report(PLAIN, bytes(32), b"\x33" * 16).to_bytes(), "sgx-report"),
        (b"\x44" * 32 + bytes(480), "sgx-target-info"),
        *(
            (b"\x03\x01" + bytes(14) + b"\x66" * 48 + bytes(size - 64), "td-report-body")
            for size in TD_SIZES
        ),
        (b"\x81" + bytes(15) + b"\x55" * 16 + bytes(992), "tdreport"),
        (STREAM, "measurement-stream"),
    ],
)
def test_what_is_recognised_is_shown_as_what_it_is(data: bytes, kind: str) -> None:
    inspection = inspect(recognise(data))
    assert inspection.kind == kind
    assert dumped(inspection) in {data, b""}


@pytest.mark.timeout(60)
def test_a_recognised_sigstruct_is_shown_as_one() -> None:
    day = datetime.date(2026, 3, 14)
    data = sign_enclave(new_author_key(), mr_enclave=bytes(32), date=day).to_bytes()
    inspection = inspect(recognise(data))
    assert inspection.kind == "sigstruct"
    assert dumped(inspection) == data


def test_an_aligned_report_is_shown_with_its_padding() -> None:
    data = Report(PLAIN, bytes(32), b"\x33" * 16).to_bytes() + bytes(80)
    inspection = inspect(recognise(data))
    assert inspection.kind == "sgx-report"
    assert dumped(inspection) == data
