# SPDX-License-Identifier: Apache-2.0
"""Open Enclave headers around a quote: taken off when they fit, refused when they do not."""

import pytest

from confcom.dcap.header import INTEL_QE_VENDOR
from confcom.dcap.wrappers import (
    OPEN_ENCLAVE_EVIDENCE,
    OPEN_ENCLAVE_REPORT,
    Wrapper,
    layers,
    unwrap,
)
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import annotate

QUOTE = bytes.fromhex("0300 0200 00000000 0a00 0f00") + INTEL_QE_VENDOR + bytes(range(1, 100))
SGX_ECDSA = bytes.fromhex("a3a21e871b4d4014b70aa125d2fbcd8c")
OTHER_FORMAT = bytes(range(16))


def report_header(size: int, *, version: int = 1, report_type: int = 2) -> bytes:
    return (
        version.to_bytes(4, "little")
        + report_type.to_bytes(4, "little")
        + size.to_bytes(8, "little")
    )


def evidence_header(size: int, *, version: int = 3, format_id: bytes = SGX_ECDSA) -> bytes:
    return version.to_bytes(4, "little") + format_id + size.to_bytes(8, "little")


def refused(data: bytes) -> str:
    with pytest.raises(MalformedError) as refusal:
        unwrap(data)
    assert refusal.value.reason is Reason.QUOTE_FORMAT
    return refusal.value.message


def test_takes_off_a_report_header() -> None:
    assert unwrap(report_header(len(QUOTE)) + QUOTE) == (Wrapper.OPEN_ENCLAVE_REPORT, QUOTE)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("format_id", [SGX_ECDSA, OTHER_FORMAT])
def test_takes_off_an_attestation_header(version: int, format_id: bytes) -> None:
    header = evidence_header(len(QUOTE), version=version, format_id=format_id)
    assert unwrap(header + QUOTE) == (Wrapper.OPEN_ENCLAVE_EVIDENCE, QUOTE)


def test_takes_off_an_attestation_header_and_the_report_header_in_it() -> None:
    inner = report_header(len(QUOTE)) + QUOTE
    data = evidence_header(len(inner), version=2) + inner
    assert unwrap(data) == (Wrapper.OPEN_ENCLAVE_EVIDENCE, QUOTE)
    assert [(layer.wrapper, layer.start, layer.content) for layer in layers(data)] == [
        (Wrapper.OPEN_ENCLAVE_EVIDENCE, 0, slice(28, len(data))),
        (Wrapper.OPEN_ENCLAVE_REPORT, 28, slice(44, len(data))),
    ]


@pytest.mark.parametrize("padding", [1, 70, 3065])
def test_drops_zero_padding_behind_the_declared_size(padding: int) -> None:
    for header in (report_header(len(QUOTE)), evidence_header(len(QUOTE))):
        assert unwrap(header + QUOTE + bytes(padding))[1] == QUOTE


def test_keeps_zero_bytes_inside_the_declared_size() -> None:
    padded = QUOTE + bytes(70)
    assert unwrap(report_header(len(padded)) + padded)[1] == padded


@pytest.mark.parametrize(
    "data",
    [b"", b"\1", bytes(16), bytes(28), QUOTE, QUOTE[:47], report_header(1)[:15], b"\xff" * 64],
)
def test_leaves_other_bytes_as_they_are(data: bytes) -> None:
    assert unwrap(data) == (None, data)
    assert layers(data) == ()


@pytest.mark.parametrize("key_type", [0, 1])
def test_leaves_quotes_of_other_key_types_as_they_are(key_type: int) -> None:
    quote = QUOTE[:2] + key_type.to_bytes(2, "little") + QUOTE[4:]
    assert unwrap(quote) == (None, quote)


@pytest.mark.parametrize("size", [0, len(QUOTE) - 1, len(QUOTE) + 1, 0xFFFFFFFF, (1 << 64) - 1])
def test_refuses_a_report_header_of_another_size(size: int) -> None:
    assert refused(report_header(size) + QUOTE) == (
        f"Open Enclave report header at offset 0 declares {size} bytes, {len(QUOTE)} follow"
    )


@pytest.mark.parametrize("size", [0, len(QUOTE) - 1, len(QUOTE) + 1, 0xFFFFFFFF, (1 << 64) - 1])
def test_refuses_an_attestation_header_of_another_size(size: int) -> None:
    assert refused(evidence_header(size) + QUOTE) == (
        f"Open Enclave attestation header at offset 0 declares {size} bytes, {len(QUOTE)} follow"
    )


def test_refuses_a_report_header_inside_that_is_longer_than_the_header_around_it() -> None:
    inner = report_header(len(QUOTE)) + QUOTE
    data = evidence_header(len(inner) - 1) + inner[:-1] + bytes(8)
    assert "Open Enclave report header at offset 28 declares" in refused(data)


@pytest.mark.parametrize("header", [report_header(0), evidence_header(0), report_header(5)])
@pytest.mark.parametrize("zeros", [0, 3])
def test_refuses_a_header_without_a_quote(header: bytes, zeros: int) -> None:
    assert f"bytes, {zeros} follow" in refused(header + bytes(zeros))


def test_takes_off_a_header_around_a_single_byte() -> None:
    assert unwrap(report_header(1) + b"\7") == (Wrapper.OPEN_ENCLAVE_REPORT, b"\7")


@pytest.mark.parametrize("size", range(16))
def test_leaves_the_beginning_of_a_header_inside_a_wrapper_as_it_is(size: int) -> None:
    inner = report_header(9)[:size] or b"\1"
    for header in (report_header(len(inner)), evidence_header(len(inner))):
        assert unwrap(header + inner)[1] == inner


def test_refuses_bytes_behind_a_wrapped_quote_that_are_not_zero() -> None:
    assert "declares 127 bytes, 128 follow" in refused(report_header(127) + QUOTE + b"\1")


@pytest.mark.parametrize("size", [0, len(QUOTE) - 1, len(QUOTE) + 1])
def test_takes_an_unknown_format_for_a_wrapper_only_when_it_fits(size: int) -> None:
    data = evidence_header(size, format_id=OTHER_FORMAT) + QUOTE
    assert unwrap(data) == (None, data)


@pytest.mark.parametrize(("version", "report_type"), [(0, 2), (2, 2), (1, 1), (1, 3)])
def test_takes_other_versions_and_types_for_no_report_header(
    version: int, report_type: int
) -> None:
    data = report_header(len(QUOTE), version=version, report_type=report_type) + QUOTE
    assert unwrap(data) == (None, data)


@pytest.mark.parametrize("version", [0, 4, 0x00020003])
def test_takes_other_versions_for_no_attestation_header(version: int) -> None:
    data = evidence_header(len(QUOTE), version=version) + QUOTE
    assert unwrap(data) == (None, data)


def test_does_not_peel_for_ever() -> None:
    data = QUOTE
    for _ in range(3):
        data = report_header(len(data)) + data
    assert len(layers(data)) == 2
    assert unwrap(data)[1] == report_header(len(QUOTE)) + QUOTE


@pytest.mark.parametrize(
    ("data", "meanings"),
    [
        (report_header(9), ["", "remote, holds a quote", ""]),
        (report_header(9, report_type=1), ["", "not supported", ""]),
        (evidence_header(9), ["", "SGX ECDSA", ""]),
        (evidence_header(9, format_id=OTHER_FORMAT), ["", "not known", ""]),
    ],
)
def test_tables_say_what_a_header_is_for(data: bytes, meanings: list[str]) -> None:
    layout = OPEN_ENCLAVE_REPORT if len(data) == 16 else OPEN_ENCLAVE_EVIDENCE
    assert [annotation.meaning for annotation in annotate(layout, data)] == meanings
