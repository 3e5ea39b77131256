# SPDX-License-Identifier: Apache-2.0
"""What is written down of TDs: one event a quote, counts for all, details for the node.

As on the AESM socket, what was refused before anybody made or denied a quote is told with the
number of times.
"""

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from confcom.adapters.quoting.qgs_places import Caller
from confcom.adapters.quoting.qgs_records import ServedTd
from confcom.adapters.quoting.qgs_turns import Busy
from confcom.dcap.td_report import TD_UNDER_DEBUG, TdxReport
from confcom.protocols.qgs import Call, MakeTdQuote
from confcom.runtime import td_metric_table as table
from confcom.runtime.metric_table import NONE
from confcom.runtime.metrics import Metrics
from confcom.services.proof_records import ProofRecords
from confcom.services.repeats import Repeats

MAX_CALLERS: Final = 1024
"""Callers of which details are kept; the one that has not asked for longest is forgotten first."""


@dataclass(slots=True)
class _CallerRecord:
    """What one machine, pod or user asked for."""

    caller: Caller
    codes: Counter[str] = field(default_factory=Counter)
    last: datetime | None = None

    def to_json(self, account: str) -> dict[str, object]:
        process = self.caller.process
        return {
            "account": account,
            "cid": self.caller.cid,
            "podNamespace": process.pod_namespace,
            "podName": process.pod_name,
            "podUid": process.pod_uid,
            "containerId": process.container_id,
            "certainty": None if self.caller.cid is not None else process.certainty.value,
            "codes": dict(self.codes),
            "last": None if self.last is None else self.last.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


class TdRecords:
    """Events, metrics and details of what serves TDs.

    Args:
        log: where events go.
        is_simulated: whether quotes are of a platform in software; said with every one of them.
            None where another service makes them.
    """

    def __init__(self, log: structlog.stdlib.BoundLogger, *, is_simulated: bool | None) -> None:
        self._log = log
        self._is_simulated = is_simulated
        self._callers: OrderedDict[str, _CallerRecord] = OrderedDict()
        self._repeats = Repeats[ServedTd](
            self._audit, lambda after_s, look: asyncio.get_running_loop().call_later(after_s, look)
        )
        self.metrics = Metrics(table.TD_QUOTES)
        self.proof = ProofRecords(self._log, self.metrics, table.PROOF, subject="own_td_quote")

    def record(self, served: ServedTd) -> None:
        """Write down one request and what became of it."""
        code = table.label_of(served.code)
        self.metrics.add(table.REQUESTS, served.call or NONE, code)
        if isinstance(served.operation, MakeTdQuote):
            if served.code == 0:
                self.metrics.observe(table.DURATION, value=served.duration_s)
            self._note(served.caller, code)
        if served.answer is None or isinstance(served.answer, Busy):  # a flood makes many of these
            self._repeats.add((served.caller.account, served.call, served.code, served.why), served)
        else:
            self._audit(served)

    def flush(self) -> None:
        """Write down what has been counted and not been told yet, for example at the end."""
        self._repeats.flush()

    def tell_socket(self, path: str, why: str | None) -> None:
        """Write down that a socket was taken from us, and why, or that it is back."""
        if why is None:
            self.metrics.add(table.SOCKET_RESTORATIONS)
            self._log.warning("td_socket.restored", socket=path)
        else:
            self._log.warning("td_socket.lost", socket=path, why=why)

    def callers(self) -> list[dict[str, object]]:
        """Return who asked for quotes, who asked last first."""
        return [record.to_json(account) for account, record in reversed(self._callers.items())]

    def _audit(self, served: ServedTd, times: int = 1) -> None:
        """Write the one event of a request, or of several alike; never report data or quotes."""
        fields: dict[str, object] = {
            **_who(served.caller),
            "call": served.call,
            "code": served.code,
            "simulated": self._is_simulated,
            "duration_ms": round(served.duration_s * 1000, 3),
        }
        if times > 1:
            fields["times"] = times
        if served.why is not None:
            fields["why"] = served.why
        report = served.report
        if report is not None:
            fields |= _what(report)
        name, is_told = _event(served, has_report=report is not None)
        (self._log.info if is_told else self._log.debug)(name, **fields)

    def _note(self, caller: Caller, code: str) -> None:
        account = caller.account
        record = self._callers.setdefault(account, _CallerRecord(caller))
        record.caller = caller
        record.codes[code] += 1
        record.last = datetime.now(UTC)
        self._callers.move_to_end(account)
        if len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)


def _event(served: ServedTd, *, has_report: bool) -> tuple[str, bool]:
    """Return the name of the event of a request, and whether it is more than a detail."""
    if has_report:
        return "td_quote.made" if served.code == 0 else "td_quote.refused", True
    if served.code is None:
        return "td_request.dropped", True
    if served.call is Call.GET_QUOTE:
        return "td_quote.refused", True  # before the request was read whole
    return "td_request.answered", False


def _who(caller: Caller) -> dict[str, object]:
    fields: dict[str, object] = {}
    if caller.cid is not None:
        fields["cid"] = caller.cid
    if caller.credentials is not None:
        fields |= {"pid": caller.credentials.pid, "uid": caller.credentials.uid}
    if caller.peer is not None:
        pod = {
            "container_id": caller.peer.container_id,
            "pod_uid": caller.peer.pod_uid,
            "pod_namespace": caller.peer.pod_namespace,
            "pod_name": caller.peer.pod_name,
        }
        fields |= {name: value for name, value in pod.items() if value is not None}
        fields["peer"] = caller.peer.certainty.value
    return fields


def _what(report: TdxReport) -> dict[str, object]:
    return {
        "mr_td": report.mr_td.hex(),
        "mr_config_id": report.mr_config_id.hex(),
        "mr_seam": report.mr_seam.hex(),
        "debug": bool(report.td_attributes & TD_UNDER_DEBUG),
    }
