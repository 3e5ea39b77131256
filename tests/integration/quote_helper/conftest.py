# SPDX-License-Identifier: Apache-2.0
"""A folder with a simulated platform."""

from pathlib import Path

import pytest

from confcom.cli.main import main
from confcom.reasons import ExitCode


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["--quiet", "simulate", "pki", "demo"]) == ExitCode.YES
    assert main(["--quiet", "simulate", "platform", "--pki", "demo"]) == ExitCode.YES
    return tmp_path
