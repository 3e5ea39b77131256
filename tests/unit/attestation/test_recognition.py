# SPDX-License-Identifier: Apache-2.0
"""What is this? Decided by content, in any encoding; what it is not is said in words."""

import base64
import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.structures import FORMS, quote_bytes

from confcom.attestation.recognition import MAX_INPUT_BYTES, Recognition, recognise
from confcom.dcap import BodyType, Quote, TdReport, TdxReport
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import Report, ReportBody, TargetInfo
from confcom.sgx.measurement import Access, Measurement, MeasurementBuilder, PageType
from confcom.testing.sigstruct import new_author_key, sign_enclave
from confcom.wire import Encoding

QUOTE = quote_bytes(3, BodyType.SGX)
BODY = bytes(16) + b"\0" * 32 + b"\x05" + bytes(15) + b"\x11" * 32 + bytes(32) + b"\x22" * 32
BODY += bytes(384 - len(BODY))
REPORT = BODY + b"\x33" * 48
TARGET_INFO = b"\x44" * 32 + bytes(480)
TDREPORT = b"\x81" + bytes(15) + b"\x55" * 16 + bytes(992)
TD_REPORT_BODY = b"\x03\x01" + bytes(14) + b"\x66" * 48 + bytes(520)


def stream() -> bytes:
    builder = MeasurementBuilder()
    return builder.ecreate(size_bytes=1 << 20, ssa_frame_pages=1) + builder.eadd(
        0, page_type=PageType.REG, access=Access.R
    )


def refused(data: bytes, reason: Reason = Reason.UNRECOGNISED_INPUT) -> MalformedError:
    with pytest.raises(MalformedError) as refusal:
        recognise(data)
    assert refusal.value.reason is reason
    return refusal.value


STRUCTURES: list[tuple[bytes, type]] = [
    (QUOTE, Quote),
    (BODY, ReportBody),
    (REPORT, Report),
    (TARGET_INFO, TargetInfo),
    (TDREPORT, TdxReport),
    (TD_REPORT_BODY, TdReport),
    (TD_REPORT_BODY + bytes(64), TdReport),
    (TD_REPORT_BODY + bytes(301), TdReport),
    (stream(), Measurement),
]
NEITHER = "it is neither certificate nor revocation list"
NAMES = [f"{kind.__name__}-{len(data)}" for data, kind in STRUCTURES]
ENCODINGS: list[tuple[Encoding, Callable[[bytes], bytes]]] = [
    (Encoding.RAW, bytes),
    (Encoding.HEX, lambda data: data.hex().encode()),
    (Encoding.HEX, lambda data: b"0x" + data.hex("\n", 30).encode() + b"\n"),
    (Encoding.BASE64, base64.b64encode),
    (Encoding.BASE64, base64.encodebytes),
]


@pytest.mark.parametrize(("data", "kind"), STRUCTURES, ids=NAMES)
@pytest.mark.parametrize(("encoding", "write"), ENCODINGS)
def test_recognises_structures_in_every_encoding(
    data: bytes, kind: type, encoding: Encoding, write: Callable[[bytes], bytes]
) -> None:
    found = recognise(write(data))
    assert type(found.content) is kind
    assert found.data == data
    assert found.encoding is encoding
    assert found.layers == ()


def test_recognises_base64url() -> None:
    data = QUOTE[:-2] + b"\xfb\xff"
    text = base64.urlsafe_b64encode(data)
    assert b"-" in text or b"_" in text
    found = recognise(text)
    assert (found.encoding, found.data) == (Encoding.BASE64URL, data)


@pytest.mark.timeout(60)
def test_recognises_a_sigstruct() -> None:
    sigstruct = sign_enclave(
        new_author_key(), mr_enclave=bytes(32), date=datetime.date(2026, 3, 14)
    )
    assert recognise(sigstruct.to_bytes()).content == sigstruct


@pytest.mark.parametrize(("version", "body_type"), FORMS)
def test_recognises_quotes_of_every_form(version: int, body_type: BodyType) -> None:
    content = recognise(quote_bytes(version, body_type, trailing=9)).content
    assert isinstance(content, Quote)
    assert (content.header.version, content.body_type) == (version, body_type)


def test_recognises_a_wrapped_quote() -> None:
    data = bytes.fromhex("01000000 02000000") + len(QUOTE).to_bytes(8, "little") + QUOTE
    found = recognise(data)
    assert isinstance(found.content, Quote)
    assert len(found.layers) == 1
    assert found.data == data


def test_tells_an_aligned_report_from_a_target_info_by_the_bytes_that_are_zero() -> None:
    found = recognise(REPORT + bytes(80))
    assert found.content == Report.from_bytes(REPORT)
    assert isinstance(recognise(TARGET_INFO).content, TargetInfo)
    error = refused(REPORT + bytes(79) + b"\1")
    assert "SGX TARGETINFO has that size, but this is none" in error.message


def test_takes_cet_attributes_in_a_report() -> None:
    data = bytearray(BODY)
    data[20] = 3
    assert isinstance(recognise(bytes(data)).content, ReportBody)


@pytest.mark.parametrize(
    ("data", "offset", "name"),
    [
        (BODY, 100, "SGX report body"),
        (REPORT, 383 - 90, "SGX REPORT"),
        (TARGET_INFO, 511, "SGX TARGETINFO"),
        (TDREPORT, 8, "TDREPORT"),
        (TDREPORT, 500, "TDREPORT"),
        (TD_REPORT_BODY, 119, "TD report 1.0"),
        (TD_REPORT_BODY + bytes(64), 64, "TD report 1.5"),
        (TD_REPORT_BODY + bytes(301), 64, "TD report 1.5 extended"),
    ],
)
def test_size_alone_is_not_enough(data: bytes, offset: int, name: str) -> None:
    changed = bytearray(data)
    changed[offset] ^= 0x40
    assert f"; {name} has that size, but this is none" in refused(bytes(changed)).message


@pytest.mark.parametrize("size", [384, 432, 512, 584, 648, 885, 1024, 1808])
def test_zero_bytes_are_nothing(size: int) -> None:
    assert f"{size} bytes, all zero" in refused(bytes(size)).message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (QUOTE[:-1], Reason.QUOTE_FORMAT),
        (QUOTE[:432], Reason.QUOTE_FORMAT),
        (QUOTE[:48], Reason.QUOTE_FORMAT),
        (QUOTE[:28], Reason.QUOTE_FORMAT),
        (QUOTE[:8], Reason.QUOTE_FORMAT),
        (QUOTE + b"\1", Reason.TRAILING_DATA),
        (QUOTE + bytes(64 * 1024), Reason.TOO_LARGE),
        (b"\2" + QUOTE[1:], Reason.QUOTE_VERSION),
        (b"\x09" + QUOTE[1:], Reason.QUOTE_VERSION),
        (QUOTE[:2] + b"\3" + QUOTE[3:], Reason.ATT_KEY_TYPE),
        (QUOTE[:4] + b"\1" + QUOTE[5:], Reason.TEE_TYPE),
        (QUOTE[:12] + bytes(16) + QUOTE[28:], Reason.QE_VENDOR),
        (bytes.fromhex("01000000 02000000 09000000 00000000") + QUOTE, Reason.QUOTE_FORMAT),
        (stream()[:-1], Reason.MEASUREMENT_FORMAT),
        (stream() + b"EADD", Reason.MEASUREMENT_FORMAT),
        (bytes.fromhex("06000000e100000000000100") + bytes(1796), Reason.SIGSTRUCT_FORMAT),
        (bytes.fromhex("06000000e100000000000100"), Reason.SIGSTRUCT_FORMAT),
        (b"\x30\x82\x01\x00\x30\x03", Reason.CERT_FORMAT),
        (b"\x30\x84\xff\xff\xff\xff", Reason.CERT_FORMAT),
        (b"\x30\x81\x80" + bytes(127), Reason.CERT_FORMAT),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", Reason.CERT_FORMAT),
        (b"-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n", Reason.CRL_FORMAT),
        (b'{"tcbInfo":{"id":"SGX"},"signature":"00"}', Reason.COLLATERAL_FORMAT),
        (b'{"fmspc":"00","tcbLevels":[]}', Reason.COLLATERAL_FORMAT),
        (b'{"tcb_info":"","qe_identity":""}', Reason.COLLATERAL_FORMAT),
        (QUOTE.hex().encode()[:-1], Reason.INPUT_ENCODING),
        (base64.b64encode(QUOTE)[:-1] + b"!", Reason.INPUT_ENCODING),
        (b"03 00 02 0", Reason.INPUT_ENCODING),
    ],
)
def test_what_has_a_mark_is_refused_by_its_own_parser(data: bytes, reason: Reason) -> None:
    refused(data, reason)


def test_quotes_of_old_times_are_quotes() -> None:
    epid = bytes.fromhex("0200 0100") + b"\x07" * 428 + (680).to_bytes(4, "little") + b"\x08" * 680
    refused(epid, Reason.QUOTE_VERSION)
    refused(b"\x03" + epid[1:4] + bytes(4) + epid[8:], Reason.ATT_KEY_TYPE)
    assert "binary data" in refused(epid[:-1]).message
    assert "binary data" in refused(epid[:400]).message


def start(version: int, key_type: int, tee: int) -> bytes:
    return (
        version.to_bytes(2, "little") + key_type.to_bytes(2, "little") + tee.to_bytes(4, "little")
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (start(3, 2, 0), Reason.QUOTE_FORMAT),
        (start(4, 2, 0x81), Reason.QUOTE_FORMAT),
        (start(5, 2, 0x81), Reason.QUOTE_FORMAT),
        (start(5, 2, 0x81) + bytes(40), Reason.QE_VENDOR),
        (start(5, 0, 0) + bytes(40), Reason.ATT_KEY_TYPE),
        (start(5, 1, 0) + bytes(40), Reason.ATT_KEY_TYPE),
        (start(5, 3, 0) + bytes(40), Reason.ATT_KEY_TYPE),
        (start(5, 4, 0) + bytes(40), Reason.UNRECOGNISED_INPUT),
        (start(5, 2, 0x80) + bytes(40), Reason.UNRECOGNISED_INPUT),
        (start(5, 2, 0)[:7], Reason.UNRECOGNISED_INPUT),
        (start(6, 2, 0) + bytes(40), Reason.UNRECOGNISED_INPUT),
        (start(1, 0, 7) + bytes(428), Reason.QUOTE_VERSION),
        (start(2, 0, 7) + bytes(428), Reason.QUOTE_VERSION),
        (start(2, 1, 7) + bytes(428), Reason.QUOTE_VERSION),
        (start(2, 2, 7) + bytes(428), Reason.UNRECOGNISED_INPUT),
        (start(2, 0, 7) + bytes(427), Reason.UNRECOGNISED_INPUT),
        (start(2, 0, 7) + bytes(424) + b"\1\0\0\0", Reason.UNRECOGNISED_INPUT),
        (start(2, 0, 7) + bytes(424) + b"\1\0\0\0\0", Reason.QUOTE_VERSION),
        (start(0, 0, 7) + bytes(428), Reason.UNRECOGNISED_INPUT),
    ],
)
def test_knows_a_quote_without_vendor_by_version_key_and_kind(data: bytes, reason: Reason) -> None:
    refused(data, reason)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"\0", "1 byte, all zero"),
        (b"hello world\n", "it looks like text of 12 bytes"),
        (b"\xff" * 1020, "binary data of 1020 bytes"),
        (b"\x7fELF" + bytes(100), "an ELF file"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"caf\xc3\xa9 au lait", "text of 13 bytes"),
        (b"cafe", "text of 4 bytes, and read as hex like binary data of 2 bytes"),
        (b"Cats", "text of 4 bytes, and read as base64 like binary data of 3 bytes"),
        (b"{", "broken JSON"),
        (b'{"a":1', "broken JSON"),
        (b'{"a":NaN}', "broken JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "broken JSON"),
        (b"[]", "a JSON array"),
        (b" \n[1]", "a JSON array"),
        (b"{}", "a JSON object with the members none"),
        (b'{"b":1,"a":2}', "a JSON object with the members a, b"),
        (json.dumps(dict.fromkeys("gfedcba")).encode(), "with the members a, b, c, d, e, f"),
        (b'{"\\u001b[31m":1}', "a JSON object"),
        (b"{\0}", "binary data of 3 bytes"),
        (b"{\xff}", "binary data of 3 bytes"),
        (b"-----BEGIN %b-----\nAAAA\n" % b"PRIVATE KEY", "a private key"),
        (b"-----BEGIN %b-----\n" % b"EC PRIVATE KEY", "a private key"),
        (
            b"-----BEGIN CERTIFICATE-----\n-----BEGIN X509 CRL-----\n",
            "PEM of CERTIFICATE, X509 CRL",
        ),
        (b"-----BEGIN PGP MESSAGE-----\n", "PEM of PGP MESSAGE"),
        (b"\x30\x81\x80" + b"\x30\x7e" + b"\x02\x01\x00" * 42, NEITHER),
        (b"\x30\x81\x80" + b"\x30\x7e" + b"\x30\x01" * 63, NEITHER),
        (b"\x30\x81\x80" + b"\x02\x01\x00" + b"\x30\x7b" + bytes(123), NEITHER),
        (b"\x30\x81\x80" + bytes(128), NEITHER),
    ],
)
def test_says_what_unknown_input_looks_like(data: bytes, words: str) -> None:
    assert words in refused(data).message


def test_shows_nothing_of_a_private_key() -> None:
    error = refused(b"-----BEGIN PRIVATE KEY-----\nAAAAsecret\n-----END PRIVATE KEY-----\n")
    assert "secret" not in f"{error.message} {error.hint}"


def test_names_what_it_knows_as_a_next_step() -> None:
    hint = refused(b"\xff" * 99).hint
    assert hint is not None
    assert hint.startswith("known are quotes, REPORT, TARGETINFO")


def test_refuses_more_than_it_wants_to_look_at() -> None:
    assert (
        f"limit of {MAX_INPUT_BYTES}"
        in refused(bytes(MAX_INPUT_BYTES + 1), Reason.TOO_LARGE).message
    )


def test_decodes_once_only() -> None:
    once = base64.b64encode(QUOTE)
    twice = base64.b64encode(once)
    assert isinstance(recognise(once).content, Quote)
    assert "read as base64 like text of" in refused(twice).message


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pcs/sgx_v4_tcb_00606a000000.json", "TcbInfo"),
        ("pcs/tdx_v4_tcb_00a06d080000.json", "TcbInfo"),
        ("pcs/sgx_v4_qe_identity.json", "EnclaveIdentity"),
        ("pcs/sgx_v4_tcbevaluationdatanumbers.json", "EvaluationNumbers"),
        ("pcs/sgx_v4_pckcrl_platform.der", "Crl"),
        ("pcs/issuer_chain_header_value.txt", "tuple"),
        ("sigstruct/test_enclave.sig", "Sigstruct"),
        ("sigstruct/test_enclave.sgxs", "Measurement"),
        ("roots/intel.pem", "tuple"),
        ("collateral/real-tdx-v5-relaunch.json", "Collateral"),
        ("quotes/real-tdx-v5-relaunch.bin", "Quote"),
    ],
)
def test_recognises_recorded_files_also_in_base64(dcap_vectors: Path, name: str, kind: str) -> None:
    data = (dcap_vectors / name).read_bytes()

    def kind_of(found: Recognition) -> str:
        return type(getattr(found.content, "parsed", found.content)).__name__

    assert kind_of(recognise(data)) == kind
    assert kind_of(recognise(base64.b64encode(data))) == kind
    assert kind_of(recognise(data.hex().encode())) == kind


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("pcs/sgx_v4_tcb_00606a000000.json", "tcbInfo"),
        ("pcs/sgx_v4_qe_identity.json", "enclaveIdentity"),
        ("pcs/sgx_v4_tcbevaluationdatanumbers.json", "tcbEvaluationDataNumbers"),
    ],
)
def test_recognises_the_inner_object_of_a_document(
    dcap_vectors: Path, name: str, member: str
) -> None:
    document = json.loads((dcap_vectors / name).read_bytes())
    inner = json.dumps(document[member]).encode() + b"\n"
    found = recognise(inner).content
    assert getattr(found, "signature", b"") is None
