# SPDX-License-Identifier: Apache-2.0
"""All that daemons count, in one table; the reference page shows it, and a test compares them."""

from typing import Final

from confcom.protocols.aesm import AesmCode
from confcom.protocols.aesm.server import CALLS
from confcom.runtime.metrics import OTHER, Metric, MetricKind
from confcom.runtime.proof_metrics import ProofMetrics

NONE: Final = "none"
"""Label of what has no reply, no call, no reason."""

_CODES: Final = (*(str(int(code)) for code in AesmCode), NONE, OTHER)

BUILD_INFO: Final = "confcom_build_info"
REQUESTS: Final = "confcom_quote_helper_requests_total"
DURATION: Final = "confcom_quote_helper_quote_duration_seconds"
CONNECTIONS: Final = "confcom_quote_helper_connections"
WAITING: Final = "confcom_quote_helper_waiting_requests"
READY: Final = "confcom_quote_helper_ready"
SOCKET_RESTORATIONS: Final = "confcom_quote_helper_socket_restorations_total"
CHILD_STARTS: Final = "confcom_quote_helper_child_starts_total"
CHILD_LOSSES: Final = "confcom_quote_helper_child_losses_total"
PROOF: Final = ProofMetrics.named("confcom_quote_helper")

QUOTE_HELPER: Final = (
    Metric(
        name=BUILD_INFO,
        kind=MetricKind.GAUGE,
        doc="Always 1; the label says which version runs.",
        labels={"version": None},
    ),
    Metric(
        name=REQUESTS,
        kind=MetricKind.COUNTER,
        doc="Requests on the AESM socket by call and by the code of the reply.",
        labels={"call": (*CALLS, NONE), "code": _CODES},
    ),
    Metric(
        name=DURATION,
        kind=MetricKind.HISTOGRAM,
        doc="Time from a complete request for a quote to its reply.",
        buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
    ),
    Metric(name=CONNECTIONS, kind=MetricKind.GAUGE, doc="Connections that are open now."),
    Metric(
        name=WAITING, kind=MetricKind.GAUGE, doc="Requests that wait for the back end's turn now."
    ),
    Metric(
        name=READY,
        kind=MetricKind.GAUGE,
        doc="1 while clients find us and quotes can be made, else 0.",
    ),
    Metric(
        name=SOCKET_RESTORATIONS,
        kind=MetricKind.COUNTER,
        doc="Times that the AESM socket was removed or replaced, and put back.",
    ),
    Metric(
        name=CHILD_STARTS,
        kind=MetricKind.COUNTER,
        doc="Children with Intel's libraries that were started.",
    ),
    Metric(
        name=CHILD_LOSSES,
        kind=MetricKind.COUNTER,
        doc="Children with Intel's libraries that crashed, hung or were given up.",
    ),
    *PROOF.rows("enclaves"),
)
