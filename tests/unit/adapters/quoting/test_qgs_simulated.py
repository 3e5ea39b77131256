# SPDX-License-Identifier: Apache-2.0
"""The simulated back end for TDs signs what a TD of its own platform made, and nothing else."""

import asyncio
from datetime import UTC, datetime

import pytest
from tests.qgs_samples import KEY_ID, OTHER_KEY_ID, REPORT, raw_report
from tests.qgs_service import TD, td_report
from tests.simulated import AT, authority, platform

from confcom.adapters.quoting.qgs_simulated import TDX_KEY_ID, SimulatedTdBackend
from confcom.dcap import Collateral, Quote, QuoteVersion, TdReport, TeeType, split_envelope, verify
from confcom.errors import ConfcomError, NotAuthenticError, UsageError
from confcom.protocols.qgs import (
    Answer,
    CollateralDocuments,
    DescribePlatform,
    FetchCollateral,
    MakeTdQuote,
    Operation,
    PckCa,
    PlatformInfo,
    Refusal,
    TdQuote,
)
from confcom.simulation import CertifiedKey, Platform, SimulatedAuthority, make_authority


def ask(operation: Operation, version: QuoteVersion = QuoteVersion.V4) -> Answer:
    return asyncio.run(SimulatedTdBackend(platform(), authority(), version=version).ask(operation))


def refused(operation: Operation) -> str:
    answer = ask(operation)
    assert isinstance(answer, Refusal)
    return answer.why


def fresh() -> tuple[SimulatedAuthority, Platform]:
    made = make_authority(at=datetime.now(UTC))
    return made, made.add_platform(at=datetime.now(UTC))


@pytest.mark.parametrize("version", [QuoteVersion.V4, QuoteVersion.V5])
def test_quotes_verify_under_the_simulated_root_only(version: QuoteVersion) -> None:
    answer = ask(MakeTdQuote(td_report(b"\x07" * 64)), version)
    assert isinstance(answer, TdQuote)
    assert answer.selected_id == b""
    collateral = authority().collateral(platform(), at=AT, tee=TeeType.TDX)
    root = authority().trusted_root
    verified = verify(answer.quote, collateral, at=AT, root=root, allow_simulated=True)
    assert verified.quote.header.version is version
    body = verified.quote.body
    assert isinstance(body, TdReport)
    assert (body.mr_td, body.report_data) == (TD.mr_td, b"\x07" * 64)
    with pytest.raises(NotAuthenticError):
        verify(answer.quote, collateral, at=AT, root=root)


def test_starts_after_a_quote_of_its_own_verified() -> None:
    made, own = fresh()
    backend = SimulatedTdBackend(own, made)
    asyncio.run(backend.start())
    asyncio.run(backend.stop())


@pytest.mark.parametrize("what", ["platform", "authority", "root"])
def test_does_not_start_with_quotes_that_would_not_verify(what: str) -> None:
    made, own = fresh()
    choices: dict[str, Platform | CertifiedKey] = {
        "platform": own,
        "authority": made.platform_ca,
        "root": made.root,
    }
    backend = SimulatedTdBackend(own, made.revoke(choices[what], at=datetime.now(UTC)))
    with pytest.raises(NotAuthenticError):
        asyncio.run(backend.start())


def test_does_not_start_with_a_version_that_tds_do_not_have() -> None:
    made, own = fresh()
    with pytest.raises(UsageError):
        asyncio.run(SimulatedTdBackend(own, made, version=QuoteVersion.V3).start())


@pytest.mark.parametrize("offset", [0, 2, 31, 32, 80, 128, 191, 192, 224, 255, 256, 495, 528, 1023])
def test_refuses_a_report_with_any_part_changed(offset: int) -> None:
    raw = bytearray(td_report())
    raw[offset] ^= 1
    assert "TDREPORT" in refused(MakeTdQuote(bytes(raw)))


@pytest.mark.parametrize("report", [REPORT, raw_report(), bytes(1024)])
def test_refuses_what_no_td_made(report: bytes) -> None:
    assert "TDREPORT" in refused(MakeTdQuote(report))


def test_refuses_a_report_of_another_platform() -> None:
    other = authority().add_platform("other", at=AT)
    report = other.td_report(TD, bytes(64)).to_bytes()
    for mixed in (report, td_report()[:224] + report[224:]):
        assert "MAC" in refused(MakeTdQuote(mixed))


def test_signs_with_the_key_that_is_named_and_with_no_other() -> None:
    answer = ask(MakeTdQuote(td_report(), (OTHER_KEY_ID, KEY_ID)))
    assert isinstance(answer, TdQuote)
    assert answer.selected_id == KEY_ID == TDX_KEY_ID
    assert Quote.from_bytes(answer.quote).is_tdx
    assert OTHER_KEY_ID.hex() in refused(MakeTdQuote(td_report(), (OTHER_KEY_ID,) * 3))


def test_collateral_verifies_the_quotes() -> None:
    made, own = fresh()
    backend = SimulatedTdBackend(own, made)
    documents = asyncio.run(backend.ask(FetchCollateral(own.fmspc, PckCa(own.ca.value))))
    assert isinstance(documents, CollateralDocuments)
    assert (documents.major_version, documents.minor_version) == (3, 1)
    quote = own.quote_tdx(own.td_report(TD, bytes(64)))
    verify(
        quote,
        collateral_of(documents),
        at=datetime.now(UTC),
        root=made.trusted_root,
        allow_simulated=True,
    )


def collateral_of(documents: CollateralDocuments) -> Collateral:
    tcb_info = split_envelope(documents.tcb_info.removesuffix(b"\0"), "tcbInfo")
    identity = split_envelope(documents.qe_identity.removesuffix(b"\0"), "enclaveIdentity")
    return Collateral(
        root_ca_crl=documents.root_ca_crl,
        pck_crl=documents.pck_crl,
        pck_crl_issuer_chain=documents.pck_crl_issuer_chain.removesuffix(b"\0"),
        tcb_info=tcb_info.content,
        tcb_info_signature=tcb_info.signature.hex().encode(),
        tcb_info_issuer_chain=documents.tcb_info_issuer_chain.removesuffix(b"\0"),
        qe_identity=identity.content,
        qe_identity_signature=identity.signature.hex().encode(),
        qe_identity_issuer_chain=documents.qe_identity_issuer_chain.removesuffix(b"\0"),
    )


@pytest.mark.parametrize("of", ["fmspc", "ca"])
def test_refuses_collateral_of_other_platforms(of: str) -> None:
    wanted = (
        FetchCollateral(bytes(6), PckCa.PLATFORM)
        if of == "fmspc"
        else FetchCollateral(platform().fmspc, PckCa.PROCESSOR)
    )
    assert platform().fmspc.hex() in refused(wanted)


def test_describes_the_platform() -> None:
    extension = platform().extension
    assert ask(DescribePlatform()) == PlatformInfo(
        tdqe_svn=platform().td_quoting_enclave.enclave.isv_svn,
        pce_svn=extension.pce_svn,
        platform_id=platform().qe_id,
        cpu_svn=extension.cpu_svn,
    )


def test_errors_of_the_platform_are_refusals() -> None:
    with pytest.raises(ConfcomError) as caught:
        platform().quote_tdx(raw_report())
    assert refused(MakeTdQuote(raw_report())) == caught.value.message
