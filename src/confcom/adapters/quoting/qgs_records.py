# SPDX-License-Identifier: Apache-2.0
"""What bounds a QGS listener, and what it tells of each request."""

from dataclasses import dataclass

from confcom.adapters.quoting.qgs_places import Caller
from confcom.dcap import TdxReport
from confcom.protocols.qgs import Call, MakeTdQuote, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class QgsListenerOptions:
    """Bounds; what a connection may take altogether stays under the 30 s of Intel's service.

    Attributes:
        most_connections: connections at once; beyond it the longest silent one is closed.
        most_waiting: requests that may wait for the back end; beyond it they are refused.
        most_waiting_each: those of one machine, pod or user among them, so that others find room.
        deliver_s: time to deliver a request, seconds.
        answer_s: time that the back end has for an answer, seconds; then the request is refused.
        take_s: time to take a reply, seconds.
        backlog: connections that the kernel keeps before they are accepted.
    """

    most_connections: int = 256
    most_waiting: int = 64
    most_waiting_each: int = 32
    deliver_s: float = 10.0
    answer_s: float = 14.0
    take_s: float = 5.0
    backlog: int = 256


@dataclass(frozen=True, slots=True)
class ServedTd:
    """One request and what became of it, for the audit.

    Attributes:
        caller: who connected; with more about a process where a quote was asked for.
        call: what was asked, or None where it could not be read.
        operation: what the back end was asked, or None.
        code: of the reply, 0 or an `ErrorCode`, or None where the connection was closed without
            one, as it is for every refusal in raw mode.
        why: of a refusal or a closed connection, else None.
        duration_s: from the connection to the reply, seconds.
    """

    caller: Caller
    call: Call | None
    operation: Operation | None
    code: int | None
    why: str | None
    duration_s: float

    @property
    def report(self) -> TdxReport | None:
        """The TDREPORT of which a quote was asked for: what it says, true or not, or None."""
        if not isinstance(self.operation, MakeTdQuote):
            return None
        return TdxReport.from_bytes(self.operation.report)
