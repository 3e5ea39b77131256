# SPDX-License-Identifier: Apache-2.0
"""From flags and settings to opened sources, cache, checker and HTTP client of collateral."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.local import LocalSource, open_local
from confcom.adapters.collateral.offline import OfflineFinder
from confcom.adapters.collateral.requests import Edition, Update
from confcom.adapters.collateral.shelf import ShelfOptions
from confcom.adapters.collateral.source_names import SourceName
from confcom.cli.collateral_options import CollateralPlan
from confcom.cli.evidence_options import read_grace, read_root, read_time
from confcom.cli.session import Session
from confcom.dcap import TrustedRoot
from confcom.dcap.trust import check_root
from confcom.runtime.secret import read_secret
from confcom.runtime.settings import CollateralSettings

if TYPE_CHECKING:
    from confcom.adapters.collateral.events import Observer
    from confcom.adapters.collateral.http_client import HttpOptions
    from confcom.adapters.collateral.online import OnlineSetup
    from confcom.adapters.collateral.services import ServiceOptions

_ROOT_DIGITS: Final = 16
_LONGEST_CONNECT_S: Final = 5.0
_LONGEST_SILENCE_S: Final = 10.0


class CollateralSetup:
    """What a plan comes to under one root; everything is opened when first needed.

    Args:
        plan: where from.
        root: the trusted root.
    """

    def __init__(self, plan: CollateralPlan, root: TrustedRoot) -> None:
        self.plan = plan
        self.root = root

    def now(self) -> datetime:
        """Return the time to use as now."""
        return self.plan.at or datetime.now(UTC)

    @cached_property
    def names(self) -> tuple[SourceName, ...]:
        """The sources by name, in their order.

        Raises:
            MisconfiguredError: a name that leads nowhere.
        """
        return tuple(map(SourceName.parse, self.plan.names or self.plan.settings.sources))

    @cached_property
    def sources(self) -> tuple[LocalSource | SourceName, ...]:
        """The sources in their order, files and directories opened.

        Raises:
            UsageError: a file cannot be read.
            MalformedError: a file is not a bundle.
        """
        return tuple(
            open_local(Path(name.where or "")) if name.is_local else name for name in self.names
        )

    @property
    def may_go_online(self) -> bool:
        """Whether a service may be asked."""
        return not self.plan.settings.offline and not all(name.is_local for name in self.names)

    @property
    def edition(self) -> Edition:
        """Which TCB info and QE identity are asked for."""
        return Edition(Update(self.plan.settings.update.value))

    @cached_property
    def checker(self) -> Checker:
        """What verifies documents; a time that was named allows no inaccuracy of clocks."""
        allowance = 0 if self.plan.at else self.plan.settings.clock_allowance_s
        return Checker(
            root=self.root,
            allow_simulated=self.plan.allow_simulated,
            clock_allowance=timedelta(seconds=allowance),
            grace=self.plan.grace,
        )

    @property
    def cache_path(self) -> Path:
        """Directory of the cache for this root."""
        digits = self.root.certificate.spki_sha256.hex()[:_ROOT_DIGITS]
        return self.plan.settings.cache_dir / digits

    @property
    def cache(self) -> DiskCache | None:
        """The cache on disk, where the plan uses it."""
        return DiskCache(self.cache_path) if self.plan.uses_cache else None

    @property
    def asks_anew(self) -> bool:
        """Whether the sources are asked in every run, whatever the cache has."""
        return self.plan.settings.max_age_s == 0

    @property
    def shelf(self) -> ShelfOptions:
        """How long documents are used without asking; within one run, never for no time at all."""
        age = float(self.plan.settings.max_age_s) or ShelfOptions().min_age_s
        return ShelfOptions(max_age_s=age, min_age_s=min(age, ShelfOptions().min_age_s))

    def offline_finder(self) -> OfflineFinder:
        """Return what finds documents on this machine, as far as no service stands before."""
        local: list[LocalSource] = []
        for source in self.sources:
            if not isinstance(source, SourceName):
                local.append(source)
            elif self.may_go_online:
                break
        return OfflineFinder(
            sources=local,
            checker=self.checker,
            cache=None if self.may_go_online and self.asks_anew else self.cache,
            shelf=self.shelf,
            is_strict=self.may_go_online,
        )

    def online_setup(self, observer: "Observer") -> "OnlineSetup":
        """Return what a provider over all sources is made of.

        Raises:
            MisconfiguredError: a file with credentials cannot be read.
        """
        from confcom.adapters.collateral.keeper import (  # noqa: PLC0415 - slow to load
            KeeperOptions,
        )
        from confcom.adapters.collateral.online import OnlineSetup  # noqa: PLC0415 - slow to load

        may_go_online = self.may_go_online
        return OnlineSetup(
            sources=[
                source
                for source in self.sources
                if may_go_online or not isinstance(source, SourceName)
            ],
            services=service_options(self.plan.settings),
            http=http_options(self.plan.settings),
            checker=self.checker,
            cache=self.cache,
            keeper=KeeperOptions(
                shelf=self.shelf,
                allow_rollback=self.plan.settings.allow_rollback,
                refresh=self.asks_anew,
                check_every_s=0,
            ),
            clock=self.now,
            observer=observer,
        )


def caching_setup(
    session: Session,
    names: Sequence[str],
    *,
    root: str | None,
    allow_simulated: bool,
    at: str | None,
    refresh: bool = False,
    grace: str | None = None,
) -> CollateralSetup:
    """Return the set-up of a command that works on the cache.

    Args:
        session: has the settings.
        names: what ``--collateral`` said; these sources fill the cache instead of the usual.
        root: what ``--root`` said.
        allow_simulated: what ``--allow-simulated`` said.
        at: what ``--at`` said.
        refresh: whether documents are asked for although they are fresh.
        grace: what ``--collateral-grace`` said.

    Raises:
        MisconfiguredError: settings or grace are wrong.
        UsageError: the root or the time cannot be read.
        NotAuthenticError: the root is simulated and nobody allowed that (``simulated_root``).
    """
    trusted = read_root(root)
    check_root(trusted, allow_simulated=allow_simulated)
    settings = session.settings.collateral
    if names:
        settings = settings._replace(sources=tuple(names))
    if refresh:
        settings = settings._replace(max_age_s=0)
    plan = CollateralPlan(
        settings,
        (),
        allow_simulated,
        read_time(at),
        is_for_cache=True,
        grace=read_grace(grace),
    )
    return CollateralSetup(plan, trusted)


def service_options(settings: CollateralSettings) -> "ServiceOptions":
    """Return where services are, as the settings say.

    Raises:
        MisconfiguredError: the file with the subscription key cannot be read.
    """
    from confcom.adapters.collateral.services import (  # noqa: PLC0415 - for the network only
        AzureOptions,
        ServiceOptions,
    )

    key = settings.pcs_subscription_key_file
    return ServiceOptions(
        api_version=int(settings.api_version.value.removeprefix("v")),
        pcs_url=settings.pcs_url,
        pcs_root_ca_crl_url=settings.pcs_root_crl_url,
        pcs_subscription_key=(
            None if key is None else read_secret(key, what="subscription key").reveal()
        ),
        pccs_url=settings.pccs_url,
        azure=AzureOptions(
            global_url=settings.azure.global_url,
            global_api_version=settings.azure.global_api_version,
            client_id=settings.azure.client_id,
            region=settings.azure.region,
            regional_url=settings.azure.regional_url,
            regional_api_version=settings.azure.regional_api_version,
            agent_url=settings.azure.host_agent_url,
            agent_api_version=settings.azure.host_agent_api_version,
        ),
    )


def http_options(settings: CollateralSettings) -> "HttpOptions":
    """Return how services are reached, as the settings say.

    Raises:
        MisconfiguredError: the file with the proxy's credentials cannot be read.
    """
    from confcom.adapters.collateral.backoff import RetryPolicy  # noqa: PLC0415 - slow to load
    from confcom.adapters.collateral.http_client import HttpOptions  # noqa: PLC0415 - slow to load

    return HttpOptions(
        connect_s=min(_LONGEST_CONNECT_S, settings.timeout_s),
        read_s=min(_LONGEST_SILENCE_S, settings.timeout_s),
        total_s=settings.timeout_s,
        retry=RetryPolicy(attempts=settings.retries + 1),
        proxy=_proxy(settings),
        ca_file=None if settings.ca_file is None else str(settings.ca_file),
    )


def _proxy(settings: CollateralSettings) -> str | None:
    if settings.proxy is None or settings.proxy_credentials_file is None:
        return settings.proxy
    secret = read_secret(settings.proxy_credentials_file, what="proxy credentials")
    user, colon, password = secret.reveal().partition(":")
    parts = urlsplit(settings.proxy)
    userinfo = quote(user, safe="") + (f":{quote(password, safe='')}" if colon else "")
    return parts._replace(netloc=f"{userinfo}@{parts.netloc}").geturl()
