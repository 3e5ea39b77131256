# SPDX-License-Identifier: Apache-2.0
"""Which document a request to a stand-in means, in the manner of each kind of service.

Sources: Intel PCS REST specification, versions 3 and 4; sources of Intel's PCCS; Azure DCAP
client.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from confcom.adapters.collateral.requests import (
    CollateralRequest,
    Edition,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.dcap import PckCa, TeeType

_PATH: Final = re.compile(
    r"(?P<prefix>.*)/(?P<tee>sgx|tdx)/certification/v(?P<version>[34])/(?P<what>[a-z/]+)"
)
_ROOT_CA_CRL_PATH: Final = "/IntelSGXRootCA.der"
_FMSPC: Final = re.compile(r"[0-9A-Fa-f]{12}", re.ASCII)


class Style(StrEnum):
    """The kinds of services that a stand-in can be."""

    PCS = "pcs"
    PCCS = "pccs"
    AZURE_AGENT = "azure-agent"
    AZURE_REGIONAL = "azure-regional"
    AZURE_GLOBAL = "azure-global"


class CrlForm(StrEnum):
    """How a revocation list is written in a body."""

    DER = "der"
    PEM = "pem"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class Route:
    """What a request means.

    Attributes:
        request: the document.
        version: API version, which decides the names of headers.
        crl_form: form of a revocation list.
        wrapped: whether a PCK certificate is wrapped in JSON.
    """

    request: CollateralRequest
    version: int = 4
    crl_form: CrlForm = CrlForm.DER
    wrapped: bool = False


class RouteError(Exception):
    """A request that the service refuses.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def find_route(style: Style, target: str, headers: Mapping[str, str]) -> Route:
    """Return what a request target means.

    Args:
        style: kind of service.
        target: path and query as in the request line.
        headers: request headers, names in lower case.

    Raises:
        RouteError: the service would refuse the request.
    """
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.path == _ROOT_CA_CRL_PATH and style is Style.PCS:
        return Route(RootCaCrlRequest())
    matched = _PATH.fullmatch(parts.path)
    if matched is None:
        raise RouteError(404, "no such path")
    _check_manners(style, matched["prefix"], query, headers)
    version = int(matched["version"])
    tee = TeeType[matched["tee"].upper()]
    if tee is TeeType.TDX and (version < 4 or style is Style.AZURE_GLOBAL):
        raise RouteError(404, "no TDX here")
    return _document(style, matched["what"], tee, version, query)


def _document(
    style: Style, what: str, tee: TeeType, version: int, query: Mapping[str, str]
) -> Route:
    match what:
        case "tcb":
            fmspc = query.get("fmspc", "")
            if not _FMSPC.fullmatch(fmspc):
                raise RouteError(400, "fmspc is not 12 hex digits")
            edition = _edition(style, version, query)
            return Route(TcbInfoRequest(tee, bytes.fromhex(fmspc), edition), version)
        case "qe/identity":
            return Route(QeIdentityRequest(tee, _edition(style, version, query)), version)
        case "pckcrl":
            return _crl_route(style, version, query)
        case "rootcacrl" if style not in {Style.PCS, Style.AZURE_GLOBAL}:
            form = CrlForm.HEX if style is Style.PCCS else CrlForm.DER
            return Route(RootCaCrlRequest(), version, form)
        case "tcbevaluationdatanumbers" if style is Style.PCS and version >= 4:
            return Route(EvaluationNumbersRequest(tee), version)
        case "fmspcs" if style is Style.PCS and version >= 4:
            return Route(FmspcsRequest(), version)
        case "pckcert":
            return Route(
                _pck_request(style, query),
                version,
                wrapped=style in {Style.AZURE_AGENT, Style.AZURE_GLOBAL},
            )
        case _:
            raise RouteError(404, "no such document")


def _check_manners(
    style: Style, prefix: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> None:
    """Refuse what the service refuses whatever is asked for."""
    if (prefix == "/metadata/THIM") is not (style is Style.AZURE_AGENT):
        raise RouteError(404, "no such path")
    if style is Style.AZURE_AGENT and headers.get("metadata") != "true":
        raise RouteError(400, "header metadata: true is missing")
    if style in {Style.AZURE_AGENT, Style.AZURE_GLOBAL} and not query.get("api-version"):
        raise RouteError(400, "api-version is missing")
    if style is Style.AZURE_GLOBAL and not query.get("clientid"):
        raise RouteError(400, "clientid is missing")


def _edition(style: Style, version: int, query: Mapping[str, str]) -> Edition:
    update, number = query.get("update"), query.get("tcbEvaluationDataNumber")
    if version < 4 and (update or number):
        raise RouteError(400, "version 3 has no editions")
    if update is not None and number is not None:
        raise RouteError(400, "update and tcbEvaluationDataNumber exclude one another")
    if number is not None:
        if style is not Style.PCS or not re.fullmatch(r"[0-9]{1,9}", number, re.ASCII):
            raise RouteError(400, "tcbEvaluationDataNumber is not understood")
        return Edition(number=int(number))
    if update not in {None, "early", "standard"}:
        raise RouteError(400, "update is neither early nor standard")
    return Edition.parse(update or "standard")


def _crl_route(style: Style, version: int, query: Mapping[str, str]) -> Route:
    if style is Style.AZURE_GLOBAL:
        uri = query.get("uri", "")
        if uri.endswith(_ROOT_CA_CRL_PATH):
            return Route(RootCaCrlRequest(), version)
        query = dict(parse_qsl(urlsplit(uri).query))
    ca = query.get("ca", "")
    if ca not in {member.value for member in PckCa}:
        raise RouteError(400, "ca is neither processor nor platform")
    usual = CrlForm.HEX if style is Style.PCCS else CrlForm.PEM
    form = CrlForm.DER if query.get("encoding") == "der" else usual
    return Route(PckCrlRequest(PckCa(ca)), version, form)


def _pck_request(style: Style, query: Mapping[str, str]) -> PckCertificateRequest:
    encrypted = query.get("encrypted_ppid")
    if style is Style.PCS and encrypted is None:
        raise RouteError(400, "encrypted_ppid is missing")
    if style is not Style.PCS and "qeid" not in query:
        raise RouteError(400, "qeid is missing")
    try:
        pce_svn = int.from_bytes(_octets(query, "pcesvn", 2), "little")
        return PckCertificateRequest(
            _octets(query, "qeid", 16) if "qeid" in query else bytes(16),
            _octets(query, "cpusvn", 16),
            pce_svn,
            _octets(query, "pceid", 2),
            None if encrypted is None else _octets(query, "encrypted_ppid", 384),
        )
    except ValueError as exc:
        raise RouteError(400, str(exc)) from exc


def _octets(query: Mapping[str, str], name: str, size: int) -> bytes:
    value = bytes.fromhex(query.get(name, ""))
    if len(value) != size:
        raise ValueError(f"{name} is not {2 * size} hex digits")
    return value
