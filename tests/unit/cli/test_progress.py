# SPDX-License-Identifier: Apache-2.0
"""Progress is shown on a terminal only."""

import os
import pty
import subprocess
import sys

import pytest

from confcom.cli.progress import progress
from confcom.cli.session import Session

PROGRAM = """
import sys, time
from confcom.cli.progress import progress
from confcom.cli.session import Session
session = Session()
session.quiet = "quiet" in sys.argv
with progress(session, "verifying quotes", total=3) as advance:
    for _ in range(3):
        advance(1)
print("rich" in sys.modules)
"""


def on_terminal(*arguments: str, environ: dict[str, str] | None = None) -> tuple[str, bytes]:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=os.environ | {"TERM": "xterm"} | (environ or {}),
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            check=True,
        )
        os.write(theirs, b"$")
        return done.stdout.strip(), os.read(ours, 100_000)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_terminal_shows_a_bar_and_standard_output_stays_clean() -> None:
    out, err = on_terminal()
    assert out == "True"
    assert b"verifying quotes" in err


@pytest.mark.parametrize(
    ("arguments", "environ"), [(("quiet",), {}), ((), {"TERM": "dumb"}), ((), {"NO_COLOR": "1"})]
)
def test_quiet_runs_and_plain_terminals_show_nothing(
    arguments: tuple[str, ...], environ: dict[str, str]
) -> None:
    assert on_terminal(*arguments, environ=environ) == ("False", b"$")


def test_a_pipe_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(Session(), "verifying quotes") as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")
