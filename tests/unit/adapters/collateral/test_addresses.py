# SPDX-License-Identifier: Apache-2.0
"""The address of every document at every kind of service."""

import pytest

from confcom.adapters.collateral.addresses import Base, Form
from confcom.adapters.collateral.azure import AzureAgentForm, AzureGlobalForm, AzureRegionalForm
from confcom.adapters.collateral.intel import PccsForm, PcsForm
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
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

FMSPC = bytes.fromhex("00606a000000")
SGX_TCB = TcbInfoRequest(TeeType.SGX, FMSPC)
TDX_TCB = TcbInfoRequest(TeeType.TDX, FMSPC)
EARLY = Edition.parse("early")
NUMBER = Edition.parse("19")
PCK = PckCertificateRequest(bytes(range(16)), bytes(16), 13, b"\x00\x00", bytes(384))
PCK_WITHOUT_PPID = PckCertificateRequest(bytes(range(16)), bytes(16), 13, b"\x00\x00")

INTEL = PcsForm()
INTEL_V3 = PcsForm(base=Base.parse("https://api.trustedservices.intel.com", version=3))
MIRROR = PcsForm(base=Base.parse("http://mirror.example:8080/intel"))
PCCS = PccsForm(base=Base.parse("https://pccs.example:8081"))
PCCS_V3 = PccsForm(base=Base.parse("https://pccs.example:8081/sgx/certification/v3"))
AGENT = AzureAgentForm()
GLOBAL = AzureGlobalForm()
REGIONAL = AzureRegionalForm.of_region("westeurope")

INTEL_API = "https://api.trustedservices.intel.com"
GLOBAL_API = "https://global.acccache.azure.net/sgx/certification/v4"
GLOBAL_END = "clientid=production_client&api-version=2018-10-01-preview"
AGENT_API = "http://169.254.169.254/metadata/THIM"
PCK_QUERY = f"cpusvn={'00' * 16}&pcesvn=0D00&pceid=0000"
PPID_QUERY = f"encrypted_ppid={'00' * 384}"
QE_ID = bytes(range(16)).hex().upper()


@pytest.mark.parametrize(
    ("form", "request_", "url"),
    [
        (INTEL, SGX_TCB, f"{INTEL_API}/sgx/certification/v4/tcb?fmspc=00606A000000"),
        (INTEL, TDX_TCB, f"{INTEL_API}/tdx/certification/v4/tcb?fmspc=00606A000000"),
        (
            INTEL,
            TcbInfoRequest(TeeType.SGX, FMSPC, EARLY),
            f"{INTEL_API}/sgx/certification/v4/tcb?fmspc=00606A000000&update=early",
        ),
        (
            INTEL,
            TcbInfoRequest(TeeType.TDX, FMSPC, NUMBER),
            f"{INTEL_API}/tdx/certification/v4/tcb?fmspc=00606A000000&tcbEvaluationDataNumber=19",
        ),
        (INTEL, QeIdentityRequest(TeeType.SGX), f"{INTEL_API}/sgx/certification/v4/qe/identity"),
        (
            INTEL,
            QeIdentityRequest(TeeType.TDX, NUMBER),
            f"{INTEL_API}/tdx/certification/v4/qe/identity?tcbEvaluationDataNumber=19",
        ),
        (
            INTEL,
            PckCrlRequest(PckCa.PLATFORM),
            f"{INTEL_API}/sgx/certification/v4/pckcrl?ca=platform&encoding=der",
        ),
        (
            INTEL,
            RootCaCrlRequest(),
            "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
        ),
        (
            INTEL,
            EvaluationNumbersRequest(TeeType.TDX),
            f"{INTEL_API}/tdx/certification/v4/tcbevaluationdatanumbers",
        ),
        (INTEL, FmspcsRequest(), f"{INTEL_API}/sgx/certification/v4/fmspcs?platform=all"),
        (INTEL, PCK, f"{INTEL_API}/sgx/certification/v4/pckcert?{PCK_QUERY}&{PPID_QUERY}"),
        (INTEL, PCK_WITHOUT_PPID, None),
        (INTEL_V3, SGX_TCB, f"{INTEL_API}/sgx/certification/v3/tcb?fmspc=00606A000000"),
        (INTEL_V3, TDX_TCB, None),
        (INTEL_V3, TcbInfoRequest(TeeType.SGX, FMSPC, EARLY), None),
        (INTEL_V3, QeIdentityRequest(TeeType.SGX, NUMBER), None),
        (INTEL_V3, QeIdentityRequest(TeeType.TDX), None),
        (INTEL_V3, EvaluationNumbersRequest(TeeType.SGX), None),
        (INTEL_V3, FmspcsRequest(), None),
        (MIRROR, RootCaCrlRequest(), "http://mirror.example:8080/IntelSGXRootCA.der"),
        (
            MIRROR,
            QeIdentityRequest(TeeType.TDX),
            "http://mirror.example:8080/intel/tdx/certification/v4/qe/identity",
        ),
        (
            PccsForm(base=Base.parse("https://sgx")),
            TDX_TCB,
            "https://sgx/tdx/certification/v4/tcb?fmspc=00606A000000",
        ),
        (PCCS, RootCaCrlRequest(), "https://pccs.example:8081/sgx/certification/v4/rootcacrl"),
        (
            PCCS,
            TDX_TCB,
            "https://pccs.example:8081/tdx/certification/v4/tcb?fmspc=00606A000000",
        ),
        (PCCS, TcbInfoRequest(TeeType.SGX, FMSPC, NUMBER), None),
        (PCCS, QeIdentityRequest(TeeType.SGX, NUMBER), None),
        (
            PCCS,
            QeIdentityRequest(TeeType.SGX, EARLY),
            "https://pccs.example:8081/sgx/certification/v4/qe/identity?update=early",
        ),
        (PCCS, EvaluationNumbersRequest(TeeType.SGX), None),
        (PCCS, FmspcsRequest(), None),
        (
            PCCS,
            PCK_WITHOUT_PPID,
            f"https://pccs.example:8081/sgx/certification/v4/pckcert?{PCK_QUERY}&qeid={QE_ID}",
        ),
        (PCCS_V3, TDX_TCB, None),
        (PCCS_V3, RootCaCrlRequest(), "https://pccs.example:8081/sgx/certification/v3/rootcacrl"),
        (
            AGENT,
            PCK_WITHOUT_PPID,
            f"{AGENT_API}/sgx/certification/v4/pckcert?{PCK_QUERY}&qeid={QE_ID}"
            "&api-version=2021-07-22-preview",
        ),
        (
            AGENT,
            TDX_TCB,
            f"{AGENT_API}/tdx/certification/v4/tcb?fmspc=00606A000000"
            "&api-version=2021-07-22-preview",
        ),
        (
            AGENT,
            RootCaCrlRequest(),
            f"{AGENT_API}/sgx/certification/v4/rootcacrl?api-version=2021-07-22-preview",
        ),
        (AGENT, FmspcsRequest(), None),
        (AGENT, TcbInfoRequest(TeeType.SGX, FMSPC, NUMBER), None),
        (GLOBAL, SGX_TCB, f"{GLOBAL_API}/tcb?fmspc=00606A000000&{GLOBAL_END}"),
        (GLOBAL, QeIdentityRequest(TeeType.SGX), f"{GLOBAL_API}/qe/identity?{GLOBAL_END}"),
        (GLOBAL, TDX_TCB, None),
        (GLOBAL, QeIdentityRequest(TeeType.TDX), None),
        (GLOBAL, TcbInfoRequest(TeeType.SGX, FMSPC, EARLY), None),
        (
            GLOBAL,
            PckCrlRequest(PckCa.PROCESSOR),
            f"{GLOBAL_API}/pckcrl?uri=https%3A%2F%2Fapi.trustedservices.intel.com%2Fsgx"
            f"%2Fcertification%2Fv4%2Fpckcrl%3Fca%3Dprocessor%26encoding%3Dder&{GLOBAL_END}",
        ),
        (
            GLOBAL,
            RootCaCrlRequest(),
            f"{GLOBAL_API}/pckcrl?uri=https%3A%2F%2Fcertificates.trustedservices.intel.com"
            f"%2FIntelSGXRootCA.der&{GLOBAL_END}",
        ),
        (
            GLOBAL,
            PCK,
            f"{GLOBAL_API}/pckcert?{PCK_QUERY}&{PPID_QUERY}&qeid={QE_ID}&{GLOBAL_END}",
        ),
        (GLOBAL, EvaluationNumbersRequest(TeeType.SGX), None),
        (
            REGIONAL,
            TDX_TCB,
            "https://westeurope.thim.azure.net/tdx/certification/v4/tcb?fmspc=00606A000000",
        ),
        (
            REGIONAL,
            PckCrlRequest(PckCa.PLATFORM),
            "https://westeurope.thim.azure.net/sgx/certification/v4/pckcrl"
            "?ca=platform&encoding=der",
        ),
        (
            REGIONAL,
            RootCaCrlRequest(),
            "https://westeurope.thim.azure.net/sgx/certification/v4/rootcacrl",
        ),
        (
            REGIONAL,
            PCK_WITHOUT_PPID,
            "https://westeurope.thim.azure.net/sgx/certification/v4/pckcert"
            f"?{PCK_QUERY}&qeid={QE_ID}",
        ),
        (REGIONAL, QeIdentityRequest(TeeType.SGX, NUMBER), None),
        (REGIONAL, FmspcsRequest(), None),
    ],
)
def test_address_of_each_document(form: Form, request_: CollateralRequest, url: str | None) -> None:
    address = form.address(request_)
    found = None if address is None else address.url
    if found is not None and url is not None:
        assert sorted(found.partition("?")[2].split("&")) == sorted(
            url.partition("?")[2].split("&")
        )
        found, url = found.partition("?")[0], url.partition("?")[0]
    assert found == url


def test_agent_gets_the_header_that_proves_the_request_is_meant() -> None:
    address = AGENT.address(PCK)
    assert address is not None
    assert address.headers == {"metadata": "true"}


def test_subscription_key_goes_with_requests_for_certificates_only() -> None:
    form = PcsForm(subscription_key="example-key")
    with_key, without = form.address(PCK), form.address(SGX_TCB)
    assert with_key is not None
    assert without is not None
    assert with_key.headers == {"Ocp-Apim-Subscription-Key": "example-key"}
    assert without.headers == {}
    assert "example-key" not in repr(form) + repr(with_key)


def test_national_clouds_are_values() -> None:
    form = AzureGlobalForm(
        base=Base.parse("https://cache.azure.example"),
        client_id="us",
        api_version="2030-01-01",
        pck_crl_uri="https://crl.example/{ca}",
        root_ca_crl_uri="https://crl.example/root",
    )
    crl, root = form.address(PckCrlRequest(PckCa.PLATFORM)), form.address(RootCaCrlRequest())
    assert crl is not None
    assert root is not None
    end = "&clientid=us&api-version=2030-01-01"
    base = "https://cache.azure.example/sgx/certification/v4/pckcrl?uri=https%3A%2F%2Fcrl.example"
    assert crl.url == f"{base}%2Fplatform{end}"
    assert root.url == f"{base}%2Froot{end}"


@pytest.mark.parametrize(
    ("text", "url", "version"),
    [
        ("https://h", "https://h/sgx/certification/v4", 4),
        ("https://h/", "https://h/sgx/certification/v4", 4),
        ("https://h:8081/a/b/", "https://h:8081/a/b/sgx/certification/v4", 4),
        ("http://h/sgx/certification/v3/", "http://h/sgx/certification/v3", 3),
        ("http://[::1]:80/sgx/certification/v4", "http://[::1]:80/sgx/certification/v4", 4),
    ],
)
def test_completes_the_base_address(text: str, url: str, version: int) -> None:
    base = Base.parse(text)
    assert (base.url, base.version) == (url, version)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h",
        "ftp://h",
        "https://",
        "https://:80",
        "https://h:x",
        "https://h:99999",
        "https://[::1",
        "https://h?x=1",
        "https://h#x",
        "https://user:hunter2@h",
    ],
)
def test_refuses_what_is_no_base_address(text: str) -> None:
    with pytest.raises(MisconfiguredError) as caught:
        Base.parse(text)
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert "hunter2" not in caught.value.message


def test_refuses_versions_that_do_not_exist() -> None:
    with pytest.raises(MisconfiguredError, match="version 5"):
        Base.parse("https://h", version=5)
