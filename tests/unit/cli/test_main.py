# SPDX-License-Identifier: Apache-2.0
"""Every way a run can end becomes an exit code and at most one message, never a traceback."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import pytest

from confcom.cli import commands
from confcom.cli.command import Command, Entry
from confcom.cli.failure import present
from confcom.cli.main import main
from confcom.cli.session import Session
from confcom.errors import BRANCHES, ConfcomError, MalformedError, NotAuthenticError
from confcom.reasons import ExitCode, Reason

PROGRAM = (sys.executable, "-m", "confcom")
ESCAPE = "\x1b"


def run(
    *arguments: str, environ: dict[str, str] | None = None, **options: object
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # type: ignore[call-overload]
        [*PROGRAM, *arguments],
        env=os.environ | (environ or {}),
        capture_output="stdout" not in options,
        check=False,
        text=True,
        **options,
    )


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Put a function into the table of commands under the name ``probe``."""
    module = ModuleType("confcom_probe")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = Entry(module.__name__, "probe", "Test the frame.")
    monkeypatch.setitem(commands.COMMANDS, "probe", entry)

    def put(function: Callable[[], object]) -> None:
        module.__dict__["probe"] = Command("probe", callback=function)

    return put


def raiser(exc: BaseException) -> Callable[[], object]:
    def function() -> object:
        raise exc

    return function


# --- results and errors of commands ---


@pytest.mark.parametrize(
    ("result", "code"), [(None, 0), (ExitCode.YES, 0), (ExitCode.NO, 1), (4, 4), ("text", 0)]
)
def test_exit_code_is_what_the_command_returns(
    command: Callable[..., None], result: object, code: int
) -> None:
    command(lambda: result)
    assert main(["probe"]) == code


@pytest.mark.parametrize("branch", BRANCHES)
def test_error_is_shown_with_hint_and_exit_code_of_its_kind(
    command: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    branch: type[ConfcomError],
) -> None:
    reason = next(reason for reason in Reason if reason.kind is branch.kind)
    command(raiser(branch(reason, "reading a quote", hint="try another")))
    assert main(["probe"]) == reason.kind.outcome.exit_code
    assert capsys.readouterr() == ("", "error: reading a quote\nhint: try another\n")


def test_error_without_hint_is_one_line(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raiser(NotAuthenticError(Reason.QUOTE_SIGNATURE, "signature does not verify")))
    assert main(["--quiet", "probe"]) == 1
    assert capsys.readouterr() == ("", "error: signature does not verify\n")


def test_message_cannot_steer_the_terminal(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(
        raiser(MalformedError(Reason.CERT_FORMAT, "reading CN=\x1b[2J\u202e\udc80", hint="\x07"))
    )
    assert main(["probe"]) == 3
    assert capsys.readouterr().err == "error: reading CN=\\x1b[2J\\u202e\\udc80\nhint: \\x07\n"


def test_interrupt_ends_with_130(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    for exc in (KeyboardInterrupt(), click.Abort()):
        command(raiser(exc))
        assert main(["probe"]) == 130
        assert capsys.readouterr() == ("", "error: interrupted\n")


def test_debug_shows_the_traceback_without_secrets(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raiser(MalformedError(Reason.QUOTE_FORMAT, "reading password=hunter2")))
    assert main(["probe", "--debug"]) == 3
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last):\n")
    assert "in function" in shown
    assert "MalformedError: reading password=***" in shown


def test_bug_is_reported_with_place_and_version_but_without_the_message(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raiser(IndexError("hunter2")))
    assert main(["probe"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    first, second, third = err.splitlines()
    assert first.startswith("error: confcom has a bug: IndexError in ")
    assert ", line " in first
    assert second.startswith("version: confcom ")
    assert "CPython" in second
    assert third.startswith("hint: report these lines to ")
    assert third.endswith("with --debug")
    assert "hunter2" not in err
    assert "Traceback" not in err


def test_bug_with_debug_shows_the_traceback(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raiser(IndexError("token=hunter2")))
    assert main(["--debug", "probe"]) == 70
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "hunter2" not in err
    assert "running the command again" not in err


def test_bug_before_any_of_our_code_is_reported_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert present(ValueError("x"), Session()) == 70
    assert "ValueError in an unknown place" in capsys.readouterr().err


def test_garbage_is_collected_again_while_a_command_runs(command: Callable[..., None]) -> None:
    seen = []
    command(lambda: seen.append(gc.isenabled()))
    assert main(["probe"]) == 0
    assert seen == [True]
    assert gc.isenabled()
    main(["nonsense"])
    assert gc.isenabled()


# --- usage ---


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (
            ["conf", "show"],
            "confcom has no command conf",
            "did you mean config? see confcom --help",
        ),
        (["zzz"], "confcom has no command zzz", "see confcom --help"),
        (
            ["config", "shw"],
            "confcom config has no command shw",
            "did you mean show? see confcom config --help",
        ),
        (
            ["config", "show", "--orign"],
            "there is no option --orign",
            "did you mean --origin? see confcom config show --help",
        ),
        (
            ["--verion"],
            "there is no option --verion",
            "did you mean --version? see confcom --help",
        ),
        (["config", "show", "--zzz"], "there is no option --zzz", "see confcom config show --help"),
        (
            ["config", "show", "-o", "xml"],
            "invalid value for '-o' / '--output': 'xml' is not one of 'table', 'json', 'yaml'",
            "see confcom config show --help",
        ),
        (
            ["config", "show", "extra"],
            "got unexpected extra argument (extra)",
            "see confcom config show --help",
        ),
        (
            ["config", "show", "--output"],
            "option '--output' requires an argument",
            "see confcom config show --help",
        ),
        (
            ["completion"],
            "missing argument 'SHELL'. Choose from: bash, zsh, fish",
            "see confcom completion --help",
        ),
        (["--\x1b[2J"], "there is no option --\\x1b[2J", "see confcom --help"),
    ],
)  # fmt: skip
def test_usage_error_names_mistake_and_next_step(
    capsys: pytest.CaptureFixture[str], arguments: list[str], error: str, hint: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error: {error}\nhint: {hint}\n"


@pytest.mark.parametrize("arguments", [[], ["config"]])
def test_group_without_command_shows_its_help_and_fails(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: confcom")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_a_result(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([flag]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: confcom [OPTIONS] COMMAND")
    assert err == ""


def test_help_fits_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns, limit in (("60", 60), ("200", 80), ("10", 52), ("wide", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        main(["config", "--help"])
        assert max(map(len, capsys.readouterr().out.splitlines())) <= limit


def test_version_names_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("confcom ")
    assert err == ""


# --- missing packages ---


def test_missing_package_of_a_command_names_the_install_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "needy.py").write_text("import a_package_that_nobody_has.part\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = Entry("needy", "needy", "Need much.", extra="verifier")
    monkeypatch.setitem(commands.COMMANDS, "needy", entry)
    assert main(["needy"]) == 5
    assert capsys.readouterr() == (
        "",
        "error: cannot run confcom needy: the Python package a_package_that_nobody_has"
        " is not installed\n"
        "hint: python -m pip install 'confcom[verifier]'\n",
    )


def test_missing_command_line_library_names_the_install_command() -> None:
    program = (
        "import sys; sys.modules['click'] = None\n"
        "from confcom.cli.main import main; sys.exit(main(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 5
    assert done.stderr == (
        "error: cannot run confcom: the Python package click is not installed\n"
        "hint: python -m pip install 'confcom[cli]'\n"
    )


def test_missing_module_of_our_own_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(commands.COMMANDS, "gone", Entry("confcom.cli.gone", "gone", "Be gone."))
    assert main(["gone"]) == 70
    assert "ModuleNotFoundError" in capsys.readouterr().err


# --- the process: streams, signals, terminals ---


def test_the_program_ends_with_the_exit_code() -> None:
    done = run("config", "show", "--colour", "never")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: there is no option --colour\nhint: did you mean --color? "
    )


def test_settings_mistake_is_a_configuration_error_with_origin(tmp_path: Path) -> None:
    file = tmp_path / "confcom.toml"
    file.write_text("version = 1\n[log]\nlevels = 'info'\n")
    done = run("--config", str(file), "config", "show", environ={"CONFCOM_LOG__FORMAT": "xml"})
    assert done.returncode == 5
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: cannot use the settings, 2 mistakes:",
        f"  file {file} line 3: unknown key log.levels; the nearest known key is log.level",
        "  env CONFCOM_LOG__FORMAT: log.format: expected one of auto, json, text, found 'xml'",
        "hint: every setting is described in docs/reference/settings.md",
    ]


@pytest.mark.parametrize("arguments", [("--help",), ("config", "show"), ("nonsense",)])
@pytest.mark.parametrize(
    "environ", [{}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "xterm-256color"}]
)
def test_output_that_is_no_terminal_has_no_escape_bytes(
    arguments: tuple[str, ...], environ: dict[str, str]
) -> None:
    done = run(*arguments, environ=environ)
    assert ESCAPE not in done.stdout + done.stderr


def test_force_color_colours_a_pipe() -> None:
    done = run("config", "show", environ={"FORCE_COLOR": "1"})
    assert ESCAPE in done.stdout
    assert ESCAPE in run("nonsense", environ={"FORCE_COLOR": "1"}).stderr
    assert ESCAPE not in run("--no-color", "nonsense", environ={"FORCE_COLOR": "1"}).stderr


def test_a_reader_that_goes_away_ends_the_program_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run("config", "show", stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""


def test_a_full_disk_is_reported() -> None:
    with Path("/dev/full").open("w") as full:
        done = run("config", "show", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == (
        "error: cannot write to standard output: No space left on device\n"
        "hint: make room where it goes, or send it elsewhere\n"
    )


def test_closed_standard_streams_do_no_harm() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&- 2>&- <&-', "sh", *PROGRAM, "config", "show"], check=False
    )
    assert done.returncode == 0
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&- 2>&-', "sh", *PROGRAM, "--debug", "nonsense"], check=False
    )
    assert done.returncode == 2


def test_a_narrow_locale_does_not_break_messages() -> None:
    environ = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run("config", "show", "ü☃", environ=environ)
    assert done.returncode == 2
    assert done.stderr.startswith("error: got unexpected extra argument (\\xfc\\u2603)\n")


def test_control_c_in_the_terminal_ends_with_130(tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = (
        "import pathlib, sys, time; from confcom.cli import commands, main\n"
        "from confcom.cli.command import Command, Entry\n"
        "def wait(): pathlib.Path(sys.argv[1]).touch(); time.sleep(30)\n"
        "probe = Command('probe', callback=wait)\n"
        "commands.COMMANDS['probe'] = Entry('__main__', 'probe', 'Wait.')\n"
        "sys.exit(main.main(['probe']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(started)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not started.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "error: interrupted\n")
