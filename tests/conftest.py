# SPDX-License-Identifier: Apache-2.0
"""What every test gets: no settings of the person who runs it, and no timing by hypothesis."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import vectors_path

# The suite limits a test as a whole (pytest-timeout); a busy machine must not fail one example.
settings.register_profile(
    "confcom", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("confcom")

_GOLDEN = Path(__file__).parent / "golden"
_OF_THE_SUITE = {"CONFCOM_VECTORS", "CONFCOM_REQUIRE_VECTORS"}
_OF_THE_TERMINAL = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        ours = name.startswith("CONFCOM_") and name not in _OF_THE_SUITE
        if ours or name in _OF_THE_TERMINAL:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def dcap_vectors() -> Path:
    """The folder of the recorded SGX and TDX cases."""
    return vectors_path.require("dcap")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that rewrites golden files; their changes are reviewed like code."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with the golden file of a name, or rewrite the file."""

    def check(name: str, text: str) -> None:
        file = _GOLDEN / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), f"{name}: see pytest --update-golden"

    return check
