# SPDX-License-Identifier: Apache-2.0
"""Verified documents: asked for once, kept while fresh, renewed in time, never replaced by older.

For each document, in this order:

1. what memory holds, if it is fresh;
2. what the disk cache holds, if it verifies and is fresh;
3. the sources in their order: each answer is verified under the named root before it is taken,
   and refused if it is older than the one at hand;
4. the last good document, if no source gave a better one and it is still valid.

Any number of callers who want the same document cause one fetch.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.document import Document, refuse_rollback
from confcom.adapters.collateral.events import Event, EventName, Observer, ignore
from confcom.adapters.collateral.failures import as_unavailable, combine
from confcom.adapters.collateral.keep import keep
from confcom.adapters.collateral.requests import CollateralRequest, RootCaCrlRequest
from confcom.adapters.collateral.shelf import Shelf, ShelfOptions
from confcom.adapters.collateral.single_flight import SingleFlight
from confcom.errors import ConfcomError, UnavailableError

T = TypeVar("T")


class Source(Protocol):
    """Gives documents; what it gives is not verified."""

    @property
    def name(self) -> str:
        """Host or path, for messages."""

    async def fetch(self, request: CollateralRequest) -> Answer:
        """Return a document.

        Raises:
            ConfcomError: it is not to be had; reasons ``collateral_missing``,
                ``source_unreachable``, ``source_refused``, ``source_answer``, or what is wrong
                with a file.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperOptions:
    """How documents are kept.

    Attributes:
        shelf: how long documents are used.
        allow_rollback: take documents older than the one at hand.
        refresh: ask the sources even for what is fresh on disk.
        parallel: most fetches at a time.
        check_every_s: how often the background looks for documents to renew, seconds; 0 leaves
            the background out, for programs that run once.
    """

    shelf: ShelfOptions = field(default_factory=ShelfOptions)
    allow_rollback: bool = False
    refresh: bool = False
    parallel: int = 8
    check_every_s: float = 30.0


class DocumentKeeper:
    """Documents from several sources; use as an async context manager.

    Args:
        sources: asked in this order.
        checker: verifies every document under the named root.
        cache: disk cache shared with other processes, or None.
        clock: the present, aware; the one place where time comes in.
        options: behaviour.
        observer: told what happens.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        checker: Checker,
        cache: DiskCache | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        options: KeeperOptions | None = None,
        observer: Observer = ignore,
    ) -> None:
        self._sources = tuple(sources)
        self._checker = checker
        self._cache = cache
        self._clock = clock
        self._options = options or KeeperOptions()
        self._observe = observer
        self._shelf = Shelf(self._options.shelf)
        self._group = asyncio.TaskGroup()
        self._flights: SingleFlight[CollateralRequest, Document] = SingleFlight(self._group)
        self._slots = asyncio.Semaphore(self._options.parallel)
        self._background: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        if self._options.check_every_s > 0:
            self._background = self._group.create_task(self._renew_in_time())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._background is not None:
            self._background.cancel()
        self._flights.cancel()
        if isinstance(exc, asyncio.CancelledError):
            # Perhaps the group itself cancelled its owner, because a task of it has a bug.
            await self._group.__aexit__(exc_type, exc, traceback)
        else:
            # The owner's own error is not the group's to wrap.
            await self._group.__aexit__(None, None, None)

    async def get(self, request: CollateralRequest) -> Document:
        """Return a verified document that is valid now.

        Raises:
            UnavailableError: no source gave a usable one, and none is at hand.
        """
        now = self.now()
        document = self._shelf.fresh(request, now)
        if document is not None:
            return document
        failure = self._shelf.held_failure(request, now)
        if failure is not None:
            raise UnavailableError(failure.reason, failure.message, hint=failure.hint)
        return await self._flights.run(request, partial(self._renew, request))

    async def fetch_unsigned(self, request: CollateralRequest, read: Callable[[bytes], T]) -> T:
        """Return what nobody signs from the first source that has it; it is not kept.

        Args:
            request: what is asked for.
            read: reads the body; what it refuses is asked from the next source.

        Raises:
            UnavailableError: no source gave a usable one.
        """
        failures: list[UnavailableError] = []
        for source in self._sources:
            try:
                return read((await self._fetch(source, request)).body)
            except ConfcomError as exc:
                failures.append(as_unavailable(request, source.name, exc))
        raise combine(request, failures)

    def now(self) -> float:
        """Return the present, in Unix seconds."""
        return self._clock().timestamp()

    async def _renew(self, request: CollateralRequest) -> Document:
        kept = self._shelf.last(request)
        stored = await self._read_cache(request)
        if stored is not None and (kept is None or stored.fetched_at > kept.fetched_at):
            # Perhaps another process has just renewed it.
            kept = stored
            if not self._options.refresh and self._shelf.is_fresh(stored, self.now()):
                self._shelf.put(stored)
                return stored
        try:
            document = await self._fetch_from_any(request, kept)
        except ConfcomError as exc:
            return self._fall_back(request, kept, exc)
        self._shelf.put(document)
        await self._write_cache(document)
        return document

    def _fall_back(
        self, request: CollateralRequest, kept: Document | None, error: ConfcomError
    ) -> Document:
        if kept is None or self.now() > kept.usable_until:
            self._shelf.fail(request, error, self.now())
            raise error
        self._shelf.put(kept)
        self._shelf.fail(request, error, self.now())
        self._observe(Event(name=EventName.LAST_GOOD_KEPT, request=request, error=error))
        return kept

    async def _fetch_from_any(self, request: CollateralRequest, kept: Document | None) -> Document:
        failures: list[UnavailableError] = []
        for source in self._sources:
            start = time.monotonic()
            try:
                answer = await self._fetch(source, request)
            except ConfcomError as exc:
                failures.append(self._failed(request, source, start, exc))
                continue
            # Fetched at the same time by its own flight; that it fails is not this source's fault.
            root_ca_crl = await self._root_ca_crl(request)
            try:
                document = self._check(request, answer, root_ca_crl, kept)
            except ConfcomError as exc:
                failures.append(self._failed(request, source, start, exc))
            else:
                self._tell(EventName.FETCHED, request, source, start)
                return document
        raise combine(request, failures)

    def _check(
        self,
        request: CollateralRequest,
        answer: Answer,
        root_ca_crl: Answer | None,
        kept: Document | None,
    ) -> Document:
        document = self._checker.check(request, answer, root_ca_crl=root_ca_crl, now=self.now())
        if kept is not None and not self._options.allow_rollback:
            refuse_rollback(kept, document)
        return document

    def _failed(
        self, request: CollateralRequest, source: Source, start: float, error: ConfcomError
    ) -> UnavailableError:
        failure = as_unavailable(request, source.name, error)
        self._tell(EventName.SOURCE_FAILED, request, source, start, failure)
        return failure

    async def _fetch(self, source: Source, request: CollateralRequest) -> Answer:
        async with self._slots:
            return await source.fetch(request)

    async def _root_ca_crl(self, request: CollateralRequest) -> Answer | None:
        """Return the list that tells whether the signers of other documents are revoked."""
        if isinstance(request, RootCaCrlRequest):
            return None
        return (await self.get(RootCaCrlRequest())).answer

    async def _read_cache(self, request: CollateralRequest) -> Document | None:
        if self._cache is None:
            return None
        found = await asyncio.to_thread(self._cache.read, request)
        if found is None:
            return None
        try:
            root_ca_crl = await self._root_ca_crl(request)
            return self._checker.check_kept(
                request, found.answer, root_ca_crl=root_ca_crl, fetched_at=found.fetched_at
            )
        except ConfcomError:
            # Not authentic, or not provably so: as good as absent. The sources say the rest.
            return None

    async def _write_cache(self, document: Document) -> None:
        if self._cache is None:
            return
        try:
            await asyncio.to_thread(
                keep,
                self._cache,
                document,
                checker=self._checker,
                root_ca_crl=await self._root_ca_crl(document.request),
                allow_rollback=self._options.allow_rollback,
            )
        except ConfcomError as exc:
            self._observe(Event(name=EventName.CACHE_FAILED, request=document.request, error=exc))

    async def _renew_in_time(self) -> None:
        while True:
            await asyncio.sleep(self._options.check_every_s)
            for request in self._shelf.due(self.now()):
                try:
                    await self._flights.run(request, partial(self._renew, request))
                except ConfcomError as exc:
                    self._observe(Event(name=EventName.REFRESH_FAILED, request=request, error=exc))

    def _tell(
        self,
        name: EventName,
        request: CollateralRequest,
        source: Source,
        start: float,
        error: ConfcomError | None = None,
    ) -> None:
        self._observe(
            Event(
                name=name,
                request=request,
                source=source.name,
                error=error,
                duration_s=time.monotonic() - start,
            )
        )
