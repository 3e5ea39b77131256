# SPDX-License-Identifier: Apache-2.0
"""What one call to a daemon tells: each state from what really happens on a socket."""

import errno
import socket
import time
from pathlib import Path

import pytest
from tests import simulated
from tests.rights import without_rights_of_root

from confcom.adapters.aesm import AesmClient
from confcom.adapters.aesm_health import (
    Call,
    Finding,
    Place,
    State,
    classify,
    look,
    refused,
    timed,
    without_keys,
)
from confcom.errors import MalformedError, UnavailableError
from confcom.protocols.aesm import DEFAULT_KEY_ID, WORDS, AesmCode, Refusal
from confcom.protocols.aesm.client import ask_key_id_count, ask_quote_size
from confcom.reasons import ExitCode, Reason
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer, Misbehaviour

SHORT_S = 0.2
PATH = Path("/run/aesmd/aesm.socket")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aesm.socket"


def quotes() -> CannedQuotes:
    return CannedQuotes(
        target_info=simulated.platform().qe_target_info.to_bytes(),
        public_key_id=b"\x1d" * 32,
        quote=simulated.sgx().quote,
    )


def ping(path: Path, timeout_s: float = 5) -> Call[int]:
    return timed(AesmClient(path, timeout_s=timeout_s), ask_key_id_count())


def hint(finding: Finding) -> str:
    assert finding.error is not None
    return finding.error.hint or ""


def unavailable(cause: OSError | None) -> UnavailableError:
    error = UnavailableError(Reason.QUOTING_UNREACHABLE, "cannot reach it", hint="think")
    error.__cause__ = cause
    return error


def test_daemon_that_offers_keys_answers(path: Path) -> None:
    begun = time.monotonic()
    with AesmServer(path, quotes()):
        call = ping(path)
    assert (call.answer, call.finding.state, call.finding.error) == (1, State.ANSWERS, None)
    assert 0 < call.seconds < time.monotonic() - begun
    assert call.name == "get_supported_att_key_id_num"


def test_folder_that_is_missing_is_told_from_a_missing_socket(path: Path) -> None:
    assert ping(path).finding.state is State.NO_SOCKET
    finding = ping(path.parent / "aesmd" / "aesm.socket").finding
    assert finding.state is State.NO_FOLDER
    assert f"mount the folder {path.parent}/aesmd" in hint(finding)
    path.touch()
    assert ping(path / "aesm.socket").finding.state is State.NO_FOLDER


def test_socket_that_may_not_be_written_is_told_from_a_closed_folder(path: Path) -> None:
    with AesmServer(path, quotes()), without_rights_of_root():
        path.chmod(0o444)
        finding = ping(path).finding
        assert finding.state is State.NO_PERMISSION
        assert "mode 0666" in hint(finding)
        path.parent.chmod(0o600)
        try:
            finding = ping(path).finding
            assert look(path) is Place.HIDDEN
        finally:
            path.parent.chmod(0o700)
        assert finding.state is State.NO_PERMISSION
        assert "0755" in hint(finding)


def test_socket_that_nobody_listens_on(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    finding = ping(path).finding
    assert finding.state is State.NOT_LISTENING
    assert "start the daemon" in hint(finding)


def test_file_or_folder_is_no_daemon(path: Path) -> None:
    path.write_text("hello")
    assert ping(path).finding.state is State.NOT_AESM
    path.unlink()
    path.mkdir()
    finding = ping(path).finding
    assert finding.state is State.NOT_AESM
    assert "another program owns that path" in hint(finding)


def test_socket_of_another_kind_is_no_daemon(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        finding = ping(path).finding
    assert finding.state is State.NOT_AESM
    assert finding.error is not None
    assert "of another kind" in finding.error.message


@pytest.mark.parametrize(
    "how",
    [
        Misbehaviour.WRONG_TYPE,
        Misbehaviour.UNSUPPORTED,
        Misbehaviour.EMPTY,
        Misbehaviour.GARBAGE,
        Misbehaviour.OVERSIZED,
        Misbehaviour.CUT,
    ],
)
def test_what_gives_no_reply_of_aesm_is_no_daemon(path: Path, how: Misbehaviour) -> None:
    with AesmServer(path, quotes()) as server:
        server.misbehave(how)
        call = ping(path)
    assert call.answer is None
    assert call.finding.state is State.NOT_AESM
    assert isinstance(call.finding.error, MalformedError)


def test_daemon_that_says_nothing_hangs(path: Path) -> None:
    with AesmServer(path, quotes()) as server:
        server.misbehave(Misbehaviour.STALL)
        finding = ping(path, SHORT_S).finding
    assert finding.state is State.HUNG
    assert finding.error is not None
    assert "took the connection but did not reply within 0.2 s" in finding.error.message


def test_daemon_that_takes_no_connection_hangs(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        listening.bind(str(path))
        listening.listen(0)
        first.connect(str(path))
        finding = ping(path, SHORT_S).finding
    assert finding.state is State.HUNG
    assert finding.error is not None
    assert "took no connection within 0.2 s" in finding.error.message


def test_daemon_that_hangs_up_is_not_said_to_hang(path: Path) -> None:
    with AesmServer(path, quotes()) as server:
        server.misbehave(Misbehaviour.CLOSE)
        assert ping(path).finding.state is State.CLOSED


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (AesmCode.SERVICE_UNAVAILABLE, State.NO_PLATFORM),
        (AesmCode.NO_DEVICE, State.NO_PLATFORM),
        (AesmCode.ENCLAVE_LOAD, State.NO_PLATFORM),
        (AesmCode.PLATFORM_LIBRARY, State.NO_PLATFORM),
        (AesmCode.NETWORK, State.NO_CERTIFICATES),
        (AesmCode.NO_CERTIFICATION_DATA, State.NO_CERTIFICATES),
        (AesmCode.BUSY, State.BUSY),
        (AesmCode.UNEXPECTED, State.REFUSES),
        (AesmCode.UNSUPPORTED_KEY_ID, State.REFUSES),
        (AesmCode.UPDATE_AVAILABLE, State.REFUSES),
    ],
)
def test_refusals_have_their_states(path: Path, code: AesmCode, state: State) -> None:
    with AesmServer(path, lambda _: Refusal(code, "only the log is told")):
        finding = timed(AesmClient(path), ask_quote_size(DEFAULT_KEY_ID.to_bytes())).finding
    assert (finding.state, finding.code) == (state, int(code))
    assert finding.error is not None
    assert finding.error.reason is Reason.QUOTING_FAILED
    assert f"error {int(code)}: {WORDS[code]}" in finding.error.message


@pytest.mark.parametrize("code", [code for code in AesmCode if code])
def test_no_refusal_is_taken_for_an_answer(code: AesmCode) -> None:
    finding = refused(Refusal(code, WORDS[code]), PATH)
    assert finding.state is not State.ANSWERS
    assert finding.error is not None
    assert finding.error.kind.outcome.exit_code is ExitCode.UNKNOWN


def test_number_without_meaning_is_shown_as_it_came() -> None:
    finding = refused(Refusal(AesmCode.UNEXPECTED, "unknown number 77"), PATH)
    assert finding.error is not None
    assert "error unknown number 77" in finding.error.message


def test_daemon_without_quoting_service_has_no_platform(path: Path) -> None:
    with AesmServer(path, quotes(), key_ids=()):
        finding = ping(path).finding
    assert finding.state is State.NO_PLATFORM
    assert "/dev/sgx_provision" in hint(finding)


def test_daemon_that_offers_no_key_has_no_platform() -> None:
    finding = without_keys(PATH)
    assert finding.state is State.NO_PLATFORM
    assert finding.error is not None
    assert finding.error.reason is Reason.QUOTING_FAILED


def test_other_errors_stay_as_the_system_tells_them() -> None:
    error = unavailable(OSError(errno.ENAMETOOLONG, "File name too long"))
    assert classify(error, PATH) == Finding(State.UNREACHABLE, error)
    assert classify(unavailable(None), PATH).state is State.UNREACHABLE


@pytest.mark.parametrize(
    ("cause", "place", "state"),
    [
        (FileNotFoundError(), Place.NOTHING, State.NO_SOCKET),
        (FileNotFoundError(), Place.SOCKET, State.NO_SOCKET),  # came just now
        (FileNotFoundError(), Place.NO_FOLDER, State.NO_FOLDER),
        (PermissionError(), Place.HIDDEN, State.NO_PERMISSION),
        (PermissionError(), Place.SOCKET, State.NO_PERMISSION),
        (ConnectionRefusedError(), Place.SOCKET, State.NOT_LISTENING),
        (ConnectionRefusedError(), Place.NOTHING, State.NOT_LISTENING),  # went just now
        (ConnectionRefusedError(), Place.OTHER, State.NOT_AESM),
        (ConnectionResetError(), None, State.CLOSED),
        (TimeoutError(), None, State.HUNG),
    ],
)
def test_error_and_place_decide_together(cause: OSError, place: Place, state: State) -> None:
    finding = classify(unavailable(cause), PATH, place)
    assert finding.state is state
    assert hint(finding)


def test_what_lies_at_the_path_is_looked_up(path: Path) -> None:
    assert look(path) is Place.NOTHING
    assert look(path / "deeper") is Place.NO_FOLDER
    path.touch()
    assert look(path) is Place.OTHER
    path.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert look(path) is Place.SOCKET
