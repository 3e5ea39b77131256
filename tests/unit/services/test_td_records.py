# SPDX-License-Identifier: Apache-2.0
"""What is written down of TDs: events, counts without names, and callers for the node."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from tests.qgs_service import TD, td_report
from tests.simulated import platform

from confcom.adapters.quoting.qgs_places import Caller
from confcom.adapters.quoting.qgs_records import ServedTd
from confcom.adapters.quoting.qgs_turns import Busy
from confcom.adapters.quoting.socket_file import Credentials
from confcom.dcap import TdAttributes
from confcom.protocols.peers import Certainty, Peer
from confcom.protocols.qgs import (
    Answer,
    Call,
    DescribePlatform,
    ErrorCode,
    MakeTdQuote,
    Operation,
    Refusal,
    TdQuote,
)
from confcom.services import td_records
from confcom.services.quote_checks import Finding, Verdict
from confcom.services.td_records import TdRecords
from confcom.simulation import TrustDomain

SECRET = b"\x5e" * 64
POD = Peer(
    uid=107,
    container_id="c" * 64,
    pod_uid="a" * 32,
    pod_namespace="vms",
    pod_name="vm",
    certainty=Certainty.PINNED,
)
Event = MutableMapping[str, Any]


def records(*, is_simulated: bool | None = True) -> TdRecords:
    return TdRecords(structlog.get_logger(), is_simulated=is_simulated)


def written(*all_served: ServedTd, is_simulated: bool | None = True) -> list[Event]:
    """Return the events of some requests, with those at the end."""
    kept = records(is_simulated=is_simulated)

    async def run() -> None:
        for one in all_served:
            kept.record(one)
        kept.flush()

    with capture_logs() as events:
        asyncio.run(run())
    return events


def told(served: ServedTd, *, is_simulated: bool | None = True) -> Event:
    (event,) = written(served, is_simulated=is_simulated)
    return event


def served(
    operation: Operation | None = None,
    *,
    caller: Caller | None = None,
    call: Call | None = Call.GET_QUOTE,
    code: int | None = 0,
    why: str | None = None,
    answer: Answer | None = None,
) -> ServedTd:
    if answer is None and code == 0:
        answer = TdQuote(b"quote")
    return ServedTd(caller or Caller(cid=7), call, operation, code, why, 0.0123, answer)


def refused(answer: Answer | None, *, caller: Caller | None = None) -> ServedTd:
    return served(
        MakeTdQuote(td_report(SECRET)),
        caller=caller,
        code=ErrorCode.UNEXPECTED,
        why=getattr(answer, "why", None),
        answer=answer,
    )


# --- events ---


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
    made = served(MakeTdQuote(td_report()), code=code, why="MAC", answer=Refusal("MAC"))
    event = told(made, is_simulated=None)
    assert (event["event"], event["why"], event["simulated"]) == ("td_quote.refused", "MAC", None)
    assert event["mr_td"] == TD.mr_td.hex()


def test_process_is_told_with_its_pod() -> None:
    event = told(served(caller=Caller(Credentials(9, 107, 107), peer=POD)))
    found = {name: event[name] for name in ("pid", "uid", "pod_uid", "pod_name", "peer")}
    assert found == {"pid": 9, "uid": 107, "pod_uid": "a" * 32, "pod_name": "vm", "peer": "pinned"}
    assert "cid" not in event


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


@pytest.mark.parametrize(
    "one",
    [
        refused(Busy("too often")),
        served(call=None, code=None, why="garbage"),
        served(MakeTdQuote(td_report()), code=None, why="it left before its turn"),
    ],
    ids=["busy", "garbage", "left"],
)
def test_a_flood_of_what_nobody_answered_is_told_twice_with_its_number(one: ServedTd) -> None:
    events = written(*[one] * 100)
    assert [event.get("times") for event in events] == [None, 99]


def test_quotes_and_what_a_rule_denies_have_an_event_each() -> None:
    made = served(MakeTdQuote(td_report()))
    denied = refused(Refusal("rule 'deny': the rule denies it"))
    assert len(written(*[made, denied] * 10)) == 20


def test_floods_of_different_callers_are_told_apart() -> None:
    busy = Busy("too often")
    events = written(*(refused(busy, caller=Caller(cid=3 + turn % 2)) for turn in range(10)))
    assert sorted((event["cid"], event.get("times")) for event in events if "times" in event) == [
        (3, 4),
        (4, 4),
    ]


# --- metrics ---


def test_requests_are_counted_by_call_and_code() -> None:
    kept = records()
    raw = served(
        MakeTdQuote(td_report()), call=Call.RAW_QUOTE, code=None, answer=Refusal("another MAC")
    )
    with capture_logs():
        for one in (served(MakeTdQuote(td_report())), refused(Refusal("MAC")), raw):
            kept.record(one)
    text = kept.metrics.text().decode()
    assert 'td_requests_total{call="get_quote",code="0"} 1\n' in text
    assert 'td_requests_total{call="get_quote",code="0x12001"} 1\n' in text
    assert 'td_requests_total{call="raw_quote",code="none"} 1\n' in text
    assert "td_quote_duration_seconds_count 1\n" in text  # of what was made
    assert "cid" not in text


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.UNKNOWN])
def test_what_is_not_found_authentic_is_a_warning(verdict: Verdict) -> None:
    kept = records()
    with capture_logs() as events:
        kept.proof.tell(
            Finding(verdict=verdict, reason="source_unreachable", message="no collateral")
        )
    (event,) = events
    assert event["log_level"] == "warning"
    assert (
        event["event"]
        == {
            Verdict.REFUSED: "own_td_quote.refused",
            Verdict.UNKNOWN: "own_td_quote.unverified",
        }[verdict]
    )
    labels = f'{{verdict="{verdict}",reason="source_unreachable"}}'
    assert f"td_verifications_total{labels} 1\n" in kept.metrics.text().decode()


# --- callers ---


def callers_of(*all_served: ServedTd) -> list[dict[str, object]]:
    kept = records()
    with capture_logs():
        for one in all_served:
            kept.record(one)
    return kept.callers()


def test_machines_pods_and_users_are_told_apart_the_last_one_first() -> None:
    machine = Caller(cid=7)
    pod = Caller(Credentials(9, 107, 107), peer=POD)
    user = Caller(Credentials(9, 107, 107))
    quote = MakeTdQuote(td_report())
    callers = callers_of(*(served(quote, caller=one) for one in (machine, pod, user)))
    assert [one["account"] for one in callers] == ["uid:107", f"pod:{'a' * 32}", "cid:7"]
    assert [one["cid"] for one in callers] == [None, None, 7]
    assert [one["certainty"] for one in callers] == ["unknown", "pinned", None]
    assert [one["podNamespace"] for one in callers] == [None, "vms", None]
    assert all(one["codes"] == {"0": 1} for one in callers)
    assert all(str(one["last"]).endswith("Z") for one in callers)


def test_only_who_asks_for_quotes_is_remembered() -> None:
    assert callers_of(served(DescribePlatform(), call=Call.GET_PLATFORM_INFO)) == []


def test_callers_without_number_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(td_records, "MAX_CALLERS", 3)
    quote = MakeTdQuote(td_report())
    callers = callers_of(*(served(quote, caller=Caller(cid=cid)) for cid in (3, 4, 5, 3, 6)))
    assert [one["cid"] for one in callers] == [6, 3, 5]
