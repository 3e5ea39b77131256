# SPDX-License-Identifier: Apache-2.0
"""``confcom config show`` shows every setting and where it comes from."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from confcom.cli.main import main
from confcom.runtime.settings import Settings
from confcom.runtime.settings.spec import keys_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "confcom.toml"
    path.write_text("version = 1\n[collateral]\nretries = 7\nsources = ['file:/a', 'pcs']\n")
    return path


def test_table_shows_every_setting_with_its_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setenv("CONFCOM_LOG__LEVEL", "info")
    assert main(["config", "show", "--origin", "--config", str(file), "--debug"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()}
    assert list(rows) == ["SETTING", *keys_of(Settings)]
    assert rows["SETTING"] == "VALUE ORIGIN"
    assert rows["collateral.retries"] == f"7 file {file} line 3"
    assert rows["collateral.sources"] == f"file:/a, pcs file {file} line 4"
    assert rows["log.level"] == "debug flag --debug"
    assert rows["collateral.proxy"] == "- default"
    assert rows["collateral.offline"] == "false default"
    assert rows["trust.root"] == "- default"


def test_origin_is_shown_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["SETTING", "VALUE"]


def test_json_and_yaml_hold_the_same(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    arguments = ["config", "show", "--origin", "--config", str(file), "--output"]
    assert main([*arguments, "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["schemaVersion", "settings", "origins"]
    assert document["schemaVersion"] == 1
    assert document["settings"]["collateral.retries"] == 7
    assert document["settings"]["collateral.proxy"] is None
    assert document["origins"]["collateral.retries"] == f"file {file} line 3"
    assert main([*arguments, "yaml"]) == 0
    assert YAML(typ="safe", pure=True).load(capsys.readouterr().out) == document
    assert main(["config", "show", "-o", "json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["schemaVersion", "settings"]


def test_a_secret_file_is_named_and_never_opened(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "credentials"
    secret.write_text("user:hunter2")
    monkeypatch.setenv("CONFCOM_COLLATERAL__PROXY_CREDENTIALS_FILE", str(secret))
    for output in ("table", "json", "yaml"):
        assert main(["config", "show", "--origin", "--output", output]) == 0
        out = capsys.readouterr().out
        assert str(secret) in out
        assert "hunter2" not in out


def test_a_wrong_setting_shows_nothing_but_the_mistake(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFCOM_OUTPUT__FORMAT", "xml")
    assert main(["config", "show"]) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert "env CONFCOM_OUTPUT__FORMAT" in err
