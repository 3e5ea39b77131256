# SPDX-License-Identifier: Apache-2.0
"""What bounds a QGS listener, and what it tells of each request."""

from dataclasses import dataclass, field

from confcom.adapters.quoting.qgs_places import Caller
from confcom.dcap import TdxReport
from confcom.protocols.qgs import Answer, Call, MakeTdQuote, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class QgsListenerOptions:
    """Bounds; with a turn and an answer a connection stays under the 30 s of Intel's service.

    Attributes:
        most_connections: connections at once, fewer where the process may not open three times as
            many files; beyond it whoever has most that are silent loses the oldest of them. More
            than may wait for a turn, so that who comes finds room.
        deliver_s: time to deliver a request, seconds.
        take_s: time to take a reply, seconds.
        backlog: connections that the kernel keeps before they are accepted.
    """

    most_connections: int = 512
    deliver_s: float = 5.0
    take_s: float = 5.0
    backlog: int = 256


@dataclass(frozen=True, slots=True)
class ServedTd:
    """One request and what became of it, for the audit.

    Attributes:
        caller: who connected; with more about a process that asked the back end.
        call: what was asked, or None where it could not be read.
        operation: what the back end was asked, or None.
        code: of the reply, 0 or an `ErrorCode`, or None where the connection was closed without
            one, as it is for every refusal in raw mode.
        why: of a refusal or a closed connection, else None.
        duration_s: from the complete request to the reply, seconds.
        answer: of the back end, or None.
    """

    caller: Caller
    call: Call | None
    operation: Operation | None
    code: int | None
    why: str | None
    duration_s: float
    answer: Answer | None = field(default=None, repr=False)

    @property
    def report(self) -> TdxReport | None:
        """The TDREPORT of which a quote was asked for: what it says, true or not, or None."""
        if not isinstance(self.operation, MakeTdQuote):
            return None
        return TdxReport.from_bytes(self.operation.report)
