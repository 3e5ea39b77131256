# SPDX-License-Identifier: Apache-2.0
"""The simulated back end signs what was made for it, and nothing else."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from tests.simulated import authority, platform

from confcom.adapters.quoting.simulated import SimulatedBackend
from confcom.dcap import Quote
from confcom.errors import NotAuthenticError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QeReportInfo,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.sgx import Report, TargetInfo
from confcom.simulation import (
    SDK_QUOTING_ENCLAVE,
    CertifiedKey,
    Enclave,
    Platform,
    make_authority,
)

ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
OTHER = Enclave(mr_enclave=b"\xe1" * 32, mr_signer=b"\x51" * 32)


def ask(operation: Operation) -> Answer:
    return SimulatedBackend(platform(), authority()).ask(operation)


def key() -> KeyInfo:
    answer = ask(InitKey())
    assert isinstance(answer, KeyInfo)
    return answer


def report(target: bytes | None = None) -> bytes:
    wanted = TargetInfo.from_bytes(target or key().target_info)
    return ENCLAVE.ereport(wanted, b"\x07" * 64).to_bytes()


def test_offers_the_key_that_every_client_asks_for() -> None:
    made = make_authority(at=datetime.now(UTC))
    backend = SimulatedBackend(made.add_platform(at=datetime.now(UTC)), made)
    offered = [tuple(backend.key_ids)]
    asyncio.run(backend.start())
    offered.append(tuple(backend.key_ids))
    asyncio.run(backend.stop())
    offered.append(tuple(backend.key_ids))
    assert offered == [(), (DEFAULT_KEY_ID.to_bytes(),), ()]


@pytest.mark.parametrize("what", ["platform", "authority", "root"])
def test_offers_nothing_that_would_not_verify(what: str) -> None:
    made = make_authority(at=datetime.now(UTC))
    own = made.add_platform(at=datetime.now(UTC))
    choices: dict[str, Platform | CertifiedKey] = {
        "platform": own,
        "authority": made.platform_ca,
        "root": made.root,
    }
    revoked = choices[what]
    backend = SimulatedBackend(own, made.revoke(revoked, at=datetime.now(UTC)))
    with pytest.raises(NotAuthenticError):
        asyncio.run(backend.start())
    assert backend.key_ids == ()


def test_signs_a_report_made_for_its_target() -> None:
    answer = ask(MakeQuote(report(), None, 8192))
    assert isinstance(answer, SignedQuote)
    quote = Quote.from_bytes(answer.quote)
    assert quote.body.to_bytes() == report()[:384]
    assert quote.signature.qe_report[320:352] == key().public_key_id
    assert ask(GetQuoteSize()) == QuoteSize(len(answer.quote))
    assert answer.qe_report_info is None


@pytest.mark.parametrize("offset", [0, 64, 320, 383, 384, 415, 416, 431])
def test_refuses_a_report_with_any_part_changed(offset: int) -> None:
    raw = bytearray(report())
    raw[offset] ^= 1
    answer = ask(MakeQuote(bytes(raw), None, 8192))
    assert isinstance(answer, Refusal)
    assert answer.code is AesmCode.INVALID_REPORT
    assert "REPORT" in answer.why


@pytest.mark.parametrize(
    "target",
    [bytes(512), SDK_QUOTING_ENCLAVE.to_bytes(), OTHER.target_info.to_bytes()],
    ids=["zeros", "sdk", "other enclave"],
)
def test_refuses_a_report_made_for_another_target(target: bytes) -> None:
    answer = ask(MakeQuote(report(target), None, 8192))
    assert isinstance(answer, Refusal)
    assert answer.code is AesmCode.INVALID_REPORT


def test_a_buffer_too_small_is_said_before_a_report_that_does_not_fit() -> None:
    size = ask(GetQuoteSize())
    assert isinstance(size, QuoteSize)
    for data in (report(), bytes(432)):
        answer = ask(MakeQuote(data, None, size.size - 1))
        assert isinstance(answer, Refusal)
        assert answer.code is AesmCode.PARAMETER
    assert isinstance(ask(MakeQuote(report(), None, size.size)), SignedQuote)


def test_refuses_a_report_for_another_platform() -> None:
    other = authority().add_platform("other", at=platform().pck.certificate.not_valid_before_utc)
    answer = SimulatedBackend(other, authority()).ask(MakeQuote(report(), None, 8192))
    if other.qe_target_info == platform().qe_target_info:
        assert isinstance(answer, SignedQuote)  # the same quoting enclave, as on real machines
    else:
        assert isinstance(answer, Refusal)


def test_vouches_for_the_quote_to_the_enclave_that_asked() -> None:
    asked = QeReportInfo(b"\x0a" * 16, ENCLAVE.target_info)
    answer = ask(MakeQuote(report(), asked.to_bytes(), 8192))
    assert isinstance(answer, SignedQuote)
    assert answer.qe_report_info is not None
    made = QeReportInfo.from_bytes(answer.qe_report_info)
    assert (made.nonce, made.target_info) == (asked.nonce, asked.target_info)
    body = ENCLAVE.check(Report.from_bytes(made.qe_report))
    assert body.report_data == sha256(asked.nonce + answer.quote).digest() + bytes(32)
