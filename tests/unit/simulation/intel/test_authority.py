# SPDX-License-Identifier: Apache-2.0
"""The simulated authority: what verification says under it is what was asked for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from confcom.dcap import (
    BodyType,
    CertType,
    Collateral,
    Crl,
    PckCa,
    QuoteVersion,
    TcbStatus,
    TeeType,
    intel_root,
    verify,
)
from confcom.errors import NotAuthenticError, UnavailableError, UsageError
from confcom.reasons import Reason
from confcom.simulation import (
    SIMULATED_ADVISORY,
    Enclave,
    Platform,
    SimulatedAuthority,
    TdxModule,
    TrustDomain,
    make_authority,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
AUTHORITY = make_authority(at=AT)
PLATFORM = AUTHORITY.add_platform(at=AT)
SINGLE = AUTHORITY.add_platform("single", at=AT, ca=PckCa.PROCESSOR)
ENCLAVE = Enclave(mr_enclave=b"\x0e" * 32, mr_signer=b"\x51" * 32)
TD = TrustDomain(mr_td=b"\x7d" * 48)

Form = tuple[TeeType, QuoteVersion, BodyType]
FORMS: list[Form] = [
    (TeeType.SGX, QuoteVersion.V3, BodyType.SGX),
    (TeeType.SGX, QuoteVersion.V4, BodyType.SGX),
    (TeeType.SGX, QuoteVersion.V5, BodyType.SGX),
    (TeeType.TDX, QuoteVersion.V4, BodyType.TD_1_0),
    (TeeType.TDX, QuoteVersion.V5, BodyType.TD_1_0),
    (TeeType.TDX, QuoteVersion.V5, BodyType.TD_1_5),
    (TeeType.TDX, QuoteVersion.V5, BodyType.TD_1_5_EX),
]
SGX_V3, TDX_V4, TDX_V5 = FORMS[0], FORMS[3], FORMS[5]
COMMON = [
    status
    for status in TcbStatus
    if "Relaunch" not in status.value and status is not TcbStatus.REVOKED
]


def _quote(form: Form, platform: Platform, cert_type: CertType = CertType.PCK_CHAIN) -> bytes:
    tee, version, body_type = form
    if tee is TeeType.SGX:
        report = ENCLAVE.ereport(platform.qe_target_info, bytes(64))
        return platform.quote_sgx(report, version=version, cert_type=cert_type)
    report_of_td = platform.td_report(TD, bytes(64))
    return platform.quote_tdx(
        report_of_td, version=version, body_type=body_type, cert_type=cert_type
    )


def _refusal(
    form: Form,
    collateral: Collateral,
    *,
    platform: Platform = PLATFORM,
    authority: SimulatedAuthority = AUTHORITY,
    at: datetime = AT,
) -> Reason:
    with pytest.raises(NotAuthenticError) as caught:
        verify(
            _quote(form, platform),
            collateral,
            at=at,
            root=authority.trusted_root,
            allow_simulated=True,
        )
    return caught.value.reason


@pytest.mark.parametrize("platform", [PLATFORM, SINGLE], ids=lambda platform: platform.ca.value)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", COMMON)
def test_every_form_of_quote_gets_every_status(
    form: Form, platform: Platform, status: TcbStatus
) -> None:
    collateral = AUTHORITY.collateral(platform, at=AT, tee=form[0], status=status)
    verified = verify(
        _quote(form, platform),
        collateral,
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    assert verified.is_simulated
    assert verified.tcb.status is status
    advisories = () if status is TcbStatus.UP_TO_DATE else (SIMULATED_ADVISORY,)
    assert verified.tcb.advisory_ids == advisories
    assert verified.tcb.evaluation_data_number == 20


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("status", "reason"),
    [(TcbStatus.REVOKED, Reason.TCB_REVOKED), (None, Reason.TCB_NOT_SUPPORTED)],
)
def test_every_form_of_quote_can_be_refused_for_its_level(
    form: Form, status: TcbStatus | None, reason: Reason
) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tee=form[0], status=status)
    assert _refusal(form, collateral) is reason


@pytest.mark.parametrize("allow_simulated", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_intels_root_refuses_simulated_quotes(form: Form, allow_simulated: bool) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tee=form[0])
    with pytest.raises(NotAuthenticError) as caught:
        verify(
            _quote(form, PLATFORM),
            collateral,
            at=AT,
            root=intel_root(),
            allow_simulated=allow_simulated,
        )
    assert caught.value.reason is Reason.SIMULATED_ROOT


@pytest.mark.parametrize("form", FORMS)
def test_simulated_root_without_consent_is_refused(form: Form) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tee=form[0])
    with pytest.raises(NotAuthenticError) as caught:
        verify(_quote(form, PLATFORM), collateral, at=AT, root=AUTHORITY.trusted_root)
    assert caught.value.reason is Reason.SIMULATED_ROOT


@pytest.mark.parametrize("form", FORMS)
def test_another_simulated_root_refuses(form: Form) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tee=form[0])
    other = make_authority(at=AT)
    assert _refusal(form, collateral, authority=other) in {
        Reason.CRL_SIGNATURE,
        Reason.SIMULATED_ROOT,
        Reason.UNTRUSTED_ROOT,
    }


Relaunch = tuple[TdxModule, bytes]
RELAUNCHES = {
    "module with an identity": (bytes((6, 1, 7)), bytes((7, 1, 7))),
    "loader under a module with an identity": (bytes((6, 1, 7)), bytes((6, 1, 8))),
    "both": (bytes((6, 1, 7)), bytes((7, 1, 8))),
    "older module, newer loader": (bytes((6, 1, 7)), bytes((5, 1, 8))),
    "module without an identity": (bytes((3, 0, 7)), bytes((4, 0, 7))),
}


@pytest.mark.parametrize(
    "status",
    [TcbStatus.TD_RELAUNCH_ADVISED, TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED],
)
@pytest.mark.parametrize(
    ("launch", "running"),
    [pair for name, pair in RELAUNCHES.items() if name != "older module, newer loader"],
)
def test_relaunch_is_advised_where_the_running_module_is_newer(
    launch: bytes, running: bytes, status: TcbStatus
) -> None:
    module = TdxModule(tee_tcb_svn=launch.ljust(16, b"\0"))
    platform = AUTHORITY.add_platform(at=AT, module=module)
    platform = platform.with_running_module(running.ljust(16, b"\0"))
    collateral = AUTHORITY.collateral(platform, at=AT, tee=TeeType.TDX, status=status)
    verified = verify(
        _quote(TDX_V5, platform),
        collateral,
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    assert verified.tcb.status is status
    assert verified.tcb.launch_status is not verified.tcb.current_status


def test_running_module_of_another_major_version_has_its_own_identity() -> None:
    platform = PLATFORM.with_running_module(bytes((3, 2, 7)).ljust(16, b"\0"))
    collateral = AUTHORITY.collateral(platform, at=AT, tee=TeeType.TDX)
    verified = verify(
        _quote(TDX_V5, platform),
        collateral,
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    assert [identity.id for identity in verified.tcb_info.module_identities] == ["TDX_01", "TDX_02"]
    assert verified.tcb.status is TcbStatus.UP_TO_DATE


@pytest.mark.parametrize(
    "running",
    [bytes((6, 1, 7)), bytes((5, 1, 7)), bytes((6, 2, 7)), bytes((6, 0, 7)), bytes((6, 1, 6))],
)
def test_relaunch_cannot_be_asked_for_where_no_module_is_newer(running: bytes) -> None:
    platform = PLATFORM.with_running_module(running.ljust(16, b"\0"))
    with pytest.raises(UsageError, match="needs a running module newer"):
        AUTHORITY.collateral(platform, at=AT, tee=TeeType.TDX, status=TcbStatus.TD_RELAUNCH_ADVISED)


@pytest.mark.parametrize(
    ("qe_status", "expected"),
    [
        (TcbStatus.OUT_OF_DATE, None),
        (TcbStatus.REVOKED, Reason.TCB_REVOKED),
        (None, Reason.TCB_NOT_SUPPORTED),
    ],
)
@pytest.mark.parametrize("form", [SGX_V3, TDX_V4])
def test_quoting_enclave_has_the_status_asked_for(
    form: Form, qe_status: TcbStatus | None, expected: Reason | None
) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tee=form[0], qe_status=qe_status)
    if expected:
        assert _refusal(form, collateral) is expected
        return
    verified = verify(
        _quote(form, PLATFORM),
        collateral,
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    assert verified.tcb.status is TcbStatus.OUT_OF_DATE


@pytest.mark.parametrize(
    ("module_status", "expected"),
    [
        (TcbStatus.OUT_OF_DATE, None),
        (TcbStatus.REVOKED, Reason.TCB_REVOKED),
        (None, Reason.TCB_NOT_SUPPORTED),
    ],
)
def test_tdx_module_has_the_status_asked_for(
    module_status: TcbStatus | None, expected: Reason | None
) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tee=TeeType.TDX, module_status=module_status)
    if expected:
        assert _refusal(TDX_V4, collateral) is expected
        return
    verified = verify(
        _quote(TDX_V4, PLATFORM),
        collateral,
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    assert verified.tcb.status is TcbStatus.OUT_OF_DATE


@pytest.mark.parametrize(
    ("pick", "reason"),
    [
        (lambda: PLATFORM, Reason.PCK_REVOKED),
        (lambda: AUTHORITY.platform_ca, Reason.CERT_REVOKED),
        (lambda: AUTHORITY.tcb_signing, Reason.CERT_REVOKED),
    ],
)
@pytest.mark.parametrize("form", [SGX_V3, TDX_V4])
def test_revocation_is_seen(form: Form, pick: Callable[[], Platform], reason: Reason) -> None:
    revoked = AUTHORITY.revoke(pick(), at=AT)
    assert _refusal(form, revoked.collateral(PLATFORM, at=AT, tee=form[0])) is reason


def test_revocation_leaves_others_and_the_old_authority_alone() -> None:
    revoked = AUTHORITY.revoke(SINGLE, at=AT)
    assert AUTHORITY.revocations == ()
    for authority, platform in ((revoked, PLATFORM), (AUTHORITY, SINGLE)):
        collateral = authority.collateral(platform, at=AT)
        verify(
            _quote(SGX_V3, platform),
            collateral,
            at=AT,
            root=authority.trusted_root,
            allow_simulated=True,
        )
    assert Crl.from_bytes(revoked.pck_crl(PckCa.PROCESSOR, at=AT)).revokes(SINGLE.pck.serial)
    assert not Crl.from_bytes(revoked.pck_crl(PckCa.PLATFORM, at=AT)).revokes(SINGLE.pck.serial)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (AT - timedelta(seconds=1), Reason.NOT_YET_VALID),
        (AT + 31 * DAY, Reason.COLLATERAL_EXPIRED),
    ],
)
def test_documents_are_refused_outside_their_time(moment: datetime, reason: Reason) -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT)
    refusal = _refusal(SGX_V3, collateral, at=moment)
    assert refusal is reason or refusal is Reason.CRL_EXPIRED


def test_expiry_of_each_certificate_can_be_asked_for() -> None:
    for short in ("root_lifetime", "ca_lifetime", "tcb_signing_lifetime"):
        authority = make_authority(at=AT, **{short: 5 * DAY})
        platform = authority.add_platform(at=AT)
        collateral = authority.collateral(platform, at=AT)
        arguments = {"platform": platform, "authority": authority}
        assert (
            _refusal(SGX_V3, collateral, at=AT + 6 * DAY, **arguments)  # type: ignore[arg-type]
            is Reason.CERT_EXPIRED
        ), short
    platform = AUTHORITY.add_platform(at=AT, lifetime=5 * DAY)
    collateral = AUTHORITY.collateral(platform, at=AT)
    assert _refusal(SGX_V3, collateral, platform=platform, at=AT + 6 * DAY) is Reason.CERT_EXPIRED


def test_certificate_that_is_not_valid_yet_can_be_asked_for() -> None:
    platform = AUTHORITY.add_platform(at=AT + 5 * DAY)
    collateral = AUTHORITY.collateral(platform, at=AT)
    assert _refusal(SGX_V3, collateral, platform=platform) is Reason.NOT_YET_VALID


def test_evaluation_data_numbers_can_differ_and_the_smaller_one_counts() -> None:
    collateral = AUTHORITY.collateral(
        PLATFORM, at=AT, evaluation_data_number=19, qe_evaluation_data_number=17
    )
    verified = verify(
        _quote(SGX_V3, PLATFORM),
        collateral,
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    assert verified.tcb.evaluation_data_number == 17


def test_tcb_info_of_version_2_is_issued_for_sgx_only() -> None:
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tcb_info_version=2)
    verified = verify(
        _quote(SGX_V3, PLATFORM),
        collateral,
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    assert verified.tcb_info.version == 2
    for tee, version in ((TeeType.TDX, 2), (TeeType.SGX, 1), (TeeType.SGX, 4)):
        with pytest.raises(UsageError, match="does not exist"):
            AUTHORITY.collateral(PLATFORM, at=AT, tee=tee, tcb_info_version=version)


@pytest.mark.parametrize(
    "cert_type",
    [CertType.PPID_CLEAR, CertType.PPID_RSA2048, CertType.PPID_RSA3072, CertType.PCK_LEAF],
)
def test_quote_without_chain_needs_it_from_the_collateral(cert_type: CertType) -> None:
    quote = _quote(SGX_V3, PLATFORM, cert_type)
    arguments = {"at": AT, "root": AUTHORITY.trusted_root, "allow_simulated": True}
    with pytest.raises(UnavailableError) as caught:
        verify(quote, AUTHORITY.collateral(PLATFORM, at=AT), **arguments)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.PCK_MISSING
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, with_pck_chain=True)
    verify(quote, collateral, **arguments)  # type: ignore[arg-type]


def test_documents_made_by_hand_are_signed_as_they_are() -> None:
    plain = verify(
        _quote(SGX_V3, PLATFORM),
        AUTHORITY.collateral(PLATFORM, at=AT),
        at=AT,
        root=AUTHORITY.trusted_root,
        allow_simulated=True,
    )
    wrong = replace(plain.tcb_info, fmspc=b"\xff" * 6)
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, tcb_info=wrong)
    assert _refusal(SGX_V3, collateral) is Reason.TCB_INFO_MISMATCH
    foreign = replace(plain.qe_identity, mr_signer=bytes(32))
    collateral = AUTHORITY.collateral(PLATFORM, at=AT, qe_identity=foreign)
    assert _refusal(SGX_V3, collateral) is Reason.QE_IDENTITY_MISMATCH


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", TcbStatus.TD_RELAUNCH_ADVISED),
        ("qe_status", TcbStatus.CONFIGURATION_NEEDED),
        ("qe_status", TcbStatus.TD_RELAUNCH_ADVISED),
    ],
)
def test_refuses_statuses_that_cannot_exist(name: str, value: TcbStatus) -> None:
    with pytest.raises(UsageError, match="cannot simulate collateral"):
        AUTHORITY.collateral(PLATFORM, at=AT, **{name: value})  # type: ignore[arg-type]


def test_refuses_module_status_that_cannot_exist() -> None:
    with pytest.raises(UsageError, match="cannot have status ConfigurationNeeded"):
        AUTHORITY.collateral(
            PLATFORM, at=AT, tee=TeeType.TDX, module_status=TcbStatus.CONFIGURATION_NEEDED
        )
    old = AUTHORITY.add_platform(at=AT, module=TdxModule(tee_tcb_svn=bytes(16)))
    with pytest.raises(UsageError, match="major version 0"):
        AUTHORITY.collateral(old, at=AT, tee=TeeType.TDX, module_status=TcbStatus.OUT_OF_DATE)


def test_newer_level_needs_room() -> None:
    platform = AUTHORITY.add_platform(at=AT, sgx_svns=(255, 255, *(0,) * 14))
    AUTHORITY.collateral(platform, at=AT)
    with pytest.raises(UsageError, match="no newer level can exist"):
        AUTHORITY.collateral(platform, at=AT, status=TcbStatus.OUT_OF_DATE)


def test_platform_without_any_svn_has_no_older_level() -> None:
    platform = AUTHORITY.add_platform(at=AT, sgx_svns=(0,) * 16)
    collateral = AUTHORITY.collateral(platform, at=AT)
    assert collateral.tcb_info.count(b"tcbStatus") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fmspc", bytes(5)),
        ("pce_id", bytes(3)),
        ("pce_svn", 65536),
        ("sgx_svns", (0,) * 15),
        ("sgx_svns", (256, *(0,) * 15)),
        ("sgx_svns", (-1, *(0,) * 15)),
        ("qe_svn", 65536),
    ],
)
def test_refuses_platform_out_of_size_or_range(name: str, value: object) -> None:
    with pytest.raises(UsageError, match="simulated"):
        AUTHORITY.add_platform(at=AT, **{name: value})  # type: ignore[arg-type]


def test_platforms_and_hierarchies_share_no_secret() -> None:
    other = AUTHORITY.add_platform(at=AT)
    for name in ("qe_id", "encrypted_ppid", "td_report_key"):
        assert getattr(other, name) != getattr(PLATFORM, name)
    assert other.extension.ppid != PLATFORM.extension.ppid
    assert make_authority(at=AT).root.der != AUTHORITY.root.der
