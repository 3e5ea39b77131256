# SPDX-License-Identifier: Apache-2.0
"""Find collateral for quotes in files, in the cache and over the network, in this order."""

from typing import Final

from confcom.adapters.collateral.assembly import Platform, platform_of_quote
from confcom.adapters.collateral.events import Event, EventName, Observer
from confcom.cli.collateral_options import CollateralPlan, Warn
from confcom.cli.collateral_setup import CollateralSetup
from confcom.dcap import CertType, Collateral, Quote, TrustedRoot
from confcom.errors import UnavailableError

_KEPT: Final = 1024


class PlatformFinder:
    """Finds collateral, once for each kind of platform.

    Args:
        plan: where from.
        root: the trusted root.
        warn: told what somebody should look at.
    """

    def __init__(self, plan: CollateralPlan, root: TrustedRoot, warn: Warn) -> None:
        self._setup = CollateralSetup(plan, root)
        self._warn = warn
        self._found: dict[object, Collateral | UnavailableError] = {}

    def find(self, quote: Quote) -> Collateral:
        """Return what verifies a quote; see `confcom.cli.collateral_options.CollateralFinder`.

        What could not be found for one quote is not looked for again for the next one.
        """
        key = _key(quote)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _KEPT:
                self._found.clear()
            try:
                found = self._find(quote)
            except UnavailableError as exc:
                found = exc
            self._found[key] = found
        if isinstance(found, UnavailableError):
            raise UnavailableError(found.reason, found.message, hint=found.hint) from found
        return found

    def _find(self, quote: Quote) -> Collateral:
        setup = self._setup
        try:
            finder = setup.offline_finder()
            return finder.collateral_for(quote, setup.now().timestamp(), setup.edition)
        except UnavailableError:
            if not setup.may_go_online:
                raise
        from confcom.adapters.collateral.online import (  # noqa: PLC0415 - takes 150 ms to load
            fetch_for_quote,
        )

        return fetch_for_quote(setup.online_setup(event_observer(self._warn)), quote, setup.edition)


def event_observer(warn: Warn) -> Observer:
    """Return an observer that warns of what a person should know.

    That the cache cannot be written is said once: it is the same for each document.
    """
    unkept: list[Event] = []

    def observe(event: Event) -> None:
        if event.error is None or event.name is EventName.SOURCE_FAILED:
            return
        if event.name is EventName.CACHE_FAILED:
            unkept.append(event)
            if len(unkept) > 1:
                return
        if event.name is EventName.LAST_GOOD_KEPT:
            warn(f"using the {event.request} at hand: {event.error.message}")
        else:
            warn(event.error.message)

    return observe


def _key(quote: Quote) -> object:
    """Return what quotes that are verified by the same collateral have in common."""
    certification = quote.signature.certification
    subject = platform_of_quote(quote)
    if isinstance(subject, Platform) and certification.type is CertType.PCK_CHAIN:
        return subject
    return (quote.header.tee_type, certification.type, certification.data, subject)
