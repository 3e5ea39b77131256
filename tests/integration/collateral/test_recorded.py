# SPDX-License-Identifier: Apache-2.0
"""Recorded documents of Intel, served as Intel serves them, verify recorded quotes."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.collateral.conftest import Bench, Clock, World

from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.directory import DirectorySource
from confcom.adapters.collateral.document import Document
from confcom.adapters.collateral.requests import (
    CollateralRequest,
    EvaluationNumbersRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
)
from confcom.adapters.collateral.services import ServiceOptions
from confcom.cli.main import main
from confcom.dcap import Collateral, PckCa, Quote, TeeType, intel_root, verify
from confcom.errors import NotAuthenticError
from confcom.reasons import ExitCode, Reason
from confcom.testing.collateral_documents import documents_from_bundles
from confcom.testing.collateral_server import CollateralServer, Style

CHECKER = Checker(root=intel_root())
NOW = datetime(2025, 8, 20, tzinfo=UTC)
FILES = {
    "sgx_v4_tcb_00606a000000.json": "tcb-info-sgx-00606a000000.json",
    "sgx_v4_qe_identity.json": "qe-identity-sgx.json",
    "sgx_v4_tcbevaluationdatanumbers.json": "evaluation-numbers-sgx.json",
    "sgx_v4_pckcrl_platform.der": "pck-crl-platform.crl",
    "tdx_v4_tcb_00a06d080000.json": "tcb-info-tdx-00a06d080000.json",
    "issuer_chain_header_value.txt": "tcb-signing.chain.pem",
}
SGX_TCB = TcbInfoRequest(TeeType.SGX, bytes.fromhex("00606a000000"))
TDX_TCB = TcbInfoRequest(TeeType.TDX, bytes.fromhex("00a06d080000"))


def real_cases(vectors: Path) -> Iterator[tuple[dict[str, Any], Quote, Collateral, datetime]]:
    for case in json.loads((vectors / "cases.json").read_bytes()):
        if case["origin"] == "real" and case["expect"]["verdict"] == "accept":
            quote = Quote.from_bytes((vectors / case["quote"]).read_bytes())
            bundle = Collateral.from_json((vectors / case["collateral"]).read_bytes())
            yield case, quote, bundle, datetime.fromtimestamp(case["now"], UTC)


def fetch(bench: Bench, quote: Quote) -> Collateral:
    return bench.run(lambda provider: provider.collateral_for(quote))


@pytest.mark.parametrize("style", [Style.PCS, Style.PCCS])
def test_version_3_of_the_interface_serves_tcb_info_2(
    dcap_vectors: Path, world: World, style: Style
) -> None:
    for case, quote, bundle, at in real_cases(dcap_vectors):
        if not case["id"].endswith("tcbinfo-v2"):
            continue
        with CollateralServer(documents_from_bundles([bundle]), style=style) as server:
            services = ServiceOptions(api_version=3)
            bench = Bench(world, [server], clock=Clock(at), checker=CHECKER, services=services)
            fetched = fetch(bench, quote)
            assert server.count("/v3/") == server.count("certification")
        assert b'"version":2' in fetched.tcb_info
        assert verify(quote, fetched, at=at, root=intel_root()).tcb_info.version == 2


@pytest.mark.timeout(30)
@pytest.mark.parametrize("style", [Style.PCS, Style.PCCS])
def test_every_recorded_quote_is_verified_with_what_is_fetched(
    dcap_vectors: Path, world: World, style: Style
) -> None:
    verified = 0
    for case, quote, bundle, at in real_cases(dcap_vectors):
        with CollateralServer(documents_from_bundles([bundle]), style=style) as server:
            bench = Bench(world, [server], clock=Clock(at), checker=CHECKER)
            fetched = fetch(bench, quote)
        fetched = replace(fetched, pck_certificate_chain=bundle.pck_certificate_chain)
        result = verify(quote, fetched, at=at, root=intel_root())
        assert result.tcb.status == case["expect"]["tcb_status"], case["id"]
        assert list(result.tcb.advisory_ids) == case["expect"]["advisory_ids"], case["id"]
        verified += 1
    assert verified


@pytest.fixture
def raw(dcap_vectors: Path, tmp_path: Path) -> Path:
    """The recorded bodies under the names of a directory of raw answers, and two lists' chain."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for recorded, name in FILES.items():
        shutil.copyfile(dcap_vectors / "pcs" / recorded, folder / name)
    bundle = next(
        bundle
        for case, _, bundle, _ in real_cases(dcap_vectors)
        if case["id"].startswith("real-sgx-606a")
    )
    (folder / "root-ca-crl.crl").write_bytes(bundle.root_ca_crl)
    (folder / "pck-crl-platform.chain.pem").write_bytes(bundle.pck_crl_issuer_chain)
    return folder


def check(raw: Path, request: CollateralRequest, at: datetime = NOW) -> Document:
    source = DirectorySource(raw)
    root_ca_crl = source.read(RootCaCrlRequest())
    return CHECKER.check(request, source.read(request), root_ca_crl=root_ca_crl, now=at.timestamp())


def test_recorded_answers_are_authentic(raw: Path) -> None:
    assert check(raw, SGX_TCB).evaluation_number == 17
    assert check(raw, QeIdentityRequest(TeeType.SGX)).evaluation_number == 17
    numbers = check(raw, EvaluationNumbersRequest(TeeType.SGX)).listed_numbers
    assert {17, 19, 20} <= set(numbers)
    assert list(numbers) == sorted(numbers)
    assert check(raw, PckCrlRequest(PckCa.PLATFORM)).next_update > NOW.timestamp()
    november = datetime(2025, 11, 1, tzinfo=UTC)
    assert check(raw, TDX_TCB, november).evaluation_number == 17


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (datetime(2025, 8, 15, tzinfo=UTC), Reason.NOT_YET_VALID),
        (datetime(2025, 9, 15, tzinfo=UTC), Reason.COLLATERAL_EXPIRED),
    ],
)
def test_recorded_answers_are_valid_at_their_time_only(
    raw: Path, at: datetime, reason: Reason
) -> None:
    with pytest.raises(NotAuthenticError) as caught:
        check(raw, SGX_TCB, at)
    assert caught.value.reason is reason


def test_the_command_checks_recorded_answers(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (raw / FILES["tdx_v4_tcb_00a06d080000.json"]).unlink()
    assert main(["collateral", "check", str(raw), "--at", NOW.isoformat()]) == ExitCode.YES
    assert "17, 18, 19, 20" in capsys.readouterr().out


def test_the_command_checks_recorded_bundles(
    dcap_vectors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for case, _, _, at in real_cases(dcap_vectors):
        path = str(dcap_vectors / case["collateral"])
        assert main(["collateral", "check", path, "--at", at.isoformat()]) == ExitCode.YES
        capsys.readouterr()
