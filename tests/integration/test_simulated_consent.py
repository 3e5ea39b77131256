# SPDX-License-Identifier: Apache-2.0
"""A simulated chain needs its root by name and consent, both on the command line, each time."""

import json
from pathlib import Path

import pytest

from confcom.cli.main import main
from confcom.reasons import ExitCode

pytestmark = pytest.mark.timeout(30)

ROOT = ("--root", "demo/public/root.pem")
CONSENT = ("--allow-simulated",)


@pytest.fixture(autouse=True)
def _demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (
        "simulate pki demo",
        "simulate platform --pki demo",
        "simulate enclave --out enclave.json",
        "simulate td --out td.json",
        "simulate quote --pki demo --enclave enclave.json --out sgx.quote",
        "simulate quote --pki demo --td td.json --out tdx.quote",
        "simulate pki other",
    ):
        assert main([*command.split(), "--quiet"]) == ExitCode.YES


def _verify(
    capsys: pytest.CaptureFixture[str], tee: str, *flags: str
) -> tuple[int, dict[str, object]]:
    bundle = f"demo/public/simulated-{tee}.json"
    arguments = ("evidence", "verify", f"{tee}.quote", "--collateral", bundle, *flags)
    capsys.readouterr()
    code = main([*arguments, "--output", "json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("tee", ["sgx", "tdx"])
def test_both_together_are_enough_and_the_result_says_simulated(
    capsys: pytest.CaptureFixture[str], tee: str
) -> None:
    code, document = _verify(capsys, tee, *ROOT, *CONSENT)
    assert (code, document["reason"]) == (ExitCode.YES, None)
    assert document["trust"] == {"root": "SIMULATED SGX Root CA", "simulated": True}


@pytest.mark.parametrize("tee", ["sgx", "tdx"])
@pytest.mark.parametrize("flags", [(), ROOT, CONSENT], ids=["neither", "root", "consent"])
def test_either_alone_is_refused(
    capsys: pytest.CaptureFixture[str], tee: str, flags: tuple[str, ...]
) -> None:
    code, document = _verify(capsys, tee, *flags)
    assert code == ExitCode.NO
    assert (document["authentic"], document["acceptable"]) == (False, None)
    assert document["reason"] == "simulated_root"


@pytest.mark.parametrize("tee", ["sgx", "tdx"])
def test_another_simulated_root_is_refused(capsys: pytest.CaptureFixture[str], tee: str) -> None:
    code, document = _verify(capsys, tee, "--root", "other/public/root.pem", *CONSENT)
    assert code == ExitCode.NO
    assert document["authentic"] is False


@pytest.mark.parametrize("tee", ["sgx", "tdx"])
def test_neither_environment_nor_settings_file_can_give_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tee: str
) -> None:
    for name in ("TRUST__ROOT", "ROOT", "TRUST__ALLOW_SIMULATED", "ALLOW_SIMULATED"):
        with monkeypatch.context() as patch:
            patch.setenv(f"CONFCOM_{name}", "true" if "ALLOW" in name else ROOT[1])
            arguments = ("evidence", "verify", f"{tee}.quote", "--collateral", "demo/public")
            for flags in (ROOT, CONSENT):
                assert main([*arguments, *flags]) != ExitCode.YES
    for lines in ("root = 'demo/public/root.pem'", "allow_simulated = true"):
        Path("confcom.toml").write_text(f"version = 1\n[trust]\n{lines}\n")
        for flags in (ROOT, CONSENT):
            code = main(["evidence", "verify", f"{tee}.quote", "--config", "confcom.toml", *flags])
            assert code == ExitCode.CONFIGURATION
    capsys.readouterr()
