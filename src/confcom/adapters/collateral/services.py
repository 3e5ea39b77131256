# SPDX-License-Identifier: Apache-2.0
"""From the name of a source to the service that is asked in its place."""

from dataclasses import dataclass, field

from confcom.adapters.collateral.addresses import Base, Form
from confcom.adapters.collateral.azure import (
    AGENT_API_VERSION,
    AGENT_URL,
    CLIENT_ID,
    GLOBAL_API_VERSION,
    GLOBAL_URL,
    REGIONAL_URL,
    AzureAgentForm,
    AzureGlobalForm,
    AzureRegionalForm,
)
from confcom.adapters.collateral.intel import (
    INTEL_PCS_URL,
    INTEL_ROOT_CA_CRL_URL,
    PccsForm,
    PcsForm,
)
from confcom.adapters.collateral.source_names import SourceKind, SourceName
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureOptions:
    """Hosts and API versions of Azure's caches.

    Attributes:
        global_url: the world-wide cache.
        global_api_version: its ``api-version``.
        client_id: its ``clientid``.
        region: region of the regional cache, or None.
        regional_url: the regional cache; ``{region}`` is replaced.
        regional_api_version: its ``api-version``, or None to leave it out.
        agent_url: the host agent.
        agent_api_version: its ``api-version``.
    """

    global_url: str = GLOBAL_URL
    global_api_version: str = GLOBAL_API_VERSION
    client_id: str = CLIENT_ID
    region: str | None = None
    regional_url: str = REGIONAL_URL
    regional_api_version: str | None = None
    agent_url: str = AGENT_URL
    agent_api_version: str = AGENT_API_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """Where services are when a source is named without an address.

    Attributes:
        api_version: 3 or 4, for Intel PCS and PCCS.
        pcs_url: Intel's service.
        pcs_root_ca_crl_url: the root CA CRL that belongs to it.
        pcs_subscription_key: sent to Intel's service for PCK certificates, or None.
        pccs_url: a PCCS.
        azure: Azure's caches.
    """

    api_version: int = 4
    pcs_url: str = INTEL_PCS_URL
    pcs_root_ca_crl_url: str = INTEL_ROOT_CA_CRL_URL
    pcs_subscription_key: str | None = field(default=None, repr=False)
    pccs_url: str = "https://localhost:8081"
    azure: AzureOptions = field(default_factory=AzureOptions)


def form_of(name: SourceName, options: ServiceOptions) -> Form | None:
    """Return the service that a name stands for, or None for files.

    Raises:
        MisconfiguredError: an address is none, or no region is set (``settings_invalid``).
    """
    match name.kind:
        case SourceKind.PCS:
            return _pcs(name.where, options)
        case SourceKind.PCCS:
            return PccsForm(base=_base(name.where or options.pccs_url, options.api_version))
        case SourceKind.AZURE:
            return AzureGlobalForm(
                base=Base.parse(name.where or options.azure.global_url),
                client_id=options.azure.client_id,
                api_version=options.azure.global_api_version,
            )
        case SourceKind.AZURE_REGIONAL:
            return AzureRegionalForm(
                base=Base.parse(name.where or _regional_url(options.azure)),
                api_version=options.azure.regional_api_version,
            )
        case SourceKind.AZURE_AGENT:
            return AzureAgentForm(
                base=Base.parse(name.where or options.azure.agent_url),
                api_version=options.azure.agent_api_version,
            )
        case SourceKind.FILE:
            return None


def _pcs(where: str | None, options: ServiceOptions) -> PcsForm:
    base = _base(where or options.pcs_url, options.api_version)
    return PcsForm(
        base=base,
        # The setting belongs to the setting's service; a mirror named by itself has its own.
        root_ca_crl_url=options.pcs_root_ca_crl_url if where is None else None,
        subscription_key=options.pcs_subscription_key,
    )


def _base(url: str, api_version: int) -> Base:
    """Read an address; a version in its path counts more than the option."""
    return Base.parse(url, version=None if "/certification/" in url else api_version)


def _regional_url(options: AzureOptions) -> str:
    if options.region is None and "{region}" in options.regional_url:
        raise MisconfiguredError(
            Reason.SETTINGS_INVALID,
            "cannot use azure-regional as a source of collateral: no region is set",
            hint="set collateral.azure.region, such as westeurope",
        )
    return options.regional_url.replace("{region}", options.region or "")
