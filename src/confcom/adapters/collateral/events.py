# SPDX-License-Identifier: Apache-2.0
"""What a provider tells whoever wires it up, for logs, metrics and progress."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from confcom.adapters.collateral.requests import CollateralRequest
from confcom.errors import ConfcomError


class EventName(StrEnum):
    """What happened."""

    FETCHED = "collateral.fetched"
    """A source's document was verified and taken."""
    SOURCE_FAILED = "collateral.source_failed"
    """A source did not give a usable document; the next one is asked."""
    LAST_GOOD_KEPT = "collateral.last_good_kept"
    """No source gave a usable document; the one at hand is still valid and used."""
    REFRESH_FAILED = "collateral.refresh_failed"
    """A document could not be renewed in the background and is no longer valid."""
    CACHE_FAILED = "collateral.cache_failed"
    """A document could not be kept on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One decision of the provider.

    Attributes:
        name: what happened.
        request: the document.
        source: host or path, where one is concerned.
        error: what was wrong, or None.
        duration_s: how long the source took, or None.
    """

    name: EventName
    request: CollateralRequest
    source: str | None = None
    error: ConfcomError | None = None
    duration_s: float | None = None


Observer = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Observe nothing."""
