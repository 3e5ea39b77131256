# SPDX-License-Identifier: Apache-2.0
"""Commands that need collateral, against a stand-in over real HTTP and HTTPS."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.collateral.conftest import AT, DAY, World, source_of

from confcom.cli.main import main
from confcom.dcap import CertType
from confcom.reasons import ExitCode
from confcom.testing.collateral_documents import StaticDocuments, documents_from_bundles
from confcom.testing.collateral_server import CollateralServer, Misbehaviour, Style
from confcom.testing.throwaway_ca import ThrowawayCa

pytestmark = pytest.mark.timeout(20)


class Run:
    """Runs commands under the simulated root, as of one time, with a cache of their own."""

    def __init__(self, folder: Path, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.at = AT
        self._capsys = capsys
        (folder / "root.pem").write_bytes(world.authority.root.pem)
        (folder / "quote.bin").write_bytes(world.quote().to_bytes())
        (folder / "encrypted.bin").write_bytes(
            world.quote(cert_type=CertType.PPID_RSA3072).to_bytes()
        )

    @property
    def trust(self) -> list[str]:
        return [
            *("--root", str(self.folder / "root.pem"), "--allow-simulated"),
            *("--at", self.at.isoformat()),
        ]

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        code = main([*map(str, arguments), *self.trust])
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(self, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
        code, out, _ = self(*arguments, "--output", "json")
        return code, json.loads(out)


@pytest.fixture
def run(
    tmp_path: Path,
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.setenv("CONFCOM_COLLATERAL__CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CONFCOM_COLLATERAL__RETRIES", "0")
    monkeypatch.setenv("CONFCOM_COLLATERAL__TIMEOUT_S", "2")
    return Run(tmp_path, world, capsys)


@pytest.fixture
def source(server: CollateralServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stand-in as the one configured source."""
    name = str(source_of(server))
    monkeypatch.setenv("CONFCOM_COLLATERAL__SOURCES", name)
    return name


def test_fetches_shows_exports_and_verifies(
    run: Run, server: CollateralServer, source: str
) -> None:
    quote, bundle = run.folder / "quote.bin", run.folder / "bundle.json"
    code, document = run.json("collateral", "fetch", quote, "--evaluation-numbers")
    assert code == ExitCode.YES
    assert len(document["documents"]) == 5
    assert {row["source"] for row in document["documents"]} == {server.host}
    assert server.count() == 5
    code, document = run.json("collateral", "show")
    assert [row["state"] for row in document["documents"]] == ["valid"] * 5
    assert run("collateral", "export", bundle, quote)[0] == ExitCode.YES
    assert run("collateral", "check", bundle)[0] == ExitCode.YES
    assert server.count() == 5, "all the rest came from the cache"
    server.close()
    code, result = run.json("evidence", "verify", quote, "--collateral", bundle)
    assert (code, result["authentic"]) == (ExitCode.YES, True)


def test_fetches_again_when_asked_to(run: Run, server: CollateralServer, source: str) -> None:
    quote = run.folder / "quote.bin"
    for _ in range(2):
        assert run("collateral", "fetch", quote)[0] == ExitCode.YES
    assert server.count() == 4
    assert run("collateral", "fetch", quote, "--refresh")[0] == ExitCode.YES
    assert server.count() == 8, "each document once more"


def test_fetches_everything_that_the_service_lists(
    run: Run, server: CollateralServer, world: World, source: str
) -> None:
    code, document = run.json(
        *("collateral", "fetch", "--all", "-", "--ca", "platform", "--tee", "sgx", "--tee", "tdx")
    )
    assert code == ExitCode.YES
    names = [row["document"] for row in document["documents"]]
    fmspc = world.platform.fmspc.hex()
    assert {f"tcb-info-sgx-{fmspc}", f"tcb-info-tdx-{fmspc}"} <= set(names)
    assert server.count("fmspcs") == 1


@pytest.mark.parametrize("style", list(Style))
def test_verifies_with_any_kind_of_service(
    run: Run, documents: StaticDocuments, style: Style
) -> None:
    with CollateralServer(documents, style=style, lifetime_s=30) as server:
        name = str(source_of(server))
        code, result = run.json(
            "evidence", "verify", run.folder / "quote.bin", "--collateral", name
        )
        assert (code, result["authentic"]) == (ExitCode.YES, True)
        assert server.count() == 4


def test_a_bare_address_is_taken_for_a_pccs(run: Run, documents: StaticDocuments) -> None:
    with CollateralServer(documents, style=Style.PCCS, lifetime_s=30) as server:
        code, _, err = run(
            "evidence", "verify", run.folder / "quote.bin", "--collateral", server.url
        )
        assert (code, err) == (ExitCode.YES, "")
        assert not (run.folder / "cache").exists(), "the cache belongs to configured sources"


def test_fetches_the_chain_of_a_quote_that_lacks_it(
    run: Run, server: CollateralServer, source: str
) -> None:
    assert run("collateral", "fetch", run.folder / "encrypted.bin")[0] == ExitCode.YES
    assert server.count("pckcert") == 1
    name = str(source_of(server))
    code, result = run.json(
        "evidence", "verify", run.folder / "encrypted.bin", "--collateral", name
    )
    assert (code, result["authentic"]) == (ExitCode.YES, True)


def test_a_bundle_for_a_quote_without_its_chain_has_the_chain(
    run: Run, server: CollateralServer, source: str
) -> None:
    quote, bundle = run.folder / "encrypted.bin", run.folder / "bundle.json"
    raw = run.folder / "raw"
    assert run("collateral", "export", bundle, quote)[0] == ExitCode.YES
    assert run("collateral", "export", f"{raw}/", quote)[0] == ExitCode.YES
    server.close()
    for path in (bundle, raw):
        assert run("collateral", "check", path)[0] == ExitCode.YES
        code, result = run.json("evidence", "verify", quote, "--collateral", path)
        assert (code, result["authentic"]) == (ExitCode.YES, True)


def test_a_batch_does_not_ask_again_for_what_it_could_not_get(
    run: Run, server: CollateralServer, source: str
) -> None:
    quote = run.folder / "quote.bin"
    server.misbehave(Misbehaviour.STATUS, status=503)
    code, _, _ = run("evidence", "verify", *[quote] * 5, "--output", "jsonl", "--jobs", "1")
    assert code == ExitCode.UNKNOWN
    # The first document that fails ends the others of its round, so it may not be asked for at all.
    assert server.count("identity") <= 1


def test_private_tls_needs_its_authority(
    run: Run, documents: StaticDocuments, tmp_path: Path
) -> None:
    ca = ThrowawayCa(tmp_path)
    tls = ca.server_context()
    with CollateralServer(documents, style=Style.PCCS, tls=tls, lifetime_s=30) as server:
        arguments = ("evidence", "verify", run.folder / "quote.bin", "--collateral", server.url)
        assert run(*arguments)[0] == ExitCode.UNKNOWN
        assert run(*arguments, "--ca-file", ca.ca_file)[0] == ExitCode.YES


@pytest.mark.parametrize(
    "command",
    [
        ("collateral", "fetch"),
        ("collateral", "export", "new.json"),
        ("evidence", "verify"),
    ],
)
def test_an_unreachable_host_is_named_with_the_way_around_it(
    run: Run,
    server: CollateralServer,
    source: str,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(run.folder)
    server.close()
    code, out, err = run(*command, "quote.bin")
    assert code == ExitCode.UNKNOWN
    assert server.host in out + err
    assert "--collateral FILE" in out + err
    assert "--offline" in out + err
    assert "Traceback" not in err
    assert not (run.folder / "new.json").exists()


def test_a_verdict_that_nobody_could_reach_is_short(
    run: Run, server: CollateralServer, source: str
) -> None:
    server.close()
    code, out, err = run("evidence", "verify", run.folder / "quote.bin")
    assert (code, err) == (ExitCode.UNKNOWN, "")
    verdict, hint, *rest = out.splitlines()
    assert verdict.startswith("undecided (source_unreachable): cannot fetch ")
    assert f" from {server.host}: " in verdict
    assert "--collateral FILE --offline needs no network" in hint
    assert rest[-1] == "no check was made: this says nothing about the platform or its quote"
    assert f"looked in  {source}" in rest
    assert len(rest) == 7


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Misbehaviour.STALL, "source_unreachable"),
        (Misbehaviour.CUT, "source_answer"),
        (Misbehaviour.WEB_PAGE, "source_answer"),
        (Misbehaviour.BAD_SIGNATURE, "source_answer"),
        (Misbehaviour.REDIRECT_ELSEWHERE, "source_answer"),
    ],
)
def test_a_misbehaving_service_leaves_the_question_open(
    run: Run, server: CollateralServer, source: str, fault: Misbehaviour, reason: str
) -> None:
    server.misbehave(fault)
    code, document = run.json("collateral", "fetch", run.folder / "quote.bin")
    assert code == ExitCode.UNKNOWN
    assert {row["reason"] for row in document["documents"]} == {reason}
    assert not list((run.folder / "cache").rglob("*.answer"))


def test_offline_no_connection_is_opened(run: Run, server: CollateralServer, source: str) -> None:
    quote = run.folder / "quote.bin"
    assert run("collateral", "fetch", quote)[0] == ExitCode.YES
    asked = server.count()
    run.at = AT + 5 * DAY
    assert run("collateral", "fetch", quote, "--offline")[0] == ExitCode.YES
    assert run("collateral", "export", run.folder / "b.json", quote, "--offline")[0] == 0
    assert run("collateral", "show")[0] == ExitCode.YES
    assert server.count() == asked


def test_the_document_at_hand_is_used_with_a_warning(
    run: Run, server: CollateralServer, source: str
) -> None:
    quote = run.folder / "quote.bin"
    assert run("collateral", "fetch", quote)[0] == ExitCode.YES
    server.close()
    run.at = AT + 5 * DAY
    code, _, err = run("collateral", "fetch", quote)
    assert code == ExitCode.YES
    assert "warning: using the SGX QE identity at hand" in err
    assert server.host in err


def test_output_that_nobody_watches_has_no_escape_bytes(
    run: Run, server: CollateralServer, source: str
) -> None:
    code, out, err = run("collateral", "fetch", run.folder / "quote.bin")
    assert (code, err) == (ExitCode.YES, "")
    assert "\x1b" not in out


def test_progress_is_shown_on_a_terminal_only(
    run: Run, server: CollateralServer, source: str
) -> None:
    arguments = ["collateral", "fetch", str(run.folder / "quote.bin"), *run.trust]
    main_end, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "confcom", *arguments],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(main_end, 4096):
            shown += part
    except OSError:
        pass  # how Linux ends a terminal
    finally:
        os.close(main_end)
    assert process.stdout is not None
    out = process.stdout.read()
    process.stdout.close()
    assert process.wait(timeout=10) == ExitCode.YES
    assert b"fetching collateral" in shown
    assert b"\x1b" not in out


# --- baseline mode ---


@pytest.fixture
def lagging(world: World, server: CollateralServer) -> CollateralServer:
    """The stand-in, as a cloud's cache: TCB Info and identity ended five days ago."""
    fresh, old = world.bundle(), world.bundle(at=AT - 35 * DAY)
    bundle = replace(
        fresh,
        tcb_info=old.tcb_info,
        tcb_info_signature=old.tcb_info_signature,
        qe_identity=old.qe_identity,
        qe_identity_signature=old.qe_identity_signature,
    )
    server.documents = documents_from_bundles([bundle])
    return server


@pytest.mark.parametrize("command", [("evidence", "verify"), ("evidence", "explain")])
def test_grace_reaches_documents_that_are_fetched(
    run: Run, lagging: CollateralServer, source: str, command: tuple[str, str]
) -> None:
    quote = run.folder / "quote.bin"
    for grace in ((), ("--collateral-grace", "4d")):
        code, out, err = run(*command, quote, *grace)
        assert code == ExitCode.UNKNOWN
        assert "was valid until" in out + err
        assert lagging.host in out + err
    assert run(*command, quote, "--collateral-grace", "6d")[0] == ExitCode.YES


def test_ended_documents_are_kept_for_those_who_grant_grace_only(
    run: Run, lagging: CollateralServer, source: str
) -> None:
    quote, bundle = run.folder / "quote.bin", run.folder / "bundle.json"
    grace = ("--collateral-grace", "6d")
    assert run.json("collateral", "fetch", quote)[0] == ExitCode.UNKNOWN
    code, document = run.json("collateral", "fetch", quote, *grace)
    assert code == ExitCode.YES
    states = {row["document"]: row["state"] for row in document["documents"]}
    assert states["qe-identity-sgx"] == "expired"
    assert states["root-ca-crl"] == "valid"
    lagging.close()
    code, _, err = run("collateral", "fetch", quote, "--offline")
    assert code == ExitCode.UNKNOWN
    assert "of the cache: it was valid until 2026-02-24T12:00:00Z" in err
    assert "renew it with network: confcom collateral fetch" in err
    assert run("collateral", "export", bundle, quote, "--offline")[0] == ExitCode.UNKNOWN
    assert not bundle.exists()
    assert run("collateral", "export", bundle, quote, "--offline", *grace)[0] == ExitCode.YES
    for command in ("check", "import"):
        assert run("collateral", command, bundle)[0] == ExitCode.NO
        assert run("collateral", command, bundle, *grace)[0] == ExitCode.YES


def test_grace_must_be_a_length_of_time(run: Run) -> None:
    code, _, err = run("collateral", "fetch", run.folder / "quote.bin", "--collateral-grace", "6")
    assert code == ExitCode.CONFIGURATION
    assert "--collateral-grace" in err
