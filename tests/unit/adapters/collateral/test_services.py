# SPDX-License-Identifier: Apache-2.0
"""From the name of a source to the service that is asked."""

from dataclasses import replace

import pytest

from confcom.adapters.collateral.azure import AzureAgentForm, AzureGlobalForm, AzureRegionalForm
from confcom.adapters.collateral.intel import PccsForm, PcsForm
from confcom.adapters.collateral.requests import RootCaCrlRequest
from confcom.adapters.collateral.services import (
    AzureOptions,
    ServiceOptions,
    form_of,
)
from confcom.adapters.collateral.source_names import SourceKind, SourceName
from confcom.errors import MisconfiguredError

OPTIONS = ServiceOptions()


@pytest.mark.parametrize(
    ("text", "kind", "where"),
    [
        ("pcs", SourceKind.PCS, None),
        ("pcs:https://mirror.example", SourceKind.PCS, "https://mirror.example"),
        ("pccs", SourceKind.PCCS, None),
        ("azure", SourceKind.AZURE, None),
        ("azure-regional", SourceKind.AZURE_REGIONAL, None),
        ("azure-agent:http://10.0.0.1/THIM", SourceKind.AZURE_AGENT, "http://10.0.0.1/THIM"),
        ("file:a:b", SourceKind.FILE, "a:b"),
        ("bundle.json", SourceKind.FILE, "bundle.json"),
        ("./pcs", SourceKind.FILE, "./pcs"),
        ("C:odd", SourceKind.FILE, "C:odd"),
        ("https://pccs.example:8081", SourceKind.PCCS, "https://pccs.example:8081"),
        (
            "https://api.trustedservices.intel.com",
            SourceKind.PCS,
            "https://api.trustedservices.intel.com",
        ),
        (
            "https://global.acccache.azure.net",
            SourceKind.AZURE,
            "https://global.acccache.azure.net",
        ),
        (
            "https://westus.thim.azure.net/",
            SourceKind.AZURE_REGIONAL,
            "https://westus.thim.azure.net/",
        ),
        (
            "http://169.254.169.254/metadata/THIM",
            SourceKind.AZURE_AGENT,
            "http://169.254.169.254/metadata/THIM",
        ),
    ],
)
def test_reads_the_name_of_a_source(text: str, kind: SourceKind, where: str | None) -> None:
    name = SourceName.parse(text)
    assert (name.kind, name.where) == (kind, where)
    assert name.is_local == (kind is SourceKind.FILE)


@pytest.mark.parametrize("text", ["", "file:", "pcs:", "pccs:ftp://x", "https://", "azure:host"])
def test_refuses_a_name_that_leads_nowhere(text: str) -> None:
    with pytest.raises(MisconfiguredError, match="as a source of collateral"):
        SourceName.parse(text)


def host(text: str, options: ServiceOptions = OPTIONS) -> tuple[type, str]:
    form = form_of(SourceName.parse(text), options)
    assert form is not None
    return type(form), form.name


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("pcs", PcsForm, "api.trustedservices.intel.com"),
        ("pcs:https://mirror.example", PcsForm, "mirror.example"),
        ("pccs", PccsForm, "localhost:8081"),
        ("https://pccs.example", PccsForm, "pccs.example"),
        ("azure", AzureGlobalForm, "global.acccache.azure.net"),
        ("azure:https://cache.example", AzureGlobalForm, "cache.example"),
        ("azure-regional:https://us.example", AzureRegionalForm, "us.example"),
        ("azure-agent", AzureAgentForm, "169.254.169.254"),
    ],
)
def test_finds_the_service_of_a_name(text: str, kind: type, name: str) -> None:
    assert host(text) == (kind, name)


def test_files_are_no_service() -> None:
    assert form_of(SourceName.parse("bundle.json"), OPTIONS) is None


def test_regional_cache_needs_a_region() -> None:
    with pytest.raises(MisconfiguredError, match="no region is set"):
        host("azure-regional")
    west = replace(OPTIONS, azure=AzureOptions(region="westeurope"))
    assert host("azure-regional", west)[1] == "westeurope.thim.azure.net"
    fixed = replace(OPTIONS, azure=AzureOptions(regional_url="https://thim.azure.example"))
    assert host("azure-regional", fixed)[1] == "thim.azure.example"


def root_url(text: str, options: ServiceOptions = OPTIONS) -> str:
    form = form_of(SourceName.parse(text), options)
    assert form is not None
    address = form.address(RootCaCrlRequest())
    assert address is not None
    return address.url


def test_a_mirror_has_its_own_root_ca_crl() -> None:
    intel = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
    assert root_url("pcs") == intel
    assert root_url("pcs:https://api.trustedservices.intel.com") == intel
    assert root_url("pcs:https://mirror.example/x") == "https://mirror.example/IntelSGXRootCA.der"
    options = ServiceOptions(
        pcs_url="https://mirror.example", pcs_root_ca_crl_url="https://crl.example/r"
    )
    assert root_url("pcs", options) == "https://crl.example/r"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("pccs", "https://localhost:8081/sgx/certification/v3/rootcacrl"),
        ("pccs:https://h", "https://h/sgx/certification/v3/rootcacrl"),
        ("pccs:https://h/sgx/certification/v4", "https://h/sgx/certification/v4/rootcacrl"),
    ],
)
def test_version_in_an_address_counts_more_than_the_option(text: str, url: str) -> None:
    assert root_url(text, ServiceOptions(api_version=3)) == url
