# SPDX-License-Identifier: Apache-2.0
"""Collateral over the network for programs without an event loop: open, ask, close.

This module loads the network libraries; programs that may stay offline import it late.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.events import Observer, ignore
from confcom.adapters.collateral.http_client import HttpClient, HttpOptions
from confcom.adapters.collateral.http_source import HttpSource
from confcom.adapters.collateral.keeper import DocumentKeeper, KeeperOptions, Source
from confcom.adapters.collateral.local import LocalSource
from confcom.adapters.collateral.provider import CollateralProvider
from confcom.adapters.collateral.requests import (
    STANDARD,
    CollateralRequest,
    Edition,
)
from confcom.adapters.collateral.services import ServiceOptions, form_of
from confcom.adapters.collateral.source_names import SourceName
from confcom.dcap import Collateral, Quote
from confcom.errors import ConfcomError

T = TypeVar("T")


class WaitingSource:
    """A local source as the provider wants it: its files are read in a thread."""

    def __init__(self, source: LocalSource) -> None:
        self._source = source

    @property
    def name(self) -> str:
        """Path, for messages."""
        return self._source.name

    async def fetch(self, request: CollateralRequest) -> Answer:
        """Return a document; it is not verified."""
        return await asyncio.to_thread(self._source.read, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineSetup:
    """What a provider is made of.

    Attributes:
        sources: opened local sources, and names of services, in the order of asking.
        services: where services are.
        http: how to reach them.
        checker: verifies every document.
        cache: disk cache, or None.
        keeper: how documents are kept.
        clock: the present.
        observer: told what happens.
    """

    sources: Sequence[LocalSource | SourceName]
    services: ServiceOptions = field(default_factory=ServiceOptions)
    http: HttpOptions = field(default_factory=HttpOptions)
    checker: Checker
    cache: DiskCache | None = None
    keeper: KeeperOptions = field(default_factory=KeeperOptions)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    observer: Observer = ignore


@asynccontextmanager
async def open_provider(setup: OnlineSetup) -> AsyncIterator[CollateralProvider]:
    """Open a provider over the sources of a set-up, and close it.

    Raises:
        MisconfiguredError: an address, proxy or certificate file cannot be used.
    """
    async with HttpClient(setup.http) as client:
        sources = [_source(source, setup.services, client) for source in setup.sources]
        keeper = DocumentKeeper(
            sources,
            checker=setup.checker,
            cache=setup.cache,
            clock=setup.clock,
            options=setup.keeper,
            observer=setup.observer,
        )
        async with keeper:
            yield CollateralProvider(keeper, setup.checker)


def fetch_for_quote(setup: OnlineSetup, quote: Quote, edition: Edition = STANDARD) -> Collateral:
    """Return what verifies a quote; blocks.

    Raises:
        UnavailableError: a document is not to be had.
    """

    async def fetch() -> Collateral:
        async with open_provider(setup) as provider:
            return await provider.collateral_for(quote, edition)

    return asyncio.run(fetch())


def fetch_documents(
    setup: OnlineSetup,
    requests: Sequence[CollateralRequest],
    *,
    done: Callable[[CollateralRequest, Document | ConfcomError], None],
) -> None:
    """Fetch any number of documents, a few at a time; blocks.

    Args:
        setup: where from.
        requests: which.
        done: told of each document or why there is none, in the order in which they come.
    """

    async def fetch_one(provider: CollateralProvider, request: CollateralRequest) -> None:
        try:
            result: Document | ConfcomError = await provider.get(request)
        except ConfcomError as exc:
            result = exc
        done(request, result)

    async def fetch() -> None:
        async with open_provider(setup) as provider, asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(fetch_one(provider, request))

    asyncio.run(fetch())


def fetch_fmspcs(setup: OnlineSetup) -> tuple[bytes, ...]:
    """Return all FMSPCs that a service knows; blocks. Nothing signs the list.

    Raises:
        UnavailableError: no source has such a list.
    """

    async def fetch() -> tuple[bytes, ...]:
        async with open_provider(setup) as provider:
            return await provider.fmspcs()

    return asyncio.run(fetch())


def _source(
    source: LocalSource | SourceName, services: ServiceOptions, client: HttpClient
) -> Source:
    if not isinstance(source, SourceName):
        return WaitingSource(source)
    form = form_of(source, services)
    if form is None:
        raise TypeError("files are opened before they are given to a provider")
    return HttpSource(form, client)
