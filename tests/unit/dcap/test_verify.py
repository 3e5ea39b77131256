# SPDX-License-Identifier: Apache-2.0
"""Verification as a whole: every form is accepted as made, and refused for one defect each."""

import json
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from tests.forging import (
    check,
    outcome,
    revocation_list,
    with_qe_identity,
    with_tcb_info,
)
from tests.simulated import AT, DAY, FORMS, REPORT_DATA, Sample, authority, platform, sgx, tdx

from confcom.dcap import (
    Caches,
    PckCa,
    Quote,
    QuoteVersion,
    TcbStatus,
    TeeType,
    VerificationStep,
    VerifiedQuote,
    diagnose,
    verify,
)
from confcom.errors import ConfcomError, NotAuthenticError, UnavailableError
from confcom.reasons import Reason
from confcom.sgx import Flags
from confcom.simulation import Enclave, Platform
from confcom.simulation._ecdsa import sign

SECOND = timedelta(seconds=1)
SGX, TDX = FORMS["sgx-v3"], FORMS["tdx-v5-1.5"]
every_form = pytest.mark.parametrize("sample", FORMS.values(), ids=FORMS)


@every_form
def test_accepts_every_form(sample: Sample) -> None:
    for quote in (sample.quote, Quote.from_bytes(sample.quote)):
        verified = verify(quote, sample.collateral, at=AT, root=sample.root, allow_simulated=True)
        assert verified.tcb.status is TcbStatus.UP_TO_DATE
        assert verified.is_simulated
        assert verified.verified_at == AT
        assert verified.valid_from == AT
        assert verified.valid_until == AT + 30 * DAY


@every_form
def test_needs_collateral(sample: Sample) -> None:
    with pytest.raises(UnavailableError) as caught:
        check(sample.quote, None)
    assert caught.value.reason is Reason.COLLATERAL_MISSING
    assert caught.value.step == VerificationStep.ROOT


def flipped(data: bytes, offset: int, mask: int = 1) -> bytes:
    return data[:offset] + bytes((data[offset] ^ mask,)) + data[offset + 1 :]


@every_form
def test_refuses_a_change_of_each_part(sample: Sample) -> None:
    parsed = Quote.from_bytes(sample.quote)
    start = len(parsed.signed) + 4
    report = start + 128 + (0 if parsed.header.version is QuoteVersion.V3 else 6)
    for offset, reasons in {
        len(parsed.signed) - 1: {Reason.QUOTE_SIGNATURE},
        30: {Reason.QUOTE_SIGNATURE},
        start: {Reason.QUOTE_SIGNATURE, Reason.SIGNATURE_ENCODING},
        start + 63: {Reason.QUOTE_SIGNATURE},
        start + 64: {Reason.QE_REPORT_DATA},
        report: {Reason.QE_REPORT_SIGNATURE},
        report + 383: {Reason.QE_REPORT_SIGNATURE},
        report + 447: {Reason.QE_REPORT_SIGNATURE},
        report + 450: {Reason.QE_REPORT_DATA},
    }.items():
        for caches in (None, Caches()):
            if caches:
                check(sample.quote, sample.collateral, caches=caches)
            found = outcome(flipped(sample.quote, offset), sample.collateral, caches=caches)
            assert found in reasons, offset


@every_form
@pytest.mark.parametrize("signature", ["zero", "order"])
def test_refuses_signatures_out_of_range(sample: Sample, signature: str) -> None:
    quote = Quote.from_bytes(sample.quote)
    wrong: Any = bytes(64) if signature == "zero" else b"\xff" * 64
    for name in ("signature", "qe_report_signature"):
        changed = replace(quote, signature=replace(quote.signature, **{name: wrong}))
        assert outcome(changed.to_bytes(), sample.collateral) is Reason.SIGNATURE_ENCODING


@every_form
def test_refuses_collateral_of_the_other_tee(sample: Sample) -> None:
    other = SGX if Quote.from_bytes(sample.quote).is_tdx else TDX
    assert outcome(sample.quote, other.collateral) is Reason.TCB_INFO_MISMATCH
    mixed = replace(
        sample.collateral,
        qe_identity=other.collateral.qe_identity,
        qe_identity_signature=other.collateral.qe_identity_signature,
    )
    assert outcome(sample.quote, mixed) is Reason.QE_IDENTITY_MISMATCH


@pytest.mark.parametrize(
    "change",
    [{"fmspc": "00" * 6}, {"fmspc": "FF" * 6}, {"pceId": "0100"}, {"pceId": "0001"}],
)
@every_form
def test_refuses_collateral_of_another_platform(sample: Sample, change: dict[str, str]) -> None:
    changed = with_tcb_info(sample.collateral, lambda document: document.update(change))
    assert outcome(sample.quote, changed) is Reason.TCB_INFO_MISMATCH


@pytest.mark.parametrize("identity", ["QVE", "QAE"])
def test_refuses_identities_of_other_enclaves(identity: str) -> None:
    changed = with_qe_identity(SGX.collateral, lambda document: document.update(id=identity))
    assert outcome(SGX.quote, changed) is Reason.QE_IDENTITY_MISMATCH


@pytest.mark.parametrize(
    "change",
    [
        {"miscselect": "01000000"},
        {"attributes": "01" + "00" * 15},
        {"mrsigner": "00" * 32},
        {"isvprodid": 7},
    ],
)
@every_form
def test_refuses_another_quoting_enclave(sample: Sample, change: dict[str, object]) -> None:
    changed = with_qe_identity(sample.collateral, lambda document: document.update(change))
    assert outcome(sample.quote, changed) is Reason.QE_IDENTITY_MISMATCH


def _quote_of(host: Platform) -> bytes:
    enclave = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
    return host.quote_sgx(enclave.ereport(host.qe_target_info, REPORT_DATA))


def test_refuses_a_debug_quoting_enclave_even_if_its_identity_allows_it() -> None:
    qe = platform().quoting_enclave
    debug = replace(qe.enclave, flags=qe.enclave.flags | Flags.DEBUG)
    host = replace(
        platform(), quoting_enclave=type(qe).create(debug, qe.attestation_key, platform().pck)
    )
    sample = authority().collateral(host, at=AT)
    masked = with_qe_identity(
        sample, lambda document: document.update(attributes="00" * 16, attributesMask="00" * 16)
    )
    assert outcome(_quote_of(host), masked) is Reason.QE_DEBUG


def test_refuses_an_attestation_key_that_is_no_point() -> None:
    """The QE would have to vouch for it, so one is made that does."""
    quote = Quote.from_bytes(SGX.quote)
    key = bytes(64)
    report = quote.signature.qe_report[:320] + sha256(key + quote.signature.auth_data).digest()
    report += bytes(32)
    forged = replace(
        quote,
        signature=replace(
            quote.signature,
            attestation_key=key,
            qe_report=report,
            qe_report_signature=sign(platform().pck.key, report),
        ),
    )
    assert outcome(forged.to_bytes(), SGX.collateral) is Reason.ATT_KEY_INVALID


@every_form
def test_refuses_revoked_certificates(sample: Sample) -> None:
    tee = TeeType.TDX if Quote.from_bytes(sample.quote).is_tdx else TeeType.SGX
    for key, reason in (
        (platform(), Reason.PCK_REVOKED),
        (authority().platform_ca, Reason.CERT_REVOKED),
        (authority().tcb_signing, Reason.CERT_REVOKED),
        (authority().root, Reason.CERT_REVOKED),
        (authority().processor_ca, None),
    ):
        revoking = authority().revoke(key, at=AT)
        collateral = revoking.collateral(platform(), at=AT, tee=tee)
        assert outcome(sample.quote, collateral) is reason


def test_refuses_revocation_of_the_signer_of_the_identity_alone() -> None:
    second = authority().tcb_signing
    collateral = replace(
        SGX.collateral,
        qe_identity_issuer_chain=second.pem,
        root_ca_crl=revocation_list(authority().root, serials=(second.serial,)),
    )
    assert outcome(SGX.quote, collateral) is Reason.CERT_REVOKED


def test_refuses_lists_of_other_issuers() -> None:
    lists = SGX.collateral
    swapped = replace(lists, root_ca_crl=lists.pck_crl, pck_crl=lists.root_ca_crl)
    assert outcome(SGX.quote, swapped) is Reason.CRL_ISSUER
    other = replace(lists, pck_crl=authority().pck_crl(PckCa.PROCESSOR, at=AT))
    assert outcome(SGX.quote, other) is Reason.CRL_ISSUER
    whole = replace(other, pck_crl_issuer_chain=authority().processor_ca.pem)
    assert outcome(SGX.quote, whole) is Reason.CRL_ISSUER


@every_form
@pytest.mark.parametrize("warm", [False, True])
def test_dates_are_checked_on_every_call(sample: Sample, warm: bool) -> None:
    caches = Caches() if warm else None
    if warm:
        check(sample.quote, sample.collateral, caches=caches)
    for at, reason in (
        (AT, None),
        (AT - SECOND, Reason.NOT_YET_VALID),
        (AT + 30 * DAY, None),
        (AT + 30 * DAY + SECOND, Reason.COLLATERAL_EXPIRED),
        (AT, None),
        (AT + 5000 * DAY, Reason.CRL_EXPIRED),
        (AT - 5000 * DAY, Reason.NOT_YET_VALID),
        (AT, None),
    ):
        assert outcome(sample.quote, sample.collateral, at=at, caches=caches) is reason


def test_allowance_and_grace_are_the_callers() -> None:
    early, late = AT - 300 * SECOND, AT + 31 * DAY
    allowance = {"clock_allowance": 300 * SECOND}
    assert outcome(SGX.quote, SGX.collateral, at=early, **allowance) is None
    assert outcome(SGX.quote, SGX.collateral, at=early - SECOND, **allowance) is (
        Reason.NOT_YET_VALID
    )
    # The PCK list ends with the documents, and grace is not for lists.
    assert outcome(SGX.quote, SGX.collateral, at=late, grace=9 * DAY) is Reason.CRL_EXPIRED
    longer = replace(
        SGX.collateral, pck_crl=authority().pck_crl(PckCa.PLATFORM, at=AT, lifetime=90 * DAY)
    )
    assert outcome(SGX.quote, longer, at=late) is Reason.COLLATERAL_EXPIRED
    verified = check(SGX.quote, longer, at=late, grace=9 * DAY)
    assert verified.valid_until == AT + 39 * DAY
    assert outcome(SGX.quote, longer, at=AT + 40 * DAY, grace=9 * DAY) is (
        Reason.COLLATERAL_EXPIRED
    )


@pytest.mark.parametrize("change", ["at", "clock_allowance", "grace"])
def test_mistakes_of_the_calling_code_are_no_verdicts(change: str) -> None:
    wrong: Any = AT.replace(tzinfo=None) if change == "at" else -SECOND
    with pytest.raises(ValueError, match=r"time zone|negative"):
        check(SGX.quote, SGX.collateral, **{change: wrong})


def test_only_verify_makes_a_verified_quote() -> None:
    verified = check(SGX.quote, SGX.collateral)
    with pytest.raises(TypeError, match="only confcom"):
        replace(verified, seal=None)
    with pytest.raises(FrozenInstanceError):
        verified.tcb = None  # type: ignore[misc, assignment]
    assert isinstance(verified, VerifiedQuote)


@pytest.mark.parametrize(("chain", "documents"), [(0, 5), (5, 0), (5, 5)])
def test_valid_from_is_the_latest_beginning_of_all(chain: int, documents: int) -> None:
    host = authority().add_platform(at=AT + chain * DAY)
    collateral = authority().collateral(host, at=AT + documents * DAY)
    quote, latest = _quote_of(host), AT + 5 * DAY
    assert check(quote, collateral, at=latest).valid_from == latest
    assert outcome(quote, collateral, at=latest - SECOND) is Reason.NOT_YET_VALID


def test_dates_of_documents_are_named() -> None:
    verified = check(SGX.quote, SGX.collateral)
    names = {"tcb_info", "qe_identity", "pck_crl", "root_ca_crl"}
    assert set(verified.document_dates) == set(verified.next_updates) == names
    assert set(verified.document_dates.values()) == {AT}
    assert verified.next_updates["tcb_info"] == AT + 30 * DAY
    assert verified.next_updates["root_ca_crl"] == AT + 365 * DAY


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"root_ca_crl": b""}, VerificationStep.ROOT_CRL),
        ({"tcb_info_issuer_chain": b""}, VerificationStep.ROOT),
        ({"tcb_info": b"{}"}, VerificationStep.TCB_INFO),
        ({"qe_identity": b"{}"}, VerificationStep.QE_IDENTITY),
        ({"pck_crl": b""}, VerificationStep.PCK_CRL),
        ({"pck_crl_issuer_chain": b""}, VerificationStep.PCK_CRL),
    ],
)
def test_a_refusal_names_its_step(change: dict[str, bytes], step: VerificationStep) -> None:
    with pytest.raises(ConfcomError) as caught:
        check(SGX.quote, replace(SGX.collateral, **change))
    assert caught.value.step == step


def _revoke_every_level(document: dict[str, Any]) -> None:
    for level in document["tcbLevels"]:
        level["tcbStatus"] = "Revoked"


@every_form
def test_steps_behind_those_of_collateral_are_named_too(sample: Sample) -> None:
    quote, collateral = sample.quote, sample.collateral
    parsed = Quote.from_bytes(quote)
    chain = len(quote) - len(parsed.signature.certification.data)
    key = len(parsed.signed) + 4 + 64
    other = (SGX if parsed.is_tdx else TDX).collateral
    for step, changed, documents in (
        (VerificationStep.QUOTE, quote[:-1], collateral),
        (VerificationStep.QUOTE, quote + b"x", collateral),
        (VerificationStep.PCK_CHAIN, flipped(quote, chain + 100), collateral),
        (VerificationStep.PLATFORM, quote, other),
        (VerificationStep.QE_REPORT, flipped(quote, key), collateral),
        (VerificationStep.QUOTE_SIGNATURE, flipped(quote, 30), collateral),
        (VerificationStep.TCB, quote, with_tcb_info(collateral, _revoke_every_level)),
    ):
        for question in (verify, diagnose):
            if step is VerificationStep.TCB and question is diagnose:
                continue  # it says so and does not refuse
            with pytest.raises(ConfcomError) as caught:
                question(changed, documents, at=AT, root=sample.root, allow_simulated=True)
            assert caught.value.step == step


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({}, TcbStatus.UP_TO_DATE, None),
        ({"status": TcbStatus.OUT_OF_DATE}, TcbStatus.OUT_OF_DATE, None),
        ({"status": TcbStatus.REVOKED}, TcbStatus.REVOKED, Reason.TCB_REVOKED),
        ({"qe_status": TcbStatus.REVOKED}, TcbStatus.REVOKED, Reason.TCB_REVOKED),
        ({"status": None}, None, Reason.TCB_NOT_SUPPORTED),
    ],
)
def test_diagnosis_tells_why_a_tcb_cannot_be_accepted(
    options: dict[str, Any], status: TcbStatus | None, reason: Reason | None
) -> None:
    sample = sgx(**options)
    found = diagnose(sample.quote, sample.collateral, at=AT, root=sample.root, allow_simulated=True)
    assert (found.tcb.status if found.tcb else None) is status
    assert (found.refusal.reason if found.refusal else None) is reason
    assert found.refusal is None or found.refusal.step == VerificationStep.TCB
    assert found.tcb_info.fmspc == found.pck.extension.fmspc == platform().fmspc


def test_diagnosis_refuses_what_is_not_authentic() -> None:
    with pytest.raises(NotAuthenticError) as caught:
        diagnose(
            flipped(SGX.quote, 60),
            SGX.collateral,
            at=AT,
            root=SGX.root,
            allow_simulated=True,
        )
    assert caught.value.step == VerificationStep.QUOTE_SIGNATURE


def test_the_memory_of_verdicts_is_bounded() -> None:
    caches = Caches()
    sample = TDX
    for minor in range(70):
        module = replace(platform().module, tee_tcb_svn2=bytes((6 + minor, 1, 7)) + bytes(13))
        quote = tdx(on=replace(platform(), module=module)).quote
        check(quote, sample.collateral, caches=caches)
    ((_, chain),) = caches.chains._entries.values()  # noqa: SLF001 the bound is not public
    assert len(chain.verdicts) == 64


def test_the_memory_of_quoting_enclaves_is_bounded() -> None:
    caches = Caches()
    qe = platform().quoting_enclave
    for number in range(70):
        enclave = replace(qe.enclave, mr_enclave=bytes((number,)) * 32)
        made = type(qe).create(enclave, qe.attestation_key, platform().pck)
        check(_quote_of(replace(platform(), quoting_enclave=made)), SGX.collateral, caches=caches)
    (key,) = caches.collateral._entries  # noqa: SLF001 the key is not public
    trusted = caches.collateral.get(key, 0)
    assert trusted is not None
    assert len(trusted.qe_levels) == 64
    assert len(caches.keys) == 70


def test_a_quoting_enclave_that_was_accepted_does_not_vouch_for_another() -> None:
    """What is remembered of one says nothing of one that differs in what is judged."""
    caches = Caches()
    qe = platform().quoting_enclave
    check(SGX.quote, SGX.collateral, caches=caches)
    for changes, reason in (
        ({"mr_signer": b"\x99" * 32}, Reason.QE_IDENTITY_MISMATCH),
        ({"isv_prod_id": 9}, Reason.QE_IDENTITY_MISMATCH),
        ({"flags": qe.enclave.flags | Flags.DEBUG}, Reason.QE_DEBUG),
        ({"isv_svn": 0}, Reason.TCB_NOT_SUPPORTED),
    ):
        other: Any = replace(qe.enclave, **changes)
        made = type(qe).create(other, qe.attestation_key, platform().pck)
        quote = _quote_of(replace(platform(), quoting_enclave=made))
        for _ in range(2):
            assert outcome(quote, SGX.collateral, caches=caches) is reason, changes


def test_documents_are_what_was_signed_byte_for_byte() -> None:
    spaced = json.dumps(json.loads(SGX.collateral.tcb_info), indent=1).encode()
    assert outcome(SGX.quote, replace(SGX.collateral, tcb_info=spaced)) is (
        Reason.TCB_INFO_SIGNATURE
    )
