# SPDX-License-Identifier: Apache-2.0
"""Collateral without network, without an event loop: from files, then from the disk cache.

Documents from files that the user named are handed to the verifier as they are: it judges them
and says precisely what is wrong. They are verified here only where a later source could do better.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.assembly import (
    Platform,
    assemble,
    platform_of_chain,
    platform_of_quote,
    requests_for,
    with_pck_chain,
)
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.failures import as_unavailable, combine, ended, pck_missing
from confcom.adapters.collateral.local import LocalSource
from confcom.adapters.collateral.requests import (
    STANDARD,
    CollateralRequest,
    Edition,
    PckCertificateRequest,
    RootCaCrlRequest,
)
from confcom.adapters.collateral.shelf import Shelf, ShelfOptions
from confcom.dcap import Collateral, Quote
from confcom.errors import ConfcomError, UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineFinder:
    """Finds documents that are on this machine.

    Attributes:
        sources: files and directories, in order.
        checker: verifies what comes from the cache, and, where ``is_strict``, from files.
        cache: asked after the files, or None.
        shelf: how long a kept document is fresh.
        is_strict: pass over documents that do not verify, or are no longer fresh in the cache,
            because another source may be asked.
    """

    sources: Sequence[LocalSource]
    checker: Checker
    cache: DiskCache | None = None
    shelf: ShelfOptions = field(default_factory=ShelfOptions)
    is_strict: bool = False

    def collateral_for(self, quote: Quote, now: float, edition: Edition = STANDARD) -> Collateral:
        """Return what verifies a quote.

        Args:
            quote: the quote.
            now: Unix seconds.
            edition: which TCB info and QE identity.

        Raises:
            UnavailableError: a document is not there (``collateral_missing``, ``pck_missing``).
            MalformedError: a file is not the document that it should be.
        """
        subject = platform_of_quote(quote)
        if isinstance(subject, Platform):
            return with_pck_chain(self.collateral(subject, now, edition), quote)
        chain = self._pck_chain(subject, now)
        platform = platform_of_chain(chain, quote.header.tee_type)
        return self.collateral(platform, now, edition, pck_certificate_chain=chain)

    def collateral(
        self,
        platform: Platform,
        now: float,
        edition: Edition = STANDARD,
        *,
        pck_certificate_chain: bytes | None = None,
    ) -> Collateral:
        """Return what verifies the quotes of a platform.

        Raises:
            UnavailableError: a document is not there (``collateral_missing``).
        """
        wanted = requests_for(platform, edition)
        answers = {request: self.find(request, now) for request in wanted}
        return assemble(answers, pck_certificate_chain=pck_certificate_chain)

    def find(self, request: CollateralRequest, now: float) -> Answer:
        """Return one document.

        Raises:
            UnavailableError: it is not there (``collateral_missing``), or nowhere usable.
        """
        failures: list[UnavailableError] = []
        for source in self.sources:
            try:
                answer = source.read(request)
                if self.is_strict:
                    self._check(request, answer, now)
            except UnavailableError as exc:
                failures.append(exc)
            except ConfcomError as exc:
                if not self.is_strict:
                    raise
                failures.append(as_unavailable(request, source.name, exc))
            else:
                return answer
        cached = self._cached(request, now)
        if cached is not None and now <= cached.usable_until:
            return cached.answer
        if cached is not None and not self.is_strict:
            failures.append(ended(cached))
        raise combine(request, failures)

    def document(self, request: CollateralRequest, now: float) -> Document:
        """Return one document, verified.

        Raises:
            ConfcomError: it is not there, not authentic or not valid.
        """
        answer = self.find(request, now)
        return self.checker.check(
            request, answer, root_ca_crl=self._root_ca_crl(request, now), now=now
        )

    def cached(self, request: CollateralRequest, now: float) -> Document | None:
        """Return a document of the cache that is authentic and valid; if strict, also fresh."""
        document = self._cached(request, now)
        return document if document is not None and now <= document.usable_until else None

    def _cached(self, request: CollateralRequest, now: float) -> Document | None:
        found = None if self.cache is None else self.cache.read(request)
        if found is None:
            return None
        try:
            document = self.checker.check_kept(
                request,
                found.answer,
                root_ca_crl=self._root_ca_crl(request, now),
                fetched_at=found.fetched_at,
            )
        except ConfcomError:
            return None
        if self.is_strict and not Shelf(self.shelf).is_fresh(document, now):
            return None
        return document

    def _pck_chain(self, request: PckCertificateRequest, now: float) -> bytes:
        try:
            answer = self.find(request, now)
        except UnavailableError as exc:
            raise pck_missing(exc) from exc
        return answer.body + (answer.issuer_chain or b"")

    def _check(self, request: CollateralRequest, answer: Answer, now: float) -> None:
        self.checker.check(request, answer, root_ca_crl=self._root_ca_crl(request, now), now=now)

    def _root_ca_crl(self, request: CollateralRequest, now: float) -> Answer | None:
        if isinstance(request, RootCaCrlRequest):
            return None
        return self.find(RootCaCrlRequest(), now)
