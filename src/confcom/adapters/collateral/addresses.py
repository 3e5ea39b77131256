# SPDX-License-Identifier: Apache-2.0
"""Where a service keeps each document: the part that Intel PCS, PCCS and Azure have in common.

A form knows the addresses of one kind of service; it never fetches. Base addresses end in
``/sgx/certification/v3`` or ``/v4``; those of TDX differ in that one word. Sources: Intel PCS
REST specification, versions 3 and 4; path table of Intel's PCCS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode, urlsplit

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
    Update,
)
from confcom.dcap import TeeType
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

API_VERSIONS = (3, 4)


@dataclass(frozen=True, slots=True)
class Address:
    """One thing to GET.

    Attributes:
        url: absolute.
        headers: request headers.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Form(Protocol):
    """Knows the addresses of one kind of service."""

    @property
    def name(self) -> str:
        """Host and kind, for messages."""

    def address(self, request: CollateralRequest) -> Address | None:
        """Return where the document is, or None if such services do not have it."""


@dataclass(frozen=True, slots=True)
class Base:
    """Base address of a service's certification API.

    Attributes:
        url: without a slash at its end, such as ``https://host/sgx/certification/v4``.
        version: 3 or 4.
    """

    url: str
    version: int

    @classmethod
    def parse(cls, url: str, *, version: int | None = None) -> "Base":
        """Read a base address; what is missing of ``/sgx/certification/vN`` is added.

        Args:
            url: ``https://host[:port][/path]``, also http.
            version: 3 or 4; by default what the path says, else 4.

        Raises:
            MisconfiguredError: not an address, or not a version (``settings_invalid``).
        """
        text = url.rstrip("/")
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError as exc:
            raise _invalid(url, "it is not an address") from exc
        if parts.scheme not in {"http", "https"} or not host:
            raise _invalid(url, "it does not begin with https://host")
        if parts.query or parts.fragment:
            raise _invalid(url, "a query or fragment has no place in it")
        if parts.username is not None or parts.password is not None:
            raise _invalid(f"{parts.scheme}://***@{host}", "credentials have no place in it")
        if version is None:
            version = 3 if text.endswith("/v3") else 4
        if version not in API_VERSIONS:
            raise _invalid(url, f"API version {version} is not supported; 3 and 4 are")
        if "/certification/" not in f"{parts.path}/":
            text = f"{text}/sgx/certification/v{version}"
        return cls(text, version)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """Host, and port where one is written."""
        return urlsplit(self.url).netloc

    def at(
        self, path: str, parameters: Mapping[str, str] | None = None, *, tee: TeeType = TeeType.SGX
    ) -> str:
        """Return the address of a path below the base."""
        base, start = self.url, len(self.origin)  # the host may be called like a folder
        if tee is TeeType.TDX:
            base = base[:start] + base[start:].replace("/sgx/", "/tdx/", 1)
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"{base}/{path}{query}"


def certification_url(
    base: Base, request: CollateralRequest, extra: Mapping[str, str] | None = None
) -> str | None:
    """Return the address that PCS and PCCS share for a document, or None if they share none.

    Args:
        base: the service.
        request: what is wanted.
        extra: further query parameters of the service's own.
    """
    further = dict(extra or {})
    match request:
        case TcbInfoRequest(tee=tee, fmspc=fmspc, edition=edition):
            if not _serves(base, tee, edition):
                return None
            wanted = {"fmspc": fmspc.hex().upper()}
            return base.at("tcb", wanted | edition_parameters(edition) | further, tee=tee)
        case QeIdentityRequest(tee=tee, edition=edition):
            if not _serves(base, tee, edition):
                return None
            return base.at("qe/identity", edition_parameters(edition) | further, tee=tee)
        case PckCrlRequest(ca=ca):
            return base.at("pckcrl", {"ca": ca.value, "encoding": "der"} | further)
        case PckCertificateRequest():
            return base.at("pckcert", pck_parameters(request) | further)
        case RootCaCrlRequest() | EvaluationNumbersRequest() | FmspcsRequest():
            return None


def edition_parameters(edition: Edition) -> dict[str, str]:
    """Return the query parameters that name an edition; the usual one needs none."""
    if edition.number is not None:
        return {"tcbEvaluationDataNumber": str(edition.number)}
    return {} if edition.update is Update.STANDARD else {"update": edition.update.value}


def pck_parameters(request: PckCertificateRequest) -> dict[str, str]:
    """Return the query parameters of a PCK certificate, without ``qeid``.

    PCESVN and PCE id are written as the bytes stand in memory: PCESVN 13 is ``0D00``.
    """
    parameters = {
        "cpusvn": request.cpu_svn.hex().upper(),
        "pcesvn": request.pce_svn.to_bytes(2, "little").hex().upper(),
        "pceid": request.pce_id.hex().upper(),
    }
    if request.encrypted_ppid is not None:
        parameters["encrypted_ppid"] = request.encrypted_ppid.hex().upper()
    return parameters


def _serves(base: Base, tee: TeeType, edition: Edition) -> bool:
    """Version 3 knows neither TDX nor editions."""
    return base.version >= 4 or (tee is TeeType.SGX and not edition_parameters(edition))


def _invalid(url: str, why: str) -> MisconfiguredError:
    return MisconfiguredError(
        Reason.SETTINGS_INVALID,
        f"cannot use {url!r} as a source of collateral: {why}",
        hint="give an address such as https://pccs.example:8081",
    )
