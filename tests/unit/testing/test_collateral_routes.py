# SPDX-License-Identifier: Apache-2.0
"""The stand-in understands what its kind of service understands, and refuses the rest."""

from dataclasses import replace
from urllib.parse import urlsplit

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
from confcom.testing.collateral_routes import CrlForm, RouteError, Style, find_route

BASE = Base.parse("http://127.0.0.1:8081")
FORMS: list[tuple[Style, Form]] = [
    (Style.PCS, PcsForm(base=BASE)),
    (Style.PCS, PcsForm(base=Base.parse("http://127.0.0.1:8081", version=3))),
    (Style.PCCS, PccsForm(base=BASE)),
    (Style.PCCS, PccsForm(base=Base.parse("http://127.0.0.1:8081", version=3))),
    (Style.AZURE_AGENT, AzureAgentForm()),
    (Style.AZURE_REGIONAL, AzureRegionalForm(base=BASE)),
    (Style.AZURE_GLOBAL, AzureGlobalForm(base=BASE)),
]
FMSPC = bytes.fromhex("00a06d080000")
PCK = PckCertificateRequest(bytes(range(16)), bytes(range(16)), 0x1234, b"\x01\x02", bytes(384))
REQUESTS: list[CollateralRequest] = [
    *(
        kind
        for tee in TeeType
        for kind in (
            TcbInfoRequest(tee, FMSPC),
            TcbInfoRequest(tee, FMSPC, Edition.parse("early")),
            TcbInfoRequest(tee, FMSPC, Edition.parse("19")),
            QeIdentityRequest(tee),
            QeIdentityRequest(tee, Edition.parse("early")),
            QeIdentityRequest(tee, Edition.parse("19")),
            EvaluationNumbersRequest(tee),
        )
    ),
    PckCrlRequest(PckCa.PLATFORM),
    PckCrlRequest(PckCa.PROCESSOR),
    RootCaCrlRequest(),
    PCK,
    FmspcsRequest(),
]


@pytest.mark.parametrize(("style", "form"), FORMS)
@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_understands_every_address_that_the_client_knows(
    style: Style, form: Form, request_: CollateralRequest
) -> None:
    address = form.address(request_)
    if address is None:
        return
    parts = urlsplit(address.url)
    route = find_route(style, f"{parts.path}?{parts.query}", address.headers)
    expected = request_
    if isinstance(request_, PckCertificateRequest) and style is Style.PCS:
        expected = replace(request_, qe_id=bytes(16))  # Intel's service is not told
    assert route.request == expected
    assert route.wrapped == (
        isinstance(request_, PckCertificateRequest)
        and style in {Style.AZURE_AGENT, Style.AZURE_GLOBAL}
    )


V4 = "/sgx/certification/v4"


@pytest.mark.parametrize(
    ("style", "target", "form"),
    [
        (Style.PCS, f"{V4}/pckcrl?ca=platform", CrlForm.PEM),
        (Style.PCS, f"{V4}/pckcrl?ca=platform&encoding=der", CrlForm.DER),
        (Style.PCCS, f"{V4}/pckcrl?ca=platform", CrlForm.HEX),
        (Style.PCCS, f"{V4}/rootcacrl", CrlForm.HEX),
        (Style.AZURE_REGIONAL, f"{V4}/rootcacrl", CrlForm.DER),
    ],
)
def test_writes_revocation_lists_as_the_service_does(
    style: Style, target: str, form: CrlForm
) -> None:
    assert find_route(style, target, {}).crl_form is form


@pytest.mark.parametrize(
    ("style", "target", "status"),
    [
        (Style.PCS, "/", 404),
        (Style.PCS, f"{V4}/nothing", 404),
        (Style.PCS, "/sgx/certification/v5/tcb?fmspc=00A06D080000", 404),
        (Style.PCS, f"/prefix{V4}/x", 404),
        (Style.PCS, f"/metadata/THIM{V4}/rootcacrl", 404),
        (Style.PCS, f"{V4}/rootcacrl", 404),
        (Style.PCCS, "/IntelSGXRootCA.der", 404),
        (Style.PCS, "/tdx/certification/v3/qe/identity", 404),
        (Style.PCS, f"{V4}/tcb", 400),
        (Style.PCS, f"{V4}/tcb?fmspc=00A06D08000G", 400),
        (Style.PCS, f"{V4}/tcb?fmspc=00A06D080000&update=late", 400),
        (Style.PCS, f"{V4}/qe/identity?update=early&tcbEvaluationDataNumber=17", 400),
        (Style.PCS, f"{V4}/qe/identity?tcbEvaluationDataNumber=x", 400),
        (Style.PCCS, f"{V4}/qe/identity?tcbEvaluationDataNumber=17", 400),
        (Style.PCS, "/sgx/certification/v3/qe/identity?update=early", 400),
        (Style.PCS, "/sgx/certification/v3/fmspcs", 404),
        (Style.PCCS, f"{V4}/fmspcs", 404),
        (Style.PCCS, f"{V4}/tcbevaluationdatanumbers", 404),
        (Style.PCS, f"{V4}/pckcrl?ca=root", 400),
        (Style.PCS, f"{V4}/pckcert?cpusvn=00&pcesvn=0000&pceid=0000", 400),
        (Style.PCCS, f"{V4}/pckcert?cpusvn=00&pcesvn=0000&pceid=0000", 400),
        (Style.PCCS, f"{V4}/pckcert?qeid={'00' * 16}&cpusvn=00&pcesvn=0000&pceid=0000", 400),
        (Style.PCCS, f"{V4}/pckcert?qeid=xx", 400),
        (Style.AZURE_AGENT, f"/metadata/THIM{V4}/qe/identity", 400),
        (Style.AZURE_GLOBAL, f"{V4}/qe/identity", 400),
        (Style.AZURE_GLOBAL, f"{V4}/qe/identity?api-version=1", 400),
        (Style.AZURE_GLOBAL, "/tdx/certification/v4/qe/identity?api-version=1&clientid=1", 404),
        (Style.AZURE_GLOBAL, f"{V4}/pckcrl?uri=x&api-version=1&clientid=1", 400),
        (Style.AZURE_GLOBAL, f"{V4}/rootcacrl?api-version=1&clientid=1", 404),
    ],
)
def test_refuses_what_the_service_refuses(style: Style, target: str, status: int) -> None:
    with pytest.raises(RouteError) as caught:
        find_route(style, target, {})
    assert caught.value.status == status


def test_agent_wants_its_header() -> None:
    target = f"/metadata/THIM{V4}/qe/identity?api-version=1"
    route = find_route(Style.AZURE_AGENT, target, {"metadata": "true"})
    assert route.request == QeIdentityRequest(TeeType.SGX)
    with pytest.raises(RouteError):
        find_route(Style.AZURE_AGENT, target, {"metadata": "false"})
