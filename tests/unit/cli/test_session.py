# SPDX-License-Identifier: Apache-2.0
"""A session puts flags, environment and file together, once."""

import io
import logging
import sys
from pathlib import Path

import pytest
import structlog

from confcom.cli.session import Session
from confcom.cli.style import Style
from confcom.errors import MisconfiguredError
from confcom.runtime.settings import Flag, LogLevel


def test_flags_beat_the_environment_and_the_last_flag_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONFCOM_COLLATERAL__RETRIES", "5")
    session = Session()
    assert session.settings.collateral.retries == 5
    session.give(Flag("collateral.retries", "--retries", 6))
    session.give(Flag("collateral.retries", "--retries", 7))
    assert session.settings.collateral.retries == 7
    assert session.settings is session.settings


def test_global_options_are_settings_with_an_origin(tmp_path: Path) -> None:
    file = tmp_path / "confcom.toml"
    file.write_text("version = 1\nlog.level = 'error'\noutput.color = 'always'\n")
    session = Session()
    session.config = str(file)
    session.debug = True
    session.color = "never"
    assert session.settings.log.level is LogLevel.DEBUG
    assert str(session.effective.origins["log.level"]) == "flag --debug"
    assert session.settings.output.color.value == "never"
    assert session.colors_stdout() is False


def test_an_empty_name_of_the_settings_file_is_not_the_default_file() -> None:
    session = Session()
    session.config = ""
    with pytest.raises(MisconfiguredError):
        assert session.settings


@pytest.mark.parametrize(
    ("flag", "setting", "formats", "expected"),
    [
        (None, "table", ("table", "json"), "table"),
        (None, "json", ("table", "json"), "json"),
        (None, "yaml", ("table", "json"), "table"),
        (None, "table", ("json",), "json"),
        ("jsonl", "yaml", ("table", "jsonl"), "jsonl"),
    ],
)
def test_format_is_the_flag_else_the_setting_else_the_default(
    monkeypatch: pytest.MonkeyPatch,
    flag: str | None,
    setting: str,
    formats: tuple[str, ...],
    expected: str,
) -> None:
    monkeypatch.setenv("CONFCOM_OUTPUT__FORMAT", setting)
    session = Session()
    session.output_format = flag
    session.formats = formats
    assert session.format() == expected


def test_warnings_go_to_standard_error_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session()
    session.warn("collateral expires in 2 days\x1b[2J")
    session.quiet = True
    session.warn("nobody wants to know")
    assert capsys.readouterr() == ("", "warning: collateral expires in 2 days\\x1b[2J\n")


def test_nothing_is_said_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    Session().say("error", Style.BAD, "lost")
    Session().start_logging()


def test_logging_obeys_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("CONFCOM_LOG__LEVEL", "info")
    Session().start_logging()
    try:
        structlog.get_logger("confcom.test").info("quote.verified", tee="sgx")
        structlog.get_logger("confcom.test").debug("quote.read")
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        logging.getLogger().handlers.clear()
        logging.getLogger("confcom").setLevel(logging.NOTSET)
    assert '"event": "quote.verified"' in stream.getvalue()
    assert "quote.read" not in stream.getvalue()
