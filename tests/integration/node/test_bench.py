# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm bench``: what it counts, and what it refuses to count. No time is judged."""

import itertools
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import simulated
from tests.integration.node.conftest import MakeRun, Run

from confcom.cli.main import main
from confcom.protocols.aesm import (
    AesmCode,
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.reasons import ExitCode
from confcom.sgx import Report
from confcom.simulation import Enclave
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer, Misbehaviour

QUICK = ("--seconds", "0.4")
ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    return make_run("bench")


@pytest.fixture
def platform() -> Iterator[AesmServer]:
    """A daemon that signs REPORTs of enclaves in software."""
    platform, size = simulated.platform(), len(simulated.sgx().quote)

    def answer(operation: Operation) -> Answer:
        match operation:
            case InitKey():
                return KeyInfo(platform.qe_target_info.to_bytes(), b"\x1d" * 32)
            case GetQuoteSize():
                return QuoteSize(size)
            case MakeQuote(report):
                return SignedQuote(platform.quote_sgx(Report.from_bytes(report)))

    with AesmServer(Path("s"), answer) as server:
        yield server


def recorded() -> list[str]:
    report = ENCLAVE.ereport(simulated.platform().qe_target_info, simulated.REPORT_DATA)
    Path("report.bin").write_bytes(report.to_bytes())
    return ["--report", "report.bin"]


def only(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = document[name]
    return dict(found)


@pytest.mark.parametrize("clients", [1, 7])
def test_quotes_of_an_enclave_in_software_are_counted(
    platform: AesmServer, run: Run, clients: int
) -> None:
    code, document, err = run.json(*QUICK, "--simulate", "--clients", str(clients))
    assert (code, err) == (ExitCode.YES, "")
    assert (document["report"], document["clients"]) == ("software enclave", clients)
    call = only(document, "calls")
    assert call["call"] == "get_quote_ex"
    assert call["answered"] == document["answered"] >= clients
    assert 0 < call["p50Ms"] <= call["p99Ms"] <= call["mostMs"]
    assert call["perSecond"] > 0
    assert (document["failed"], document["failures"]) == (0, [])
    asked = platform.calls
    assert asked[:2] == ("init_quote_ex", "get_quote_size_ex")
    assert set(asked[2:]) == {"get_quote_ex"}
    assert len(asked) == document["answered"] + 3  # and one to see whether it works


def test_identity_of_the_enclave_may_be_given(platform: AesmServer, run: Run) -> None:
    assert main(["--quiet", "simulate", "enclave", "--out", "enclave.json"]) == ExitCode.YES
    asked: list[bytes] = []
    sign = platform.answer

    def answer(operation: Operation) -> Answer:
        if isinstance(operation, MakeQuote):
            asked.append(operation.report)
        return sign(operation)

    platform.answer = answer
    code, document, _ = run.json(*QUICK, "--enclave", "enclave.json", "--clients", "3")
    assert (code, document["report"]) == (ExitCode.YES, "software enclave")
    assert len({report[64:96] for report in asked}) == 1
    assert len({report[320:384] for report in asked}) == 3  # each client has its own REPORT


def test_recorded_report_is_sent_as_it_is(quotes: CannedQuotes, run: Run) -> None:
    canned = CannedQuotes(
        target_info=quotes.target_info,
        public_key_id=quotes.public_key_id,
        quote=simulated.sgx(ENCLAVE).quote,
    )
    with AesmServer(Path("s"), canned):
        code, document, err = run.json(*QUICK, *recorded(), "--clients", "2")
    assert (code, err, document["report"]) == (ExitCode.YES, "", "recorded")
    assert document["answered"] > 0


def test_without_report_no_quote_is_made_and_that_is_said(daemon: AesmServer, run: Run) -> None:
    code, document, err = run.json(*QUICK)
    assert code == ExitCode.YES
    assert document["report"] is None
    assert {call["call"] for call in document["calls"]} == {"select_att_key_id", "init_quote_ex"}
    assert "no REPORT was given" in err
    assert not {"get_quote_ex", "get_quote_size_ex"} & set(daemon.calls)
    code, out, _ = run(*QUICK)
    assert code == ExitCode.YES
    assert "none: no quote was made" in out


@pytest.mark.usefixtures("platform")
def test_table_shows_calls_and_no_failures(run: Run) -> None:
    code, out, _ = run(*QUICK, "--simulate")
    assert code == ExitCode.YES
    assert "P99 MS" in out
    assert "FAILURE" not in out


def test_refusals_are_counted_by_their_number(platform: AesmServer, run: Run) -> None:
    numbers = itertools.count()
    sign = platform.answer

    def answer(operation: Operation) -> Answer:
        if isinstance(operation, MakeQuote) and next(numbers) == 1:  # 0 is the try before
            return Refusal(AesmCode.BUSY, "full")
        return sign(operation)

    platform.answer = answer
    code, document, err = run.json(*QUICK, "--simulate")
    assert code == ExitCode.UNKNOWN
    failure = only(document, "failures")
    assert (failure["state"], failure["code"], failure["count"]) == ("busy", 18, 1)
    assert (document["failed"], document["answered"] > 0) == (1, True)
    assert "error 18" in err
    numbers = itertools.count()
    code, out, _ = run(*QUICK, "--simulate")
    assert code == ExitCode.UNKNOWN
    assert "FAILURE" in out


def test_quote_of_another_client_is_a_failure(platform: AesmServer, run: Run) -> None:
    first: list[Answer] = []
    sign = platform.answer

    def answer(operation: Operation) -> Answer:
        made = sign(operation)
        if isinstance(made, SignedQuote):
            first.append(made)
            return first[0]
        return made

    platform.answer = answer
    code, document, err = run.json(*QUICK, "--simulate", "--clients", "2")
    assert code == ExitCode.MALFORMED
    assert only(document, "failures")["state"] == "wrong_quote"
    assert "not of the REPORT that was sent" in err
    assert "do not use this daemon" in err


def test_daemon_that_goes_away_ends_nothing_but_its_answers(platform: AesmServer, run: Run) -> None:
    numbers = itertools.count()
    sign = platform.answer

    def answer(operation: Operation) -> Answer:
        if isinstance(operation, MakeQuote) and next(numbers) == 1:
            Path("s").unlink()
        return sign(operation)

    platform.answer = answer
    code, document, err = run.json(*QUICK, "--simulate")
    assert code == ExitCode.UNKNOWN
    assert document["answered"] == 1
    assert only(document, "failures")["state"] == "no_socket"
    assert "there is no socket" in err


@pytest.mark.parametrize(
    ("how", "state"), [(Misbehaviour.STALL, "hung"), (Misbehaviour.CUT, "not_aesm")]
)
def test_broken_replies_are_failures(
    platform: AesmServer, run: Run, how: Misbehaviour, state: str
) -> None:
    numbers = itertools.count()
    sign = platform.answer

    def answer(operation: Operation) -> Answer:
        if isinstance(operation, MakeQuote) and next(numbers) == 1:
            platform.misbehave(how, times=1)
        return sign(operation)

    platform.answer = answer
    code, document, _ = run.json("--seconds", "0.5", "--timeout", "0.2", "--simulate")
    assert code in {ExitCode.UNKNOWN, ExitCode.MALFORMED}
    assert state in [failure["state"] for failure in document["failures"]]


def test_daemon_that_takes_no_software_enclave_is_told_before(daemon: AesmServer, run: Run) -> None:
    code, out, err = run(*QUICK, "--simulate", "--clients", "4")
    assert (code, out) == (ExitCode.UNKNOWN, "")
    assert "error 47" in err
    assert "for simulated daemons only" in err
    assert daemon.calls.count("get_quote_ex") == 1


@pytest.mark.parametrize("options", [[], ["--simulate"]])
def test_nobody_there_is_no_measurement(run: Run, options: list[str]) -> None:
    code, out, err = run(*QUICK, *options)
    assert (code, out) == (ExitCode.UNKNOWN, "")
    assert "there is no socket" in err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--simulate", "--report", "report.bin"], ExitCode.USAGE),
        (["--enclave", "enclave.json", "--report", "report.bin"], ExitCode.USAGE),
        (["--enclave", "nothing.json"], ExitCode.USAGE),
        (["--report", "nothing.bin"], ExitCode.USAGE),
        (["--report", "short.bin"], ExitCode.MALFORMED),
        (["--clients", "0"], ExitCode.USAGE),
        (["--clients", "257"], ExitCode.USAGE),
        (["--seconds", "0"], ExitCode.USAGE),
        (["--seconds", "601"], ExitCode.USAGE),
        (["--seconds", "nan"], ExitCode.USAGE),
    ],
)
def test_mistakes_ask_nobody(
    daemon: AesmServer, run: Run, options: list[str], code: ExitCode
) -> None:
    recorded()
    Path("short.bin").write_bytes(Path("report.bin").read_bytes()[:-1])
    found, out, err = run(*options)
    assert (found, out, daemon.calls) == (code, "", ())
    assert err.startswith("error: ")


@pytest.mark.usefixtures("platform")
def test_progress_is_shown_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [
                *(sys.executable, "-m", "confcom", "node", "aesm", "bench"),
                *("--socket", "s", "--simulate", *QUICK),
            ],
            env=os.environ | {"TERM": "xterm"},
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            check=True,
            timeout=30,
        )
        shown = os.read(ours, 100_000)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"asking the daemon" in shown
