# SPDX-License-Identifier: Apache-2.0
"""``confcom quickstart`` from end to end: real commands, real HTTP on loopback."""

import os
import re
import tempfile
from pathlib import Path

import pytest
from tests import vectors_path

from confcom.cli.main import main
from confcom.reasons import ExitCode

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _away_from_recorded_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "a" / "b"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.delenv("CONFCOM_VECTORS", raising=False)


def test_shows_every_part_of_the_main_job(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a"))
    assert main(["quickstart"]) == ExitCode.YES
    out, err = capsys.readouterr()
    assert re.fullmatch(r"collected: SGX quote of \d+ bytes, .*; it was not verified\n", err)
    assert '"event": "quote.made"' in out
    assert "\x1b" not in out
    for words in (
        "confcom simulate pki demo",
        "confcom evidence verify sgx.quote",
        "confcom evidence verify tdx.quote",
        "simulated_root",
        "OutOfDate",
        "Early Microcode Update",
        "Shown just now, on this machine",
    ):
        assert words in out
    assert "not acceptable" not in out
    shown = out.rpartition("Shown just now")[2]
    assert shown.count("  ok  ") == 6
    assert "recorded" not in out
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_refusal_of_the_changed_bit_names_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quickstart"]) == ExitCode.YES
    out = capsys.readouterr().out
    changed = out.partition("broken.quote")[2].partition("A weakness becomes known")[0]
    assert "quote_signature" in changed


def test_quiet_run_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quickstart", "--quiet"]) == ExitCode.YES
    assert capsys.readouterr() == ("", "")


def test_colours_reach_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quickstart", "--color", "always"]) == ExitCode.YES
    assert capsys.readouterr().out.count("\x1b[") > 50


def test_keep_leaves_the_files_in_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    assert main(["quickstart", "--quiet", "--keep", str(folder)]) == ExitCode.YES
    assert {path.name for path in folder.iterdir()} >= {"demo", "sgx.quote", "tdx.quote"}
    assert Path.cwd() == tmp_path / "a" / "b"


def test_keep_refuses_a_folder_that_exists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept").mkdir()
    assert main(["quickstart", "--keep", str(tmp_path / "kept")]) == ExitCode.USAGE
    assert "there is one already" in capsys.readouterr().err
    assert not any((tmp_path / "kept").iterdir())


def test_keep_refuses_a_folder_that_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["quickstart", "--keep", str(tmp_path / "file" / "kept")]) == ExitCode.USAGE
    assert "cannot keep the files" in capsys.readouterr().err


def test_global_options_reach_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    Path("confcom.toml").write_text("version = 1\n[output]\nformat = 'json'\n")
    arguments = ["--config", "confcom.toml", "--debug"]
    assert main(["quickstart", *arguments]) == ExitCode.YES
    assert '"rootFingerprint": ' in capsys.readouterr().out


def test_recorded_quotes_are_verified_where_they_are_at_hand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = vectors_path.require("dcap").parent
    monkeypatch.setenv("CONFCOM_VECTORS", str(vectors))
    assert main(["quickstart"]) == ExitCode.YES
    out = capsys.readouterr().out
    assert "recorded quotes of real machines are genuine under Intel's root" in out
    assert "TDX version 4" in out
    assert "SGX version 3" in out


def test_recorded_quotes_are_found_beside_the_working_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    vectors = vectors_path.require("dcap").parent
    (tmp_path / "a" / "shared").mkdir()
    (tmp_path / "a" / "shared" / "vectors").symlink_to(vectors)
    assert main(["quickstart"]) == ExitCode.YES
    assert "recorded quotes of real machines" in capsys.readouterr().out


def test_recorded_quote_that_does_not_verify_ends_the_run_with_no(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = vectors_path.require("dcap")
    folder = tmp_path / "vectors" / "dcap"
    folder.mkdir(parents=True)
    for name in ("quotes", "collateral"):
        (folder / name).symlink_to(vectors / name)
    cases = (vectors / "cases.json").read_text()
    (folder / "cases.json").write_text(cases.replace('"now": ', '"now": 1'))
    monkeypatch.setenv("CONFCOM_VECTORS", str(tmp_path / "vectors"))
    assert main(["quickstart"]) == ExitCode.NO
    assert "error: recorded quote real-" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", ExitCode.MALFORMED),
        ("{}", ExitCode.MALFORMED),
        ('[{"id": "real-x"}]', ExitCode.MALFORMED),
        (
            '[{"id": "real-x", "origin": "real", "root": "intel", "now": 1, "quote": "q", '
            '"collateral": "c", "expect": {"verdict": "accept"}}]',
            ExitCode.USAGE,
        ),
    ],
)
def test_broken_folder_of_recorded_quotes_is_explained(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    code: ExitCode,
) -> None:
    (tmp_path / "dcap").mkdir()
    (tmp_path / "dcap" / "cases.json").write_text(content)
    monkeypatch.setenv("CONFCOM_VECTORS", str(tmp_path))
    assert main(["quickstart"]) == code
    assert "error: cannot read" in capsys.readouterr().err


def test_works_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME"):
        if name in os.environ:
            monkeypatch.delenv(name)
    assert main(["quickstart", "--quiet"]) == ExitCode.YES
