# SPDX-License-Identifier: Apache-2.0
"""What a daemon makes of the files of Intel's daemon and provider, by back end."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.stubs.libraries import COMPLETE, Stub

from confcom.adapters.aesm import AesmClient
from confcom.cli.main import main
from confcom.dcap import Collateral
from confcom.reasons import ExitCode
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer
from confcom.testing.collateral_documents import documents_from_bundles
from confcom.testing.collateral_server import CollateralServer, Style

pytestmark = pytest.mark.timeout(60)

_PATIENCE_S = 20.0


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short name; a daemon keeps what it has fetched in it too."""
    with tempfile.TemporaryDirectory(prefix="confcom-") as name:
        monkeypatch.chdir(name)
        monkeypatch.setenv("CONFCOM_COLLATERAL__CACHE_DIR", f"{name}/cache")
        monkeypatch.setenv("CONFCOM_COLLATERAL__RETRIES", "0")
        monkeypatch.setenv("QCNL_CONF_PATH", f"{name}/qcnl.conf")
        yield Path(name)


class Told:
    """What a daemon has said so far.

    Args:
        file: where its events go.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name."""
        lines = self._file.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in found if event["event"].startswith(name)]

    def noted(self) -> list[str]:
        """Return what was said of the provider's file."""
        file = os.environ["QCNL_CONF_PATH"]
        return [e["what"] for e in self.events("configuration.noted") if e["file"] == file]

    def wait_for(self, name: str) -> dict[str, Any]:
        """Return the first event of a name, once it is there."""
        ends = time.monotonic() + _PATIENCE_S
        while not (found := self.events(name)):
            assert time.monotonic() < ends, f"no event {name}"
            time.sleep(0.02)
        return found[0]


@contextmanager
def _running(folder: Path, stub: Stub | None, *options: str) -> Iterator[Told]:
    environment = dict(os.environ if stub is None else stub.environment)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
        (folder / "events").open("wb") as events,
    ):
        ready.bind("n")
        ready.settimeout(_PATIENCE_S)
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "confcom", "serve", "quote-helper", "--socket", "s"),
                *options,
            ],
            env=environment | {"NOTIFY_SOCKET": str(folder / "n")},
            stderr=events,
        ) as process:
            try:
                assert ready.recv(100) == b"READY=1"
                yield Told(folder / "events")
                assert process.poll() is None
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def _library(stub: Stub) -> tuple[str, str]:
    return ("--library", str(stub.libraries / COMPLETE))


@pytest.mark.parametrize("kind", ["garbage", "huge", "nested", "folder", "pipe", "nobody", "bad"])
def test_a_daemon_starts_whatever_the_file_is(stub: Stub, folder: Path, kind: str) -> None:
    file = folder / "qcnl.conf"
    match kind:
        case "garbage":
            file.write_bytes(bytes(range(256)) * 40)
        case "huge":
            file.write_bytes(b'{"pccs_url": "https://pccs.example/"}' + b" " * 1_000_000)
        case "nested":
            file.write_bytes(b'{"pccs_url": ' + b"[" * 30_000)
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "bad":
            file.write_text('{"pccs_url": "https://me:hunter2@pccs.example/"}')
        case _:
            pass
    with _running(folder, stub, *_library(stub)) as told:
        chosen = told.wait_for("collateral.chosen")
        assert (chosen["sources"], chosen["sources_from"]) == (["pcs"], "default")
        assert told.noted()
    assert "hunter2" not in (folder / "events").read_text(encoding="utf-8")


def test_a_daemon_says_what_it_verifies_by_and_what_has_no_meaning(
    stub: Stub, folder: Path
) -> None:
    (folder / "qcnl.conf").write_text(
        '{"pccs_url": "https://localhost:8081/sgx/certification/v4/",\n"use_secure_cert": false,\n'
        '"verify_collateral_cache_expire_hours": 24,\n"retry_delay": 1}'
    )
    with _running(folder, stub, *_library(stub)) as told:
        (chosen,) = told.events("collateral.chosen")
        assert chosen["sources"] == ["pccs:https://localhost:8081/sgx/certification/v4"]
        assert chosen["sources_from"] == f"{folder}/qcnl.conf line 1 (pccs_url)"
        words = [" ".join(what.split()[:3]) for what in told.noted()]
    assert words == [
        "line 2: use_secure_cert",
        "line 3: verify_collateral_cache_expire_hours",
        "line 2: use_secure_cert",
    ]


def test_nothing_is_chosen_where_nothing_is_verified(stub: Stub, folder: Path) -> None:
    (folder / "qcnl.conf").write_text('{"pccs_url": "https://pccs.example/", "x": 1}')
    with _running(folder, stub, *_library(stub), "--verify-every", "0") as told:
        assert told.events("collateral.chosen") == []
        assert any("'x' is no key" in what for what in told.noted())


def test_a_simulated_daemon_reads_none_of_it(folder: Path) -> None:
    assert main(["--quiet", "simulate", "pki", "demo"]) == ExitCode.YES
    assert main(["--quiet", "simulate", "platform", "--pki", "demo"]) == ExitCode.YES
    (folder / "qcnl.conf").write_text("{")
    with _running(folder, None, "--pki", "demo") as told:
        assert told.events("quote_helper.started")
        assert told.events("configuration") == told.events("collateral") == []


@pytest.mark.parametrize("every", ["1", "0"])
def test_in_front_of_another_daemon_only_what_verifying_needs_is_said(
    folder: Path, every: str
) -> None:
    # What has no meaning to us has one to the daemon behind; and that it is patient is its matter.
    (folder / "qcnl.conf").write_text(
        '{"x": 1, "retry_times": "six", "pccs_url": "https://pccs.example/v4/",\n'
        '"verify_collateral_cache_expire_hours": 24}'
    )
    options = ("--backend", "upstream", "--upstream", "u", "--verify-every", every)
    with _running(folder, None, *options) as told:
        assert len(told.events("collateral.chosen")) == int(every)
        noted = told.noted()
    if every == "0":
        assert noted == []
        return
    retries, address = noted
    assert retries.startswith("line 1: retry_times: expected a whole number")
    assert address.startswith("line 1: pccs_url cannot be used for verifying our own quotes")


def test_a_recorded_quote_is_verified_by_the_service_that_the_file_names(
    folder: Path, dcap_vectors: Path
) -> None:
    quote, collateral = _recorded(dcap_vectors)
    canned = CannedQuotes(target_info=bytes(512), public_key_id=bytes(32), quote=quote)
    with (
        CollateralServer(
            documents_from_bundles([collateral]), style=Style.PCCS, lifetime_s=50
        ) as server,
        AesmServer(folder / "u", canned, lifetime_s=50),
    ):
        (folder / "qcnl.conf").write_text(f"PCCS_URL={server.url}/sgx/certification/v4/\n")
        with _running(folder, None, "--backend", "upstream", "--upstream", "u") as told:
            AesmClient(folder / "s").quote(quote[48:432] + bytes(48))
            # The documents are as old as the quote: that is found out only after asking for them.
            finding = told.wait_for("own_quote.")
            asked = [request.target for request in server.requests]
    assert finding["event"] == "own_quote.unverified"
    assert any(target.startswith("/sgx/certification/v4/tcb?fmspc=") for target in asked)
    assert "/sgx/certification/v4/rootcacrl" in asked


def _recorded(vectors: Path) -> tuple[bytes, Collateral]:
    """Return a quote of real hardware whose certificates are valid still, and what was with it."""
    (case,) = (
        case
        for case in json.loads((vectors / "cases.json").read_bytes())
        if case["id"] == "real-sgx-606a-eval17"
    )
    collateral = Collateral.from_json((vectors / case["collateral"]).read_bytes())
    return (vectors / case["quote"]).read_bytes(), collateral
