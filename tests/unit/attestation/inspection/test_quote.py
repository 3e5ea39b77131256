# SPDX-License-Identifier: Apache-2.0
"""Quotes part by part; the dump is every byte of the file, wrappers and padding included."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.structures import FORMS, quote_bytes

from confcom.attestation.inspection import Inspection, Section, inspect
from confcom.attestation.recognition import recognise
from confcom.dcap import BodyType, CertType

ENDS_IN_THE_QE_REPORT = "the QE report does not name the attestation key"


def looked_at(data: bytes) -> Inspection:
    return inspect(recognise(data))


def sections(inspection: Inspection) -> dict[str, Section]:
    return {section.name: section for section in inspection.sections}


def items(section: Section) -> dict[str, tuple[object, str]]:
    return {item.name: (item.value, item.meaning) for item in section.items}


def check_dump(inspection: Inspection, data: bytes) -> list[str]:
    end = 0
    for annotation in inspection.annotations:
        assert annotation.offset == end
        assert annotation.data == data[end : end + len(annotation.data)]
        assert annotation.data
        assert annotation.value
        end += len(annotation.data)
    assert end == len(data)
    return [annotation.name for annotation in inspection.annotations]


def report_header(data: bytes) -> bytes:
    return bytes.fromhex("01000000 02000000") + len(data).to_bytes(8, "little") + data


def evidence_header(data: bytes) -> bytes:
    format_id = bytes.fromhex("a3a21e871b4d4014b70aa125d2fbcd8c")
    return bytes.fromhex("02000000") + format_id + len(data).to_bytes(8, "little") + data


@pytest.mark.parametrize(("version", "body_type"), FORMS)
def test_every_form_is_shown_in_the_same_sections(version: int, body_type: BodyType) -> None:
    data = quote_bytes(version, body_type)
    inspection = looked_at(data)
    tee = "sgx" if body_type is BodyType.SGX else "tdx"
    assert inspection.kind == f"{tee}-quote"
    assert inspection.title.startswith(f"{tee.upper()} quote, version {version}, ")
    found = sections(inspection)
    assert list(found) == ["header", "body", "signature", "qeReport", "certification"]
    assert items(found["header"])["version"] == (version, "")
    assert items(found["body"])["bodyType"][0] == body_type
    assert items(found["certification"])["certType"] == (5, "PCK certificate chain, PEM")
    names = check_dump(inspection, data)
    assert names[0] == "header.version"
    assert "qeReport.mrSigner" in names
    assert ("descriptor.bodyType" in names) == (version == 5)
    assert ("signature.outerType" in names) == (version > 3)


def test_key_that_the_qe_report_names_is_told_apart_from_another() -> None:
    inspection = looked_at(quote_bytes(3, BodyType.SGX))
    signature = items(sections(inspection)["signature"])
    key_hash = hashlib.sha256(b"\x02" * 64 + bytes(range(32))).hexdigest()
    assert signature["attestationKey"] == ("02" * 64, "NOT named by the QE report")
    assert signature["attestationKeyHash"] == (key_hash, "of key and authentication data")
    assert any(note.startswith(ENDS_IN_THE_QE_REPORT) for note in inspection.notes)
    data = bytearray(quote_bytes(3, BodyType.SGX))
    report_data = 48 + 384 + 4 + 128 + 320
    data[report_data : report_data + 32] = bytes.fromhex(key_hash)
    named = looked_at(bytes(data))
    signature = items(sections(named)["signature"])
    assert signature["attestationKey"] == ("02" * 64, "named by the QE report")
    assert not any(note.startswith(ENDS_IN_THE_QE_REPORT) for note in named.notes)


@pytest.mark.parametrize(
    ("cert_type", "size", "names"),
    [
        (CertType.PPID_CLEAR, 36, ["ppid", "cpuSvn", "pceSvn", "pceId"]),
        (CertType.PPID_CLEAR, 34, ["ppid", "cpuSvn", "pceSvn"]),
        (CertType.PPID_RSA2048, 276, ["encryptedPpid", "cpuSvn", "pceSvn", "pceId"]),
        (CertType.PPID_RSA3072, 404, ["encryptedPpid", "cpuSvn", "pceSvn", "pceId"]),
        (CertType.PPID_RSA3072, 5, ["data"]),
        (CertType.PPID_CLEAR, 0, ["data"]),
    ],
)
def test_identifiers_of_the_platform_are_shown_in_place_of_certificates(
    cert_type: CertType, size: int, names: list[str]
) -> None:
    data = quote_bytes(3, BodyType.SGX, cert_type=cert_type, certification=b"\x07" * size)
    inspection = looked_at(data)
    certification = sections(inspection)["certification"]
    assert list(items(certification)) == ["certType", "certSize", *names]
    assert certification.sections == ()
    assert any(note.startswith("no PCK certificate inside") for note in inspection.notes)
    check_dump(inspection, data)


BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "pem", [b"", b"\0", b"no PEM", BEGIN + b"AAAA\n", BEGIN + b"AAAA\n" + END, BEGIN + END]
)
def test_certificates_that_do_not_parse_are_a_note_and_no_refusal(pem: bytes) -> None:
    data = quote_bytes(4, BodyType.TD_1_0, certification=pem)
    inspection = looked_at(data)
    assert any(
        note.startswith("the certificates inside do not parse: ") for note in inspection.notes
    )
    assert sections(inspection)["certification"].sections == ()
    check_dump(inspection, data)


@pytest.mark.parametrize("trailing", [1, 3065])
def test_padding_behind_a_quote_is_counted_and_dumped(trailing: int) -> None:
    data = quote_bytes(4, BodyType.TD_1_0, trailing=trailing)
    inspection = looked_at(data)
    words = f"{trailing} zero bytes follow the quote, as in buffers that are too large"
    assert words in inspection.notes
    assert check_dump(inspection, data)[-1] == "trailing"
    assert inspection.annotations[-1].data == bytes(trailing)


@pytest.mark.parametrize(
    ("wrap", "names"),
    [
        (report_header, ["wrapper"]),
        (evidence_header, ["wrapper"]),
        (lambda data: evidence_header(report_header(data)), ["wrapper", "innerWrapper"]),
    ],
)
@pytest.mark.parametrize("padding", [0, 7])
def test_wrappers_are_shown_before_the_quote(
    wrap: Callable[[bytes], bytes], names: list[str], padding: int
) -> None:
    data = wrap(quote_bytes(3, BodyType.SGX, trailing=5)) + bytes(padding)
    inspection = looked_at(data)
    assert list(sections(inspection))[: len(names) + 1] == [*names, "header"]
    dumped = check_dump(inspection, data)
    assert dumped[0] == "wrapper.version"
    assert dumped[-1] == ("padding" if padding else "trailing")


def test_recorded_quotes_are_shown_whole(dcap_vectors: Path) -> None:
    cases = json.loads((dcap_vectors / "cases.json").read_bytes())
    accepted = {case["quote"] for case in cases if case["expect"]["verdict"] == "accept"}
    assert accepted
    for name in accepted:
        data = (dcap_vectors / name).read_bytes()
        inspection = looked_at(data)
        check_dump(inspection, data)
        signature = items(sections(inspection)["signature"])
        assert signature["attestationKey"][1] == "named by the QE report", name
