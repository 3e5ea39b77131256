# SPDX-License-Identifier: Apache-2.0
"""Addresses of the caches that Azure runs: host agent, regional and global cache.

Every host and API version is a value, so that national clouds and mirrors work. The caches are
baselines: deliberately older than Intel's documents, sometimes past their next update. Sources:
Azure DCAP client; Azure documentation of Trusted Hardware Identity Management.
"""

from dataclasses import dataclass, field
from typing import Final

from confcom.adapters.collateral.addresses import (
    Address,
    Base,
    certification_url,
    edition_parameters,
)
from confcom.adapters.collateral.intel import INTEL_ROOT_CA_CRL_URL
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.dcap import TeeType

AGENT_URL: Final = "http://169.254.169.254/metadata/THIM/sgx/certification/v4"
AGENT_API_VERSION: Final = "2021-07-22-preview"
GLOBAL_URL: Final = "https://global.acccache.azure.net/sgx/certification/v4"
GLOBAL_API_VERSION: Final = "2018-10-01-preview"
REGIONAL_URL: Final = "https://{region}.thim.azure.net/sgx/certification/v4"
CLIENT_ID: Final = "production_client"
PCK_CRL_URI: Final = (
    "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca={ca}&encoding=der"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureAgentForm:
    """The agent of the host that a virtual machine runs on, at a link-local address.

    Attributes:
        base: its API, plain HTTP.
        api_version: value of the parameter ``api-version``.
    """

    base: Base = field(default_factory=lambda: Base.parse(AGENT_URL))
    api_version: str = AGENT_API_VERSION

    @property
    def name(self) -> str:
        """Host of the agent."""
        return self.base.host

    def address(self, request: CollateralRequest) -> Address | None:
        """Return where the document is."""
        extra = {"api-version": self.api_version}
        headers = {"metadata": "true"}
        if isinstance(request, PckCertificateRequest):
            extra = {"qeid": request.qe_id.hex().upper()} | extra
        elif isinstance(request, RootCaCrlRequest):
            return Address(self.base.at("rootcacrl", extra), headers)
        url = None if _names_number(request) else certification_url(self.base, request, extra)
        return None if url is None else Address(url, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureRegionalForm:
    """The cache of a region: serves TDX too, in the manner of a PCCS.

    Attributes:
        base: its API.
        client_id: value of the parameter ``clientid``, or None to leave it out.
        api_version: value of the parameter ``api-version``, or None to leave it out.
    """

    base: Base
    client_id: str | None = None
    api_version: str | None = None

    @classmethod
    def of_region(cls, region: str) -> "AzureRegionalForm":
        """Return the form of a region of the public cloud, such as ``westeurope``."""
        return cls(base=Base.parse(REGIONAL_URL.format(region=region)))

    @property
    def name(self) -> str:
        """Host of the cache."""
        return self.base.host

    def address(self, request: CollateralRequest) -> Address | None:
        """Return where the document is."""
        extra = _own_parameters(self.client_id, self.api_version)
        if isinstance(request, RootCaCrlRequest):
            return Address(self.base.at("rootcacrl", extra))
        if isinstance(request, PckCertificateRequest):
            extra = {"qeid": request.qe_id.hex().upper()} | extra
        url = None if _names_number(request) else certification_url(self.base, request, extra)
        return None if url is None else Address(url)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureGlobalForm:
    """The world-wide cache, for SGX: names revocation lists by Intel's address of them.

    Attributes:
        base: its API.
        client_id: value of the parameter ``clientid``.
        api_version: value of the parameter ``api-version``.
        pck_crl_uri: Intel's address of a PCK CRL; ``{ca}`` is replaced.
        root_ca_crl_uri: Intel's address of the root CA CRL.
    """

    base: Base = field(default_factory=lambda: Base.parse(GLOBAL_URL))
    client_id: str = CLIENT_ID
    api_version: str = GLOBAL_API_VERSION
    pck_crl_uri: str = PCK_CRL_URI
    root_ca_crl_uri: str = INTEL_ROOT_CA_CRL_URL

    @property
    def name(self) -> str:
        """Host of the cache."""
        return self.base.host

    def address(self, request: CollateralRequest) -> Address | None:
        """Return where the document is."""
        extra = _own_parameters(self.client_id, self.api_version)
        match request:
            case PckCrlRequest(ca=ca):
                uri = self.pck_crl_uri.replace("{ca}", ca.value)
                return Address(self.base.at("pckcrl", {"uri": uri} | extra))
            case RootCaCrlRequest():
                return Address(self.base.at("pckcrl", {"uri": self.root_ca_crl_uri} | extra))
            case TcbInfoRequest() | QeIdentityRequest() if (
                request.tee is not TeeType.SGX or edition_parameters(request.edition)
            ):
                return None
            case PckCertificateRequest(qe_id=qe_id):
                extra = {"qeid": qe_id.hex().upper()} | extra
            case _:
                pass
        url = certification_url(self.base, request, extra)
        return None if url is None else Address(url)


def _own_parameters(client_id: str | None, api_version: str | None) -> dict[str, str]:
    own = {"clientid": client_id, "api-version": api_version}
    return {name: value for name, value in own.items() if value is not None}


def _names_number(request: CollateralRequest) -> bool:
    return (
        isinstance(request, TcbInfoRequest | QeIdentityRequest)
        and request.edition.number is not None
    )
