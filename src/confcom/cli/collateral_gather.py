# SPDX-License-Identifier: Apache-2.0
"""Get many documents, from this machine or over the network, with progress."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from confcom.adapters.collateral.assembly import Platform, platform_of_chain
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.events import Event, EventName
from confcom.adapters.collateral.keep import keep
from confcom.adapters.collateral.offline import OfflineFinder
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    PckCertificateRequest,
    RootCaCrlRequest,
    SignedRequest,
)
from confcom.cli.collateral_finding import event_observer
from confcom.cli.collateral_setup import CollateralSetup
from confcom.cli.collateral_subjects import Subjects
from confcom.cli.collateral_tables import Row
from confcom.cli.progress import progress
from confcom.cli.session import Session
from confcom.errors import ConfcomError, UnavailableError
from confcom.reasons import Reason

R = TypeVar("R", bound=CollateralRequest)


class Targets(NamedTuple):
    """What documents are wanted for.

    Attributes:
        chains: platforms, and the PCK chain in PEM where a quote does not carry it.
        certificates: PCK certificates that had to be asked for.
    """

    chains: dict[Platform, bytes | None]
    certificates: dict[PckCertificateRequest, Document]


class Gatherer:
    """Gets documents as a set-up says.

    What comes from a source is kept in the cache, if there is one.

    Args:
        setup: where from.
        session: shows progress and warnings.
        must_keep: whether a document that cannot be kept is a failure, or only a warning.
    """

    def __init__(
        self, setup: CollateralSetup, session: Session, *, must_keep: bool = False
    ) -> None:
        self._setup = setup
        self._session = session
        self._must_keep = must_keep
        self._unkept: dict[CollateralRequest, ConfcomError] = {}
        self._warn = event_observer(session.warn)

    def targets(self, subjects: Subjects) -> Targets:
        """Return the platforms of the subjects; asks for what quotes do not say themselves.

        Raises:
            UnavailableError: the list of FMSPCs, or a PCK certificate, is not to be had.
        """
        listed = self._listed() if subjects.asks_service else ()
        chains: dict[Platform, bytes | None] = dict.fromkeys(subjects.platforms(listed))
        wanted = subjects.pck_requests()
        certificates: dict[PckCertificateRequest, Document] = {}
        found = self.documents(tuple(wanted), "fetching PCK certificates")
        for request, result in found.items():
            if isinstance(result, ConfcomError):
                raise result
            chain = result.answer.body + (result.answer.issuer_chain or b"")
            chains[platform_of_chain(chain, wanted[request])] = chain
            certificates[request] = result
        return Targets(chains, certificates)

    def rows(self, requests: Sequence[SignedRequest], what: str) -> list[Row]:
        """Return a row for each document, in the order of the requests.

        Where documents must be kept, the row of one that could not be says so.
        """
        rows = []
        for request, result in self.documents(requests, what).items():
            row = row_of(request, result)
            rows.append(row._replace(error=row.error or self._unkept.get(request)))
        return rows

    def documents(self, requests: Sequence[R], what: str) -> dict[R, Document | ConfcomError]:
        """Return each document or why there is none, in the order of the requests.

        Args:
            requests: which.
            what: what is being done, for the bar.
        """
        found: dict[CollateralRequest, Document | ConfcomError] = {}
        with progress(self._session, what, len(requests)) as advance:

            def done(request: CollateralRequest, result: Document | ConfcomError) -> None:
                found[request] = result
                advance(1)

            if requests:
                self._get(requests, done)
        return {request: found[request] for request in requests}

    def _get(
        self,
        requests: Sequence[CollateralRequest],
        done: Callable[[CollateralRequest, Document | ConfcomError], None],
    ) -> None:
        if not self._setup.may_go_online:
            finder = self._setup.offline_finder()
            now = self._setup.now().timestamp()
            for request in requests:
                try:
                    document = finder.document(request, now)
                    self._keep(document, finder, now)
                except ConfcomError as exc:
                    done(request, exc)
                else:
                    done(request, document)
            return
        from confcom.adapters.collateral.online import (  # noqa: PLC0415 - takes 150 ms to load
            fetch_documents,
        )

        fetch_documents(self._setup.online_setup(self._observe), requests, done=done)

    def _keep(self, document: Document, finder: OfflineFinder, now: float) -> None:
        """Put a document of a file into the cache, as one from a service is put there."""
        request, cache = document.request, self._setup.cache
        kept = finder.cached(request, now)
        if cache is None or (kept is not None and kept.answer.body == document.answer.body):
            return
        is_root_list = isinstance(request, RootCaCrlRequest)
        try:
            keep(
                cache,
                document,
                checker=self._setup.checker,
                root_ca_crl=None if is_root_list else finder.find(RootCaCrlRequest(), now),
                allow_rollback=self._setup.plan.settings.allow_rollback,
            )
        except ConfcomError as exc:
            self._observe(Event(name=EventName.CACHE_FAILED, request=request, error=exc))

    def _observe(self, event: Event) -> None:
        has_row = not isinstance(event.request, PckCertificateRequest)
        if event.name is EventName.CACHE_FAILED and self._must_keep and has_row and event.error:
            self._unkept[event.request] = event.error
        else:
            self._warn(event)

    def _listed(self) -> tuple[bytes, ...]:
        if not self._setup.may_go_online:
            raise UnavailableError(
                Reason.SOURCE_UNREACHABLE,
                "cannot ask a service for its list of FMSPCs: the network is not to be used",
                hint="name a file with the list: --all LIST",
            )
        from confcom.adapters.collateral.online import (  # noqa: PLC0415 - takes 150 ms to load
            fetch_fmspcs,
        )

        return fetch_fmspcs(self._setup.online_setup(event_observer(self._session.warn)))


def row_of(request: CollateralRequest, result: Document | ConfcomError) -> Row:
    """Return the row of a document, or of why there is none."""
    if isinstance(result, ConfcomError):
        return Row(request.name, None, error=result)
    return Row(request.name, result.answer.source, result, fetched_at=result.fetched_at)
