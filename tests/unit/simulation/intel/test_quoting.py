# SPDX-License-Identifier: Apache-2.0
"""Quotes of simulated platforms: every version and body type parses back to what went in."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from confcom.dcap import BodyType, CertType, Quote, QuoteVersion, TdReport, TeeType
from confcom.errors import MalformedError, NotAuthenticError, UsageError
from confcom.reasons import Reason
from confcom.sgx import ReportBody
from confcom.simulation import (
    AUTH_DATA,
    NO_TARGET,
    Enclave,
    TdHistory,
    TdxModule,
    TrustDomain,
    make_authority,
    make_qe,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AUTHORITY = make_authority(at=AT)
PLATFORM = AUTHORITY.add_platform(at=AT)
OTHER = AUTHORITY.add_platform("other", at=AT)
TDX_1_0 = AUTHORITY.add_platform(
    "old", at=AT, module=TdxModule(tee_tcb_svn=bytes((3, 0, 6)) + bytes(13))
)
ENCLAVE = Enclave(mr_enclave=b"\x0e" * 32, mr_signer=b"\x51" * 32, isv_prod_id=3, isv_svn=4)
TD = TrustDomain(mr_td=b"\x7d" * 48).extend(2, b"\x02" * 48)
DATA = bytes(range(64))
REPORT = ENCLAVE.ereport(PLATFORM.qe_target_info, DATA)
TDREPORT = PLATFORM.td_report(TD, DATA)


def _check(point: bytes, signature: bytes, data: bytes) -> None:
    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + point)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(r, s), data, ECDSA(SHA256()))


def _check_signatures(quote: Quote, pck_point: bytes) -> None:
    signature = quote.signature
    _check(signature.attestation_key, signature.signature, quote.signed)
    _check(pck_point, signature.qe_report_signature, signature.qe_report)
    qe_report = ReportBody.from_bytes(signature.qe_report)
    digest = hashlib.sha256(signature.attestation_key + signature.auth_data).digest()
    assert qe_report.report_data == digest + bytes(32)


def _pck_point() -> bytes:
    numbers = PLATFORM.pck.key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


@pytest.mark.parametrize("version", list(QuoteVersion))
def test_sgx_quote_of_every_version_carries_the_report(version: QuoteVersion) -> None:
    quote = Quote.from_bytes(PLATFORM.quote_sgx(REPORT, version=version))
    assert (quote.header.version, quote.header.tee_type) == (version, TeeType.SGX)
    assert quote.body_type is BodyType.SGX
    assert quote.body == REPORT.body
    assert quote.header.user_data == PLATFORM.qe_id + bytes(4)
    _check_signatures(quote, _pck_point())


def test_header_of_version_3_names_both_svns_and_later_ones_do_not() -> None:
    headers = {
        version: Quote.from_bytes(PLATFORM.quote_sgx(REPORT, version=version)).header
        for version in QuoteVersion
    }
    assert (headers[QuoteVersion.V3].qe_svn, headers[QuoteVersion.V3].pce_svn) == (8, 13)
    for version in (QuoteVersion.V4, QuoteVersion.V5):
        assert (headers[version].qe_svn, headers[version].pce_svn) == (0, 0)


@pytest.mark.parametrize(
    ("version", "body_type"),
    [
        (QuoteVersion.V4, BodyType.TD_1_0),
        (QuoteVersion.V5, BodyType.TD_1_0),
        (QuoteVersion.V5, BodyType.TD_1_5),
        (QuoteVersion.V5, BodyType.TD_1_5_EX),
    ],
)
def test_tdx_quote_carries_td_and_module(version: QuoteVersion, body_type: BodyType) -> None:
    quote = Quote.from_bytes(PLATFORM.quote_tdx(TDREPORT, version=version, body_type=body_type))
    assert quote.is_tdx
    assert quote.body_type is body_type
    body = quote.body
    assert isinstance(body, TdReport)
    assert (body.mr_td, body.rtmrs, body.report_data) == (TD.mr_td, TD.rtmrs, DATA)
    assert body.tee_tcb_svn == PLATFORM.module.tee_tcb_svn
    assert body.mr_seam == PLATFORM.module.mr_seam
    assert body.td_attributes == TD.td_attributes
    if body_type is not BodyType.TD_1_0:
        assert body.tee_tcb_svn2 == PLATFORM.module.tee_tcb_svn2
        assert body.mr_service_td == TD.mr_service_td
    _check_signatures(quote, _pck_point())


@pytest.mark.parametrize(
    ("version", "expected"),
    [(QuoteVersion.V4, BodyType.TD_1_0), (QuoteVersion.V5, BodyType.TD_1_5)],
)
def test_body_type_follows_version_by_default(version: QuoteVersion, expected: BodyType) -> None:
    assert Quote.from_bytes(PLATFORM.quote_tdx(TDREPORT, version=version)).body_type is expected


def test_version_5_of_a_platform_without_update_has_body_1_0() -> None:
    report = TDX_1_0.td_report(TD, DATA)
    quote = Quote.from_bytes(TDX_1_0.quote_tdx(report, version=QuoteVersion.V5))
    assert quote.body_type is BodyType.TD_1_0


def test_extended_body_tells_the_history_of_the_td() -> None:
    history = TdHistory(vmid=3, td_id=b"\x1d" * 32, init_fmspc=b"\xf0" * 12)
    raw = PLATFORM.quote_tdx(
        TDREPORT, version=QuoteVersion.V5, body_type=BodyType.TD_1_5_EX, history=history
    )
    body = Quote.from_bytes(raw).body
    assert isinstance(body, TdReport)
    assert (body.vmid, body.td_id, body.init_fmspc) == (3, b"\x1d" * 32, b"\xf0" * 12)


def test_extended_body_of_a_td_that_never_moved_starts_where_it_is() -> None:
    raw = PLATFORM.quote_tdx(TDREPORT, version=QuoteVersion.V5, body_type=BodyType.TD_1_5_EX)
    body = Quote.from_bytes(raw).body
    assert isinstance(body, TdReport)
    assert body.init_tee_tcb_svn == body.tee_tcb_svn
    assert body.init_cpu_svn == PLATFORM.cpu_svn


@pytest.mark.parametrize(
    ("version", "body_type"),
    [
        (QuoteVersion.V3, None),
        (QuoteVersion.V3, BodyType.TD_1_0),
        (QuoteVersion.V4, BodyType.TD_1_5),
        (QuoteVersion.V4, BodyType.TD_1_5_EX),
        (QuoteVersion.V5, BodyType.SGX),
    ],
)
def test_refuses_version_and_body_type_that_do_not_go_together(
    version: QuoteVersion, body_type: BodyType | None
) -> None:
    with pytest.raises(UsageError, match="cannot"):
        PLATFORM.quote_tdx(TDREPORT, version=version, body_type=body_type)


@pytest.mark.parametrize("body_type", [BodyType.TD_1_5, BodyType.TD_1_5_EX])
def test_refuses_body_that_the_tdreport_does_not_hold(body_type: BodyType) -> None:
    report = TDX_1_0.td_report(TD, DATA)
    with pytest.raises(UsageError, match=f"cannot become body type {body_type:d}"):
        TDX_1_0.quote_tdx(report, version=QuoteVersion.V5, body_type=body_type)


@pytest.mark.parametrize(
    ("cert_type", "size"),
    [
        (CertType.PPID_CLEAR, 36),
        (CertType.PPID_RSA2048, 276),
        (CertType.PPID_RSA3072, 404),
    ],
)
def test_ppid_certification_names_the_pck_certificate(cert_type: CertType, size: int) -> None:
    quote = Quote.from_bytes(PLATFORM.quote_sgx(REPORT, cert_type=cert_type))
    certification = quote.signature.certification
    assert (certification.type, len(certification.data)) == (cert_type, size)
    extension = PLATFORM.extension
    selector = extension.cpu_svn + extension.pce_svn.to_bytes(2, "little") + extension.pce_id
    assert certification.data.endswith(selector)


def test_only_the_clear_ppid_is_the_platforms() -> None:
    ppid = PLATFORM.extension.ppid
    clear = PLATFORM.quote_sgx(REPORT, cert_type=CertType.PPID_CLEAR)
    assert Quote.from_bytes(clear).signature.certification.data.startswith(ppid)
    for cert_type in (CertType.PPID_RSA2048, CertType.PPID_RSA3072):
        assert ppid not in PLATFORM.quote_sgx(REPORT, cert_type=cert_type)


def test_certificates_stand_in_the_quote_as_pem() -> None:
    leaf = Quote.from_bytes(PLATFORM.quote_sgx(REPORT, cert_type=CertType.PCK_LEAF))
    assert leaf.signature.certification.data == PLATFORM.pck.pem
    chain = Quote.from_bytes(PLATFORM.quote_sgx(REPORT))
    assert chain.signature.certification.data == PLATFORM.pck_chain + b"\0"
    assert PLATFORM.pck_chain.count(b"BEGIN CERTIFICATE") == 3


@pytest.mark.parametrize("cert_type", [CertType.QE_REPORT, CertType.PLATFORM_MANIFEST])
def test_refuses_certification_types_that_certify_no_quote(cert_type: CertType) -> None:
    with pytest.raises(UsageError, match="cannot certify a quote"):
        PLATFORM.quote_sgx(REPORT, cert_type=cert_type)


def test_takes_another_chain_as_it_is() -> None:
    chain = PLATFORM.pck_chain.replace(b"\n", b"\r\n")
    quote = Quote.from_bytes(PLATFORM.quote_sgx(REPORT, chain=chain))
    assert quote.signature.certification.data == chain


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1000])
def test_authentication_data_of_any_length_is_bound_to_the_key(size: int) -> None:
    quote = Quote.from_bytes(PLATFORM.quote_sgx(REPORT, auth_data=b"a" * size))
    assert quote.signature.auth_data == b"a" * size
    _check_signatures(quote, _pck_point())


def test_authentication_data_is_intels_by_default() -> None:
    assert Quote.from_bytes(PLATFORM.quote_tdx(TDREPORT)).signature.auth_data == AUTH_DATA


@pytest.mark.parametrize("count", [0, 1, 3065])
def test_trailing_zeros_follow_the_quote(count: int) -> None:
    assert Quote.from_bytes(PLATFORM.quote_sgx(REPORT, trailing=count)).trailing == count
    assert Quote.from_bytes(PLATFORM.quote_tdx(TDREPORT, trailing=count)).trailing == count


def test_signatures_of_another_platform_do_not_verify() -> None:
    quote = Quote.from_bytes(OTHER.quote_sgx(ENCLAVE.ereport(OTHER.qe_target_info, DATA)))
    with pytest.raises(InvalidSignature):
        _check_signatures(quote, _pck_point())


def test_quoting_enclaves_are_not_intels_and_differ_by_tee() -> None:
    intel = {
        "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff",
        "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5",
    }
    identities = [make_qe(tee, 8) for tee in TeeType]
    assert not intel & {identity.mr_signer.hex() for identity in identities}
    assert len({identity.mr_signer for identity in identities}) == 2
    assert [identity.isv_prod_id for identity in identities] == [1, 2]


def test_takes_report_as_value_and_as_bytes() -> None:
    for report in (REPORT, REPORT.to_bytes()):
        assert Quote.from_bytes(PLATFORM.quote_sgx(report)).body == REPORT.body
    for td_report in (TDREPORT, TDREPORT.to_bytes()):
        assert Quote.from_bytes(PLATFORM.quote_tdx(td_report)).is_tdx


@pytest.mark.parametrize("size", [0, 384, 431, 433])
def test_refuses_report_of_another_size(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        PLATFORM.quote_sgx(REPORT.to_bytes().ljust(size, b"\0")[:size])
    assert caught.value.reason is Reason.REPORT_FORMAT


def test_refuses_report_that_was_changed() -> None:
    body = replace(REPORT.body, isv_svn=9)
    with pytest.raises(NotAuthenticError) as caught:
        PLATFORM.quote_sgx(replace(REPORT, body=body))
    assert caught.value.reason is Reason.REPORT_MAC


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (NO_TARGET, "TARGETINFO of zeros"),
        (ENCLAVE.target_info, "the enclave that made it"),
        (make_qe(TeeType.TDX, 4).target_info, "quoting enclave for TDX"),
    ],
)
def test_refuses_report_for_another_target_and_names_it(target: object, words: str) -> None:
    report = ENCLAVE.ereport(target, DATA)  # type: ignore[arg-type]
    with pytest.raises(NotAuthenticError, match=words) as caught:
        PLATFORM.quote_sgx(report)
    assert caught.value.reason is Reason.REPORT_TARGET


def test_refuses_tdreport_of_another_platform() -> None:
    with pytest.raises(NotAuthenticError) as caught:
        OTHER.quote_tdx(TDREPORT)
    assert caught.value.reason is Reason.REPORT_MAC


def test_refuses_tdreport_that_was_changed() -> None:
    with pytest.raises(NotAuthenticError) as caught:
        PLATFORM.quote_tdx(replace(TDREPORT, mr_td=bytes(48)))
    assert caught.value.reason is Reason.REPORT_MAC


def test_refuses_report_in_place_of_tdreport() -> None:
    with pytest.raises(MalformedError) as caught:
        PLATFORM.quote_tdx(REPORT.to_bytes())
    assert caught.value.reason is Reason.REPORT_FORMAT


def test_secrets_do_not_show() -> None:
    shown = repr(PLATFORM)
    assert PLATFORM.td_report_key.hex() not in shown
    assert repr(PLATFORM.td_report_key) not in shown
