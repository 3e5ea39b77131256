# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm`` where protobuf is not installed, and what it loads where it is."""

import json
import subprocess
import sys

import pytest

from confcom.cli.node_aesm_options import aesm_packages
from confcom.errors import MisconfiguredError
from confcom.reasons import ExitCode, Reason

WITHOUT = """
import sys
sys.modules["google"] = None
from confcom.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
LOADED = """
import json, sys
from confcom.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.mark.parametrize("verb", ["ping", "info", "bench"])
def test_command_names_what_is_to_be_installed(verb: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "node", "aesm", verb],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == ExitCode.CONFIGURATION
    assert f"confcom node aesm {verb}" in done.stderr
    assert "protobuf is not installed" in done.stderr
    assert "confcom[quote-helper]" in done.stderr


def test_missing_part_of_protobuf_is_protobuf_missing() -> None:
    with (
        pytest.raises(MisconfiguredError, match="protobuf is not installed") as caught,
        aesm_packages("node aesm ping"),
    ):
        raise ModuleNotFoundError("no module", name="google.protobuf")
    assert caught.value.reason is Reason.EXTRA_MISSING


def test_other_missing_modules_are_not_taken_for_protobuf() -> None:
    with pytest.raises(ModuleNotFoundError), aesm_packages("node aesm ping"):
        raise ModuleNotFoundError("no module", name="confcom.nothing")


@pytest.mark.parametrize("verb", [None, "ping", "info", "bench", "unit"])
def test_help_loads_neither_protobuf_nor_asyncio(verb: str | None) -> None:
    words = [] if verb is None else [verb]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "node", "aesm", *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == ExitCode.YES
    assert not {"google.protobuf", "asyncio", "rich", "structlog"} & set(modules)
