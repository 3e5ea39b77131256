# SPDX-License-Identifier: Apache-2.0
"""Every command with every kind of bad file: one message, a next step, nothing written."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from tests.simulated import AT, authority, platform, sgx

from confcom.cli.main import main
from confcom.reasons import ExitCode

TRUST = ("--root", "root.pem", "--allow-simulated", "--at", str(int(AT.timestamp())))
QUOTE_COMMANDS = {
    "inspect": ("evidence", "inspect", "@"),
    "verify": ("evidence", "verify", "@", "--collateral", "bundle.json", *TRUST),
    "explain": ("evidence", "explain", "@", "--collateral", "bundle.json", *TRUST),
    "fetch": ("collateral", "fetch", "@", "--offline", *TRUST),
    "export": ("collateral", "export", "out", "@", "--offline", *TRUST),
}
BUNDLE_COMMANDS = {
    "verify --collateral": ("evidence", "verify", "quote", "--collateral", "@", *TRUST),
    "verify --collateral twice": (
        *("evidence", "verify", "quote", "--collateral", "@", "--collateral", "@", *TRUST),
    ),
    "explain --compare-collateral": (
        *("evidence", "explain", "quote", "--collateral", "bundle.json"),
        *("--compare-collateral", "@", *TRUST),
    ),
    "check": ("collateral", "check", "@", *TRUST),
    "show": ("collateral", "show", "@", *TRUST),
    "import": ("collateral", "import", "@", *TRUST),
}
OTHER_COMMANDS = {
    "verify --root": (
        *("evidence", "verify", "quote", "--collateral", "bundle.json", "--root", "@"),
        "--allow-simulated",
    ),
    "verify --reference": (
        *("evidence", "verify", "quote", "--collateral", "bundle.json", "--reference", "@", *TRUST),
    ),
    "check --root": ("collateral", "check", "bundle.json", "--root", "@", "--allow-simulated"),
    "fetch --all": ("collateral", "fetch", "--all", "@", "--offline", *TRUST),
    "quote --pki": ("simulate", "quote", "--pki", "@", "--enclave", "e.json", "--out", "out"),
    "platform": ("simulate", "platform", "--pki", "@"),
    "report --enclave": (
        *("simulate", "report", "--enclave", "@", "--target-info", "target", "--out", "out"),
    ),
    "report --target-info": (
        *("simulate", "report", "--enclave", "e.json", "--target-info", "@", "--out", "out"),
    ),
    "check report": ("simulate", "check", "@", "--enclave", "e.json"),
    "enclave --sigstruct": ("simulate", "enclave", "--sigstruct", "@", "--out", "out"),
    "config": ("config", "show", "--config", "@"),
}
COMMANDS = QUOTE_COMMANDS | BUNDLE_COMMANDS | OTHER_COMMANDS
TOLERATED = {
    ("verify --collateral", "folder"),
    ("verify --collateral twice", "folder"),
    ("explain --compare-collateral", "folder"),
    ("check", "folder"),
    ("show", "folder"),
    ("import", "folder"),
    ("quote --pki", "folder"),
    ("platform", "folder"),
}
"""Where a folder is what the command takes; this one holds nothing of use."""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that commands need, and one bad file of every kind in ``bad``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONFCOM_COLLATERAL__CACHE_DIR", str(tmp_path / "cache"))
    sample = sgx()
    Path("quote").write_bytes(sample.quote)
    Path("bundle.json").write_bytes(sample.collateral.to_json())
    Path("root.pem").write_bytes(authority().root.pem)
    Path("target").write_bytes(platform().qe_target_info.to_bytes())
    assert main(["simulate", "enclave", "--out", "e.json", "--quiet"]) == 0
    bad = tmp_path / "bad"
    bad.mkdir()
    contents = {
        "empty": b"",
        "blank": b" \n\t\n",
        "truncated": sample.quote[:1000],
        "quote of 64 KiB": sample.quote.ljust(64 * 1024 + 1, b"\1"),
        "random": bytes(range(255, -1, -1)) * 8,
        "text of 1 MiB": b"a" * (1024 * 1024 + 1),
        "document of 1 MiB": b'{"tcbInfo":{"id":"' + b"x" * (1024 * 1024) + b'"}}',
        "words": b"these are words \x1b[31mand colour\x1b[0m\n",
        "UTF-16": "these are words".encode("utf-16"),
        "broken JSON": b'{"tcbInfo',
        "other JSON": b'{"a": 1}',
        "list": b"[]",
        "wrong types": b'{"root_ca_crl": 5, "version": "x"}',
        "certificate cut": authority().root.pem[:300],
        "binary as base64": base64.b64encode(bytes(range(256))),
    }
    for name, content in contents.items():
        (bad / name).write_bytes(content)
    (bad / "folder").mkdir()
    (bad / "dangling").symlink_to("nowhere")
    return tmp_path


def names(room: Path) -> list[str]:
    return [*sorted(path.name for path in (room / "bad").iterdir()), "missing"]


def everything(room: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(room)): path.read_bytes() if path.is_file() else None
        for path in room.rglob("*")
        if "cache" not in path.parts
    }


def given(command: tuple[str, ...], name: str) -> list[str]:
    return [f"bad/{name}" if word == "@" else word for word in command]


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_files_give_one_message_and_change_nothing(
    room: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(room)
    capsys.readouterr()
    for name in names(room):
        code = main(given(COMMANDS[command], name))
        out, err = capsys.readouterr()
        what = f"{command} {name}: {code}\n{out}{err}"
        assert code in _codes(command, name), what
        assert out == "" or command.startswith("verify"), what
        lines = (err or out).splitlines()
        assert lines[0].startswith(("error: ", "malformed (", "undecided (")), what
        assert any(line.startswith("hint: ") for line in lines), what
        assert not [word for word in ("Traceback", "\x1b", "codec", "_ssl.c") if word in what], what
        assert "confcom has a bug" not in what
        assert len(err.splitlines()) <= 4, what
    assert everything(room) == before


def _codes(command: str, name: str) -> set[ExitCode]:
    if command == "config":
        return {ExitCode.CONFIGURATION}
    if command == "verify --reference":
        return {ExitCode.CONFIGURATION, ExitCode.MALFORMED, ExitCode.USAGE}
    if (command, name) in TOLERATED:
        return {ExitCode.UNKNOWN, ExitCode.USAGE}
    if name in {"missing", "dangling", "folder"} or command in {"quote --pki", "platform"}:
        return {ExitCode.USAGE}
    return {ExitCode.MALFORMED}


@pytest.mark.parametrize("command", COMMANDS)
def test_messages_name_the_file(
    room: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for name in names(room):
        main(given(COMMANDS[command], name))
        out, err = capsys.readouterr()
        if "--root" in command:
            assert "--root" in err or "bad/" in err
        elif command != "verify":  # which has one quote only, or names each
            assert "bad/" in out + err, f"{command} {name}\n{out}{err}"


@pytest.mark.usefixtures("_without_rights_of_root")
@pytest.mark.parametrize("command", COMMANDS)
def test_unreadable_files_are_named(
    room: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = room / "bad" / "unreadable"
    secret.write_bytes(b"secret")
    secret.chmod(0)
    capsys.readouterr()
    code = main(given(COMMANDS[command], "unreadable"))
    err = capsys.readouterr().err
    assert code in {ExitCode.USAGE, ExitCode.CONFIGURATION}
    assert "unreadable" in err
    assert "hint: " in err
    secret.chmod(0o600)


@pytest.mark.parametrize("command", [("--help",), ("--version",), ("completion", "bash")])
def test_help_that_finds_no_room_is_no_bug(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "confcom", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.splitlines() == [
        "error: cannot write to standard output: No space left on device",
        "hint: make room where it goes, or send it elsewhere",
    ]


@pytest.mark.parametrize("path", ["/dev/full", "folder", "nowhere/file", "quote/file"])
@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "enclave", "--out", "@"),
        ("simulate", "target-info", "--enclave", "e.json", "--out", "@"),
        ("collateral", "export", "@", "quote", "--collateral", "bundle.json", *TRUST),
    ],
)
def test_output_that_cannot_be_written_is_named(
    room: Path, command: tuple[str, ...], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if path == "folder":
        if command[0] == "collateral":
            path = "quote/"  # an existing file where a folder is asked for
        else:
            Path("folder").mkdir()
    before = everything(room)
    capsys.readouterr()
    assert main([path if word == "@" else word for word in command]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert path.rstrip("/") in err
    assert "hint: " in err
    assert everything(room) == before


def test_cache_that_cannot_be_written_is_a_failure_of_fetch_alone(
    room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("quote", "--collateral", "bundle.json", *TRUST)
    assert main(["collateral", "fetch", *arguments]) == ExitCode.YES
    assert main(["collateral", "show", *TRUST]) == ExitCode.YES
    assert "bundle.json" in capsys.readouterr().out, "what a file gave is kept as well"
    monkeypatch.setenv("CONFCOM_COLLATERAL__CACHE_DIR", str(room / "quote"))
    assert main(["collateral", "fetch", *arguments]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.startswith("error: cannot keep root CA CRL in directory ")
    assert "hint: name a writable directory by collateral.cache_dir" in err
    assert main(["collateral", "export", "out.json", *arguments]) == ExitCode.YES
    assert capsys.readouterr().err.count("warning: cannot keep ") == 1
    assert main(["collateral", "check", "out.json", *TRUST]) == ExitCode.YES


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--collateral", "ftp://host/x"), "addresses begin with https://"),
        (("--collateral", "https://"), "it does not begin with https://host"),
        (("--colateral", "x"), "did you mean --collateral?"),
        (("--output", "xml"), "'xml' is not one of"),
        (("--at", "yesterday"), "--at takes a time such as"),
        (("--jobs", "0"), "0 is not in the range"),
    ],
)
def test_wrong_flags_say_what_would_be_right(
    room: Path, arguments: tuple[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    code = main(["evidence", "verify", str(room / "quote"), *arguments])
    out, err = capsys.readouterr()
    assert code in {ExitCode.USAGE, ExitCode.CONFIGURATION}
    assert out == ""
    assert words in err


def test_clock_before_the_collateral_is_suspected(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    arguments = ("quote", "--collateral", "bundle.json", *TRUST[:-1], "2020-01-01T00:00:00Z")
    assert main(["evidence", "verify", *arguments]) == ExitCode.NO
    verdict, hint, *_ = capsys.readouterr().out.splitlines()
    assert verdict.startswith("not authentic (not_yet_valid): ")
    assert hint == "hint: check the clock of this machine, or the time given with --at"
