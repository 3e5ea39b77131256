# SPDX-License-Identifier: Apache-2.0
"""What the common ways through the program load; times are measured by the benchmarks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.simulated import AT, authority, sgx

HEAVY = {
    "asyncio",
    "cryptography",
    "httpx2",
    "importlib.metadata",
    "json",
    "jsonschema",
    "logging",
    "msgspec",
    "pathlib",
    "rich",
    "ruamel",
    "ruamel.yaml",
    "shutil",
    "ssl",
    "structlog",
    "subprocess",
    "tomllib",
}
PROGRAM = """
import sys
from confcom.cli.main import main
code = main(sys.argv[1:])
modules = sorted(sys.modules)
import json
print(json.dumps([code, modules]), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(modules)


def test_help_loads_nothing_heavy_and_no_command() -> None:
    modules = loaded("--help")
    assert not modules & HEAVY
    assert {name for name in modules if name.startswith("confcom.")} == {
        "confcom.cli",
        "confcom.cli.command",
        "confcom.cli.commands",
        "confcom.cli.main",
        "confcom.cli.session",
        "confcom.cli.style",
        "confcom.runtime",
        "confcom.runtime.text",
    }


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_small_command_loads_no_framework(output: str) -> None:
    modules = loaded("config", "show", "--output", output)
    assert not modules & (HEAVY - {"json", "pathlib"})


def test_a_verdict_offline_loads_only_what_reads_one_bundle(tmp_path: Path) -> None:
    sample = sgx()
    (tmp_path / "quote").write_bytes(sample.quote)
    (tmp_path / "bundle.json").write_bytes(sample.collateral.to_json())
    (tmp_path / "root.pem").write_bytes(authority().root.pem)
    modules = loaded(
        *("evidence", "verify", str(tmp_path / "quote"), "--quiet"),
        *("--collateral", str(tmp_path / "bundle.json")),
        *("--root", str(tmp_path / "root.pem"), "--allow-simulated"),
        *("--at", str(int(AT.timestamp()))),
    )
    assert {name for name in modules if name.startswith("confcom.adapters.")} == {
        "confcom.adapters.collateral",
        "confcom.adapters.collateral.files",
    }
    assert "confcom.attestation.explain" not in modules
    assert not modules & {"asyncio", "httpx2", "rich", "ruamel", "ssl", "structlog", "subprocess"}
