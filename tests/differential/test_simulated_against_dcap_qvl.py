# SPDX-License-Identifier: Apache-2.0
"""dcap-qvl, an independent implementation, accepts simulated quotes under the simulated root.

It knows SGX in version 3 and TDX in versions 4 and 5 with TD reports 1.0 and 1.5. Statuses and
advisories must come out as they were asked for, and refusals must be refusals there too.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dcap_qvl
import pytest

from confcom.dcap import BodyType, Collateral, PckCa, QuoteVersion, TcbStatus, TeeType
from confcom.simulation import (
    SIMULATED_ADVISORY,
    Enclave,
    Platform,
    SimulatedAuthority,
    TrustDomain,
    make_authority,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AUTHORITY = make_authority(at=AT)
PLATFORMS = {ca: AUTHORITY.add_platform(ca.value, at=AT, ca=ca) for ca in PckCa}
UPDATED = PLATFORMS[PckCa.PLATFORM].with_running_module(bytes((7, 1, 7)) + bytes(13))
ENCLAVE = Enclave(mr_enclave=b"\x0e" * 32, mr_signer=b"\x51" * 32)
TD = TrustDomain(mr_td=b"\x7d" * 48)
RELAUNCH = {TcbStatus.TD_RELAUNCH_ADVISED, TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED}
COMMON = [status for status in TcbStatus if status not in {*RELAUNCH, TcbStatus.REVOKED}]
FORMS = ("sgx-v3", "tdx-v4", "tdx-v5-1.0", "tdx-v5-1.5")


def _quote(form: str, platform: Platform) -> tuple[bytes, TeeType]:
    if form == "sgx-v3":
        report = ENCLAVE.ereport(platform.qe_target_info, bytes(64))
        return platform.quote_sgx(report), TeeType.SGX
    report_of_td = platform.td_report(TD, bytes(64))
    version = QuoteVersion.V4 if form == "tdx-v4" else QuoteVersion.V5
    body_type = BodyType.TD_1_5 if form == "tdx-v5-1.5" else BodyType.TD_1_0
    return platform.quote_tdx(report_of_td, version=version, body_type=body_type), TeeType.TDX


def _verify(
    quote: bytes,
    collateral: Collateral,
    *,
    at: datetime = AT,
    authority: SimulatedAuthority = AUTHORITY,
) -> tuple[str, list[str]]:
    bundle = dcap_qvl.QuoteCollateralV3.from_json(collateral.to_json().decode())
    verified = dcap_qvl.verify_with_root_ca(quote, bundle, authority.root.der, int(at.timestamp()))
    return verified.status, list(verified.advisory_ids)


@pytest.mark.parametrize("ca", list(PckCa))
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", COMMON)
def test_accepts_every_status(form: str, ca: PckCa, status: TcbStatus) -> None:
    platform = PLATFORMS[ca]
    quote, tee = _quote(form, platform)
    collateral = AUTHORITY.collateral(platform, at=AT, tee=tee, status=status)
    advisories = [] if status is TcbStatus.UP_TO_DATE else [SIMULATED_ADVISORY]
    assert _verify(quote, collateral) == (status.value, advisories)


@pytest.mark.parametrize("status", sorted(RELAUNCH))
def test_accepts_relaunch_statuses(status: TcbStatus) -> None:
    quote, tee = _quote("tdx-v5-1.5", UPDATED)
    collateral = AUTHORITY.collateral(UPDATED, at=AT, tee=tee, status=status)
    assert _verify(quote, collateral)[0] == status.value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [TcbStatus.REVOKED, None])
def test_refuses_revoked_and_unsupported_levels(form: str, status: TcbStatus | None) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote(form, platform)
    collateral = AUTHORITY.collateral(platform, at=AT, tee=tee, status=status)
    with pytest.raises(ValueError, match="TCB"):
        _verify(quote, collateral)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("what", "expected"),
    [(TcbStatus.OUT_OF_DATE, "OutOfDate"), (TcbStatus.REVOKED, None), (None, None)],
)
def test_agrees_on_the_status_of_the_quoting_enclave(
    form: str, what: TcbStatus | None, expected: str | None
) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote(form, platform)
    collateral = AUTHORITY.collateral(platform, at=AT, tee=tee, qe_status=what)
    if expected:
        assert _verify(quote, collateral)[0] == expected
    else:
        with pytest.raises(ValueError, match="Verification failed"):
            _verify(quote, collateral)


@pytest.mark.parametrize(
    ("what", "expected"),
    [(TcbStatus.OUT_OF_DATE, "OutOfDate"), (TcbStatus.REVOKED, None), (None, None)],
)
def test_agrees_on_the_status_of_the_tdx_module(
    what: TcbStatus | None, expected: str | None
) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote("tdx-v4", platform)
    collateral = AUTHORITY.collateral(platform, at=AT, tee=tee, module_status=what)
    if expected:
        assert _verify(quote, collateral)[0] == expected
    else:
        with pytest.raises(ValueError, match="Verification failed"):
            _verify(quote, collateral)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", ["pck", "platform_ca", "tcb_signing"])
def test_refuses_revoked_certificates(form: str, what: str) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote(form, platform)
    revoked = platform if what == "pck" else getattr(AUTHORITY, what)
    collateral = AUTHORITY.revoke(revoked, at=AT).collateral(platform, at=AT, tee=tee)
    with pytest.raises(ValueError, match="CertRevoked"):
        _verify(quote, collateral)


@pytest.mark.parametrize("form", FORMS)
def test_refuses_another_hierarchy(form: str) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote(form, platform)
    collateral = AUTHORITY.collateral(platform, at=AT, tee=tee)
    with pytest.raises(ValueError, match="Verification failed"):
        _verify(quote, collateral, authority=make_authority(at=AT))


@pytest.mark.parametrize("form", FORMS)
def test_refuses_under_intels_root(form: str) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote(form, platform)
    bundle = dcap_qvl.QuoteCollateralV3.from_json(
        AUTHORITY.collateral(platform, at=AT, tee=tee).to_json().decode()
    )
    with pytest.raises(ValueError, match="Verification failed"):
        dcap_qvl.verify(quote, bundle, int(AT.timestamp()))


@pytest.mark.parametrize("form", FORMS)
def test_refuses_after_the_next_update(form: str) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote(form, platform)
    collateral = AUTHORITY.collateral(platform, at=AT, tee=tee, lifetime=timedelta(days=2))
    assert _verify(quote, collateral, at=AT + timedelta(days=1))[0] == "UpToDate"
    with pytest.raises(ValueError, match="Verification failed"):
        _verify(quote, collateral, at=AT + timedelta(days=3))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["tcb_info_signature", "qe_identity_signature"])
def test_refuses_exchanged_signatures(form: str, name: str) -> None:
    platform = PLATFORMS[PckCa.PLATFORM]
    quote, tee = _quote(form, platform)
    collateral = AUTHORITY.collateral(platform, at=AT, tee=tee)
    with pytest.raises(ValueError, match="Verification failed"):
        _verify(quote, replace(collateral, **{name: b"11" * 64}))


def test_refuses_a_quote_of_another_platform_model() -> None:
    stranger = AUTHORITY.add_platform(at=AT, fmspc=bytes.fromhex("00606a000000"))
    quote, tee = _quote("sgx-v3", stranger)
    with pytest.raises(ValueError, match="Verification failed"):
        _verify(quote, AUTHORITY.collateral(PLATFORMS[PckCa.PLATFORM], at=AT, tee=tee))
