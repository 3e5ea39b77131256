# SPDX-License-Identifier: Apache-2.0
"""The audit: an event for each quote made or denied, a count for what a crowd causes."""

import asyncio
from dataclasses import replace

import pytest
import structlog
from structlog.testing import CapturingLogger

from confcom.adapters.quoting.aesm_connection import Served
from confcom.adapters.quoting.socket_file import Credentials
from confcom.protocols.aesm import MakeQuote, SignedQuote
from confcom.services.quote_records import QuoteRecords
from confcom.services.repeats import INTERVAL_S

ROOT = Credentials(pid=1, uid=0, gid=0)
MADE = Served(
    connected=ROOT,
    peer=None,
    call="get_quote_ex",
    operation=MakeQuote(bytes(432), None, 8192),
    code=0,
    why=None,
    duration_s=0.001,
    answer=SignedQuote(b"quote", None),
)
DENIED = replace(MADE, code=1, why="rule 'deny debug=yes': the rule denies it", answer=None)
BUSY = replace(MADE, code=18, why="its peer has too many requests waiting", answer=None)
DROPPED = replace(DENIED, operation=None, call=None, code=None, why="it did not deliver in time")
UNREADABLE = replace(DROPPED, call="get_quote_ex", code=2, why="the message does not parse")
DETAIL = replace(MADE, call="select_att_key_id", operation=None, answer=None)


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
def records(log: CapturingLogger) -> QuoteRecords:
    wrapped = structlog.wrap_logger(log, processors=[lambda _logger, _method, event: ((), event)])
    return QuoteRecords(wrapped.bind(), is_simulated=True, version="0")


def record(records: QuoteRecords, *served: Served, wait_s: float = 0) -> None:
    """Let all of it happen at once in an event loop, and wait."""

    async def happen() -> None:
        for one in served:
            records.record(one)
        await asyncio.sleep(wait_s)

    asyncio.run(happen())


def told(log: CapturingLogger) -> list[tuple[str, int]]:
    """Names of the events, and how many each stands for."""
    return [(call.kwargs["event"], call.kwargs.get("times", 1)) for call in log.calls]


def test_each_quote_has_an_event_of_its_own(records: QuoteRecords, log: CapturingLogger) -> None:
    record(records, *[MADE] * 3)
    assert told(log) == [("quote.made", 1)] * 3


def test_each_quote_that_a_rule_denies_has_one_too(
    records: QuoteRecords, log: CapturingLogger
) -> None:
    record(records, *[DENIED] * 3)
    assert told(log) == [("quote.refused", 1)] * 3


@pytest.mark.parametrize(
    ("served", "name"),
    [
        (BUSY, "quote.refused"),
        (UNREADABLE, "quote.refused"),
        (DROPPED, "request.dropped"),
        (replace(MADE, code=None, why="it left before its turn"), "request.dropped"),
        (replace(DROPPED, call="init_quote_ex", code=2), "request.answered"),
    ],
    ids=["busy", "unreadable", "dropped", "left", "other"],
)
def test_a_crowd_has_one_at_once_and_one_with_its_number(
    records: QuoteRecords, log: CapturingLogger, served: Served, name: str
) -> None:
    record(records, *[served] * 100)
    assert told(log) == [(name, 1)]
    records.flush()
    assert told(log) == [(name, 1), (name, 99)]


def test_the_number_is_told_without_another_request(
    records: QuoteRecords, log: CapturingLogger
) -> None:
    record(records, *[BUSY] * 3, wait_s=INTERVAL_S + 0.2)
    assert told(log) == [("quote.refused", 1), ("quote.refused", 2)]


@pytest.mark.parametrize(
    "other",
    [
        replace(BUSY, connected=Credentials(pid=1, uid=7, gid=0)),
        replace(BUSY, why="all requests have to wait for too long"),
        DROPPED,
    ],
    ids=["another user", "another reason", "another end"],
)
def test_crowds_are_told_apart(records: QuoteRecords, log: CapturingLogger, other: Served) -> None:
    record(records, BUSY, other, BUSY, other, BUSY)
    records.flush()
    assert sorted(times for _, times in told(log)) == [1, 1, 1, 2]


def test_details_are_not_counted_together(records: QuoteRecords, log: CapturingLogger) -> None:
    record(records, *[DETAIL] * 3)
    assert told(log) == [("request.answered", 1)] * 3
    assert {call.method_name for call in log.calls} == {"debug"}


def test_metrics_count_each_request(records: QuoteRecords) -> None:
    record(records, *[BUSY] * 50)
    name = "confcom_quote_helper_requests_total"
    assert f'{name}{{call="get_quote_ex",code="18"}} 50\n' in records.metrics.text().decode()


def test_no_event_holds_report_data_or_a_quote(records: QuoteRecords, log: CapturingLogger) -> None:
    report = bytes(320) + b"\x5a" * 64 + bytes(48)
    served = replace(MADE, operation=MakeQuote(report, None, 8192))
    record(records, served, replace(served, code=18, answer=None))
    assert len(log.calls) == 2
    for call in log.calls:
        assert "5a5a" not in repr(call.kwargs)
        assert "quote'" not in repr(list(call.kwargs.values()))
