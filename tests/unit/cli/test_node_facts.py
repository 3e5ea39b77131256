# SPDX-License-Identifier: Apache-2.0
"""``confcom node facts``: what was read is what is concluded from elsewhere."""

import json
from pathlib import Path

import pytest

from confcom.cli.main import main
from confcom.epc.facts import take_inventory
from confcom.epc.facts_json import facts_from_json
from confcom.reasons import ExitCode


@pytest.fixture
def node(tmp_path: Path) -> list[str]:
    """Options for a node whose kernel says that it has 8 GiB."""
    file = tmp_path / "sys" / "devices" / "system" / "node" / "node0" / "x86" / "sgx_total_bytes"
    file.parent.mkdir(parents=True)
    file.write_text("8589934592\n", encoding="ascii")
    (tmp_path / "dev").mkdir()
    return [
        *("--sys", str(tmp_path / "sys"), "--dev", str(tmp_path / "dev")),
        *("--kubelet-folder", str(tmp_path / "none")),
    ]


def test_facts_are_a_document_that_tells_the_same(
    node: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", "facts", *node]) == ExitCode.YES
    text = capsys.readouterr().out
    inventory = take_inventory(facts_from_json(text.encode()))
    assert inventory.total_mib == 8192
    assert inventory.nodes.enclave is None


def test_a_file_holds_what_standard_output_would(
    node: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "node.json"
    assert main(["node", "facts", *node, "--out", str(out)]) == ExitCode.YES
    assert capsys.readouterr().out == ""
    assert json.loads(out.read_bytes())["schemaVersion"] == 1


def test_a_file_that_cannot_be_written_is_a_usage_error(
    node: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "absent" / "node.json"
    assert main(["node", "facts", *node, "--out", str(out)]) == ExitCode.USAGE
    assert "cannot write file" in capsys.readouterr().err
