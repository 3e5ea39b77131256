# SPDX-License-Identifier: Apache-2.0
"""Options for collateral, and what finds the collateral of quotes.

Offline verification of one quote passes through here, so everything beyond one bundle file is
imported where it is used.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from confcom.cli.options import setting_option
from confcom.dcap import CertType, Collateral, Quote, TrustedRoot
from confcom.errors import MalformedError
from confcom.runtime.settings import CollateralSettings

if TYPE_CHECKING:
    from confcom.cli.collateral_finding import PlatformFinder

F = TypeVar("F", bound=Callable[..., Any])
Warn = Callable[[str], None]


def collateral_options(function: F) -> F:
    """Add ``--collateral`` (argument ``collateral``), ``--offline`` and ``--ca-file``.

    The last two are settings: the session knows them, the function gets no argument.
    """
    for option in (
        setting_option("collateral.ca_file", "--ca-file"),
        setting_option("collateral.offline", "--offline"),
        click.option(
            "--collateral",
            multiple=True,
            metavar="FILE|DIR|URL",
            help="Take collateral from this bundle, directory of raw answers or service "
            "instead of the configured sources; may be repeated, tried in order.",
        ),
    ):
        function = option(function)
    return function


class CollateralPlan(NamedTuple):
    """Where collateral comes from; plain data, so that worker processes can be given it.

    Attributes:
        settings: group ``collateral`` of the settings, flags included.
        names: what ``--collateral`` said; empty: the sources of the settings, with the cache.
        allow_simulated: whether the root may be one of simulated platforms.
        at: the time to use as now; None stands for the clock.
        is_for_cache: whether the cache is what the command is about, whatever sources fill it.
        grace: for how long TCB Info and QE identity are taken after their end (baseline mode).
    """

    settings: CollateralSettings
    names: tuple[str, ...] = ()
    allow_simulated: bool = False
    at: datetime | None = None
    is_for_cache: bool = False
    grace: timedelta = timedelta(0)

    @property
    def uses_cache(self) -> bool:
        """Whether the cache is read and filled; it belongs to the usual sources and to now."""
        return self.is_for_cache or (not self.names and self.at is None)

    def places(self) -> tuple[str, ...]:
        """Return where documents are looked for, in order, in words."""
        from confcom.adapters.collateral.source_names import (  # noqa: PLC0415 - for a failure only
            SourceName,
        )

        named = map(SourceName.parse, self.names or self.settings.sources)
        asked = tuple(str(one) for one in named if one.is_local or not self.settings.offline)
        return (f"cache {self.settings.cache_dir}", *asked) if self.uses_cache else asked


def ignore_warning(_: str) -> None:
    """Warn nobody."""


def resolve_collateral(
    quote: Quote, plan: CollateralPlan, root: TrustedRoot, *, warn: Warn = ignore_warning
) -> Collateral:
    """Return what verifies one quote; see `CollateralFinder.find`."""
    return CollateralFinder(plan, root, warn=warn).find(quote)


class CollateralFinder:
    """Finds collateral for quotes, each kind of platform once.

    Args:
        plan: where from.
        root: the trusted root.
        warn: told what somebody should look at, such as a document that could not be renewed.
    """

    def __init__(
        self, plan: CollateralPlan, root: TrustedRoot, *, warn: Warn = ignore_warning
    ) -> None:
        self._plan = plan
        self._root = root
        self._warn = warn
        self._only: Collateral | None = None
        self._finder: PlatformFinder | None = None

    def find(self, quote: Quote) -> Collateral:
        """Return what verifies a quote.

        A single bundle that is named by ``--collateral`` is returned whatever it is for: the
        verifier says what does not fit. Otherwise files come first, as far as they stand before
        services, then the cache, then the network.

        Raises:
            UnavailableError: a document is not to be had (``collateral_missing``,
                ``source_unreachable``, ``source_refused``, ``source_answer``), or the PCK chain
                (``pck_missing``).
            MalformedError: a file, or a certificate in the quote, does not parse.
            NotAuthenticError: the quote's chain does not lead to the root, so that nothing is
                fetched for it.
            MisconfiguredError: a source cannot be used as it is named.
            UsageError: a file cannot be read.
        """
        if self._only is None and self._finder is None:
            self._only = _only_bundle(self._plan.names)
        if self._only is not None:
            return _with_chain(self._only, quote)
        if self._finder is None:
            from confcom.cli.collateral_finding import (  # noqa: PLC0415 - not for one bundle
                PlatformFinder,
            )

            self._finder = PlatformFinder(self._plan, self._root, self._warn)
        return self._finder.find(quote)


def _with_chain(collateral: Collateral, quote: Quote) -> Collateral:
    """Return the collateral with the PCK chain, if the quote carries the leaf alone."""
    if quote.signature.certification.type is not CertType.PCK_LEAF:
        return collateral
    from confcom.adapters.collateral.assembly import (  # noqa: PLC0415 - for rare quotes
        with_pck_chain,
    )

    return with_pck_chain(collateral, quote)


def _only_bundle(names: tuple[str, ...]) -> Collateral | None:
    """Return the one bundle, where one file with one bundle in it is named."""
    if len(names) != 1 or not (path := Path(names[0].removeprefix("file:"))).is_file():
        return None
    from confcom.adapters.collateral.files import (  # noqa: PLC0415 - the one thing needed of it
        MAX_BUNDLE_BYTES,
        named,
        read_bounded,
    )

    data = read_bounded(path, most=MAX_BUNDLE_BYTES) or b""
    if data.lstrip(b" \t\r\n").startswith(b"["):
        return None
    try:
        return Collateral.from_json(data)
    except MalformedError as exc:
        raise named(exc, path, data) from exc
