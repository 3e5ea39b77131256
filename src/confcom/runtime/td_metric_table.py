# SPDX-License-Identifier: Apache-2.0
"""What the quote helper counts where it serves TDs; the reference page shows it, as the others.

A table of its own, so that a daemon without TDs does not load their protocol.
"""

from typing import Final

from confcom.protocols.qgs import Call, ErrorCode
from confcom.runtime.metric_table import NONE
from confcom.runtime.metrics import Metric, MetricKind
from confcom.runtime.proof_metrics import ProofMetrics

REQUESTS: Final = "confcom_quote_helper_td_requests_total"
DURATION: Final = "confcom_quote_helper_td_quote_duration_seconds"
CONNECTIONS: Final = "confcom_quote_helper_td_connections"
WAITING: Final = "confcom_quote_helper_td_waiting_requests"
SOCKET_RESTORATIONS: Final = "confcom_quote_helper_td_socket_restorations_total"
PROOF: Final = ProofMetrics.named("confcom_quote_helper_td")


def label_of(code: int | None) -> str:
    """Return the label of a reply's code: hexadecimal as it is documented, 0 or none."""
    if code is None:
        return NONE
    return hex(code) if code else "0"


TD_QUOTES: Final = (
    Metric(
        name=REQUESTS,
        kind=MetricKind.COUNTER,
        doc="Requests of TDs over QGS by call and by the code of the reply.",
        labels={
            "call": (*(call.value for call in Call), NONE),
            "code": ("0", *(label_of(code) for code in ErrorCode), NONE),
        },
    ),
    Metric(
        name=DURATION,
        kind=MetricKind.HISTOGRAM,
        doc="Time from a complete request for a quote of a TD to its reply.",
        buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 20),
    ),
    Metric(name=CONNECTIONS, kind=MetricKind.GAUGE, doc="Connections over QGS that are open now."),
    Metric(
        name=WAITING,
        kind=MetricKind.GAUGE,
        doc="Requests of TDs that wait for the back end's turn now.",
    ),
    Metric(
        name=SOCKET_RESTORATIONS,
        kind=MetricKind.COUNTER,
        doc="Times that the UNIX socket of QGS was removed or replaced, and put back.",
    ),
    *PROOF.rows("TDs"),
)
