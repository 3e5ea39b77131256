# SPDX-License-Identifier: Apache-2.0
"""The quote helper: one daemon for each SGX node, from which enclaves get quotes out of process."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from confcom.adapters.peers import PeerReader, PodNames, can_pin_peers
from confcom.adapters.quoting.dcap_events import DcapEvent, DcapEventName
from confcom.adapters.quoting.listener import AesmListener, ListenerOptions, Served
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.adapters.quoting.turns import Asked
from confcom.protocols.aesm import AesmCode, MakeQuote, Operation, Refusal
from confcom.protocols.aesm.structures import report_body
from confcom.protocols.peers import Peer
from confcom.protocols.quoting_rules import Denied, QuotingRules, parse_rules
from confcom.runtime.health import HealthServer, Probes
from confcom.runtime.lifecycle import Notifier, stop_signals
from confcom.runtime.log import OWN_LOGGER

_WARNINGS: Final = frozenset(
    {
        DcapEventName.CHILD_LOST,
        DcapEventName.CHILD_GIVEN_UP,
        DcapEventName.KEY_CHANGED,
        DcapEventName.KEY_FAILED,
    }
)


class Backend(Protocol):
    """What makes quotes. Failures that can be foreseen are answers, not exceptions."""

    @property
    def key_ids(self) -> Sequence[bytes]:
        """What is offered, 256 bytes each, the default first; empty while there is no service."""
        ...

    async def start(self) -> None:
        """Make ready."""

    async def stop(self) -> None:
        """Let go of everything."""

    def ask(self, operation: Operation) -> Asked:
        """Answer one question, at once or in time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteHelperOptions:
    """How the daemon runs.

    Attributes:
        socket: where it listens.
        listener: bounds of the socket.
        is_simulated: whether quotes are of a platform in software; said with every one of them.
        rules: who may have which enclave quoted.
        drain_s: how long requests may still take after a signal to stop, seconds.
        health: host and port of probes, or None.
        problem: why the back end cannot serve now, or None where it can; by default it can
            while it offers a key.
    """

    socket: SocketFile
    listener: ListenerOptions = field(default_factory=ListenerOptions)
    is_simulated: bool = False
    rules: QuotingRules = field(default_factory=lambda: parse_rules(()))
    drain_s: float = 5.0
    health: tuple[str, int] | None = None
    problem: Callable[[], str | None] | None = None


def run(backend: Backend, options: QuoteHelperOptions) -> None:
    """Serve until a signal to stop.

    Raises:
        MisconfiguredError: the socket cannot be used (``settings_invalid``).
    """
    asyncio.run(_serve(backend, options))


async def _serve(backend: Backend, options: QuoteHelperOptions) -> None:
    log = structlog.get_logger(OWN_LOGGER).bind()  # once, not for each event
    notifier = Notifier(os.environ)
    path = str(options.socket.path)

    def ask(operation: Operation, peer: Peer) -> Asked:
        if isinstance(operation, MakeQuote) and options.rules.rules:
            decision = options.rules.decide(report_body(operation.report), peer)
            if isinstance(decision, Denied):
                rule = "no rule" if decision.rule is None else f"rule {decision.rule!r}"
                return Refusal(decision.code, f"{rule}: {decision.why}")
        return backend.ask(operation)

    peers = PeerReader(pod_names=PodNames())
    if options.rules.is_about_pods and not can_pin_peers():
        log.warning(
            "peers.unpinned",
            why="this kernel cannot pin peers (SO_PEERPIDFD, Linux 6.5): rules with a namespace "
            "refuse everybody",
        )

    def record(served: Served) -> None:
        _audit(log, served, is_simulated=options.is_simulated)

    await backend.start()
    try:
        async with AsyncExitStack() as stack:
            stopping = await stack.enter_async_context(stop_signals())
            listener = await stack.enter_async_context(
                AesmListener(
                    options.socket,
                    ask=ask,
                    identify=peers.read,
                    key_ids=lambda: tuple(backend.key_ids),
                    record=record,
                    options=options.listener,
                )
            )
            if options.health is not None:
                problem = options.problem or (
                    lambda: None if backend.key_ids else "there is no quoting service"
                )
                await stack.enter_async_context(_probes(problem, stopping, options.health))
            log.info("quote_helper.started", socket=path, simulated=options.is_simulated)
            notifier.tell("READY=1")
            await stopping.wait()
            notifier.tell("STOPPING=1")
            log.info("quote_helper.stopping", connections=listener.connections)
            await listener.drain(options.drain_s)
    finally:
        await backend.stop()
    log.info("quote_helper.stopped", socket=path)


def log_event(event: DcapEvent) -> None:
    """Write what the hardware back end has to tell."""
    fields = {"pid": event.pid, "why": event.why, "delay_s": event.delay_s}
    given = {name: value for name, value in fields.items() if value is not None}
    log = structlog.get_logger(OWN_LOGGER)
    if event.name in _WARNINGS:
        log.warning(event.name.value, **given)
    else:
        log.info(event.name.value, **given)


def _probes(
    problem: Callable[[], str | None], stopping: asyncio.Event, place: tuple[str, int]
) -> HealthServer:
    ready = {
        "backend": problem,
        "socket": lambda: "stopping" if stopping.is_set() else None,
    }
    return HealthServer(*place, Probes(ready))


def _audit(log: structlog.stdlib.BoundLogger, served: Served, *, is_simulated: bool) -> None:
    """Write the one event of a request; never report data, never a quote."""
    fields: dict[str, object] = {
        "pid": served.connected.pid,
        "uid": served.connected.uid,
        "call": served.call,
        "code": served.code,
        "duration_ms": round(served.duration_s * 1000, 3),
        "simulated": is_simulated,
    }
    if served.why is not None:
        fields["why"] = served.why
    if served.code is None:
        log.info("request.dropped", **fields)
        return
    if not isinstance(served.operation, MakeQuote):
        log.debug("request.answered", **fields)
        return
    body = report_body(served.operation.report)
    fields |= {
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
    log.info("quote.made" if served.code == AesmCode.SUCCESS else "quote.refused", **fields)
