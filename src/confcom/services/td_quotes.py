# SPDX-License-Identifier: Apache-2.0
"""Quotes for TDs, as a part of the quote helper: QGS at one place or several, with one audit."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.qgs_listener import QgsListener
from confcom.adapters.quoting.qgs_places import Caller, Place
from confcom.adapters.quoting.qgs_records import QgsListenerOptions, ServedTd
from confcom.dcap.td_report import TD_UNDER_DEBUG, TdxReport
from confcom.protocols.peers import Peer
from confcom.protocols.qgs import Answer, Call, Operation, Refusal
from confcom.runtime.log import OWN_LOGGER


class TdxBackend(Protocol):
    """What makes quotes of TDs. Failures that can be foreseen are answers, not exceptions."""

    async def start(self) -> None:
        """Make ready."""

    async def stop(self) -> None:
        """Let go of everything."""

    async def ask(self, operation: Operation) -> Answer:
        """Answer one question."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TdQuoteOptions:
    """How TDs are served.

    Attributes:
        places: where to listen; a listener with bounds of its own for each.
        listener: these bounds.
        is_simulated: whether quotes are of a platform in software; said with every one of them.
        identify: tells more about processes that ask over a UNIX socket, or None.
        refuse: tells why a caller may not ask this, or returns None where it may.
        observe: told of every request after the audit, for metrics, or None.
    """

    places: Sequence[Place]
    listener: QgsListenerOptions = field(default_factory=QgsListenerOptions)
    is_simulated: bool = False
    identify: Callable[[Connection], Peer] | None = None
    refuse: Callable[[Operation, Caller], str | None] | None = None
    observe: Callable[[ServedTd], None] | None = None


@asynccontextmanager
async def serve_tds(
    backend: TdxBackend, options: TdQuoteOptions
) -> AsyncIterator[tuple[QgsListener, ...]]:
    """Serve TDs while the context lasts; its value is the listeners, to be drained.

    Raises:
        MisconfiguredError: a place cannot be used (``settings_invalid``).
    """
    log = structlog.get_logger(OWN_LOGGER)

    async def ask(operation: Operation, caller: Caller) -> Answer:
        why = None if options.refuse is None else options.refuse(operation, caller)
        return await backend.ask(operation) if why is None else Refusal(why)

    def record(served: ServedTd) -> None:
        audit(log, served, is_simulated=options.is_simulated)
        if options.observe is not None:
            options.observe(served)

    await backend.start()
    try:
        async with AsyncExitStack() as stack:
            listeners = [
                await stack.enter_async_context(
                    QgsListener(
                        place,
                        ask=ask,
                        record=record,
                        identify=options.identify,
                        options=options.listener,
                    )
                )
                for place in options.places
            ]
            yield tuple(listeners)
    finally:
        await backend.stop()


def audit(log: structlog.stdlib.BoundLogger, served: ServedTd, *, is_simulated: bool) -> None:
    """Write the one event of a request; never report data, never a quote."""
    fields: dict[str, object] = {
        **_who(served.caller),
        "call": served.call,
        "code": served.code,
        "simulated": is_simulated,
        "duration_ms": round(served.duration_s * 1000, 3),
    }
    if served.why is not None:
        fields["why"] = served.why
    report = served.report
    if report is not None:
        is_made = served.code == 0
        log.info("td_quote.made" if is_made else "td_quote.refused", **fields, **_what(report))
    elif served.code is None:
        log.info("td_request.dropped", **fields)
    elif served.call is Call.GET_QUOTE:
        log.info("td_quote.refused", **fields)  # the request was refused before it was read whole
    else:
        log.debug("td_request.answered", **fields)


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
