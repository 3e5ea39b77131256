# SPDX-License-Identifier: Apache-2.0
"""Another service's quotes of TDs: passed on whole, or refused in words of ours."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.qgs_samples import FMSPC, KEY_ID, OTHER_KEY_ID, frame, message
from tests.qgs_service import Daemon, simulated, stand_in, td_report
from tests.simulated import platform

from confcom.adapters.qgs import AsyncQgsClient
from confcom.adapters.quoting.qgs_places import Caller
from confcom.adapters.quoting.qgs_upstream import UpstreamTdBackend
from confcom.dcap import Quote, TdReport
from confcom.protocols.qgs import (
    Answer,
    CollateralDocuments,
    DescribePlatform,
    FetchCollateral,
    MakeTdQuote,
    Operation,
    PckCa,
    Refusal,
    TdQuote,
)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("behind")) as running:
        yield running


async def pass_on(operation: Operation, _caller: Caller) -> Answer:
    backend = UpstreamTdBackend(AsyncQgsClient("behind", timeout_s=0.5))
    await backend.start()
    answer = await backend.ask(operation)
    await backend.stop()
    return answer


def ask(operation: Operation) -> Answer:
    return asyncio.run(pass_on(operation, Caller()))


def behind(operation: Operation) -> Answer:
    return asyncio.run(simulated(operation, Caller()))


def refused(operation: Operation) -> str:
    answer = ask(operation)
    assert isinstance(answer, Refusal)
    return answer.why


@pytest.mark.usefixtures("daemon")
def test_passes_answers_on() -> None:
    assert ask(DescribePlatform()) == behind(DescribePlatform())
    collateral = ask(FetchCollateral(platform().fmspc, PckCa.PLATFORM))
    assert isinstance(collateral, CollateralDocuments)
    signed = ask(MakeTdQuote(td_report(b"\x07" * 64), (OTHER_KEY_ID, KEY_ID)))
    assert isinstance(signed, TdQuote)
    assert signed.selected_id == KEY_ID
    body = Quote.from_bytes(signed.quote).body
    assert isinstance(body, TdReport)
    assert body.report_data == b"\x07" * 64


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(
    "operation",
    [
        MakeTdQuote(bytes(1024)),
        MakeTdQuote(td_report(), (OTHER_KEY_ID,)),
        FetchCollateral(FMSPC, PckCa.PLATFORM),
    ],
)
def test_passes_refusals_on(operation: Operation) -> None:
    assert "0x12001" in refused(operation)


def test_a_quote_of_another_report_reaches_nobody(daemon: Daemon) -> None:
    async def confuse(_operation: Operation, caller: Caller) -> Answer:
        return await simulated(MakeTdQuote(td_report(b"\x08" * 64)), caller)

    daemon.ask = confuse
    assert "not of the TDREPORT" in refused(MakeTdQuote(td_report(b"\x07" * 64)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        frame(b"\xff" * 64),
        frame(message(5, bytes(12))),
        frame(message(1, bytes(8)), size=4_000_000_000),
    ],
    ids=["nothing", "cut", "garbage", "another type", "oversized"],
)
def test_nonsense_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.chdir(tmp_path)

    def act(client: socket.socket, _request: bytes) -> None:
        client.sendall(data)

    with stand_in(Path("behind"), act):
        assert "cannot get a quote from QGS at socket behind" in refused(MakeTdQuote(td_report()))


def test_service_that_hangs_is_a_refusal(daemon: Daemon) -> None:
    daemon.close_gate()
    assert "did not reply within 0.5 s" in refused(DescribePlatform())


def test_nobody_behind_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no socket" in refused(DescribePlatform())


def test_two_daemons_in_a_row_mix_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("behind")), Daemon(Path("front")) as front:
        front.ask = pass_on

        async def many() -> list[bytes]:
            client = AsyncQgsClient("front", timeout_s=5)
            reports = [td_report(bytes((mark,)) * 64) for mark in range(4)]
            return await asyncio.gather(*(client.get_quote(report) for report in reports))

        quotes = asyncio.run(many())
    for mark, quote in enumerate(quotes):
        body = Quote.from_bytes(quote).body
        assert isinstance(body, TdReport)
        assert body.report_data == bytes((mark,)) * 64
