# SPDX-License-Identifier: Apache-2.0
"""The documents at hand: how long each is fresh, when it is due, and when to try again."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from confcom.adapters.collateral.backoff import pick_between
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.requests import CollateralRequest
from confcom.errors import ConfcomError


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfOptions:
    """How long documents are used without asking again.

    Attributes:
        max_age_s: longest time, seconds, whatever the document and the source say; a day
            notices a TCB recovery soon without burdening the service.
        min_age_s: shortest time, seconds, even if the source forbids caching.
        refresh_share: share of the time after which a document is renewed in the background.
        failure_hold_s: seconds for which a failure is remembered before the sources are asked
            again, so that a flood of evidence does not become a flood of requests.
        renewal_pause_s: the same while a document is at hand that is still valid.
        most_documents: documents and failures remembered; the least recently used go first.
    """

    max_age_s: float = 86_400.0
    min_age_s: float = 60.0
    refresh_share: float = 0.8
    failure_hold_s: float = 10.0
    renewal_pause_s: float = 60.0
    most_documents: int = 1024


@dataclass(slots=True)
class _Place:
    document: Document | None = None
    due_at: float = 0.0
    is_used: bool = False
    failure: ConfcomError | None = None
    retry_at: float = 0.0


class Shelf:
    """A bounded place for documents; all times are Unix seconds by the provider's clock."""

    def __init__(
        self,
        options: ShelfOptions,
        *,
        jitter: Callable[[float, float], float] = pick_between,
    ) -> None:
        self._options = options
        self._jitter = jitter
        self._places: OrderedDict[CollateralRequest, _Place] = OrderedDict()

    def fresh_until(self, document: Document) -> float:
        """Return the time from which a document is to be asked for again."""
        age = self._options.max_age_s
        if document.answer.max_age is not None:
            age = min(age, document.answer.max_age)
        age = max(age, self._options.min_age_s)
        return min(document.usable_until, document.fetched_at + age)

    def is_fresh(self, document: Document, now: float) -> bool:
        """Tell whether a document is used without asking; one from the future is not."""
        return document.fetched_at <= now + 1 and now < self.fresh_until(document)

    def fresh(self, request: CollateralRequest, now: float) -> Document | None:
        """Return the document if it is fresh, or if its renewal failed a moment ago."""
        place = self._places.get(request)
        if place is None or place.document is None:
            return None
        self._places.move_to_end(request)
        place.is_used = True
        if self.is_fresh(place.document, now):
            return place.document
        is_held = now < place.retry_at and now <= place.document.usable_until
        return place.document if is_held else None

    def last(self, request: CollateralRequest) -> Document | None:
        """Return the last document, fresh or not."""
        place = self._places.get(request)
        return None if place is None else place.document

    def held_failure(self, request: CollateralRequest, now: float) -> ConfcomError | None:
        """Return why the sources failed a moment ago, while it is too early to ask again."""
        place = self._places.get(request)
        return place.failure if place is not None and now < place.retry_at else None

    def put(self, document: Document) -> None:
        """Take a document, which answers its request from now on."""
        place = self._place(document.request)
        lifetime = max(0.0, self.fresh_until(document) - document.fetched_at)
        # Spread, so that the replicas of a service do not all ask at one moment.
        share = self._options.refresh_share * self._jitter(0.9, 1.0)
        place.document = document
        place.due_at = document.fetched_at + lifetime * share
        place.is_used = False
        place.failure = None
        place.retry_at = 0.0

    def fail(self, request: CollateralRequest, error: ConfcomError, now: float) -> None:
        """Remember that the sources failed."""
        place = self._place(request)
        place.failure = error
        document = place.document
        is_served = document is not None and now <= document.usable_until
        pause = self._options.renewal_pause_s if is_served else self._options.failure_hold_s
        place.retry_at = now + pause

    def due(self, now: float) -> tuple[CollateralRequest, ...]:
        """Return the requests to renew: due, and used since they were last renewed."""
        return tuple(
            request
            for request, place in self._places.items()
            if place.document is not None
            and place.is_used
            and place.due_at <= now
            and place.retry_at <= now
        )

    def _place(self, request: CollateralRequest) -> _Place:
        place = self._places.setdefault(request, _Place())
        self._places.move_to_end(request)
        while len(self._places) > self._options.most_documents:
            self._places.popitem(last=False)
        return place
