# SPDX-License-Identifier: Apache-2.0
"""Turns a document into the answer of a service, right or with the faults that are in force."""

import base64
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from confcom.adapters.collateral.requests import (
    CollateralRequest,
    EvaluationNumbersRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.testing.collateral_documents import ServedDocument
from confcom.testing.collateral_faults import Fault, Misbehaviour
from confcom.testing.collateral_routes import CrlForm, Route

MOVED: Final = "/moved"
_OVERSIZE: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class Reply:
    """One answer; Content-Length is added when it is sent."""

    status: int
    headers: dict[str, str]
    body: bytes


def early_reply(target: str, faults: Mapping[Misbehaviour, Fault]) -> Reply | None:
    """Return the answer of a service that does not come to look for the document."""
    if Misbehaviour.REDIRECT_LOOP in faults:
        return Reply(302, {"Location": target}, b"")
    if Misbehaviour.REDIRECT in faults and not target.startswith(MOVED):
        return Reply(302, {"Location": f"{MOVED}{target}"}, b"")
    if (fault := faults.get(Misbehaviour.REDIRECT_ELSEWHERE)) is not None:
        return Reply(301, {"Location": f"{fault.elsewhere}{target}"}, b"")
    if (fault := faults.get(Misbehaviour.STATUS)) is not None:
        wait = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        return Reply(fault.status, wait, b"not now")
    if Misbehaviour.WEB_PAGE in faults:
        page = b"<!DOCTYPE html><title>Log in</title>"
        return Reply(200, {"Content-Type": "text/html"}, page)
    return None


def document_reply(
    route: Route, document: ServedDocument, faults: Mapping[Misbehaviour, Fault]
) -> Reply:
    """Return the answer that carries a document."""
    body = document.body
    if Misbehaviour.BAD_SIGNATURE in faults:
        body = _spoil_signature(body)
    if isinstance(route.request, PckCrlRequest | RootCaCrlRequest):
        body = _write_crl(body, _crl_form(route, faults))
    headers = {"Content-Type": _content_type(route.request), "Request-ID": "stand-in"}
    chain = _chain_value(document, faults)
    if route.wrapped and isinstance(route.request, PckCertificateRequest):
        body = msgspec.json.encode(
            {
                "pckCert": body.decode(),
                "sgx-Pck-Certificate-Issuer-Chain": chain or "",
                "sgx-Tcbm": "",
                "cacheMaxAge": "86400",
            }
        )
        headers["Content-Type"] = "application/json"
    elif chain is not None:
        version = 3 if Misbehaviour.OLD_HEADERS in faults else route.version
        headers[_chain_header(route.request, version)] = chain
    if Misbehaviour.OVERSIZED in faults:
        body += bytes(_OVERSIZE - len(body))
    if Misbehaviour.WRONG_TYPE in faults:
        headers["Content-Type"] = "application/pkix-crl"
    if Misbehaviour.COMPRESSED in faults:
        body = gzip.compress(body)
        headers["Content-Encoding"] = "gzip"
    return Reply(200, headers, body)


def _chain_value(document: ServedDocument, faults: Mapping[Misbehaviour, Fault]) -> str | None:
    if document.issuer_chain is None or Misbehaviour.NO_CHAIN in faults:
        return None
    # Clients of Intel's drop the end of a value that does not end in an escape.
    chain = document.issuer_chain.rstrip(b"\n") + b"\n"
    if Misbehaviour.CHAIN_UNTERMINATED in faults:
        chain = chain.rstrip(b"\n")
    return quote(chain, safe="")


def _chain_header(request: CollateralRequest, version: int) -> str:
    match request:
        case TcbInfoRequest():
            return "SGX-TCB-Info-Issuer-Chain" if version < 4 else "TCB-Info-Issuer-Chain"
        case QeIdentityRequest():
            return "SGX-Enclave-Identity-Issuer-Chain"
        case PckCrlRequest():
            return "SGX-PCK-CRL-Issuer-Chain"
        case EvaluationNumbersRequest():
            return "TCB-Evaluation-Data-Numbers-Issuer-Chain"
        case _:
            return "SGX-PCK-Certificate-Issuer-Chain"


def _content_type(request: CollateralRequest) -> str:
    match request:
        case RootCaCrlRequest():
            return "application/pkix-crl"
        case PckCrlRequest() | PckCertificateRequest():
            return "application/x-pem-file"
        case _:
            return "application/json"


def _crl_form(route: Route, faults: Mapping[Misbehaviour, Fault]) -> CrlForm:
    if Misbehaviour.CRL_AS_HEX in faults:
        return CrlForm.HEX
    return CrlForm.PEM if Misbehaviour.CRL_AS_PEM in faults else route.crl_form


def _write_crl(der: bytes, form: CrlForm) -> bytes:
    match form:
        case CrlForm.DER:
            return der
        case CrlForm.HEX:
            return der.hex().encode()
        case CrlForm.PEM:
            lines = b"".join(_pem_lines(base64.b64encode(der)))
            return b"-----BEGIN X509 CRL-----\n" + lines + b"-----END X509 CRL-----\n"


def _pem_lines(text: bytes) -> Iterator[bytes]:
    for start in range(0, len(text), 64):
        yield text[start : start + 64] + b"\n"


def _spoil_signature(body: bytes) -> bytes:
    """Change one bit of the last signature byte: before the closing quote, or at the end."""
    end = body.rfind(b'"') if body.startswith(b"{") else len(body)
    last = body[end - 1]
    if body.startswith(b"{"):
        last = ord("0") if last != ord("0") else ord("1")
    else:
        last ^= 1
    return body[: end - 1] + bytes((last,)) + body[end:]
