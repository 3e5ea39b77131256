# SPDX-License-Identifier: Apache-2.0
"""Collateral from files and the cache: what is found, what is passed over, what is said."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.simulated import AT, DAY, authority, platform, sgx, tdx

from confcom.adapters.collateral.assembly import Platform, platform_of_chain, platform_of_quote
from confcom.adapters.collateral.bundle import BundleSource, read_bundles, write_bundles
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.directory import DirectorySource
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.keep import keep
from confcom.adapters.collateral.local import LocalSource
from confcom.adapters.collateral.offline import OfflineFinder
from confcom.adapters.collateral.requests import (
    Edition,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.dcap import CertType, Collateral, PckCa, Quote, TeeType, intel_root, verify
from confcom.errors import ConfcomError, MalformedError, NotAuthenticError, UnavailableError
from confcom.reasons import Reason
from confcom.simulation import Enclave

NOW = AT.timestamp()
CHECKER = Checker(root=authority().trusted_root, allow_simulated=True)
IDENTITY = QeIdentityRequest(TeeType.SGX)
SGX = Platform(TeeType.SGX, platform().fmspc, PckCa.PLATFORM)


def finder(
    *bundles: Collateral,
    cache: DiskCache | None = None,
    is_strict: bool = False,
    checker: Checker = CHECKER,
) -> OfflineFinder:
    sources: list[LocalSource] = [
        BundleSource((bundle,), f"{number}.json") for number, bundle in enumerate(bundles)
    ]
    return OfflineFinder(sources=sources, checker=checker, cache=cache, is_strict=is_strict)


def quote(cert_type: CertType = CertType.PCK_CHAIN) -> Quote:
    enclave = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
    report = enclave.ereport(platform().qe_target_info, bytes(64))
    return Quote.from_bytes(platform().quote_sgx(report, cert_type=cert_type))


def with_chain(collateral: Collateral) -> Collateral:
    return replace(collateral, pck_certificate_chain=platform().pck_chain)


def spoiled(collateral: Collateral) -> Collateral:
    return replace(collateral, qe_identity_signature=b"0" * 128)


def accepts(found: Collateral, subject: Quote) -> bool:
    root = authority().trusted_root
    return verify(subject, found, at=AT, root=root, allow_simulated=True).is_simulated


@pytest.mark.parametrize("cert_type", [CertType.PCK_CHAIN, CertType.PCK_LEAF])
def test_finds_what_verifies_a_quote(cert_type: CertType) -> None:
    subject = quote(cert_type)
    found = finder(tdx().collateral, sgx().collateral).collateral_for(subject, NOW)
    assert accepts(found, subject)


@pytest.mark.parametrize(
    "cert_type", [CertType.PPID_CLEAR, CertType.PPID_RSA2048, CertType.PPID_RSA3072]
)
def test_a_bundle_gives_the_chain_that_a_quote_lacks(cert_type: CertType) -> None:
    subject = quote(cert_type)
    assert accepts(finder(with_chain(sgx().collateral)).collateral_for(subject, NOW), subject)
    with pytest.raises(UnavailableError) as caught:
        finder(sgx().collateral).collateral_for(subject, NOW)
    assert caught.value.reason is Reason.PCK_MISSING


def test_of_several_chains_none_is_guessed() -> None:
    both = (with_chain(sgx().collateral), with_chain(tdx().collateral))
    source = BundleSource(both, "both.json")
    with pytest.raises(UnavailableError):
        source.read(PckCertificateRequest(bytes(16), bytes(16), 0, bytes(2)))


@pytest.mark.parametrize(
    "request_",
    [
        TcbInfoRequest(TeeType.SGX, bytes(6)),
        TcbInfoRequest(TeeType.SGX, SGX.fmspc, Edition(number=19)),
        QeIdentityRequest(TeeType.TDX),
        QeIdentityRequest(TeeType.SGX, Edition(number=19)),
        EvaluationNumbersRequest(TeeType.SGX),
        FmspcsRequest(),
    ],
)
def test_what_a_bundle_is_not_for_is_missing(request_: TcbInfoRequest) -> None:
    with pytest.raises(UnavailableError) as caught:
        finder(sgx().collateral).find(request_, NOW)
    assert caught.value.reason is Reason.COLLATERAL_MISSING
    assert "SGX 0053494D0000" in caught.value.message


@pytest.mark.parametrize("edition", ["standard", "early", "20"])
def test_a_bundle_answers_for_its_own_edition(edition: str) -> None:
    request_ = QeIdentityRequest(TeeType.SGX, Edition.parse(edition))
    assert finder(sgx().collateral).document(request_, NOW).evaluation_number == 20


def test_files_go_to_the_verifier_unjudged() -> None:
    found = finder(spoiled(sgx().collateral), sgx().collateral).collateral(SGX, NOW)
    assert found.qe_identity_signature == b"0" * 128


def test_files_are_judged_where_another_source_may_do_better() -> None:
    strict = finder(spoiled(sgx().collateral), sgx().collateral, is_strict=True)
    assert strict.collateral(SGX, NOW).qe_identity_signature != b"0" * 128
    with pytest.raises(UnavailableError) as caught:
        finder(spoiled(sgx().collateral), is_strict=True).collateral(SGX, NOW)
    assert caught.value.reason is Reason.SOURCE_ANSWER
    assert "0.json" in caught.value.message


def test_a_broken_file_is_an_error_where_nothing_else_may_be_asked(tmp_path: Path) -> None:
    with (tmp_path / "root-ca-crl.crl").open("wb") as stream:
        stream.truncate(2 * 1024 * 1024)
    folder = DirectorySource(tmp_path)
    lax = OfflineFinder(sources=[folder], checker=CHECKER)
    with pytest.raises(MalformedError) as caught:
        lax.find(RootCaCrlRequest(), NOW)
    assert caught.value.reason is Reason.TOO_LARGE
    with pytest.raises(UnavailableError):
        replace(lax, is_strict=True).find(RootCaCrlRequest(), NOW)


# --- the cache ---


def fill(path: Path, collateral: Collateral, at: datetime = AT) -> DiskCache:
    cache = DiskCache(path)
    source = finder(collateral)
    for request_ in (RootCaCrlRequest(), IDENTITY):
        keep_document(cache, source.document(request_, at.timestamp()))
    return cache


def keep_document(cache: DiskCache, document: Document, *, allow_rollback: bool = False) -> bool:
    root = cache.read(RootCaCrlRequest())
    return keep(
        cache,
        document,
        checker=CHECKER,
        root_ca_crl=None if root is None else root.answer,
        allow_rollback=allow_rollback,
    )


def test_the_cache_is_asked_after_the_files(tmp_path: Path) -> None:
    cache = fill(tmp_path, sgx().collateral)
    assert b":20," in finder(cache=cache).find(IDENTITY, NOW).body
    other = sgx(evaluation_data_number=21).collateral
    assert b":21," in finder(other, cache=cache).find(IDENTITY, NOW).body


@pytest.mark.parametrize(
    ("age", "is_strict", "is_found"),
    [
        (timedelta(hours=23), True, True),
        (timedelta(hours=25), True, False),
        (timedelta(hours=25), False, True),
        (30 * DAY, False, True),
        (30 * DAY + timedelta(seconds=1), False, False),
    ],
)
def test_what_is_kept_must_be_fresh_or_at_least_valid(
    tmp_path: Path, age: timedelta, is_strict: bool, is_found: bool
) -> None:
    cache = fill(tmp_path, sgx().collateral)
    found = finder(cache=cache, is_strict=is_strict).cached(IDENTITY, (AT + age).timestamp())
    assert (found is not None) is is_found


def test_what_is_kept_is_verified_again(tmp_path: Path) -> None:
    cache = fill(tmp_path, sgx().collateral)
    forged = finder(spoiled(sgx().collateral)).find(IDENTITY, NOW)
    assert cache.write(IDENTITY, forged, fetched_at=int(NOW))
    assert finder(cache=cache).cached(IDENTITY, NOW) is None
    other_root = finder(cache=cache, checker=Checker(root=intel_root()))
    assert other_root.cached(RootCaCrlRequest(), NOW) is None


def test_what_is_kept_counts_only_if_it_is_authentic(tmp_path: Path) -> None:
    cache = fill(tmp_path, sgx().collateral)
    newer = sgx(evaluation_data_number=99).collateral
    forged = finder(spoiled(newer)).find(IDENTITY, NOW)
    cache.write(IDENTITY, forged, fetched_at=int(NOW))
    assert keep_document(cache, finder(sgx().collateral).document(IDENTITY, NOW))


def test_the_newer_document_stays_unless_that_is_allowed(tmp_path: Path) -> None:
    cache = fill(tmp_path, sgx().collateral)
    older = finder(sgx(evaluation_data_number=19).collateral).document(IDENTITY, NOW)
    with pytest.raises(UnavailableError) as caught:
        keep_document(cache, older)
    assert caught.value.reason is Reason.COLLATERAL_ROLLBACK
    assert keep_document(cache, older, allow_rollback=True)


# --- what is checked ---


def refusal(checker: Checker, collateral: Collateral, at: datetime = AT) -> Reason:
    with pytest.raises(ConfcomError) as caught:
        finder(collateral, checker=checker).document(IDENTITY, at.timestamp())
    return caught.value.reason


def test_grace_is_for_documents_and_not_for_lists() -> None:
    lenient = replace(CHECKER, grace=5 * DAY)
    late = AT + 33 * DAY
    source = finder(sgx().collateral, checker=lenient)
    assert source.document(IDENTITY, late.timestamp()).usable_until > late.timestamp()
    assert refusal(CHECKER, sgx().collateral, late) is Reason.COLLATERAL_EXPIRED
    assert refusal(lenient, sgx().collateral, AT + 36 * DAY) is Reason.COLLATERAL_EXPIRED


def test_a_revoked_signer_vouches_for_nothing() -> None:
    revoked = authority().revoke(authority().tcb_signing, at=AT)
    collateral = replace(sgx().collateral, root_ca_crl=revoked.root_crl(at=AT))
    assert refusal(CHECKER, collateral) is Reason.CERT_REVOKED


def test_a_chain_is_checked_up_to_the_root() -> None:
    assert CHECKER.check_pck_chain(platform().pck_chain, NOW) is not None
    assert CHECKER.check_pck_chain(platform().pck.pem, NOW) is None, "a leaf alone tells nothing"
    with pytest.raises(NotAuthenticError) as caught:
        CHECKER.check_pck_chain(platform().pck_chain, (AT - DAY).timestamp())
    assert caught.value.reason is Reason.NOT_YET_VALID
    with pytest.raises(NotAuthenticError) as caught:
        Checker(root=intel_root()).check_pck_chain(platform().pck_chain, NOW)
    assert caught.value.reason is Reason.SIMULATED_ROOT


# --- platforms and bundle files ---


def test_a_quote_says_its_platform() -> None:
    assert platform_of_quote(quote()) == SGX
    assert platform_of_quote(quote(CertType.PCK_LEAF)) == SGX
    assert platform_of_quote(Quote.from_bytes(tdx().quote)) == replace(SGX, tee=TeeType.TDX)


@pytest.mark.parametrize(
    ("cert_type", "has_ppid"),
    [
        (CertType.PPID_CLEAR, False),
        (CertType.PPID_RSA2048, False),
        (CertType.PPID_RSA3072, True),
    ],
)
def test_a_quote_says_what_to_ask_for(cert_type: CertType, has_ppid: bool) -> None:
    asked = platform_of_quote(quote(cert_type))
    assert isinstance(asked, PckCertificateRequest)
    assert (asked.qe_id, asked.pce_svn) == (platform().qe_id, platform().extension.pce_svn)
    assert asked.cpu_svn == platform().extension.cpu_svn
    assert (asked.encrypted_ppid is not None) == has_ppid


@pytest.mark.parametrize("size", [0, 35, 37, 100])
def test_platform_data_of_another_size_is_malformed(size: int) -> None:
    report = Enclave(mr_enclave=bytes(32), mr_signer=bytes(32)).ereport(
        platform().qe_target_info, bytes(64)
    )
    odd = platform().quote_sgx(report, cert_type=CertType.PPID_CLEAR, chain=bytes(size))
    with pytest.raises(MalformedError):
        platform_of_quote(Quote.from_bytes(odd))


@pytest.mark.parametrize(
    "chain",
    [b"", b"no PEM", authority().root.pem, authority().tcb_signing.pem, platform().pck.pem * 2],
)
def test_a_chain_without_exactly_one_platform_is_malformed(chain: bytes) -> None:
    with pytest.raises(MalformedError):
        platform_of_chain(chain, TeeType.SGX)


def test_bundle_files_come_back_as_they_were_written() -> None:
    bundles = (sgx().collateral, with_chain(tdx().collateral))
    again = read_bundles(write_bundles(bundles))
    assert [each.tcb_info for each in again] == [each.tcb_info for each in bundles]
    assert again[1].pck_certificate_chain == platform().pck_chain
    assert not write_bundles(bundles[:1]).startswith(b"[")


def test_too_many_bundles_are_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        read_bundles(b"[" + b",".join([b"{}"] * 4097) + b"]")
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_bundle_without_its_intermediate_is_malformed() -> None:
    only_root = replace(sgx().collateral, pck_crl_issuer_chain=authority().root.pem)
    with pytest.raises(MalformedError):
        BundleSource((only_root,), "only-root.json")
