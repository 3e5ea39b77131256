# SPDX-License-Identifier: Apache-2.0
"""Quotes for TDs, as a part of the quote helper: QGS at one place or several, with one audit.

Rules, quotas, fair turns and the verification of what is handed out are those of enclaves, with
lines and counts of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from confcom.adapters.peers import Connection
from confcom.adapters.quoting.qgs_listener import QgsListener
from confcom.adapters.quoting.qgs_places import Caller, Place, UnixPlace
from confcom.adapters.quoting.qgs_records import QgsListenerOptions, ServedTd
from confcom.adapters.quoting.qgs_turns import TdTurnOptions, TdTurns, td_turns
from confcom.adapters.quoting.socket_keeper import SocketKeeper
from confcom.dcap import VerifiedQuote
from confcom.dcap.td_report import TD_UNDER_DEBUG, TdxReport
from confcom.protocols.peers import Peer
from confcom.protocols.qgs import Answer, MakeTdQuote, Operation, Refusal, TdQuote
from confcom.protocols.quoting_rules import QuotingRules, TdBody
from confcom.runtime import td_metric_table as table
from confcom.runtime.log import OWN_LOGGER
from confcom.services.quote_checks import QuoteChecker
from confcom.services.td_records import TdRecords

_LOOK_S: Final = 2.0
"""How often we look whether a UNIX socket is still ours, seconds."""


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
        turns: quotas and places of those who wait, at all places together.
        rules: who may have which TD quoted; None for everybody.
        is_simulated: whether quotes are of a platform in software; said with every one of them.
            None where another service makes them.
        identify: tells more about processes that ask over a UNIX socket, or None.
        verify: verifies a quote that was served; may use the network. None to verify none.
        every: the first quote and each n-th after it is verified.
    """

    places: Sequence[Place]
    listener: QgsListenerOptions = field(default_factory=QgsListenerOptions)
    turns: TdTurnOptions = field(default_factory=TdTurnOptions)
    rules: QuotingRules | None = None
    is_simulated: bool | None = False
    identify: Callable[[Connection], Peer] | None = None
    verify: Callable[[bytes], VerifiedQuote] | None = None
    every: int = 1000


@asynccontextmanager
async def serve_tds(
    backend: TdxBackend, options: TdQuoteOptions, *, stop: Callable[[], object]
) -> AsyncIterator["TdService"]:
    """Serve TDs while the context lasts.

    Args:
        backend: makes quotes.
        options: how.
        stop: told where the daemon cannot go on; the end of the context then raises why.

    Raises:
        MisconfiguredError: a place cannot be used (``settings_invalid``).
    """
    service = TdService(backend, options, stop=stop)
    await backend.start()
    try:
        async with AsyncExitStack() as stack:
            await service.start(stack)
            yield service
    finally:
        await backend.stop()


class TdService:
    """What serves TDs while it runs; made by `serve_tds`.

    Args:
        backend: makes quotes.
        options: how.
        stop: told where the daemon cannot go on.
    """

    def __init__(
        self, backend: TdxBackend, options: TdQuoteOptions, *, stop: Callable[[], object]
    ) -> None:
        self._backend = backend
        self._stop = stop
        self._options = options
        self._records = TdRecords(
            structlog.get_logger(OWN_LOGGER).bind(), is_simulated=options.is_simulated
        )
        self._checker: QuoteChecker | None = None
        self._keepers: list[SocketKeeper] = []
        self.turns: TdTurns = td_turns(self._ask, options.turns)
        self._listeners = [
            QgsListener(
                place,
                turns=self.turns,
                record=self._record,
                identify=options.identify,
                options=options.listener,
            )
            for place in options.places
        ]

    async def start(self, stack: AsyncExitStack) -> None:
        """Listen at all places until the stack is unwound."""
        options = self._options
        stack.callback(self._records.flush)
        if options.verify is not None:
            self._checker = await stack.enter_async_context(
                QuoteChecker(
                    options.verify,
                    every=options.every,
                    tell=self._records.proof.tell,
                    stop=self._stop,
                )
            )
        for place, listener in zip(options.places, self._listeners, strict=True):
            await stack.enter_async_context(listener)
            if isinstance(place, UnixPlace):
                keeper = self._keeper(place, listener)
                self._keepers.append(keeper)
                await stack.enter_async_context(keeper.keep(_LOOK_S))
        stack.push_async_callback(self.turns.close)  # first, so that what it ends is written down

    async def drain(self, limit_s: float) -> None:
        """Accept nothing more, and wait for what was asked to be answered and taken."""
        await asyncio.gather(*(listener.drain(limit_s) for listener in self._listeners))

    @property
    def problem(self) -> str | None:
        """Why those who ask at a UNIX socket do not find us, or None."""
        return next((one.problem for one in self._keepers if one.problem is not None), None)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return sum(listener.connections for listener in self._listeners)

    def metrics(self) -> bytes:
        """Return what was counted, in the text form."""
        metrics = self._records.metrics
        metrics.set(table.CONNECTIONS, value=self.connections)
        metrics.set(table.WAITING, value=self.turns.waiting)
        return metrics.text()

    def status(self) -> dict[str, object]:
        """Return the part of the status document that is about TDs."""
        checker = self._checker
        return {
            "places": [str(place) for place in self._options.places],
            "problem": self.problem,
            "simulated": self._options.is_simulated,
            "connections": self.connections,
            "waiting": self.turns.waiting,
            "verification": None if checker is None else checker.finding.to_json(),
            "peers": self._records.callers(),
        }

    def _keeper(self, place: UnixPlace, listener: QgsListener) -> SocketKeeper:
        return SocketKeeper(
            place.file,
            backlog=self._options.listener.backlog,
            swap=listener.swap,
            tell=lambda why: self._records.tell_socket(str(place), why),
        )

    async def _ask(self, operation: Operation, caller: Caller) -> Answer:
        rules = self._options.rules
        if isinstance(operation, MakeTdQuote) and rules is not None:
            denied = rules.denial(_body(operation), caller.process)
            if denied is not None:
                return Refusal(denied.words)
        return await self._backend.ask(operation)

    def _record(self, served: ServedTd) -> None:
        self._records.record(served)
        if self._checker is not None and served.code == 0 and isinstance(served.answer, TdQuote):
            self._checker.offer(served.answer.quote)


def _body(operation: MakeTdQuote) -> TdBody:
    attributes = TdxReport.from_bytes(operation.report).td_attributes
    return TdBody(is_debug=bool(attributes & TD_UNDER_DEBUG))
