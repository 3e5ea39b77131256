# SPDX-License-Identifier: Apache-2.0
"""The reference pages of settings and commands say what the program does."""

import pytest
from tools import cli_reference, settings_reference

from confcom.cli.commands import COMMANDS
from confcom.reasons import ExitCode
from confcom.runtime.settings import Settings
from confcom.runtime.settings.spec import keys_of


def test_page_of_settings_is_what_the_model_says() -> None:
    written = settings_reference.PAGE.read_text(encoding="utf-8")
    assert written == settings_reference.page(), "run: make reference"


@pytest.mark.parametrize("path", keys_of(Settings))
def test_every_setting_is_documented(path: str) -> None:
    written = settings_reference.PAGE.read_text(encoding="utf-8")
    assert f"\n### `{path}`\n" in written


def test_page_of_commands_is_what_the_help_says() -> None:
    written = cli_reference.PAGE.read_text(encoding="utf-8")
    assert written == cli_reference.page(), "run: make reference"


def test_every_noun_and_exit_code_is_documented() -> None:
    written = cli_reference.PAGE.read_text(encoding="utf-8")
    for noun in COMMANDS:
        assert f"\n## `confcom {noun}`\n" in written
    for code in ExitCode:
        assert f"\n| {int(code)} | " in written
