# SPDX-License-Identifier: Apache-2.0
"""What the tests of ``confcom node aesm`` share: a folder, a stand-in daemon, and the command."""

import json
import socket
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import jsonschema
import pytest
from tests import simulated

from confcom.cli.main import main
from confcom.protocols.aesm import write_frame
from confcom.protocols.pb.aesm_pb2 import Response
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer

SCHEMA: dict[str, Any] = json.loads(
    resources.files("confcom.cli").joinpath("schema/node-aesm.v1.json").read_text("utf-8")
)


class Run:
    """Runs a command on the socket ``s``; what it writes as JSON fits the schema we ship."""

    def __init__(self, capsys: pytest.CaptureFixture[str], verb: str) -> None:
        self._capsys = capsys
        self._verb = verb

    def __call__(self, *options: str) -> tuple[int, str, str]:
        code = main(["node", "aesm", self._verb, "--socket", "s", *options])
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(self, *options: str) -> tuple[int, dict[str, Any], str]:
        code, out, err = self(*options, "--output", "json")
        document = json.loads(out)
        jsonschema.validate(document, SCHEMA | {"oneOf": [{"$ref": f"#/$defs/{self._verb}"}]})
        return code, document, err


class MakeRun(Protocol):
    """Returns a command by its verb."""

    def __call__(self, verb: str) -> Run: ...


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def quotes() -> CannedQuotes:
    return CannedQuotes(
        target_info=simulated.platform().qe_target_info.to_bytes(),
        public_key_id=b"\x1d" * 32,
        quote=simulated.sgx().quote,
    )


@pytest.fixture
def daemon(quotes: CannedQuotes) -> Iterator[AesmServer]:
    with AesmServer(Path("s"), quotes) as server:
        yield server


@pytest.fixture
def daemon_without_keys() -> Iterator[None]:
    """A daemon that answers one call: it offers no key. Ours would refuse with 30."""
    response = Response()
    response.get_supported_att_key_id_num.error_code = 0
    response.get_supported_att_key_id_num.att_key_id_num = 0

    def serve(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client:
            client.recv(1024)
            client.sendall(write_frame(response.SerializeToString()))

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        listening.listen()
        listening.settimeout(20)
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield
        thread.join(20)


@pytest.fixture
def make_run(capsys: pytest.CaptureFixture[str]) -> MakeRun:
    return lambda verb: Run(capsys, verb)
