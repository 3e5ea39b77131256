# SPDX-License-Identifier: Apache-2.0
"""TDs that ask the quote helper as a process: rules, limits, counts and proof are theirs too."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.quote_helper.daemon import ask_http, ended, quote, running

from confcom.adapters.qgs import QgsClient
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.main import main
from confcom.dcap import Quote, TdAttributes
from confcom.errors import UnavailableError
from confcom.reasons import ExitCode
from confcom.simulation import TrustDomain

pytestmark = pytest.mark.timeout(60)
TD = TrustDomain(mr_td=b"\x7d" * 48)
DEBUG_TD = TrustDomain(mr_td=b"\x7d" * 48, td_attributes=TdAttributes.DEBUG)
QGS = ("--qgs-socket", "qgs.socket")


def td_quote(td: TrustDomain = TD, path: str = "qgs.socket") -> bytes:
    store = SimulationStore(Path("demo"))
    platform = store.platform("simulated", store.authority())
    return QgsClient(Path(path)).get_quote(platform.td_report(td, b"\x07" * 64))


def status() -> dict[str, Any]:
    """Return what the status document says of TDs."""
    tds: dict[str, Any] = json.loads(ask_http("status.sock", "/status"))["tds"]
    return tds


def wait_until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("rules", "td", "why"),
    [
        (["deny tee=tdx"], TD, "rule 'deny tee=tdx': the rule denies it"),
        (["deny debug=yes"], DEBUG_TD, "rule 'deny debug=yes': the rule denies it"),
        (["allow tee=sgx"], TD, "no rule: no rule allows it"),
        ([f"allow mr_signer={'51' * 32}"], TD, "no rule: no rule allows it"),
    ],
)
def test_what_rules_refuse_to_tds_they_do_not_refuse_to_enclaves(
    folder: Path, rules: list[str], td: TrustDomain, why: str
) -> None:
    options = [part for rule in rules for part in ("--rule", rule)]
    with running(folder, *QGS, *options) as process:
        with pytest.raises(UnavailableError, match="0x12001"):
            td_quote(td)
        quote()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    (refused,) = (event for event in events if event["event"] == "td_quote.refused")
    assert refused["why"] == why
    assert (refused["uid"], refused["pid"]) == (os.geteuid(), os.getpid())


def test_what_rules_allow_to_tds_they_do_not_allow_to_enclaves(folder: Path) -> None:
    rule = f"allow tee=tdx debug=no uid={os.geteuid()}"
    with running(folder, *QGS, "--rule", rule):
        assert Quote.from_bytes(td_quote()).is_tdx
        with pytest.raises(UnavailableError, match="0x12001"):
            td_quote(DEBUG_TD)
        with pytest.raises(AssertionError, match="refused with 1"):
            quote()


def test_who_asks_too_often_is_refused_and_keeps_no_enclave_waiting(folder: Path) -> None:
    limits = ("--peer-rate", "0.01:2", "--status", "status.sock")
    with running(folder, *QGS, *limits) as process:
        for _ in range(2):
            td_quote()
        with pytest.raises(UnavailableError, match="0x12001"):
            td_quote()
        quote()
        tds = status()
        metrics = ask_http("status.sock", "/metrics").decode()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    assert [peer["codes"] for peer in tds["peers"]] == [{"0": 2, "0x12001": 1}]
    assert 'confcom_quote_helper_td_requests_total{call="get_quote",code="0x12001"} 1\n' in metrics
    (refused,) = (event for event in events if event["event"] == "td_quote.refused")
    assert refused["why"] == "the peer asks more often than its quota allows"


def test_status_says_what_our_quotes_of_tds_are_worth(folder: Path) -> None:
    with running(folder, *QGS, "--status", "status.sock"):
        assert status()["verification"]["verdict"] == "unknown"
        td_quote()
        wait_until(lambda: status()["verification"]["verdict"] == "authentic")
        tds = status()
        metrics = ask_http("status.sock", "/metrics").decode()
        document = json.loads(ask_http("status.sock", "/status"))
    assert tds["places"] == [str(folder / "qgs.socket")]
    assert tds["simulated"] is True
    assert document["verification"]["verdict"] == "unknown"  # of quotes of enclaves: none yet
    assert 'td_platform_tcb_status_info{status="UpToDate"} 1\n' in metrics
    assert "confcom_quote_helper_td_quote_duration_seconds_count 1\n" in metrics
    assert "confcom_quote_helper_ready 1\n" in metrics


def test_a_daemon_without_tds_says_nothing_of_them(folder: Path) -> None:
    with running(folder, "--status", "status.sock"):
        assert json.loads(ask_http("status.sock", "/status"))["tds"] is None
        assert b"_td_" not in ask_http("status.sock", "/metrics")


def test_a_service_behind_is_held_to_rules_and_its_quotes_are_verified(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFCOM_COLLATERAL__OFFLINE", "true")
    behind = ("--backend", "upstream", "--upstream", "aesm.socket", "--socket", "front.socket")
    front = ("--qgs-socket", "front.qgs", "--qgs-upstream", "qgs.socket")
    with (
        running(folder, *QGS),
        running(
            folder,
            *front,
            *("--rule", "deny debug=yes", "--status", "status.sock"),
            platform=behind,
        ) as process,
    ):
        assert Quote.from_bytes(td_quote(path="front.qgs")).is_tdx
        with pytest.raises(UnavailableError, match="0x12001"):
            td_quote(DEBUG_TD, path="front.qgs")
        wait_until(lambda: b"td_verifications_total{" in ask_http("status.sock", "/metrics"))
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    found = {str(event["event"]): event for event in events}
    assert found["td_quote.made"]["simulated"] is None  # the service behind does not say
    assert found["td_quote.refused"]["why"] == "rule 'deny debug=yes': the rule denies it"
    # Not under Intel's root, or nothing to find that out with: never authentic.
    assert {"own_td_quote.refused", "own_td_quote.unverified"} & found.keys()
    assert "own_td_quote.verified" not in found


def test_the_group_of_the_daemon_may_ask_unless_another_mode_is_given(folder: Path) -> None:
    for options, mode in (((), 0o660), (("--qgs-socket-mode", "0666"), 0o666)):
        with running(folder, *QGS, *options):
            assert Path("qgs.socket").stat().st_mode & 0o777 == mode


def test_a_socket_of_qgs_that_is_taken_away_comes_back(folder: Path) -> None:
    path = folder / "qgs.socket"
    with running(folder, *QGS, "--status", "status.sock") as process:
        path.unlink()
        other = SocketFile(path)
        with other.listen(1):
            wait_until(lambda: "listens there already" in str(status()["problem"]))
            assert ask_http("status.sock", "/readyz") == b"backend: ok\nsocket: ok\n"
            quote()
        wait_until(lambda: status()["problem"] is None)
        assert Quote.from_bytes(td_quote()).is_tdx
        assert b"td_socket_restorations_total 1\n" in ask_http("status.sock", "/metrics")
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    names = [event["event"] for event in events if str(event["event"]).startswith("td_socket.")]
    assert names == ["td_socket.lost", "td_socket.restored"]
    assert not path.exists()


@pytest.mark.parametrize("mode", ["rw", "07777", "8", ""])
def test_a_mode_that_is_none_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    given = ["serve", "quote-helper", "--pki", "demo", *QGS, "--qgs-socket-mode", mode]
    assert main(given) == ExitCode.USAGE
    assert "is not a file mode" in capsys.readouterr().err


LISTING = """
import json, sys
from confcom.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def modules_of(*options: str) -> set[str]:
    """Return what a daemon has loaded that has served, at its end."""
    command = [sys.executable, "-c", LISTING, "serve", "quote-helper", "--pki", "demo"]
    with subprocess.Popen(
        [*command, "--socket", "aesm.socket", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            wait_until(Path("aesm.socket").exists)
            quote()
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    code, modules = json.loads(out)
    assert code == ExitCode.YES
    return set(modules)


@pytest.mark.usefixtures("folder")
def test_what_serves_tds_is_loaded_only_where_they_are_served() -> None:
    of_tds = (
        "confcom.adapters.qgs",
        "confcom.adapters.quoting.qgs_",
        "confcom.cli.serve_tds",
        "confcom.protocols.qgs",
        "confcom.runtime.td_",
        "confcom.services.td_",
    )
    assert not [name for name in modules_of() if name.startswith(of_tds)]
    assert "confcom.services.td_records" in modules_of(*QGS)
