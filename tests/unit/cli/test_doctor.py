# SPDX-License-Identifier: Apache-2.0
"""``confcom doctor`` on machines that are built in a folder."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests import machines

from confcom.cli.main import main
from confcom.services.doctor import QUOTING
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer, Misbehaviour

SCHEMA = json.loads(
    resources.files("confcom.services.doctor").joinpath("schema/doctor.v1.json").read_text("utf-8")
)
PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "find-out-why-there-are-no-quotes.md"
QUOTES = CannedQuotes(
    target_info=b"\xe5" * 32 + bytes(480), public_key_id=bytes(32), quote=bytes(436)
)
WITHOUT_PROTOBUF = """
import sys
sys.modules["google"] = None
from confcom.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("SGX_AESM_ADDR", "LD_LIBRARY_PATH", "QCNL_CONF_PATH"):
        monkeypatch.delenv(name, raising=False)
    machines.build(tmp_path)
    return tmp_path


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main(["doctor", "--root", str(root), "--offline", "--output", "json", *arguments])
        document = json.loads(capsys.readouterr().out)
        jsonschema.validate(document, SCHEMA)
        assert code == (1 if document["counts"]["problem"] else 0)
        return code, document

    return run


def _levels(document: dict[str, Any], check: str) -> list[tuple[str, str | None]]:
    (section,) = document["sections"]
    return [(one["level"], one["reason"]) for one in section["findings"] if one["check"] == check]


def test_a_machine_with_nothing_has_problems(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, document = run("--root", str(tmp_path / "empty"))
    assert code == 1
    assert document["place"] == "node"
    assert _levels(document, "daemon.socket") == [("problem", "quoting_unreachable")]
    assert _levels(document, "device.sgx_enclave") == [("problem", "device_missing")]
    assert _levels(document, "library.qe3_logic") == [("problem", "library_missing")]
    assert _levels(document, "enclave.qe3") == [("problem", "library_missing")]
    assert _levels(document, "library.provider") == [("warning", "library_missing")]


def test_a_folder_that_does_not_exist_is_no_machine(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "file").touch()
    for name, words in (("none", "there is no such folder"), ("file", "it is no folder")):
        assert main(["doctor", "--root", str(root / name)]) == 2
        err = capsys.readouterr().err
        assert words in err
        assert "hint: name the folder at which the machine's / is mounted here" in err


def test_a_socket_of_this_machine_is_named_as_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, tmp_path / "host"):
        (folder / "run").mkdir(parents=True)
    main(["doctor", "--offline", "--socket", "run/a"])
    assert f"AESM socket {tmp_path}/run/a" in capsys.readouterr().out
    main(["doctor", "--offline", "--socket", "run/a", "--root", "host"])
    assert f"AESM socket {tmp_path}/host/run/a" in capsys.readouterr().out


def test_a_daemon_that_hangs(run: Run, root: Path) -> None:
    with AesmServer(Path("run/aesmd/aesm.socket"), QUOTES) as server:
        server.misbehave(Misbehaviour.STALL)
        code, document = run("--root", ".", "--timeout", "0.2")
    assert code == 1
    assert _levels(document, "daemon.socket") == [("problem", "quoting_unreachable")]
    (section,) = document["sections"]
    (told,) = [one for one in section["findings"] if one["check"] == "daemon.socket"]
    assert "did not reply within 0.2 s" in told["message"]
    assert told["cause"] == "hung"
    assert told["cure"]


def test_a_daemon_that_answers_leaves_no_problem(run: Run, root: Path) -> None:
    with AesmServer(Path("run/aesmd/aesm.socket"), QUOTES):
        code, document = run("--root", ".")
    assert code == 0
    assert _levels(document, "daemon.socket") == [("ok", None)]
    assert _levels(document, "device.sgx_enclave") == [("warning", "device_missing")]


def test_the_other_socket_is_asked(run: Run, root: Path) -> None:
    with AesmServer(Path("run/other.socket"), QUOTES):
        _, document = run("--root", ".", "--socket", "/var/run/other.socket")
    assert _levels(document, "daemon.socket") == [("ok", None)]


def test_an_application_with_an_odd_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SGX_AESM_ADDR", "0")
    monkeypatch.setenv("QCNL_CONF_PATH", "/etc/none.conf")
    _, document = run("--place", "application")
    assert _levels(document, "environment.opt_in") == [("warning", "quoting_mode")]
    assert _levels(document, "environment.way") == [("ok", None)]
    assert _levels(document, "configuration.qcnl") == [("warning", "settings_invalid")]


def test_secrets_of_files_are_not_shown(
    run: Run, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "etc" / "aesmd.conf").write_text(
        "aesm proxy = http://me:hunter2@proxy.example/\napi key = hunter2\nhunter2\n"
    )
    (root / "etc" / "sgx_default_qcnl.conf").write_text(
        '{"pccs_url": "https://me:hunter2@pccs.example/?k=hunter2", "key": "hunter2",'
        '"retry_times": "hunter2",'
        '"custom_request_options": {"get_cert": {"headers": {"key": "hunter2"}}}}'
    )
    _, document = run()
    assert "https://pccs.example/ was not asked: offline" in json.dumps(document)
    assert "hunter2" not in json.dumps(document)
    assert main(["doctor", "--root", str(root), "--offline", "--debug"]) == 1
    assert "hunter2" not in "".join(capsys.readouterr())


def test_the_table_names_each_check_with_cause_and_cure(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--root", str(root), "--offline"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "quoting, looked at as node"
    assert lines[1].split() == ["LEVEL", "CHECK", "FOUND"]
    assert "problems" in lines[-1]
    silent = {"environment.way", "configuration.azure"}
    for name in {check.name for check in QUOTING} - silent:
        assert f" {name} " in out
    assert "cause: without it no enclave runs here" in out
    assert "cure: in a container, request SGX" in out
    assert "[device_missing]" in out


def test_control_characters_of_a_machine_do_not_reach_the_terminal(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QCNL_CONF_PATH", "/\x1b[2Jfile")
    main(["doctor", "--root", str(root), "--offline"])
    out, _ = capsys.readouterr()
    assert "\x1b" not in out
    assert "\\x1b[2Jfile" in out


def test_quiet_leaves_the_exit_code(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--root", str(root), "--offline", "--quiet"]) == 1
    assert capsys.readouterr().out == ""


def test_without_protobuf_everything_but_the_socket_is_looked_at(root: Path) -> None:
    arguments = ["doctor", "--root", str(root), "--offline", "--output", "json"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PROTOBUF, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert _levels(document, "daemon.socket") == [("warning", "extra_missing")]
    assert _levels(document, "library.dcap_ql") == [("ok", None)]


def test_the_page_shows_what_is_printed(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SGX_AESM_ADDR", "0")
    main(["doctor", "--root", str(root), "--offline"])
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition("$ confcom doctor\n")[2].partition("\n…")[0].splitlines()
    assert [line.split() for line in shown] == printed[: len(shown)]
    assert len(shown) == 5
