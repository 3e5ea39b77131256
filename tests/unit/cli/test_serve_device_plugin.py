# SPDX-License-Identifier: Apache-2.0
"""``confcom serve device-plugin``: options that do not go together, and nodes that forbid them."""

from pathlib import Path

import pytest

from confcom.cli.main import main
from confcom.reasons import ExitCode


def refusal(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return what is said about options that are refused."""
    assert main(["serve", "device-plugin", *options]) == ExitCode.USAGE
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mode", "intel", "--resource", "a.example/b"), "cannot use --resource"),
        (("--mode", "intel", "--topology"), "cannot use --topology"),
        (("--enclaves", "3"), "cannot use --enclaves"),
        (("--no-aesm-mount", "--aesm-folder", "x"), "cannot use --aesm-folder"),
        (("--epc", "64Mi"), "cannot use --epc with real enclave memory"),
        (("--simulate-device", "/dev/null"), "cannot use --simulate-device"),
        (("--resource", "nodomain"), "is not a resource name"),
        (("--resource", "requests.example.com/epc"), "is not a resource name"),
        (("--resource", "sgx.kubernetes.io/epc"), "is not a resource name"),
        (("--simulate", "--epc", "64"), "is not an amount"),
        (("--simulate", "--epc", "1.5Gi"), "is not an amount"),
        (("--simulate", "--epc", "9999999Gi"), "is not an amount"),
        (("--reserve", "-1"), "--reserve"),
        (("--mode", "both"), "--mode"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(
    options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refusal(capsys, *options)


def test_memory_is_not_simulated_beside_real_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sys" / "devices" / "system" / "node" / "node0" / "x86" / "sgx_total_bytes"
    file.parent.mkdir(parents=True)
    file.write_text("8589934592\n", encoding="ascii")
    words = refusal(
        capsys,
        *("--simulate", "--sys", str(tmp_path / "sys"), "--dev", str(tmp_path)),
        *("--kubelet-folder", str(tmp_path / "plugins")),
    )
    assert "this node has 8192 MiB of enclave memory" in words
