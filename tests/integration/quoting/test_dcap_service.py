# SPDX-License-Identifier: Apache-2.0
"""``confcom serve quote-helper`` with Intel's libraries, which stand-ins play."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.stubs.libraries import COMPLETE, Stub, seal_report

from confcom.cli.main import main
from confcom.protocols.aesm import DEFAULT_KEY_ID, AesmCode, write_frame
from confcom.protocols.pb.aesm_pb2 import Request, Response
from confcom.reasons import ExitCode

pytestmark = pytest.mark.timeout(60)
KEY_ID = DEFAULT_KEY_ID.to_bytes()


@contextmanager
def running(library: str, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ready:
        ready.bind("notify")
        ready.settimeout(20)
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "confcom", "serve", "quote-helper"),
                *("--library", library, "--socket", "aesm.socket"),
            ],
            env={**environment, "NOTIFY_SOCKET": str(Path("notify").resolve())},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert ready.recv(100) == b"READY=1"
                yield process
            finally:
                process.kill()


def call(request: Request) -> Response:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect("aesm.socket")
        client.sendall(write_frame(request.SerializeToString()))
        data = b""
        while part := client.recv(65536):
            data += part
    return Response.FromString(data[4:])


def quote_request(buf_size: int = 8192) -> Request:
    request = Request()
    request.get_quote_ex.att_key_id = KEY_ID
    request.get_quote_ex.report = seal_report(bytes(384), target=0xEE)
    request.get_quote_ex.buf_size = buf_size
    return request


def events(process: "subprocess.Popen[str]") -> list[dict[str, object]]:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def test_serves_what_the_library_signs(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {**stub.environment, "SGX_AESM_ADDR": "1"}
    with running(str(stub.libraries / COMPLETE), environment) as process:
        reply = call(quote_request()).get_quote_ex
        assert (reply.error_code, len(reply.quote)) == (0, 8192)
        told = events(process)
    names = [event["event"] for event in told]
    assert "quoting_child.started" in names
    assert "quoting_key.initialised" in names
    made = next(event for event in told if event["event"] == "quote.made")
    assert made["simulated"] is False


def test_a_crash_costs_one_request_and_not_the_socket(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with running(str(stub.libraries / COMPLETE), stub.environment) as process:
        assert call(quote_request()).get_quote_ex.error_code == 0
        stub.behave(quote="crash")
        lost = call(quote_request()).get_quote_ex.error_code
        stub.behave()
        again = [call(quote_request()).get_quote_ex.error_code for _ in range(3)]
        told = [event["event"] for event in events(process)]
    assert lost == AesmCode.ENCLAVE_LOST
    assert again == [AesmCode.SUCCESS] * 3
    assert "quoting_child.lost" in told


def test_a_library_that_is_not_there_is_said_and_refused_with_30(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with running("libconfcom_no_such_library.so", os.environ) as process:
        assert call(quote_request()).get_quote_ex.error_code == AesmCode.SERVICE_UNAVAILABLE
        told = events(process)
    why = " ".join(str(event.get("why")) for event in told)
    assert "libconfcom_no_such_library.so" in why


@pytest.mark.parametrize(
    "options",
    [
        ["--backend", "dcap", "--pki", "demo"],
        ["--backend", "upstream", "--pki", "demo"],
        ["--backend", "upstream", "--upstream", "s", "--socket", "./s"],
        ["--file", "qe3"],
        ["--file", "qe4=/dev/null"],
        ["--file", "qe3=/no/such/file"],
    ],
)
def test_mistakes_are_explained(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "quote-helper", *options]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("error: ")
