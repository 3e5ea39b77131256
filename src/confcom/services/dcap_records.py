# SPDX-License-Identifier: Apache-2.0
"""What the quote helper writes down about Intel's libraries, and the child that holds them."""

from typing import Final

import structlog

from confcom.adapters.quoting.dcap_events import DcapEvent, DcapEventName
from confcom.runtime import metric_table as table
from confcom.runtime.metrics import Metrics

_WARNINGS: Final = frozenset(
    {
        DcapEventName.CHILD_LOST,
        DcapEventName.CHILD_GIVEN_UP,
        DcapEventName.KEY_CHANGED,
        DcapEventName.KEY_FAILED,
        DcapEventName.PROVIDER_FAILED,
    }
)


class DcapRecords:
    """Events and counts of the back end for hardware.

    Args:
        log: where events go.
        metrics: of the daemon.
    """

    def __init__(self, log: structlog.stdlib.BoundLogger, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def observe(self, event: DcapEvent) -> None:
        """Write down what the back end has to tell."""
        if event.name is DcapEventName.CHILD_STARTED:
            self._metrics.add(table.CHILD_STARTS)
        elif event.name is DcapEventName.CHILD_LOST:
            self._metrics.add(table.CHILD_LOSSES)
        fields = {"pid": event.pid, "why": event.why, "delay_s": event.delay_s}
        given = {name: value for name, value in fields.items() if value is not None}
        write = self._log.warning if event.name in _WARNINGS else self._log.info
        write(event.name.value, **given)
