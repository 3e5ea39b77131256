# SPDX-License-Identifier: Apache-2.0
"""Verification of the quotes of hardware that a daemon of ours has served."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from confcom.adapters.rooted import Root
from confcom.cli.collateral_choice import own_choice
from confcom.cli.collateral_options import CollateralPlan, resolve_collateral
from confcom.dcap import Caches, Quote, TrustedRoot, VerifiedQuote, intel_root, verify
from confcom.errors import MisconfiguredError, UnavailableError, UsageError
from confcom.protocols.quoting_conf import CollateralChoice, Weight
from confcom.reasons import Reason
from confcom.runtime.settings import CollateralSettings, Effective, TcbUpdate

if TYPE_CHECKING:
    import structlog

Verify = Callable[[bytes], VerifiedQuote]


def verifier_of_hardware(
    effective: Effective, log: "structlog.stdlib.BoundLogger", *, has_libraries: bool, is_used: bool
) -> Verify:
    """Return what verifies quotes of hardware; see `settings_for_hardware` for the arguments."""
    return verifier(
        settings_for_hardware(effective, log, has_libraries=has_libraries, is_used=is_used)
    )


def settings_for_hardware(
    effective: Effective,
    log: "structlog.stdlib.BoundLogger",
    *,
    has_libraries: bool,
    is_used: bool,
    root: Root | None = None,
) -> CollateralSettings:
    """Return by what quotes of hardware are verified; say so, and what is wrong with files.

    Args:
        effective: our own settings.
        log: told of the choice, and of files of other programs.
        has_libraries: whether Intel's libraries run in our daemon, so that all in these files is
            for us. Else they are for another daemon, and what it makes of them is its own matter.
        is_used: whether anything is verified; if not, nothing is chosen.
        root: the machine's root folder, if not ours.
    """
    if not is_used and not has_libraries:
        return effective.settings.collateral
    from confcom.adapters.provider_conf import read_provider_conf  # noqa: PLC0415 - if needed

    conf = read_provider_conf(os.environ, root=root)
    for place, note in conf.notes():
        if has_libraries or note.weight is Weight.MISTAKE:
            log.warning("configuration.noted", file=place, what=str(note))
    if not is_used:
        return effective.settings.collateral
    from confcom.adapters.machine import provider_in_use  # noqa: PLC0415 - if needed

    provider = provider_in_use(conf, os.environ, root=root)
    choice = conf.choose(own_choice(effective), provider)
    for whose, note in choice.notes:
        log.warning("configuration.noted", file=conf.places[whose], what=str(note))
    return _use(choice, effective.settings.collateral, log)


def _use(
    choice: CollateralChoice, settings: CollateralSettings, log: "structlog.stdlib.BoundLogger"
) -> CollateralSettings:
    log.info(
        "collateral.chosen",
        sources=list(choice.sources.value),
        sources_from=choice.sources.origin,
        proxy=choice.proxy.value,
        proxy_from=choice.proxy.origin,
        update=choice.update.value,
        update_from=choice.update.origin,
        offline=settings.offline,
    )
    return settings._replace(
        sources=choice.sources.value,
        proxy=choice.proxy.value,
        update=TcbUpdate(choice.update.value),
    )


def verifier(
    settings: CollateralSettings,
    root: Callable[[], TrustedRoot] = intel_root,
    *,
    allow_simulated: bool = False,
) -> Verify:
    """Return what verifies a quote as of now, with collateral from the sources of the settings.

    Args:
        settings: where from.
        root: returns the root that platforms are trusted under.
        allow_simulated: whether that may be one of simulated platforms.
    """
    caches = Caches()

    def verify_quote(data: bytes) -> VerifiedQuote:
        quote, trusted = Quote.from_bytes(data), root()
        plan = CollateralPlan(settings, allow_simulated=allow_simulated)
        try:
            collateral = resolve_collateral(quote, plan, trusted)
        except (MisconfiguredError, UsageError) as exc:
            # That our settings lead to nothing says nothing about the quote.
            raise UnavailableError(Reason.COLLATERAL_MISSING, exc.message, hint=exc.hint) from exc
        return verify(
            quote,
            collateral,
            at=datetime.now(UTC),
            root=trusted,
            allow_simulated=allow_simulated,
            caches=caches,
        )

    return verify_quote
