# SPDX-License-Identifier: Apache-2.0
"""The quote helper: one daemon for each SGX node, from which enclaves get quotes out of process."""

import asyncio
import contextlib
import gc
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from confcom.adapters.peers import PeerReader, PodNames, can_pin_peers
from confcom.adapters.quoting.aesm_connection import Served
from confcom.adapters.quoting.listener import AesmListener, ListenerOptions
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.adapters.quoting.socket_keeper import SocketKeeper
from confcom.adapters.quoting.turns import Asked
from confcom.dcap import VerifiedQuote
from confcom.protocols.aesm import MakeQuote, Operation, Refusal, SignedQuote
from confcom.protocols.aesm.structures import report_body
from confcom.protocols.peers import Peer
from confcom.runtime import metric_table as table
from confcom.runtime.health import HealthServer, Probes
from confcom.runtime.lifecycle import Notifier, allow_files, stop_signals
from confcom.runtime.log import OWN_LOGGER
from confcom.services.quote_checks import QuoteChecker
from confcom.services.quote_records import QuoteRecords

if TYPE_CHECKING:
    from confcom.protocols.quoting_rules import QuotingRules
    from confcom.services.td_quotes import TdQuoteOptions, TdService, TdxBackend

_LOOK_S: Final = 2.0
"""How often we look whether the socket is still ours, seconds."""


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
class OwnChecks:
    """How quotes that were served are verified afterwards.

    Attributes:
        verify: verifies a quote; may use the network.
        every: the first quote and each n-th after it is verified.
    """

    verify: Callable[[bytes], VerifiedQuote]
    every: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteHelperOptions:
    """How the daemon runs.

    Attributes:
        socket: where it listens.
        listener: bounds of the socket.
        is_simulated: whether quotes are of a platform in software; said with every one of them.
        rules: who may have which enclave or TD quoted; None for everybody.
        drain_s: how long requests may still take after a signal to stop, seconds.
        health: host and port of probes and metrics, or None.
        status: UNIX socket with the same and the status document, or None.
        problem: why the back end cannot serve now, or None where it can; by default it can
            while it offers a key.
        checks: verification of what was served, or None.
        tds: what makes quotes of TDs and where it listens, or None.
        backend_name: for the status document.
    """

    socket: SocketFile
    listener: ListenerOptions = field(default_factory=ListenerOptions)
    is_simulated: bool = False
    rules: "QuotingRules | None" = None
    drain_s: float = 5.0
    health: tuple[str, int] | None = None
    status: SocketFile | None = None
    problem: Callable[[], str | None] | None = None
    checks: OwnChecks | None = None
    tds: "tuple[TdxBackend, TdQuoteOptions] | None" = None
    backend_name: str = ""


def run(backend: Backend, options: QuoteHelperOptions, records: QuoteRecords) -> None:
    """Serve until a signal to stop.

    Args:
        backend: what makes quotes.
        options: how.
        records: what is written down.

    Raises:
        MisconfiguredError: a socket cannot be used (``settings_invalid``).
    """
    asyncio.run(_Helper(backend, options, records).serve())


class _Helper:
    """The daemon while it runs."""

    def __init__(
        self, backend: Backend, options: QuoteHelperOptions, records: QuoteRecords
    ) -> None:
        self._backend = backend
        self._options = options
        self._records = records
        self._log = structlog.get_logger(OWN_LOGGER).bind()  # once, not for each event
        self._stopping: asyncio.Event = asyncio.Event()
        self._started = datetime.now(UTC)
        self._checker: QuoteChecker | None = None
        self._tds: TdService | None = None
        self._listener = AesmListener(
            options.socket,
            ask=self._ask,
            identify=PeerReader(pod_names=PodNames()).read,
            key_ids=lambda: tuple(backend.key_ids),
            record=self._record,
            options=options.listener,
        )
        self._keeper = SocketKeeper(
            options.socket,
            backlog=options.listener.backlog,
            swap=self._listener.swap,
            tell=self._tell_socket,
        )

    async def serve(self) -> None:
        """Serve until a signal to stop."""
        options, log = self._options, self._log
        notifier = Notifier(os.environ)
        path = str(options.socket.path)
        if notifier.problem is not None:
            log.warning("watchdog.ignored", why=notifier.problem)
        if options.rules is not None and options.rules.is_about_pods and not can_pin_peers():
            log.warning(
                "peers.unpinned",
                why="this kernel cannot pin peers (SO_PEERPIDFD, Linux 6.5): rules with a "
                "namespace refuse everybody",
            )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._backend.stop)
            await self._backend.start()
            self._stopping = await stack.enter_async_context(stop_signals())
            if options.checks is not None:
                self._checker = await stack.enter_async_context(
                    QuoteChecker(
                        options.checks.verify,
                        every=options.checks.every,
                        tell=self._records.proof.tell,
                        stop=self._stopping.set,
                    )
                )
            allow_files(2 * options.listener.most_connections)
            await stack.enter_async_context(self._listener)
            drains = [self._listener.drain]
            if options.tds is not None:
                from confcom.services.td_quotes import serve_tds  # noqa: PLC0415 - memory

                self._tds = await stack.enter_async_context(
                    serve_tds(*options.tds, stop=self._stopping.set)
                )
                drains.append(self._tds.drain)
            await stack.enter_async_context(self._probes())
            log.info("quote_helper.started", socket=path, simulated=options.is_simulated)
            gc.collect()
            gc.freeze()  # what is there now stays: no collection need look at it again
            notifier.tell("READY=1")
            await stack.enter_async_context(notifier.watchdog())
            async with self._keeper.keep(_LOOK_S):
                await self._stopping.wait()
            notifier.tell("STOPPING=1")
            log.info("quote_helper.stopping", connections=self._listener.connections)
            await asyncio.gather(*(drain(options.drain_s) for drain in drains))
        self._records.flush()
        log.info("quote_helper.stopped", socket=path)

    def _ask(self, operation: Operation, peer: Peer) -> Asked:
        rules = self._options.rules
        if isinstance(operation, MakeQuote) and rules is not None:
            denied = rules.denial(report_body(operation.report), peer)
            if denied is not None:
                return Refusal(denied.code, denied.words)
        return self._backend.ask(operation)

    def _record(self, served: Served) -> None:
        self._records.record(served)
        if self._checker is not None and isinstance(served.answer, SignedQuote):
            self._checker.offer(served.answer.quote)

    @contextlib.asynccontextmanager
    async def _probes(self) -> AsyncIterator[None]:
        """Answer probes at the places that are asked for."""
        options = self._options
        ready = {
            "backend": self._problem,
            "socket": lambda: "stopping" if self._stopping.is_set() else self._keeper.problem,
        }
        async with AsyncExitStack() as stack:
            if options.health is not None:
                probes = Probes(ready, self._metrics)
                await stack.enter_async_context(HealthServer(options.health, probes))
            if options.status is not None:
                listening = options.status.listen(8)
                stack.callback(options.status.remove)
                probes = Probes(ready, self._metrics, self._status)
                await stack.enter_async_context(HealthServer(listening, probes))
            yield

    def _tell_socket(self, why: str | None) -> None:
        path = str(self._options.socket.path)
        if why is None:
            self._records.metrics.add(table.SOCKET_RESTORATIONS)
            self._log.warning("socket.restored", socket=path)
        else:
            self._log.warning("socket.lost", socket=path, why=why)

    def _problem(self) -> str | None:
        if self._options.problem is not None:
            return self._options.problem()
        return None if self._backend.key_ids else "there is no quoting service"

    def _metrics(self) -> bytes:
        metrics = self._records.metrics
        metrics.set(table.CONNECTIONS, value=self._listener.connections)
        metrics.set(table.WAITING, value=self._listener.turns.waiting)
        metrics.set(table.READY, value=(self._problem() or self._keeper.problem) is None)
        return metrics.text() + (b"" if self._tds is None else self._tds.metrics())

    def _status(self) -> bytes:
        checker = self._checker
        document = {
            "schemaVersion": 1,
            "backend": self._options.backend_name,
            "simulated": self._options.is_simulated,
            "socket": str(self._options.socket.path),
            "startedAt": self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ready": (problem := self._problem() or self._keeper.problem) is None,
            "problem": problem,
            "connections": self._listener.connections,
            "waiting": self._listener.turns.waiting,
            "verification": None if checker is None else checker.finding.to_json(),
            "peers": self._records.peers(),
            "tds": None if self._tds is None else self._tds.status(),
        }
        return json.dumps(document, indent=2).encode() + b"\n"
