# SPDX-License-Identifier: Apache-2.0
"""``confcom serve quote-helper`` as a process: starts, serves, ends, and is started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import dcap_qvl
import pytest
from tests.integration.quote_helper.daemon import ask_http, call, ended, quote, running

from confcom.adapters.qgs import QgsClient
from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.main import main
from confcom.dcap import Quote, TcbStatus, TeeType, TrustedRoot, verify
from confcom.protocols.aesm import DEFAULT_KEY_ID, AesmCode
from confcom.protocols.pb.aesm_pb2 import Request
from confcom.reasons import ExitCode
from confcom.simulation import TrustDomain

pytestmark = pytest.mark.timeout(60)


def test_quotes_verify_and_a_signal_ends_it_cleanly(folder: Path) -> None:
    with running(folder) as process:
        data = quote()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
        assert process.returncode == 0
    assert not (folder / "aesm.socket").exists()
    store = SimulationStore(Path("demo"))
    collateral = store.collateral("simulated", TeeType.SGX)
    authority = store.authority()
    at = datetime.now(UTC)
    verified = verify(
        data, collateral, at=at, root=TrustedRoot.from_pem(authority.root_pem), allow_simulated=True
    )
    assert verified.tcb.status is TcbStatus.UP_TO_DATE
    assert Quote.from_bytes(data).trailing > 0
    bundle = dcap_qvl.QuoteCollateralV3.from_json(collateral.to_json().decode())
    report = dcap_qvl.verify_with_root_ca(
        data, bundle, authority.trusted_root.certificate.der, int(at.timestamp())
    )
    assert report.status == "UpToDate"
    names = [event["event"] for event in events if event["event"] != "own_quote.verified"]
    assert names == [
        "quote_helper.started",
        "quote.made",
        "quote_helper.stopping",
        "quote_helper.stopped",
    ]
    (made,) = (event for event in events if event["event"] == "quote.made")
    assert made["mr_enclave"] == "e0" * 32
    assert (made["pid"], made["uid"]) == (os.getpid(), os.geteuid())
    assert made["simulated"] is True
    assert "07" * 8 not in json.dumps(events)  # report data is nobody's business


def test_is_ready_once_a_quote_of_its_own_was_verified(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        running(folder, "--health", f"127.0.0.1:{port}"),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer,
    ):
        assert answer.read() == b"backend: ok\nsocket: ok\n"


def test_its_manager_hears_that_it_is_not_stuck(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    with running(folder, hears=[b"WATCHDOG=1"] * 3):
        quote()


def test_a_watchdog_that_makes_no_sense_keeps_nobody_from_quotes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "soon")
    with running(folder) as process:
        quote()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    (ignored,) = (event for event in events if event["event"] == "watchdog.ignored")
    assert ignored["why"] == "WATCHDOG_USEC is 'soon', not a positive number"


def test_a_revoked_platform_is_not_served(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    revoke = ["--quiet", "simulate", "revoke", "--pki", "demo", "--platform", "simulated"]
    assert main(revoke) == ExitCode.YES
    assert main(["serve", "quote-helper", "--pki", "demo", "--socket", "s"]) == ExitCode.NO
    assert "is revoked" in capsys.readouterr().err
    assert not Path("s").exists()


def test_a_rule_refuses_in_the_requests_own_type_and_is_named(folder: Path) -> None:
    with running(folder, "--rule", f"deny mr_signer={'51' * 32}", "--rule", "allow") as process:
        with pytest.raises(AssertionError, match=r"refused with 1$"):
            quote()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    (refused,) = (event for event in events if event["event"] == "quote.refused")
    assert refused["code"] == AesmCode.UNEXPECTED
    assert str(refused["why"]).startswith("rule 'deny mr_signer=")


@pytest.mark.parametrize(
    "rule", ["allow debug=yes", "allow namespace=prod", f"deny uid={os.geteuid()}"]
)
def test_what_no_rule_allows_is_refused(folder: Path, rule: str) -> None:
    with running(folder, "--rule", rule), pytest.raises(AssertionError, match=r"refused with 1$"):
        quote()


def test_what_is_killed_is_replaced_without_help(folder: Path) -> None:
    with running(folder) as process:
        quote()
        process.kill()
        process.wait(10)
    assert (folder / "aesm.socket").is_socket()
    with running(folder):
        quote()


def test_a_second_one_leaves_the_first_alone(folder: Path) -> None:
    with running(folder) as process:
        second = subprocess.run(
            [
                *(sys.executable, "-m", "confcom", "serve", "quote-helper", "--pki", "demo"),
                *("--socket", "aesm.socket"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            cwd=folder,
        )
        assert second.returncode == ExitCode.CONFIGURATION
        assert f"process {process.pid} listens there already" in second.stderr
        assert "Traceback" not in second.stderr
        quote()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--pki", "nothing"], ExitCode.USAGE),
        (["--pki", "demo", "--platform", "other"], ExitCode.USAGE),
        (["--pki", "demo", "--socket-mode", "rw"], ExitCode.USAGE),
        (["--pki", "demo", "--socket-mode", "07777"], ExitCode.USAGE),
        (["--pki", "demo", "--socket", "demo/public/root.pem"], ExitCode.CONFIGURATION),
        (["--pki", "demo", "--socket", "x" * 200], ExitCode.CONFIGURATION),
        (["--pki", "demo", "--drain", "-1"], ExitCode.USAGE),
        (["--pki", "demo", "--health", "8081"], ExitCode.USAGE),
        (["--pki", "demo", "--peer-rate", "often"], ExitCode.USAGE),
        (["--pki", "demo", "--peer-rate", "0"], ExitCode.USAGE),
        (["--pki", "demo", "--total-rate", "5:0"], ExitCode.USAGE),
        (["--pki", "demo", "--total-rate", "nan"], ExitCode.USAGE),
        (["--pki", "demo", "--most-waiting", "1"], ExitCode.USAGE),
        (["--pki", "demo", "--verify-every", "-1"], ExitCode.USAGE),
        (["--pki", "demo", "--qgs-vsock", "0"], ExitCode.USAGE),
        (["--pki", "demo", "--qgs-upstream", "q"], ExitCode.USAGE),
        (["--pki", "demo", "--platform", "./demo"], ExitCode.USAGE),
        (["--pki", "demo", "--platform", "."], ExitCode.USAGE),
        (["--pki", "demo", "--platform", "Simulated"], ExitCode.USAGE),
        (["--platform", "./nothing"], ExitCode.USAGE),
        (["--platform", "demo/platforms"], ExitCode.USAGE),
        (["--platform", "other"], ExitCode.USAGE),
        (["--backend", "upstream", "--platform", "demo"], ExitCode.USAGE),
        (["--backend", "upstream", "--pki", "demo"], ExitCode.USAGE),
        (["--backend", "upstream", "--state", "state"], ExitCode.USAGE),
        (["--backend", "upstream", "--accept-unauthenticated-reports"], ExitCode.USAGE),
        (["--backend", "upstream", "--qgs-socket", "q"], ExitCode.USAGE),
        (["--backend", "upstream", "--qgs-socket", "q", "--qgs-upstream", "q"], ExitCode.USAGE),
        (["--accept-unauthenticated-reports"], ExitCode.USAGE),
        (["--backend", "simulated", "--state", "demo/authority.json"], ExitCode.USAGE),
        (["--pki", "demo", "--rule", "permit"], ExitCode.CONFIGURATION),
        (["--pki", "demo", "--rule", "deny mr_signer=00"], ExitCode.CONFIGURATION),
        (["--pki", "demo", "--health", "127.0.0.1:99999"], ExitCode.USAGE),
        (["--pki", "demo", "--socket", "s", "--health", "203.0.113.1:1"], ExitCode.CONFIGURATION),
    ],
)
def test_mistakes_are_explained(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: ExitCode
) -> None:
    assert main(["serve", "quote-helper", *options]) == code
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "hint: " in err or "Try " in err or code is ExitCode.USAGE


@pytest.mark.parametrize("option", ["--socket", "--status", "--qgs-socket"])
def test_what_is_in_the_way_is_told_with_the_option_that_named_it(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    places = {"--socket": "a", "--status": "b", "--qgs-socket": "c"} | {option: "precious"}
    Path("precious").write_bytes(b"precious")
    given = [part for pair in places.items() for part in pair]
    assert main(["serve", "quote-helper", "--pki", "demo", *given]) == ExitCode.CONFIGURATION
    err = capsys.readouterr().err
    assert "precious: there is a file that is no socket\n" in err
    assert f"hint: move it away if nobody needs it, or name another path with {option}\n" in err
    assert Path("precious").read_bytes() == b"precious"
    assert not any(Path(name).exists() for name in ("a", "b", "c"))


# --- a platform of its own ---

OWN = ("--state", "state")


def test_makes_a_platform_of_its_own_and_says_what_a_verifier_needs(folder: Path) -> None:
    with running(folder, platform=OWN) as process:
        data = quote()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    assert events[0]["event"] == "quote_helper.simulated"
    assert events[0]["public"] == "state/simulated/public"
    public = Path("state/simulated/public")
    Path("quote").write_bytes(data)
    trust = ["--collateral", str(public / "simulated-sgx.json"), "--root", str(public / "root.pem")]
    command = ["--quiet", "evidence", "verify", "quote", *trust]
    assert main(command) == ExitCode.NO
    assert main([*command, "--allow-simulated"]) == ExitCode.YES
    assert not (Path("state/simulated/authority.json").stat().st_mode & 0o077)


def test_the_platform_of_its_own_is_the_same_after_a_restart(folder: Path) -> None:
    roots, targets = [], []
    for _ in range(2):
        with running(folder, platform=OWN):
            targets.append(Quote.from_bytes(quote()).signature.attestation_key)
        roots.append(Path("state/simulated/public/root.pem").read_bytes())
    assert roots[0] == roots[1]
    assert targets[0] == targets[1]


def test_the_state_folder_is_that_of_the_unit_by_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "unit")
    with running(folder, platform=()):
        quote()
    assert Path("unit/simulated/public/root.pem").is_file()


@pytest.mark.parametrize("given", ["demo", "./demo", "/demo", "demo/"])
def test_a_platform_may_be_named_by_the_folder_of_its_hierarchy(folder: Path, given: str) -> None:
    path = f"{folder}{given}" if given.startswith("/") else given
    with running(folder, platform=("--platform", path)):
        data = quote()
    authority = SimulationStore(Path("demo")).authority()
    assert authority.root_pem in Quote.from_bytes(data).signature.certification.data


def test_a_name_is_a_name_where_a_hierarchy_is_named(folder: Path) -> None:
    assert main(["--quiet", "simulate", "platform", "--pki", "demo", "--name", "demo"]) == 0
    with running(folder, "--platform", "demo"):
        quote()


# --- REPORTs that nobody vouches for ---


def report_of_elsewhere() -> int:
    request = Request()
    request.get_quote_ex.att_key_id = DEFAULT_KEY_ID.to_bytes()
    request.get_quote_ex.report = bytes(range(216)) * 2
    request.get_quote_ex.buf_size = 8192
    return int(call(request).get_quote_ex.error_code)


def test_recorded_reports_are_signed_only_where_that_is_asked_for(folder: Path) -> None:
    with running(folder):
        assert report_of_elsewhere() == AesmCode.INVALID_REPORT
    with running(folder, "--accept-unauthenticated-reports") as process:
        assert report_of_elsewhere() == AesmCode.SUCCESS
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    assert "reports.unauthenticated" in [event["event"] for event in events]


# --- what it tells ---


def status_when(is_so: str) -> dict[str, object]:
    """Return the status document once the verdict is there."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        document: dict[str, object] = json.loads(ask_http("status.sock", "/status"))
        verification = document["verification"]
        if isinstance(verification, dict) and verification["verdict"] == is_so:
            return document
        time.sleep(0.05)
    raise AssertionError(f"never {is_so}")


def test_status_tells_who_asked_and_what_our_quotes_are_worth(folder: Path) -> None:
    with running(folder, "--status", "status.sock"):
        assert Path("status.sock").stat().st_mode & 0o777 == 0o600
        before = json.loads(ask_http("status.sock", "/status"))
        assert before["verification"]["verdict"] == "unknown"
        assert before["peers"] == []
        quote()
        document = status_when("authentic")
        assert document["backend"] == "simulated"
        assert document["simulated"] is True
        assert document["ready"] is True
        verification = document["verification"]
        assert isinstance(verification, dict)
        assert verification["platform"]["tcbStatus"] == "UpToDate"
        assert verification["platform"]["simulated"] is True
        assert [peer["codes"] for peer in document["peers"]] == [{"0": 1}]  # type: ignore[attr-defined]
        metrics = ask_http("status.sock", "/metrics").decode()
    assert 'confcom_quote_helper_requests_total{call="get_quote_ex",code="0"} 1\n' in metrics
    assert "confcom_quote_helper_ready 1\n" in metrics
    assert 'confcom_quote_helper_platform_tcb_status_info{status="UpToDate"} 1\n' in metrics
    assert "confcom_quote_helper_quote_duration_seconds_count 1\n" in metrics


def test_status_says_when_our_quotes_are_not_authentic(folder: Path) -> None:
    with running(folder, "--status", "status.sock", "--accept-unauthenticated-reports"):
        assert report_of_elsewhere() == AesmCode.SUCCESS
        status_when("authentic")  # the quote is: what it says is nobody's guarantee
    with running(folder, "--status", "status.sock", "--verify-every", "0"):
        quote()
        assert json.loads(ask_http("status.sock", "/status"))["verification"] is None


def test_status_is_told_on_the_socket_of_the_node_only(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        running(folder, "--health", f"127.0.0.1:{port}"),
        pytest.raises(urllib.error.HTTPError, match="404"),
    ):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5)


# --- quotas ---


def test_a_peer_that_asks_too_often_is_told_busy_and_written_down(folder: Path) -> None:
    with running(folder, "--peer-rate", "0.01:2", "--status", "status.sock"):
        quote()  # two questions
        assert report_of_elsewhere() == AesmCode.BUSY
        document = json.loads(ask_http("status.sock", "/status"))
    assert document["peers"][0]["codes"] == {"0": 1, "18": 1}


# --- TDs ---


def test_serves_tds_beside_enclaves(folder: Path) -> None:
    with running(folder, "--qgs-socket", "qgs.socket") as process:
        store = SimulationStore(Path("demo"))
        platform = store.platform("simulated", store.authority())
        report = platform.td_report(TrustDomain(mr_td=b"\x7d" * 48), b"\x07" * 64)
        data = QgsClient(Path("qgs.socket")).get_quote(report)
        quote()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    assert Quote.from_bytes(data).is_tdx
    assert {"quote.made", "td_quote.made"} <= {event["event"] for event in events}
    assert not Path("qgs.socket").exists()
