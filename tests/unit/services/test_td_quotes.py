# SPDX-License-Identifier: Apache-2.0
"""Quotes for TDs as a service: places that share a back end, rules, and one event a request."""

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from tests.qgs_service import TD, MachinePlace, td_report
from tests.simulated import authority, platform

from confcom.adapters.peers import PeerReader
from confcom.adapters.qgs import AsyncQgsClient
from confcom.adapters.quoting.qgs_places import Caller, UnixPlace
from confcom.adapters.quoting.qgs_records import ServedTd
from confcom.adapters.quoting.qgs_simulated import SimulatedTdBackend
from confcom.adapters.quoting.socket_file import Credentials, SocketFile
from confcom.dcap import TdAttributes
from confcom.errors import MisconfiguredError, UnavailableError
from confcom.protocols.peers import Certainty, Peer
from confcom.protocols.qgs import (
    Answer,
    Call,
    DescribePlatform,
    ErrorCode,
    MakeTdQuote,
    Operation,
    PlatformInfo,
)
from confcom.services.td_quotes import TdQuoteOptions, audit, serve_tds
from confcom.simulation import TrustDomain

SECRET = b"\x5e" * 64
Event = MutableMapping[str, Any]


class Recorder:
    """A back end that notes when it is started and stopped."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._backend = SimulatedTdBackend(platform(), authority())

    async def start(self) -> None:
        self.notes.append("start")

    async def stop(self) -> None:
        self.notes.append("stop")

    async def ask(self, operation: Operation) -> Answer:
        self.notes.append("ask")
        return await self._backend.ask(operation)


def told(served: ServedTd, *, is_simulated: bool = True) -> Event:
    with capture_logs() as events:
        audit(structlog.get_logger(), served, is_simulated=is_simulated)
    (event,) = events
    return event


def served(
    operation: Operation | None = None,
    *,
    caller: Caller | None = None,
    call: Call | None = Call.GET_QUOTE,
    code: int | None = 0,
    why: str | None = None,
) -> ServedTd:
    return ServedTd(caller or Caller(cid=7), call, operation, code, why, 0.0123)


def test_serves_several_places_from_one_back_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    backend = Recorder()
    places = (UnixPlace(SocketFile(Path("unix"))), MachinePlace(Path("machines")))
    seen: list[ServedTd] = []
    options = TdQuoteOptions(
        places=places, is_simulated=True, identify=PeerReader().read, observe=seen.append
    )

    async def run() -> None:
        async with serve_tds(backend, options) as listeners:
            for path in ("unix", "machines"):
                await AsyncQgsClient(path, timeout_s=5).get_quote(td_report(SECRET))
            for listener in listeners:
                await listener.drain(5)

    with capture_logs() as events:
        asyncio.run(run())
    assert backend.notes == ["start", "ask", "ask", "stop"]
    unix, machine = events
    assert [event["event"] for event in events] == ["td_quote.made"] * 2
    assert [(one.code, one.call) for one in seen] == [(0, Call.GET_QUOTE)] * 2
    assert "peer" in unix
    assert (machine["cid"], machine["mr_td"]) == (3, TD.mr_td.hex())
    assert SECRET.hex() not in repr(events)


def test_stops_the_back_end_when_a_place_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    backend = Recorder()
    options = TdQuoteOptions(
        places=(UnixPlace(SocketFile(Path("free"))), UnixPlace(SocketFile(Path("taken"))))
    )

    async def run() -> None:
        async with serve_tds(backend, options):
            raise AssertionError("unreachable")

    with pytest.raises(MisconfiguredError):
        asyncio.run(run())
    assert backend.notes == ["start", "stop"]
    assert not Path("free").exists()


def test_who_may_not_ask_is_refused_before_the_back_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    backend = Recorder()

    def refuse(operation: Operation, caller: Caller) -> str | None:
        return f"rule for {caller.account}" if isinstance(operation, MakeTdQuote) else None

    options = TdQuoteOptions(places=(MachinePlace(Path("machines")),), refuse=refuse)

    async def run() -> None:
        async with serve_tds(backend, options):
            client = AsyncQgsClient("machines", timeout_s=5)
            await client.get_platform_info()
            with pytest.raises(UnavailableError):
                await client.get_quote(td_report())

    with capture_logs() as events:
        asyncio.run(run())
    assert backend.notes == ["start", "ask", "stop"]
    assert events[-1]["event"] == "td_quote.refused"
    assert events[-1]["why"] == "rule for cid:3"


def test_quote_is_told_with_its_td_and_without_report_data() -> None:
    event = told(served(MakeTdQuote(td_report(SECRET))))
    assert event == {
        "event": "td_quote.made",
        "log_level": "info",
        "cid": 7,
        "call": "get_quote",
        "code": 0,
        "simulated": True,
        "duration_ms": 12.3,
        "mr_td": TD.mr_td.hex(),
        "mr_config_id": TD.mr_config_id.hex(),
        "mr_seam": platform().module.mr_seam.hex(),
        "debug": False,
    }


def test_debug_td_is_told() -> None:
    td = TrustDomain(mr_td=bytes(48), td_attributes=TdAttributes.DEBUG)
    assert told(served(MakeTdQuote(td_report(bytes(64), td))))["debug"] is True


@pytest.mark.parametrize("code", [ErrorCode.UNEXPECTED, None])
def test_refused_quote_is_told_with_its_reason(code: int | None) -> None:
    event = told(served(MakeTdQuote(td_report()), code=code, why="MAC"), is_simulated=False)
    assert (event["event"], event["why"], event["simulated"]) == ("td_quote.refused", "MAC", False)
    assert event["mr_td"] == TD.mr_td.hex()


def test_process_is_told_with_its_pod() -> None:
    peer = Peer(
        uid=107, container_id="c" * 64, pod_uid="a" * 32, certainty=Certainty.PINNED, pod_name="vm"
    )
    event = told(served(caller=Caller(Credentials(9, 107, 107), peer=peer)))
    found = {name: event[name] for name in ("pid", "uid", "pod_uid", "pod_name", "peer")}
    assert found == {"pid": 9, "uid": 107, "pod_uid": "a" * 32, "pod_name": "vm", "peer": "pinned"}
    assert not {"cid", "pod_namespace"} & set(event)


@pytest.mark.parametrize(
    ("what", "name", "level"),
    [
        (served(call=None, code=None, why="garbage"), "td_request.dropped", "info"),
        (served(call=Call.RAW_QUOTE, code=None, why="late"), "td_request.dropped", "info"),
        (served(code=ErrorCode.UNEXPECTED, why="sizes"), "td_quote.refused", "info"),
        (
            served(DescribePlatform(), call=Call.GET_PLATFORM_INFO),
            "td_request.answered",
            "debug",
        ),
    ],
)
def test_other_requests_have_one_event_too(what: ServedTd, name: str, level: str) -> None:
    event = told(what)
    assert (event["event"], event["log_level"]) == (name, level)


def test_recorder_answers_as_the_simulated_platform() -> None:
    assert isinstance(asyncio.run(Recorder().ask(DescribePlatform())), PlatformInfo)
