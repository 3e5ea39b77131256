# SPDX-License-Identifier: Apache-2.0
"""TDX guests on public packages get quotes from our daemon, framed and raw.

Intel's ``pytdxattest`` for Python frames its requests, Google's ``go-tdx-guest`` for Go sends the
bare TDREPORT. What is ours are the parts that a TD has around them: the device, and the VMM that
passes the shared buffer on.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dcap_qvl
import pytest
from tests.integration.interop import peers
from tests.integration.interop.conftest import Daemon
from tests.requirements import missing

from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.main import main
from confcom.dcap import TeeType
from confcom.reasons import ExitCode
from confcom.simulation import TrustDomain

pytestmark = pytest.mark.timeout(60)
TD = TrustDomain(mr_td=b"\x7d" * 48)
REPORT_DATA = bytes(range(64))
Served = Callable[[], list[tuple[str, str, int | None]]]
Guest = Callable[[], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def served(daemon: Daemon) -> Served:
    """Tell event, call and code of what the daemon was asked; ``td.bin`` is a TDREPORT for it."""
    store = SimulationStore(Path("demo"))
    platform = store.platform("simulated", store.authority())
    Path("td.bin").write_bytes(platform.td_report(TD, REPORT_DATA).to_bytes())
    return lambda: [
        (event["event"], event["call"], event["code"]) for event in daemon.events("td_")
    ]


@pytest.fixture
def framed(folder: Path) -> Guest:
    """Run a TD that frames its request."""
    packages = peers.program("python")
    compiler = shutil.which("cc") or missing("no C compiler for the device of a TD")
    device = folder / "device.so"
    flags = ["-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    source = peers.SOURCES / "td_guest" / "device.c"
    subprocess.run([compiler, *flags, "-o", device, source], check=True, timeout=30)

    def run() -> "subprocess.CompletedProcess[str]":
        program = peers.SOURCES / "td_guest" / "quote.py"
        return peers.with_tdx_guest(
            [sys.executable, program, REPORT_DATA.hex(), "quote.bin"],
            {
                "PYTHONPATH": os.fspath(packages),
                "LD_PRELOAD": os.fspath(device),
                "TD_REPORT": "td.bin",
                "QGS_SOCKET": "qgs.socket",
            },
        )

    return run


@pytest.fixture
def raw(folder: Path) -> Guest:
    """Run a TD that sends the bare TDREPORT."""
    program = peers.program("tdx-peer")
    return lambda: subprocess.run(
        [program, "qgs.socket", "td.bin", "quote.bin"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


@pytest.fixture(params=["framed", "raw"])
def guest(request: pytest.FixtureRequest) -> Guest:
    """Either."""
    run: Guest = request.getfixturevalue(request.param)
    return run


def test_it_gets_a_quote_that_verifies(guest: Guest, served: Served) -> None:
    done = guest()
    assert (done.returncode, done.stderr) == (0, "")
    assert [(event, code) for event, _, code in served()] == [("td_quote.made", 0)]
    verify = ["evidence", "verify", "quote.bin", "--collateral", "demo/public/simulated-tdx.json"]
    expected = ["--report-data", REPORT_DATA.hex(), "--root", "demo/public/root.pem"]
    assert main([*verify, *expected, "--allow-simulated"]) == ExitCode.YES
    assert main(verify) == ExitCode.NO  # under Intel's root

    store = SimulationStore(Path("demo"))
    authority, collateral = store.authority(), store.collateral("simulated", TeeType.TDX)
    verified = dcap_qvl.verify_with_root_ca(
        Path("quote.bin").read_bytes(),
        dcap_qvl.QuoteCollateralV3.from_json(collateral.to_json().decode()),
        authority.root.der,
        int(time.time()),
    )
    assert verified.status == "UpToDate"


def test_each_speaks_its_own_mode(framed: Guest, raw: Guest, served: Served) -> None:
    framed()
    raw()
    assert [call for _, call, _ in served()] == ["get_quote", "raw_quote"]


def test_another_parser_reads_the_same(raw: Guest, served: Served) -> None:
    read = dict(pair.split("=", 1) for pair in raw().stdout.split())
    size = Path("quote.bin").stat().st_size
    assert read == {
        "bytes": str(size),
        "version": "4",
        "tee_type": "0x81",
        "mr_td": TD.mr_td.hex(),
        "report_data": REPORT_DATA.hex(),
    }
    assert len(served()) == 1


def test_it_gets_nothing_for_a_report_of_another_platform(guest: Guest, served: Served) -> None:
    forged = bytearray(Path("td.bin").read_bytes())
    forged[0x200] ^= 1  # in what the MAC protects: attributes of the TD
    Path("td.bin").write_bytes(forged)
    assert guest().returncode == 1
    assert [event for event, *_ in served()] == ["td_quote.refused"]
    assert not Path("quote.bin").exists()


def test_it_gets_nothing_where_nobody_listens(guest: Guest) -> None:
    Path("td.bin").write_bytes(bytes(128) + REPORT_DATA + bytes(832))
    assert guest().returncode == 1
    assert not Path("quote.bin").exists()
