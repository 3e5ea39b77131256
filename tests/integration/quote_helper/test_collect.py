# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence collect``: a quote from a daemon over a real socket, or a clear refusal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from confcom.adapters.quoting.simulated import SimulatedBackend
from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.main import main
from confcom.dcap import Quote
from confcom.protocols.aesm import (
    AesmCode,
    Answer,
    MakeQuote,
    Operation,
    Refusal,
    SignedQuote,
)
from confcom.reasons import ExitCode
from confcom.testing.aesm_server import AesmServer, Misbehaviour

NONCE = "0badcafe"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SGX_AESM_ADDR", raising=False)
    for command in (
        ["pki", "demo"],
        ["platform", "--pki", "demo"],
        ["enclave", "--out", "enclave.json"],
    ):
        assert main(["--quiet", "simulate", *command]) == ExitCode.YES


@pytest.fixture
def daemon() -> Iterator[AesmServer]:
    store = SimulationStore(Path("demo"))
    authority = store.authority()
    backend = SimulatedBackend(store.platform("simulated", authority), authority)

    def answer(operation: Operation) -> Answer:
        return backend.ask(operation)

    with AesmServer(Path("s"), answer) as server:
        yield server


def collect(*options: str) -> int:
    command = ["evidence", "collect", "--enclave", "enclave.json", "--out", "quote.bin", *options]
    return main(command)


def report_data() -> bytes:
    body = Quote.from_bytes(Path("quote.bin").read_bytes()).body
    return body.report_data


def test_collects_what_verifies(daemon: AesmServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert collect("--aesm", "--socket", "s", "--nonce", NONCE) == ExitCode.YES
    out, err = capsys.readouterr()
    assert out == ""
    assert "not verified" in err
    assert report_data() == bytes.fromhex(NONCE).ljust(64, b"\0")
    assert Quote.from_bytes(Path("quote.bin").read_bytes()).trailing == 0
    verify = ["evidence", "verify", "quote.bin", "--collateral", "demo/public/simulated-sgx.json"]
    verify += [
        "--root",
        "demo/public/root.pem",
        "--allow-simulated",
        "--report-data",
        NONCE + "00" * 60,
    ]
    assert main(verify) == ExitCode.YES


@pytest.mark.parametrize(
    ("demand", "code", "verdict"),
    [
        ([], ExitCode.YES, "accepted: SGX quote"),
        (["--product-id", "9"], ExitCode.NO, "not acceptable (product_id)"),
        (["--mr-td", "00" * 48], ExitCode.NO, "not acceptable (evidence_type)"),
    ],
)
def test_verifies_what_the_daemon_gave(
    daemon: AesmServer,
    capsys: pytest.CaptureFixture[str],
    demand: list[str],
    code: ExitCode,
    verdict: str,
) -> None:
    trust = ["--root", "demo/public/root.pem", "--allow-simulated"]
    trust += ["--collateral", "demo/public/simulated-sgx.json"]
    options = ["--aesm", "--socket", "s", "--nonce", NONCE, "--verify", *trust, *demand]
    assert collect(*options) == code
    out, err = capsys.readouterr()
    assert out.startswith(verdict)
    assert "from the AESM daemon at s\n" in err
    assert report_data() == bytes.fromhex(NONCE).ljust(64, b"\0")
    assert daemon.calls.count("get_quote_ex") == 1


def test_believes_no_quote_of_another_report_even_with_verify(
    daemon: AesmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect("--aesm", "--socket", "s", "--nonce", NONCE) == ExitCode.YES
    old = Path("quote.bin").read_bytes()
    Path("quote.bin").unlink()
    answer = daemon.answer

    def replay(operation: Operation) -> Answer:
        return SignedQuote(old) if isinstance(operation, MakeQuote) else answer(operation)

    daemon.answer = replay
    assert collect("--aesm", "--socket", "s", "--nonce", "07") == ExitCode.MALFORMED
    assert capsys.readouterr().out == ""
    assert not Path("quote.bin").exists()


def test_needs_no_daemon_for_a_simulated_hierarchy() -> None:
    assert collect("--simulate", "demo", "--report-data", "07") == ExitCode.YES
    assert report_data() == b"\x07".ljust(64, b"\0")


@pytest.mark.parametrize("value", ["1", "0", ""])
def test_asks_the_daemon_where_the_container_opted_in(
    daemon: AesmServer, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SGX_AESM_ADDR", value)
    assert collect("--socket", "s") == ExitCode.YES
    assert "get_quote_ex" in daemon.calls


def test_asks_nobody_unasked(daemon: AesmServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert collect("--socket", "s") == ExitCode.UNKNOWN
    assert "SGX_AESM_ADDR is not set" in capsys.readouterr().err
    assert daemon.calls == ()
    assert not Path("quote.bin").exists()


def test_says_when_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    assert collect("--aesm", "--socket", "nowhere") == ExitCode.UNKNOWN
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "nowhere" in err
    assert not Path("quote.bin").exists()


@pytest.mark.parametrize(
    "misbehaviour",
    [Misbehaviour.CLOSE, Misbehaviour.CUT, Misbehaviour.WRONG_TYPE, Misbehaviour.GARBAGE],
)
def test_believes_no_broken_daemon(daemon: AesmServer, misbehaviour: Misbehaviour) -> None:
    daemon.misbehave(misbehaviour)
    assert collect("--aesm", "--socket", "s") in {ExitCode.UNKNOWN, ExitCode.MALFORMED}
    assert not Path("quote.bin").exists()


def test_hands_on_what_the_daemon_refuses(
    daemon: AesmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.answer = lambda _: Refusal(AesmCode.OUT_OF_EPC, "full")
    assert collect("--aesm", "--socket", "s") == ExitCode.UNKNOWN
    assert "29" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--aesm", "--simulate", "demo"],
        ["--simulate", "demo", "--nonce", "00", "--report-data", "00"],
        ["--simulate", "demo", "--nonce", "00" * 65],
        ["--simulate", "demo", "--nonce", "xy"],
        ["--simulate", "nothing"],
        ["--simulate", "demo", "--platform", "other"],
    ],
)
def test_mistakes_are_explained(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert collect(*options) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("error: ")
    assert not Path("quote.bin").exists()
