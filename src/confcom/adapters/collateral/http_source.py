# SPDX-License-Identifier: Apache-2.0
"""A source of collateral over HTTP: a form knows the addresses, this reads the answers.

What a body is gets decided by looking at it, never by its Content-Type: services label hex text
as a binary revocation list and JSON as text.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from confcom.adapters.collateral.addresses import Form
from confcom.adapters.collateral.answers import Answer, AnswerError, decode_chain, describe_body
from confcom.adapters.collateral.http_client import HttpClient, HttpResponse
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.errors import UnavailableError
from confcom.reasons import Reason

# Names that versions 3 and 4 of the services and Azure's caches use; the first one found counts.
_CHAIN_HEADERS: Final[Mapping[type, tuple[str, ...]]] = {
    TcbInfoRequest: ("tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"),
    QeIdentityRequest: (
        "sgx-enclave-identity-issuer-chain",
        "enclave-identity-issuer-chain",
        "sgx-qe-identity-issuer-chain",
    ),
    PckCrlRequest: ("sgx-pck-crl-issuer-chain", "pck-crl-issuer-chain"),
    EvaluationNumbersRequest: ("tcb-evaluation-data-numbers-issuer-chain",),
    PckCertificateRequest: (
        "sgx-pck-certificate-issuer-chain",
        "pck-certificate-issuer-chain",
    ),
}
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)


class _WrappedCertificate(msgspec.Struct, frozen=True):
    """How Azure's host agent and global cache answer for a PCK certificate."""

    certificate: str = msgspec.field(name="pckCert")
    issuer_chain: str = msgspec.field(name="sgx-Pck-Certificate-Issuer-Chain")
    max_age: str | int | None = msgspec.field(name="cacheMaxAge", default=None)


class HttpSource:
    """Documents of one service."""

    def __init__(self, form: Form, client: HttpClient) -> None:
        self._form = form
        self._client = client

    @property
    def name(self) -> str:
        """Host of the service."""
        return self._form.name

    async def fetch(self, request: CollateralRequest) -> Answer:
        """Fetch a document; what comes back is not verified.

        Raises:
            UnavailableError: ``source_unreachable``, ``source_refused``, ``collateral_missing``
                or ``source_answer``.
        """
        address = self._form.address(request)
        if address is None:
            raise UnavailableError(
                Reason.COLLATERAL_MISSING, f"cannot fetch {request}: {self.name} does not serve it"
            )
        response = await self._client.get(address.url, what=str(request), headers=address.headers)
        try:
            return read_response(request, response)
        except AnswerError as exc:
            raise UnavailableError(
                Reason.SOURCE_ANSWER,
                f"cannot use {request} from {response.host}: {exc}",
                hint="ask another source, or give a file: --collateral FILE",
            ) from exc


def read_response(request: CollateralRequest, response: HttpResponse) -> Answer:
    """Return the document and the issuer chain that a response holds.

    Args:
        request: what was asked for.
        response: with status 200.

    Raises:
        AnswerError: the body is not such a document, or its issuer chain is missing.
    """
    body, max_age = response.body, _max_age(response.headers)
    if not _looks_right(request, body):
        raise AnswerError(f"it answered {describe_body(body)}")
    chain: bytes | None = None
    if isinstance(request, PckCertificateRequest) and body.lstrip().startswith(b"{"):
        body, chain, max_age = _unwrap(body)
    elif type(request) in _CHAIN_HEADERS:
        chain = decode_chain(_chain_header(request, response.headers))
    if isinstance(request, PckCertificateRequest):
        body = decode_chain(body)
    return Answer(body=body, issuer_chain=chain, source=response.host, max_age=max_age)


def _looks_right(request: CollateralRequest, body: bytes) -> bool:
    start = body[:64].lstrip()
    match request:
        case TcbInfoRequest() | QeIdentityRequest() | EvaluationNumbersRequest():
            return start.startswith(b"{")
        case FmspcsRequest():
            return start.startswith(b"[")
        case PckCertificateRequest():
            return start.startswith((b"{", b"-----BEGIN"))
        case PckCrlRequest() | RootCaCrlRequest():
            # DER, PEM, or hex text of DER in either case.
            return start.startswith((b"\x30", b"-----BEGIN", b"30"))


def _chain_header(request: CollateralRequest, headers: Mapping[str, str]) -> bytes:
    names = _CHAIN_HEADERS[type(request)]
    for name in names:
        if name in headers:
            return headers[name].encode()
    raise AnswerError(f"it answered without the header {names[0]}")


def _unwrap(body: bytes) -> tuple[bytes, bytes, int | None]:
    try:
        wrapped = msgspec.json.decode(body, type=_WrappedCertificate)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise AnswerError(f"it answered JSON without a PCK certificate: {exc}") from exc
    text = str(wrapped.max_age)
    max_age = int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else None
    return wrapped.certificate.encode(), decode_chain(wrapped.issuer_chain.encode()), max_age


def _max_age(headers: Mapping[str, str]) -> int | None:
    value = headers.get("cache-control", "")
    if "no-store" in value.lower() or "no-cache" in value.lower():
        return 0
    found = _MAX_AGE.search(value)
    return int(found[1]) if found else None
