# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/how-to/simulate.md, run from top to bottom, print what the page shows."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "simulate.md"
GAP = "…"


def _steps() -> list[tuple[str, str]]:
    """Commands of the page, each with the output that the page shows for it."""
    text = PAGE.read_text(encoding="utf-8")
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line.removeprefix("$ "), ""))
            else:
                command, output = steps[-1]
                steps[-1] = (command, f"{output}{line}\n")
    return steps


def _pattern(shown: str) -> str:
    """A line that is only a gap stands for any number of lines, a gap in a line for any text."""
    lines = [
        r"(?:.*\n)*" if line.strip() == GAP else re.escape(line).replace(GAP, ".*") + r"\n"
        for line in shown.splitlines()
    ]
    return "".join(lines)


@pytest.mark.timeout(120)
def test_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "confcom"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m confcom "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    work = tmp_path / "work"
    work.mkdir()
    steps = _steps()
    assert len(steps) > 20
    for command, shown in steps:
        done = subprocess.run(
            ["sh", "-c", command], cwd=work, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert re.fullmatch(_pattern(shown), done.stdout), f"{command}\n{done.stdout}"
