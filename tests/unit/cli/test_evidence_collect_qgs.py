# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence collect --qgs``: quotes of TDs from a service on a real UNIX socket."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from confcom.adapters.simulation_store import SimulationStore
from confcom.cli.main import main
from confcom.dcap import Quote
from confcom.errors import ConfcomError
from confcom.protocols.qgs import (
    Answer,
    Ask,
    MakeTdQuote,
    Operation,
    Refusal,
    Reply,
    ServerConnection,
    TdQuote,
)
from confcom.reasons import ExitCode
from confcom.simulation import Platform

NONCE = "0badcafe"
TRUST = ("--root", "demo/public/root.pem", "--allow-simulated")
VERIFY = ("--verify", "--collateral", "demo/public/simulated-tdx.json", *TRUST)
Run = Callable[..., tuple[int, str, str]]


class Service:
    """Answers on a UNIX socket until closed.

    Attributes:
        answer: the back end.
        spoil: what becomes of each reply on its way.
        asked: how often it was asked.
    """

    def __init__(self, path: Path, answer: Callable[[Operation], Answer]) -> None:
        self.answer = answer
        self.spoil: Callable[[bytes], bytes] = lambda reply: reply
        self.asked = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # until it is shut down
            while True:
                client, _ = self._listener.accept()
                with client, contextlib.suppress(ConnectionError, TimeoutError):
                    client.settimeout(3)
                    self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        connection = ServerConnection()
        event = None
        while event is None:
            event = connection.receive(client.recv(65536))
        if isinstance(event, Ask):
            self.asked += 1
            event = connection.answer(self.answer(event.operation))
        if isinstance(event, Reply):
            client.sendall(self.spoil(event.data))


def backend(platform: Platform) -> Callable[[Operation], Answer]:
    def answer(operation: Operation) -> Answer:
        assert isinstance(operation, MakeTdQuote)
        try:
            return TdQuote(platform.quote_tdx(operation.report))
        except ConfcomError as exc:
            return Refusal(exc.message)

    return answer


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SGX_AESM_ADDR", raising=False)
    for command in (
        ["pki", "demo"],
        ["platform", "--pki", "demo"],
        ["td", "--out", "td.json"],
        ["td-report", "--pki", "demo", "--td", "td.json", "--report-data", "07", "--out", "td.bin"],
    ):
        assert main(["--quiet", "simulate", *command]) == ExitCode.YES


@pytest.fixture
def service(_folder: None) -> Iterator[Service]:
    store = SimulationStore(Path("demo"))
    service = Service(Path("s"), backend(store.platform("simulated", store.authority())))
    yield service
    service.close()


@pytest.fixture
def run(_folder: None, capsys: pytest.CaptureFixture[str]) -> Run:
    capsys.readouterr()

    def call(*options: str) -> tuple[int, str, str]:
        command = ["evidence", "collect", "--qgs", "--qgs-socket", "s", "--out", "quote.bin"]
        code = main([*command, *options])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def report_data() -> bytes:
    return Quote.from_bytes(Path("quote.bin").read_bytes()).body.report_data


def test_service_quotes_a_tdreport(run: Run, service: Service) -> None:
    code, out, err = run("--td-report", "td.bin")
    assert (code, out) == (0, "")
    assert err.startswith("collected: TDX quote of ")
    assert "report data 0700000000000000…, from QGS at socket s; it was not verified" in err
    assert report_data() == b"\x07".ljust(64, b"\0")
    assert service.asked == 1


def test_simulated_platform_makes_the_tdreport(run: Run, service: Service) -> None:
    code, _, _ = run("--simulate", "demo", "--td", "td.json", "--nonce", NONCE)
    assert code == 0
    assert report_data() == bytes.fromhex(NONCE).ljust(64, b"\0")
    assert service.asked == 1


@pytest.mark.parametrize(
    "options",
    [["--td-report", "td.bin"], ["--simulate", "demo", "--td", "td.json", "--nonce", NONCE]],
)
def test_what_the_service_made_verifies(run: Run, service: Service, options: list[str]) -> None:
    code, out, _ = run(*options, *VERIFY, "--output", "json")
    assert code == 0
    document = json.loads(out)
    assert (document["acceptable"], document["simulated"]) == (True, True)
    assert "report_data" in {check["name"] for check in document["checks"]}
    assert service.asked == 1


def test_quote_of_another_tdreport_is_refused(run: Run, service: Service) -> None:
    first = run("--simulate", "demo", "--td", "td.json", "--nonce", NONCE)
    assert first[0] == 0
    old = Path("quote.bin").read_bytes()
    Path("quote.bin").unlink()
    service.answer = lambda _: TdQuote(old)
    code, out, err = run("--td-report", "td.bin")
    assert (code, out) == (ExitCode.MALFORMED, "")
    assert "not of the TDREPORT" in err
    assert not Path("quote.bin").exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--mr-td", "00" * 48), ExitCode.NO, "not acceptable (mr_td)"),
        (("--at", "2200-01-01T00:00:00Z"), ExitCode.NO, "not authentic ("),
    ],
)
def test_quote_that_does_not_convince_is_refused(
    run: Run, service: Service, options: tuple[str, ...], code: ExitCode, words: str
) -> None:
    found, out, _ = run("--td-report", "td.bin", *VERIFY, *options)
    assert found == code
    assert out.startswith(words)
    assert service.asked == 1


def test_tdreport_of_another_machine_is_refused_by_the_service(run: Run, service: Service) -> None:
    report = bytearray(Path("td.bin").read_bytes())
    report[224] ^= 1  # in its MAC
    Path("td.bin").write_bytes(report)
    code, _, err = run("--td-report", "td.bin")
    assert code == ExitCode.UNKNOWN
    assert "refused" in err
    assert service.asked == 1
    assert not Path("quote.bin").exists()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda _: b"", ExitCode.UNKNOWN),
        (lambda reply: reply[: len(reply) // 2], ExitCode.MALFORMED),
        (lambda _: b"\xff" * 64, ExitCode.MALFORMED),
        (lambda reply: reply[:4] + b"\x09" + reply[5:], ExitCode.MALFORMED),
    ],
    ids=["nothing", "half", "garbage", "version"],
)
def test_broken_replies_are_not_believed(
    run: Run, service: Service, spoil: Callable[[bytes], bytes], code: ExitCode
) -> None:
    service.spoil = spoil
    found, out, err = run("--td-report", "td.bin")
    assert (found, out) == (code, "")
    assert err.startswith("error: cannot get a quote from QGS at socket s")
    assert not Path("quote.bin").exists()


def test_says_when_nobody_listens(run: Run) -> None:
    code, _, err = run("--td-report", "td.bin")
    assert code == ExitCode.UNKNOWN
    assert "there is no socket" in err


@pytest.mark.parametrize("size", [0, 1023, 1025])
def test_files_that_are_no_tdreport_are_refused(run: Run, service: Service, size: int) -> None:
    Path("td.bin").write_bytes(b"\x81" + bytes(size)[1:] if size else b"")
    assert run("--td-report", "td.bin")[0] == ExitCode.MALFORMED
    assert service.asked == 0


@pytest.mark.parametrize("where", ["", "vsock:", "vsock:x", "vsock:2:0", "vsock:2:3:4"])
def test_places_that_do_not_exist_are_refused(run: Run, where: str) -> None:
    code, _, err = run("--td-report", "td.bin", "--qgs-socket", where)
    assert code == ExitCode.USAGE
    assert err.startswith("error: ")
