# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm ping``: every way in which a daemon can be away, named, with its cure."""

import socket
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.integration.node.conftest import MakeRun, Run
from tests.rights import without_rights_of_root

from confcom.reasons import ExitCode
from confcom.testing.aesm_server import AesmServer, Misbehaviour


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    return make_run("ping")


def test_daemon_that_answers_is_yes(daemon: AesmServer, run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (ExitCode.YES, "")
    assert "answers" in out
    assert " ms" in out
    assert daemon.calls == ("get_supported_att_key_id_num",)  # one call, as said


@pytest.mark.usefixtures("daemon")
def test_formats_say_the_same(run: Run) -> None:
    code, document, _ = run.json()
    assert code == ExitCode.YES
    assert document["schemaVersion"] == 1
    assert (document["state"], document["keys"], document["socket"]) == ("answers", 1, "s")
    _, out, _ = run("--output", "yaml")
    again = YAML(typ="safe").load(out)
    assert again.keys() == document.keys()
    assert again["state"] == "answers"


def test_several_calls_are_counted(daemon: AesmServer, run: Run) -> None:
    daemon.misbehave(Misbehaviour.CLOSE, times=1)
    code, document, err = run.json("--count", "3", "--interval", "0")
    assert code == ExitCode.UNKNOWN
    assert (document["sent"], document["answered"], document["state"]) == (3, 2, "answers")
    assert [call["state"] for call in document["calls"]] == ["closed", "answers", "answers"]
    assert "closed the connection without a reply" in err
    daemon.misbehave(Misbehaviour.CLOSE, times=1)
    code, out, _ = run("--count", "2", "--interval", "0.01")
    assert code == ExitCode.UNKNOWN
    assert "1 of 2" in out
    assert "least, median, most" in out


def test_no_socket_and_no_folder_have_their_own_cures(run: Run) -> None:
    code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_socket")
    assert document["calls"][0]["reason"] == "quoting_unreachable"
    assert "start the daemon" in err
    code, document, err = run.json("--socket", "nowhere/s")
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_folder")
    assert "mount the folder nowhere" in err


@pytest.mark.usefixtures("daemon")
def test_permission_denied(run: Run) -> None:
    Path("s").chmod(0o444)
    with without_rights_of_root():
        code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_permission")
    assert "may not write to the socket" in err


def test_socket_without_listener(run: Run) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("s")
    code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "not_listening")
    assert "nobody listens" in err


def test_what_is_no_daemon_is_malformed_not_unknown(daemon: AesmServer, run: Run) -> None:
    daemon.misbehave(Misbehaviour.GARBAGE)
    code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.MALFORMED, "not_aesm")
    assert "check that an AESM daemon listens there" in err


def test_file_is_no_daemon(run: Run) -> None:
    Path("s").touch()
    code, document, _ = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "not_aesm")


def test_daemon_that_hangs_is_given_up(daemon: AesmServer, run: Run) -> None:
    daemon.misbehave(Misbehaviour.STALL)
    code, document, err = run.json("--timeout", "0.2")
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "hung")
    assert "did not reply within 0.2 s" in err
    assert "restart it" in err


def test_daemon_without_platform(daemon: AesmServer, run: Run) -> None:
    daemon.key_ids = ()
    code, document, err = run.json()
    assert (code, document["state"]) == (ExitCode.UNKNOWN, "no_platform")
    assert document["calls"][0]["code"] == 30
    assert "/dev/sgx_provision" in err
    code, out, _ = run()
    assert code == ExitCode.UNKNOWN
    assert "no platform" in out


@pytest.mark.usefixtures("daemon_without_keys")
def test_daemon_without_keys_has_no_platform(run: Run) -> None:
    code, document, err = run.json()
    assert (code, document["state"], document["keys"]) == (ExitCode.UNKNOWN, "no_platform", 0)
    assert "offers no attestation key" in err


def test_no_call_answered_is_shown_without_times(run: Run) -> None:
    code, out, _ = run("--count", "2", "--interval", "0")
    assert code == ExitCode.UNKNOWN
    assert "0 of 2" in out
    assert "median" not in out


def test_quiet_leaves_the_exit_code_and_the_error(run: Run) -> None:
    code, out, err = run("--quiet")
    assert (code, out) == (ExitCode.UNKNOWN, "")
    assert err.startswith("error: ")


@pytest.mark.parametrize(
    "options",
    [
        ["--timeout", "0"],
        ["--timeout", "601"],
        ["--count", "0"],
        ["--interval", "-1"],
        ["--interval", "nan", "--count", "2"],
        ["--timeout", "nan"],
        ["--socket", ""],
        ["extra"],
    ],
)
def test_mistakes_are_usage(run: Run, options: list[str]) -> None:
    code, out, err = run(*options)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith("error: ")
