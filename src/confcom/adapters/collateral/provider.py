# SPDX-License-Identifier: Apache-2.0
"""The collateral of quotes and platforms, put together from verified documents."""

import asyncio
from collections.abc import Sequence

from confcom.adapters.collateral.assembly import (
    Platform,
    assemble,
    platform_of_chain,
    platform_of_quote,
    requests_for,
    with_pck_chain,
)
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.failures import first_of_ours, pck_missing
from confcom.adapters.collateral.fmspcs import read_fmspcs
from confcom.adapters.collateral.keeper import DocumentKeeper
from confcom.adapters.collateral.requests import (
    STANDARD,
    CollateralRequest,
    Edition,
    FmspcsRequest,
    PckCertificateRequest,
    SignedRequest,
)
from confcom.dcap import Collateral, Quote
from confcom.errors import ConfcomError, UnavailableError


class CollateralProvider:
    """Gives collateral for as long as its keeper is open.

    Args:
        keeper: gives the documents.
        checker: verifies the chains of quotes before anything is fetched for them.
    """

    def __init__(self, keeper: DocumentKeeper, checker: Checker) -> None:
        self._keeper = keeper
        self._checker = checker

    async def get(self, request: CollateralRequest) -> Document:
        """Return a verified document that is valid now.

        Raises:
            UnavailableError: no source gave a usable one, and none is at hand.
        """
        return await self._keeper.get(request)

    async def collateral(
        self,
        platform: Platform,
        edition: Edition = STANDARD,
        *,
        pck_certificate_chain: bytes | None = None,
    ) -> Collateral:
        """Return what verifies the quotes of one kind of platform.

        Args:
            platform: TEE, FMSPC and CA.
            edition: which TCB info and QE identity.
            pck_certificate_chain: PEM, put into the result for quotes that lack it.

        Raises:
            UnavailableError: a document is not to be had.
        """
        documents = await self._get_all(requests_for(platform, edition))
        answers = {request: document.answer for request, document in documents.items()}
        return assemble(answers, pck_certificate_chain=pck_certificate_chain)

    async def collateral_for(self, quote: Quote, edition: Edition = STANDARD) -> Collateral:
        """Return what verifies a quote, with its PCK chain if the quote does not carry it.

        Raises:
            UnavailableError: a document is not to be had; ``pck_missing`` if that is the chain.
            MalformedError: the quote's certificates do not parse.
        """
        subject = platform_of_quote(quote)
        if isinstance(subject, Platform):
            self._checker.check_pck_chain(quote.signature.certification.data, self._keeper.now())
            return with_pck_chain(await self.collateral(subject, edition), quote)
        document = await self._pck_certificate(subject)
        chain = document.answer.body + (document.answer.issuer_chain or b"")
        platform = platform_of_chain(chain, quote.header.tee_type)
        return await self.collateral(platform, edition, pck_certificate_chain=chain)

    async def _pck_certificate(self, request: PckCertificateRequest) -> Document:
        try:
            return await self._keeper.get(request)
        except UnavailableError as exc:
            raise pck_missing(exc) from exc

    async def fmspcs(self) -> tuple[bytes, ...]:
        """Return all FMSPCs that the first source with such a list knows; nothing signs it.

        Raises:
            UnavailableError: no source has such a list.
        """
        return await self._keeper.fetch_unsigned(FmspcsRequest(), read_fmspcs)

    async def _get_all(self, requests: Sequence[SignedRequest]) -> dict[SignedRequest, Document]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {
                    request: group.create_task(self._keeper.get(request)) for request in requests
                }
        except ExceptionGroup as exc:
            # All of them are ours; the first one says enough, usually all have one cause.
            ours, others = exc.split(ConfcomError)
            if ours is None or others is not None:
                raise
            raise first_of_ours(ours) from exc
        return {request: task.result() for request, task in tasks.items()}
