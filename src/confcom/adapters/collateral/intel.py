# SPDX-License-Identifier: Apache-2.0
"""Addresses of Intel's Provisioning Certification Service and of a PCCS in a data centre.

Sources: Intel PCS REST specification, versions 3 and 4; sources of Intel's PCCS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from confcom.adapters.collateral.addresses import Address, Base, certification_url
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    EvaluationNumbersRequest,
    FmspcsRequest,
    PckCertificateRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)

INTEL_PCS_URL: Final = "https://api.trustedservices.intel.com/sgx/certification/v4"
INTEL_ROOT_CA_CRL_URL: Final = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
_SUBSCRIPTION_KEY_HEADER: Final = "Ocp-Apim-Subscription-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class PcsForm:
    """Intel's own service, or a mirror of it.

    Attributes:
        base: its API; version 3 serves neither TDX, editions nor lists.
        root_ca_crl_url: address of the root CA CRL (DER despite the file's name); by default
            Intel's for Intel's service, else that file at the root of the mirror.
        subscription_key: sent with requests for PCK certificates, or None.
    """

    base: Base = field(default_factory=lambda: Base.parse(INTEL_PCS_URL))
    root_ca_crl_url: str | None = None
    subscription_key: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Host of the service."""
        return self.base.host

    def address(self, request: CollateralRequest) -> Address | None:
        """Return where the document is."""
        match request:
            case RootCaCrlRequest():
                return Address(self._root_ca_crl_url())
            case EvaluationNumbersRequest(tee=tee):
                if self.base.version < 4:
                    return None
                return Address(self.base.at("tcbevaluationdatanumbers", tee=tee))
            case FmspcsRequest():
                if self.base.version < 4:
                    return None
                return Address(self.base.at("fmspcs", {"platform": "all"}))
            case PckCertificateRequest(encrypted_ppid=None):
                return None
            case _:
                url = certification_url(self.base, request)
                return None if url is None else Address(url, self._headers(request))

    def _root_ca_crl_url(self) -> str:
        if self.root_ca_crl_url is not None:
            return self.root_ca_crl_url
        if self.base.url.startswith("https://api.trustedservices.intel.com/"):
            return INTEL_ROOT_CA_CRL_URL
        return f"{self.base.origin}/IntelSGXRootCA.der"

    def _headers(self, request: CollateralRequest) -> Mapping[str, str]:
        if self.subscription_key is None or not isinstance(request, PckCertificateRequest):
            return {}
        return {_SUBSCRIPTION_KEY_HEADER: self.subscription_key}


@dataclass(frozen=True, slots=True, kw_only=True)
class PccsForm:
    """A PCCS: Intel's caching service for data centres, and services that follow it.

    It knows neither lists nor evaluation data numbers.

    Attributes:
        base: its API.
    """

    base: Base

    @property
    def name(self) -> str:
        """Host of the service."""
        return self.base.host

    def address(self, request: CollateralRequest) -> Address | None:
        """Return where the document is."""
        match request:
            case TcbInfoRequest(edition=edition) | QeIdentityRequest(edition=edition) if (
                edition.number is not None
            ):
                return None
            case RootCaCrlRequest():
                return Address(self.base.at("rootcacrl"))
            case PckCertificateRequest(qe_id=qe_id):
                url = certification_url(self.base, request, {"qeid": qe_id.hex().upper()})
            case _:
                url = certification_url(self.base, request)
        return None if url is None else Address(url)
