# SPDX-License-Identifier: Apache-2.0
"""Shells complete nouns, verbs and flags without loading the commands."""

import json
import subprocess
import sys

import pytest

from confcom.cli.commands import COMMANDS
from confcom.cli.main import main

LOADED = """
import sys, json
from confcom.cli.main import main
code = main([])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, word: str
) -> list[str]:
    monkeypatch.setenv("_CONFCOM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", word)
    assert main([]) == 0
    return [item.partition(",")[2] for item in capsys.readouterr().out.splitlines() if item]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_calls_the_program_back(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert f"_CONFCOM_COMPLETE={shell}_complete" in out
    assert err == ""


def test_script_for_bash_is_valid() -> None:
    script = subprocess.run(
        [sys.executable, "-m", "confcom", "completion", "bash"], capture_output=True, check=True
    ).stdout
    subprocess.run(["bash", "-n"], input=script, check=True)


def test_unknown_shell_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "csh"]) == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err


def test_nouns_verbs_and_flags_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete(monkeypatch, capsys, "confcom ", "1") == list(COMMANDS)
    assert complete(monkeypatch, capsys, "confcom con", "1") == ["config"]
    assert complete(monkeypatch, capsys, "confcom config s", "2") == ["show"]
    assert complete(monkeypatch, capsys, "confcom config show --or", "3") == ["--origin"]
    assert "--quiet" in complete(monkeypatch, capsys, "confcom --", "1")
    assert complete(monkeypatch, capsys, "confcom nonsense x", "2") == []


def test_completing_nouns_loads_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_CONFCOM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "confcom ")
    monkeypatch.setenv("COMP_CWORD", "1")
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stderr)
    assert code == 0
    assert not {entry.module for entry in COMMANDS.values()} & set(modules)
