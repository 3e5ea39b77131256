# SPDX-License-Identifier: Apache-2.0
"""What the quote helper writes down: one event a quote, counts for all, details for the node.

What was refused before anybody made or denied a quote, because it could not be read or there were
too many, is told with the number of times: a flood must not drown the log, nor who asks meanwhile.
"""

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from confcom.adapters.quoting.aesm_connection import Served
from confcom.protocols.aesm import AesmCode, MakeQuote
from confcom.protocols.aesm.structures import report_body
from confcom.protocols.peers import Peer
from confcom.runtime import metric_table as table
from confcom.runtime.metrics import Metrics
from confcom.services.proof_records import ProofRecords
from confcom.services.repeats import Repeats

MAX_PEERS: Final = 1024
"""Peers of which details are kept; the one that has not asked for longest is forgotten first."""
_QUOTE_CALLS: Final = frozenset({"get_quote_ex", "get_quote"})


@dataclass(slots=True)
class _PeerRecord:
    """What one peer asked for."""

    peer: Peer
    codes: Counter[str] = field(default_factory=Counter)
    last: datetime | None = None

    def to_json(self, account: str) -> dict[str, object]:
        peer = self.peer
        return {
            "account": account,
            "podNamespace": peer.pod_namespace,
            "podName": peer.pod_name,
            "podUid": peer.pod_uid,
            "containerId": peer.container_id,
            "certainty": peer.certainty.value,
            "codes": dict(self.codes),
            "last": None if self.last is None else self.last.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


class QuoteRecords:
    """Events, metrics and details of one daemon.

    Attributes:
        log: where events go.
        metrics: what is counted.
        proof: told of the verification of quotes that were served.

    Args:
        log: where events go.
        is_simulated: whether quotes are of a platform in software; said with every one of them.
            None where another daemon makes them.
        version: of this program.
    """

    def __init__(
        self, log: structlog.stdlib.BoundLogger, *, is_simulated: bool | None, version: str
    ) -> None:
        self.log = log
        self._is_simulated = is_simulated
        self._peers: OrderedDict[str, _PeerRecord] = OrderedDict()
        self._repeats = Repeats[Served](
            self._audit, lambda after_s, look: asyncio.get_running_loop().call_later(after_s, look)
        )
        self.metrics = Metrics(table.QUOTE_HELPER)
        self.proof = ProofRecords(self.log, self.metrics, table.PROOF, subject="own_quote")
        self.metrics.set(table.BUILD_INFO, version, value=1)

    def record(self, served: Served) -> None:
        """Write down one request and what became of it."""
        code = table.NONE if served.code is None else str(served.code)
        self.metrics.add(table.REQUESTS, served.call or table.NONE, code)
        if isinstance(served.operation, MakeQuote):
            if served.code == AesmCode.SUCCESS:
                self.metrics.observe(table.DURATION, value=served.duration_s)
            if served.peer is not None:
                self._note(served.peer, code)
        if _is_of_crowds(served):
            who = served.connected.uid if served.peer is None else served.peer.account
            self._repeats.add((who, served.call, served.code, served.why), served)
        else:
            self._audit(served)

    def flush(self) -> None:
        """Write down what has been counted and not been told yet, for example at the end."""
        self._repeats.flush()

    def peers(self) -> list[dict[str, object]]:
        """Return who asked for quotes, who asked last first."""
        return [record.to_json(account) for account, record in reversed(self._peers.items())]

    def _audit(self, served: Served, times: int = 1) -> None:
        """Write the one event of a request, or of several alike; never report data or quotes."""
        fields: dict[str, object] = {
            "pid": served.connected.pid,
            "uid": served.connected.uid,
            "call": served.call,
            "code": served.code,
            "duration_ms": round(served.duration_s * 1000, 3),
            "simulated": self._is_simulated,
        }
        if times > 1:
            fields["times"] = times
        if served.why is not None:
            fields["why"] = served.why
        name, is_told = _event(served)
        if isinstance(served.operation, MakeQuote):
            fields |= _of_quote(served, served.operation)
        (self.log.info if is_told else self.log.debug)(name, **fields)

    def _note(self, peer: Peer, code: str) -> None:
        record = self._peers.setdefault(peer.account, _PeerRecord(peer))
        record.peer = peer
        record.codes[code] += 1
        record.last = datetime.now(UTC)
        self._peers.move_to_end(peer.account)
        if len(self._peers) > MAX_PEERS:
            self._peers.popitem(last=False)


def _is_of_crowds(served: Served) -> bool:
    """Whether a flood makes many of these, and none is about a quote made or denied by a rule."""
    if served.code in {None, AesmCode.BUSY}:
        return True
    return served.operation is None and served.code != AesmCode.SUCCESS


def _event(served: Served) -> tuple[str, bool]:
    """Return the name of the event of a request, and whether it is more than a detail."""
    if served.code is None:
        return "request.dropped", True
    if isinstance(served.operation, MakeQuote):
        return "quote.made" if served.code == AesmCode.SUCCESS else "quote.refused", True
    if served.call in _QUOTE_CALLS:  # refused before anybody looked at a REPORT
        return "quote.refused", True
    return "request.answered", False


def _of_quote(served: Served, operation: MakeQuote) -> dict[str, object]:
    body = report_body(operation.report)
    fields: dict[str, object] = {
        "mr_enclave": body.mr_enclave.hex(),
        "mr_signer": body.mr_signer.hex(),
        "product_id": body.isv_prod_id,
        "isv_svn": body.isv_svn,
        "debug": body.is_debug,
    }
    if served.peer is not None:
        pod = {
            "container_id": served.peer.container_id,
            "pod_uid": served.peer.pod_uid,
            "pod_namespace": served.peer.pod_namespace,
            "pod_name": served.peer.pod_name,
        }
        fields |= {name: value for name, value in pod.items() if value is not None}
        fields["peer"] = served.peer.certainty.value
    return fields
