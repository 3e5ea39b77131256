# SPDX-License-Identifier: Apache-2.0
"""Output that README and pages show is what the program prints, gaps (… or ...) aside."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.simulated import AT, authority, sgx

from confcom.cli.main import main
from confcom.dcap import TcbStatus
from confcom.reasons import ExitCode

pytestmark = pytest.mark.timeout(60)

REPOSITORY = Path(__file__).parents[2]
HOW_TO = REPOSITORY / "docs" / "how-to"
GAPS = {"…", "..."}


def _blocks(page: Path, kind: str) -> list[list[str]]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block.splitlines() for block in found]


def _runs(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Commands of a block, each with the lines shown for it."""
    command, shown = "", list[str]()
    for line in lines:
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line.removeprefix("$ "), []
        else:
            shown.append(line)
    if command:
        yield command, shown


def _assert_printed(shown: list[str], out: str) -> None:
    """Every shown line is printed, in its order; those between two gaps follow one another."""
    printed = [line.rstrip() for line in out.splitlines()]
    place, is_after_gap = 0, True
    for line in shown:
        if line.strip() in GAPS:
            is_after_gap = True
            continue
        rest = printed[place:] if is_after_gap else printed[place : place + 1]
        assert line in rest, f"{line!r} is not printed (next is {printed[place : place + 3]})"
        place += rest.index(line) + 1
        is_after_gap = False


def test_readme_shows_what_quickstart_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "far" / "away"  # from recorded quotes
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.delenv("CONFCOM_VECTORS", raising=False)
    assert main(["quickstart"]) == ExitCode.YES
    (shown,) = _blocks(REPOSITORY / "README.md", "text")
    port = re.compile(r"127\.0\.0\.1:\d+")
    out = port.sub("127.0.0.1:PORT", capsys.readouterr().out)
    _assert_printed([port.sub("127.0.0.1:PORT", line) for line in shown], out)


def test_readme_fits_one_screen() -> None:
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    end = lines.index("```mermaid")
    assert end <= 45, "what it is, the two commands and the output come first, and fit"
    assert len(lines) <= 70


def test_page_on_inspection_shows_what_is_printed(
    tmp_path: Path, dcap_vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, source in {
        "quote.bin": "quotes/real-sgx-606a-eval17.bin",
        "enclave.sig": "sigstruct/test_enclave.sig",
        "enclave.sgxs": "sigstruct/test_enclave.sgxs",
    }.items():
        shutil.copyfile(dcap_vectors / source, tmp_path / name)
    program = f"{shlex.quote(sys.executable)} -m confcom"
    runs = [
        run for block in _blocks(HOW_TO / "inspect-evidence.md", "console") for run in _runs(block)
    ]
    assert len(runs) == 6
    for command, shown in runs:
        if command.startswith("kubectl"):
            continue
        command, _, jq = command.partition(" | jq -r ")
        out = subprocess.run(
            ["/bin/sh", "-c", command.replace("confcom", program, 1)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        if jq:
            (value,) = shown
            assert f'"{value}"' in out
            assert f'"{jq.split(".")[-2]}"' in out
        else:
            _assert_printed(shown, out)


def test_page_on_verification_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sample = sgx(status=TcbStatus.OUT_OF_DATE)
    Path("quote.bin").write_bytes(sample.quote)
    Path("bundle.json").write_bytes(sample.collateral.to_json())
    Path("root.pem").write_bytes(authority().root.pem)
    arguments = ("--collateral", "bundle.json", "--root", "root.pem", "--allow-simulated")
    code = main(["evidence", "verify", "quote.bin", *arguments, "--at", str(int(AT.timestamp()))])
    assert code == ExitCode.NO
    (shown,) = _blocks(HOW_TO / "verify-a-quote.md", "text")
    _assert_printed(shown, capsys.readouterr().out)
