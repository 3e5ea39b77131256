# SPDX-License-Identifier: Apache-2.0
"""A simulated authority, what it issued, and short ways to ask for it over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from confcom.adapters.collateral.backoff import RetryPolicy
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.events import Event
from confcom.adapters.collateral.http_client import HttpOptions
from confcom.adapters.collateral.keeper import KeeperOptions
from confcom.adapters.collateral.local import LocalSource
from confcom.adapters.collateral.online import OnlineSetup, open_provider
from confcom.adapters.collateral.provider import CollateralProvider
from confcom.adapters.collateral.requests import CollateralRequest, EvaluationNumbersRequest
from confcom.adapters.collateral.services import ServiceOptions
from confcom.adapters.collateral.source_names import SourceName
from confcom.dcap import CertType, Collateral, Quote, QuoteVersion, TeeType
from confcom.simulation import (
    Enclave,
    Platform,
    SimulatedAuthority,
    TrustDomain,
    make_authority,
    render_envelope,
)
from confcom.testing.collateral_documents import (
    ServedDocument,
    StaticDocuments,
    documents_from_bundles,
)
from confcom.testing.collateral_server import CollateralServer, Style

AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUICK = HttpOptions(
    connect_s=2,
    read_s=0.5,
    total_s=3,
    retry=RetryPolicy(attempts=2, first_delay_s=0.01, longest_delay_s=0.02),
)
ONCE = KeeperOptions(check_every_s=0)

T = TypeVar("T")


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass
class World:
    """An authority with one platform, and everything it issued at one time."""

    authority: SimulatedAuthority
    platform: Platform

    def bundle(
        self,
        tee: TeeType = TeeType.SGX,
        *,
        at: datetime = AT - DAY,
        number: int = 20,
        lifetime: timedelta = 30 * DAY,
        with_pck_chain: bool = False,
    ) -> Collateral:
        return self.authority.collateral(
            self.platform,
            at=at,
            tee=tee,
            evaluation_data_number=number,
            lifetime=lifetime,
            with_pck_chain=with_pck_chain,
        )

    def documents(
        self, *, at: datetime = AT - DAY, number: int = 20, lifetime: timedelta = 30 * DAY
    ) -> StaticDocuments:
        bundles = [
            self.bundle(tee, at=at, number=number, lifetime=lifetime, with_pck_chain=True)
            for tee in TeeType
        ]
        chain = self.authority.tcb_signing.pem + self.authority.root.pem
        numbers: dict[CollateralRequest, ServedDocument] = {
            EvaluationNumbersRequest(tee): ServedDocument(
                render_envelope(
                    "tcbEvaluationDataNumbers",
                    self.authority.evaluation_numbers(tee, at=at, numbers=(number - 1, number)),
                ),
                chain,
            )
            for tee in TeeType
        }
        return documents_from_bundles(bundles).with_documents(numbers)

    def quote(self, tee: TeeType = TeeType.SGX, cert_type: CertType = CertType.PCK_CHAIN) -> Quote:
        if tee is TeeType.TDX:
            report = self.platform.td_report(TrustDomain(mr_td=b"\x7d" * 48), bytes(64))
            return Quote.from_bytes(self.platform.quote_tdx(report, cert_type=cert_type))
        enclave = Enclave(mr_enclave=b"\x0e" * 32, mr_signer=b"\x51" * 32)
        local = enclave.ereport(self.platform.qe_target_info, bytes(64))
        return Quote.from_bytes(
            self.platform.quote_sgx(local, version=QuoteVersion.V3, cert_type=cert_type)
        )

    @property
    def checker(self) -> Checker:
        return Checker(root=self.authority.trusted_root, allow_simulated=True)


@pytest.fixture(scope="session")
def world() -> World:
    authority = make_authority(at=AT - 365 * DAY)
    return World(authority, authority.add_platform(at=AT - 300 * DAY))


@pytest.fixture
def documents(world: World) -> StaticDocuments:
    return world.documents()


@pytest.fixture
def server(documents: StaticDocuments) -> Iterator[CollateralServer]:
    with CollateralServer(documents, lifetime_s=30) as running:
        yield running


_KINDS = {
    Style.PCS: "pcs",
    Style.PCCS: "pccs",
    Style.AZURE_AGENT: "azure-agent",
    Style.AZURE_REGIONAL: "azure-regional",
    Style.AZURE_GLOBAL: "azure",
}


def source_of(server: CollateralServer) -> SourceName:
    """Return the name under which a client asks a stand-in."""
    return SourceName.parse(f"{_KINDS[server.style]}:{server.url}")


@dataclass
class Bench:
    """A provider over some sources, a clock, and what it reported."""

    world: World
    sources: list[CollateralServer | LocalSource]
    cache: DiskCache | None = None
    clock: Clock = field(default_factory=Clock)
    options: KeeperOptions = ONCE
    http: HttpOptions = QUICK
    services: ServiceOptions = field(default_factory=ServiceOptions)
    checker: Checker | None = None
    events: list[Event] = field(default_factory=list)

    def setup(self) -> OnlineSetup:
        return OnlineSetup(
            sources=[
                source_of(source) if isinstance(source, CollateralServer) else source
                for source in self.sources
            ],
            services=self.services,
            http=self.http,
            checker=self.checker or self.world.checker,
            cache=self.cache,
            keeper=self.options,
            clock=self.clock,
            observer=self.events.append,
        )

    def run(self, use: Callable[[CollateralProvider], Awaitable[T]]) -> T:
        async def main() -> T:
            async with open_provider(self.setup()) as provider:
                return await use(provider)

        return asyncio.run(main())

    def with_options(self, options: KeeperOptions) -> "Bench":
        return replace(self, options=options)

    @property
    def told(self) -> list[str]:
        return [event.name.value for event in self.events]


@pytest.fixture
def bench(world: World, server: CollateralServer) -> Bench:
    return Bench(world, [server])


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache")
