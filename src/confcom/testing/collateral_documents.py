# SPDX-License-Identifier: Apache-2.0
"""What a stand-in for a collateral service has to give: simulated, recorded or made by hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.bundle import answers_of, contents_of
from confcom.adapters.collateral.requests import (
    STANDARD,
    CollateralRequest,
    Edition,
    FmspcsRequest,
    PckCertificateRequest,
    PckCrlRequest,
    RootCaCrlRequest,
    Update,
)
from confcom.dcap import Collateral, Crl, parse_pem_chain, pem_from_der


@dataclass(frozen=True, slots=True)
class ServedDocument:
    """A document as its maker issued it.

    Attributes:
        body: JSON envelope; CRL in DER; PCK certificate in PEM; list of FMSPCs in JSON.
        issuer_chain: PEM, leaf first, or None where there is none.
    """

    body: bytes
    issuer_chain: bytes | None = None


class Documents(Protocol):
    """Where a stand-in takes its documents from."""

    def find(self, request: CollateralRequest) -> ServedDocument | None:
        """Return what answers a request, or None if it is not there."""


class StaticDocuments:
    """Documents given one by one.

    A request for a PCK certificate is answered by the one document under any such request,
    because services differ in which of its fields they are told.
    """

    def __init__(self, documents: Mapping[CollateralRequest, ServedDocument]) -> None:
        self._documents = dict(documents)
        self._pck = next(
            (
                document
                for request, document in documents.items()
                if isinstance(request, PckCertificateRequest)
            ),
            None,
        )

    def find(self, request: CollateralRequest) -> ServedDocument | None:
        """Return what answers a request, or None if it is not there."""
        if isinstance(request, PckCertificateRequest):
            return self._pck
        return self._documents.get(request)

    def with_documents(
        self, documents: Mapping[CollateralRequest, ServedDocument]
    ) -> "StaticDocuments":
        """Return these documents with others added or put in their place."""
        return StaticDocuments({**self._documents, **documents})


def documents_from_bundles(bundles: Iterable[Collateral]) -> StaticDocuments:
    """Return the documents of bundles; where two bundles hold the same one, the last counts.

    TCB info and QE identity are found as ``standard``, as ``early`` and under their own number.
    A PCK chain in a bundle answers requests for PCK certificates.
    """
    documents: dict[CollateralRequest, ServedDocument] = {}
    fmspcs: set[str] = set()
    for bundle in bundles:
        held = contents_of(bundle)
        for number in (held.tcb_info_number, held.qe_identity_number):
            for edition in (STANDARD, Edition(Update.EARLY), Edition(number=number)):
                answers = answers_of(bundle, held, "bundle", edition)
                documents.update(
                    (request, _served(request, answer)) for request, answer in answers.items()
                )
        if bundle.pck_certificate_chain is not None:
            documents[_ANY_PCK] = _pck_document(bundle.pck_certificate_chain)
        fmspcs.add(held.fmspc.hex().upper())
    listed = [{"fmspc": fmspc, "platform": "E5"} for fmspc in sorted(fmspcs)]
    documents[FmspcsRequest()] = ServedDocument(msgspec.json.encode(listed))
    return StaticDocuments(documents)


_ANY_PCK: Final = PckCertificateRequest(bytes(16), bytes(16), 0, bytes(2))


def _served(request: CollateralRequest, answer: Answer) -> ServedDocument:
    is_crl = isinstance(request, PckCrlRequest | RootCaCrlRequest)
    body = Crl.from_bytes(answer.body).der if is_crl else answer.body
    return ServedDocument(body, answer.issuer_chain)


def _pck_document(chain: bytes) -> ServedDocument:
    leaf, *issuers = parse_pem_chain(chain)
    return ServedDocument(
        pem_from_der(leaf.der), b"".join(pem_from_der(issuer.der) for issuer in issuers)
    )
