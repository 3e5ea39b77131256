# SPDX-License-Identifier: Apache-2.0
"""Another daemon's quotes: passed on whole, or refused in words of ours."""

import asyncio
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from tests.simulated import authority, platform

from confcom.adapters.aesm import AsyncAesmClient
from confcom.adapters.quoting.simulated import SimulatedBackend
from confcom.adapters.quoting.upstream import UpstreamBackend
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    Answer,
    GetQuoteSize,
    InitKey,
    MakeQuote,
    Operation,
    QeReportInfo,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.simulation import Enclave
from confcom.testing.aesm_server import AesmServer, Misbehaviour

ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
BACKEND = SimulatedBackend(platform(), authority())


def behind(operation: Operation) -> Answer:
    return BACKEND.ask(operation)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AesmServer]:
    monkeypatch.chdir(tmp_path)
    with AesmServer(Path("s"), behind) as server:
        yield server


def ask(operation: Operation, path: str = "s") -> Answer:
    client = AsyncAesmClient(path, timeout_s=0.5)
    return asyncio.run(UpstreamBackend(client).ask(operation))


def request(mark: int = 7, info: bytes | None = None) -> MakeQuote:
    report = ENCLAVE.ereport(platform().qe_target_info, bytes((mark,)) * 64)
    return MakeQuote(report.to_bytes(), info, 8192)


def test_passes_answers_on(daemon: AesmServer) -> None:
    assert ask(InitKey()) == behind(InitKey())
    assert ask(GetQuoteSize()) == behind(GetQuoteSize())
    signed = ask(request())
    assert isinstance(signed, SignedQuote)
    assert ask(GetQuoteSize()) == QuoteSize(len(signed.quote))
    assert signed.quote[48:432] == request().report[:384]


def test_passes_on_what_the_quoting_enclave_says_of_the_quote(daemon: AesmServer) -> None:
    info = QeReportInfo(b"\x0a" * 16, ENCLAVE.target_info)
    signed = ask(request(info=info.to_bytes()))
    assert isinstance(signed, SignedQuote)
    assert signed.qe_report_info is not None
    made = QeReportInfo.from_bytes(signed.qe_report_info)
    assert made.qe_report[320:352] == sha256(info.nonce + signed.quote).digest()


@pytest.mark.parametrize("code", [AesmCode.KEY_NOT_INITIALISED, AesmCode.OUT_OF_EPC])
@pytest.mark.parametrize("operation", [InitKey(), GetQuoteSize(), request()])
def test_passes_refusals_on(daemon: AesmServer, operation: Operation, code: AesmCode) -> None:
    daemon.answer = lambda _: Refusal(code, "behind")
    answer = ask(operation)
    assert isinstance(answer, Refusal)
    assert answer.code is code


@pytest.mark.parametrize("misbehaviour", [one for one in Misbehaviour if one != "drip"])
def test_nonsense_is_no_service(daemon: AesmServer, misbehaviour: Misbehaviour) -> None:
    daemon.misbehave(misbehaviour)
    answer = ask(request())
    assert isinstance(answer, Refusal)
    assert answer.code is AesmCode.SERVICE_UNAVAILABLE


def test_nobody_behind_is_no_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ask(InitKey(), "nowhere")
    assert isinstance(answer, Refusal)
    assert answer.code is AesmCode.SERVICE_UNAVAILABLE
    assert "nowhere" in answer.why


def test_a_quote_of_another_report_reaches_nobody(daemon: AesmServer) -> None:
    other: Callable[[Operation], Answer] = lambda operation: behind(  # noqa: E731 one line
        request(8) if isinstance(operation, MakeQuote) else operation
    )
    daemon.answer = other
    answer = ask(request(7))
    assert isinstance(answer, Refusal)
    assert answer.code in {AesmCode.UNEXPECTED, AesmCode.SERVICE_UNAVAILABLE}


def test_offers_quotes_between_start_and_stop() -> None:
    backend = UpstreamBackend(AsyncAesmClient("s"))
    offered = [tuple(backend.key_ids)]
    asyncio.run(backend.start())
    offered.append(tuple(backend.key_ids))
    asyncio.run(backend.stop())
    offered.append(tuple(backend.key_ids))
    assert offered == [(), (DEFAULT_KEY_ID.to_bytes(),), ()]
