# SPDX-License-Identifier: Apache-2.0
"""The bodies of ``dcap/pcs``, as Intel's service sends them.

``*.json`` are signed documents, told apart by their member; all must parse and be signed by the
certificate that ``issuer_chain_header_value.txt`` (a URL-encoded header value) leads with.
``*.der`` and ``*.pem`` are revocation lists; all must parse and be signed by the issuer that they
name, if the collateral of a case holds its certificate.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from confcom.dcap import (
    Certificate,
    Collateral,
    Crl,
    EnclaveIdentity,
    EvaluationNumbers,
    SignedDocument,
    TcbInfo,
    parse_pem_chain,
    split_envelope,
    verify_certificate,
    verify_crl,
)
from confcom.errors import ConfcomError

CHAIN: Final = "issuer_chain_header_value.txt"
_PARSERS: Final[Mapping[str, Callable[[bytes], object]]] = {
    "tcbInfo": TcbInfo.from_bytes,
    "enclaveIdentity": EnclaveIdentity.from_bytes,
    "tcbEvaluationDataNumbers": EvaluationNumbers.from_bytes,
}


def compare(folder: Path, vectors: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each file with what differs from the expectation.

    Args:
        folder: of the bodies.
        vectors: of all cases; their collateral has the certificates of list issuers.
    """
    documents = sorted(folder.glob("*.json"))
    if documents:
        chain = parse_pem_chain(unquote_to_bytes((folder / CHAIN).read_bytes().strip()))
        yield CHAIN, list(_compare_chain(chain))
        for path in documents:
            yield path.name, list(_compare_document(path.read_bytes(), chain[0]))
    for path in sorted((*folder.glob("*.der"), *folder.glob("*.pem"))):
        yield path.name, list(_compare_list(path.read_bytes(), vectors))


def _compare_chain(chain: tuple[Certificate, ...]) -> Iterator[str]:
    try:
        for certificate, issuer in zip(chain, (*chain[1:], chain[-1]), strict=True):
            verify_certificate(certificate, issuer)
    except ConfcomError as exc:
        yield f"expected a chain, leaf first, got {exc.reason}: {exc.message}"


def _compare_document(body: bytes, signer: Certificate) -> Iterator[str]:
    for member, parse in _PARSERS.items():
        if f'"{member}"'.encode() in body[:64]:
            try:
                document = split_envelope(body, member)
                parse(document.content)
            except ConfcomError as exc:
                yield f"expected {member}, got {exc.reason}: {exc.message}"
            else:
                if not _is_signed(document, signer):
                    yield f"expected a signature of {signer.subject_cn} over the bytes as received"
            return
    yield f"expected one of {', '.join(_PARSERS)}"


def _is_signed(document: SignedDocument, signer: Certificate) -> bool:
    r, s = (int.from_bytes(half) for half in (document.signature[:32], document.signature[32:]))
    try:
        signer.public_key.verify(encode_dss_signature(r, s), document.content, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _compare_list(data: bytes, vectors: Path) -> Iterator[str]:
    try:
        crl = Crl.from_bytes(data)
        issuers = [one for one in _list_issuers(vectors) if one.subject == crl.issuer]
        if issuers:
            verify_crl(crl, issuers[0])
    except ConfcomError as exc:
        yield f"expected a revocation list, got {exc.reason}: {exc.message}"


def _list_issuers(vectors: Path) -> Iterator[Certificate]:
    for path in sorted((vectors / "collateral").glob("real-*.json")):
        try:
            yield from parse_pem_chain(Collateral.from_json(path.read_bytes()).pck_crl_issuer_chain)
        except ConfcomError:
            continue  # made to be refused
