# SPDX-License-Identifier: Apache-2.0
"""Fortanix's ``aesm-client``, from the public registry, gets quotes from our daemon.

It looks for the socket at ``/var/run/aesmd/aesm.socket`` and nowhere else, so it runs in a mount
namespace where the daemon's folder is there: what a container does that mounts the folder.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import dcap_qvl
import pytest
from tests.integration.interop import peers
from tests.integration.interop.conftest import Daemon

from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.main import main
from confcom.dcap import Quote, TeeType
from confcom.reasons import ExitCode
from confcom.sgx import Report, TargetInfo
from confcom.simulation import Enclave, Platform

pytestmark = pytest.mark.timeout(60)
REPORT_DATA = bytes(range(64))
NONCE = bytes(range(16))
ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)


@pytest.fixture
def aesmd(program: Path, daemon: Daemon) -> Path:
    """The folder of a running daemon."""
    assert program.exists()  # asked for first: who asks nothing needs no daemon
    return daemon.folder


@pytest.fixture
def program() -> Path:
    """The client."""
    return peers.program("aesm-peer")


def ask(aesmd: Path, *arguments: str) -> dict[str, str]:
    """Return the pairs of the line that the program prints."""
    done = peers.with_aesmd(aesmd, [peers.program("aesm-peer"), *arguments])
    assert (done.returncode, done.stderr) == (0, "")
    return dict(pair.split("=", 1) for pair in done.stdout.split())


def platform() -> Platform:
    store = SimulationStore(Path("demo"))
    return store.platform("simulated", store.authority())


def make_report(target: bytes) -> None:
    """Leave in ``report.bin`` what the enclave says to a target."""
    Path("report.bin").write_bytes(
        ENCLAVE.ereport(TargetInfo.from_bytes(target), REPORT_DATA).to_bytes()
    )


def test_it_gets_a_quote_that_verifies(aesmd: Path) -> None:
    found = ask(aesmd, "target", "target.bin")
    assert (found["keys"], found["target_info"]) == ("1", "512")
    make_report(Path("target.bin").read_bytes())
    Path("nonce.bin").write_bytes(NONCE)
    read = ask(aesmd, "quote", "report.bin", "nonce.bin", "quote.bin", "qe_report.bin")
    quote = Path("quote.bin").read_bytes()
    assert read == {
        "bytes": str(len(quote)),
        "key_type": "EcdsaP256",
        "pce_svn": str(Quote.from_bytes(quote).header.pce_svn),
        "mr_enclave": ENCLAVE.mr_enclave.hex(),
        "mr_signer": ENCLAVE.mr_signer.hex(),
        "report_data": REPORT_DATA.hex(),
        "certificates": "3",
        "public_key_id": found["public_key_id"],
    }

    # Only the enclave that asked can check this one: it is how it knows who made the quote.
    qe = ENCLAVE.check(Report.from_bytes(Path("qe_report.bin").read_bytes()))
    assert qe.mr_enclave == platform().qe_target_info.mr_enclave
    assert qe.report_data == hashlib.sha256(NONCE + quote).digest() + bytes(32)

    collateral, root = "demo/public/simulated-sgx.json", "demo/public/root.pem"
    verify = ["evidence", "verify", "quote.bin", "--collateral", collateral]
    expected = ["--report-data", REPORT_DATA.hex(), "--root", root, "--allow-simulated"]
    assert main([*verify, *expected]) == ExitCode.YES
    assert main(verify) == ExitCode.NO  # under Intel's root


def test_another_verifier_accepts_the_quote(aesmd: Path) -> None:
    ask(aesmd, "target", "target.bin")
    make_report(Path("target.bin").read_bytes())
    Path("nonce.bin").write_bytes(NONCE)
    ask(aesmd, "quote", "report.bin", "nonce.bin", "quote.bin", "qe_report.bin")
    store = SimulationStore(Path("demo"))
    authority, collateral = store.authority(), store.collateral("simulated", TeeType.SGX)
    at = datetime.now(UTC)
    verified = dcap_qvl.verify_with_root_ca(
        Path("quote.bin").read_bytes(),
        dcap_qvl.QuoteCollateralV3.from_json(collateral.to_json().decode()),
        authority.root.der,
        int(at.timestamp()),
    )
    assert verified.status == "UpToDate"


def test_it_is_told_that_a_report_is_for_somebody_else(aesmd: Path) -> None:
    make_report(ENCLAVE.target_info.to_bytes())
    Path("nonce.bin").write_bytes(NONCE)
    command = ["quote", "report.bin", "nonce.bin", "quote.bin", "qe_report.bin"]
    done = peers.with_aesmd(aesmd, [peers.program("aesm-peer"), *command])
    assert done.returncode == 1
    assert "InvalidReport_47" in done.stderr
    assert not Path("quote.bin").exists()


def test_it_is_told_that_epid_is_gone(aesmd: Path) -> None:
    make_report(platform().qe_target_info.to_bytes())
    said = ask(aesmd, "legacy", "report.bin")
    assert said == {
        "init_quote": "ServiceUnavailable_30",
        "get_quote": "ServiceUnavailable_30",
    }


def test_it_says_that_nobody_listens(folder: Path) -> None:
    nobody = folder / "nobody"
    nobody.mkdir()
    done = peers.with_aesmd(nobody, [peers.program("aesm-peer"), "target", "target.bin"])
    assert done.returncode == 1
    assert "error communicating" in done.stderr
