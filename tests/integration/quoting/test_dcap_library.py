# SPDX-License-Identifier: Apache-2.0
"""The calls of Intel's libraries and the child's loop, in the process of the test."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.quoting.conftest import make_quote
from tests.stubs.libraries import COMPLETE, NOTHING, PARTIAL, QUOTE_BYTES, SIMPLE, Stub

from confcom.adapters.quoting.dcap_child import main, serve
from confcom.adapters.quoting.dcap_library import (
    LibraryError,
    PathKind,
    QuotingLibrary,
    load_library,
    public_key_id,
)
from confcom.adapters.quoting.dcap_messages import (
    AskInit,
    AskQuote,
    AskSize,
    Failed,
    KeyReady,
    Question,
    QuoteMade,
    Reply,
    SizeKnown,
    read_length,
    read_reply,
    write_message,
)

REPORT = make_quote().report


@pytest.fixture(autouse=True)
def _environment(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STUB_CONTROL", "STUB_CALLS"):
        monkeypatch.setenv(name, stub.environment[name])


def _load(stub: Stub, name: str) -> QuotingLibrary:
    """Load a copy of its own, because a library is loaded into a process only once."""
    copy = stub.folder / name
    shutil.copy(stub.libraries / name, copy)
    return load_library(str(copy))


def test_refuses_files_that_are_no_quoting_library(stub: Stub, tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a library", encoding="ascii")
    for path in (text, tmp_path / "absent.so", stub.libraries / NOTHING):
        with pytest.raises(LibraryError, match=path.name):
            load_library(str(path))


@pytest.mark.parametrize("name", [COMPLETE, SIMPLE])
@pytest.mark.parametrize("kind", [PathKind.QE3, PathKind.PROVIDER, PathKind.ID_ENCLAVE])
def test_refuses_path_that_the_library_refuses(stub: Stub, name: str, kind: PathKind) -> None:
    with pytest.raises(LibraryError) as caught:
        _load(stub, name).configure(0, {kind: Path("/nowhere")})
    assert caught.value.error == 0xE00E


def test_refuses_path_of_the_pce_where_its_library_is_not_found(stub: Stub) -> None:
    with pytest.raises(LibraryError, match=r"cannot load libsgx_pce_logic\.so\.1"):
        _load(stub, COMPLETE).configure(0, {PathKind.PCE: Path("/nowhere")})


@pytest.mark.parametrize("name", [COMPLETE, SIMPLE])
@pytest.mark.parametrize("size", [0, 436, 65537, 2**32 - 1])
def test_refuses_size_that_no_quote_has(stub: Stub, name: str, size: int) -> None:
    library = _load(stub, name)
    library.init()
    stub.behave(size_is=size)
    with pytest.raises(LibraryError, match=f"quote has {size} bytes"):
        library.size()
    with pytest.raises(LibraryError, match=f"quote has {size} bytes"):
        library.quote(REPORT, None)
    assert "quote" not in stub.calls


@pytest.mark.parametrize("name", [COMPLETE, SIMPLE])
def test_key_that_is_not_ready_is_told_by_number(stub: Stub, name: str) -> None:
    library = _load(stub, name)
    with pytest.raises(LibraryError) as caught:
        library.size()
    assert caught.value.error == 0xE00F


def test_function_that_a_library_lacks_is_named(stub: Stub) -> None:
    with pytest.raises(LibraryError, match="no function sgx_ql_set_enclave_load_policy"):
        _load(stub, PARTIAL).configure(0, {})


def test_simple_library_has_no_nonce_and_no_key_id(stub: Stub) -> None:
    library = _load(stub, SIMPLE)
    with pytest.raises(LibraryError, match="nonce"):
        library.quote(REPORT, bytes(960))
    assert library.key_id() is None


@pytest.mark.parametrize("size", [0, 500, 1013])
def test_quote_that_is_cut_off_has_no_public_key_id(size: int) -> None:
    assert public_key_id(bytes(size)) is None


def test_quote_whose_authentication_data_are_cut_off_has_no_public_key_id() -> None:
    assert public_key_id(bytes(1012) + b"\x01\x00") is None
    assert public_key_id(bytes(1012) + b"\x01\x00a") is not None


@contextmanager
def _serving(library: QuotingLibrary) -> Iterator[tuple[socket.socket, list[int]]]:
    ours, theirs = socket.socketpair()
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(serve(theirs, library)))
    with ours, theirs:
        ours.settimeout(3)
        thread.start()
        try:
            yield ours, ended
        finally:
            ours.shutdown(socket.SHUT_WR)
            thread.join(3)


def _ask(connection: socket.socket, question: Question) -> Reply:
    connection.sendall(write_message(question))
    length = read_length(connection.recv(4, socket.MSG_WAITALL))
    return read_reply(connection.recv(length, socket.MSG_WAITALL), question.number)


def test_child_refuses_a_question_that_it_cannot_read(
    stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    with _serving(_load(stub, COMPLETE)) as (connection, ended):
        connection.sendall((3).to_bytes(4, "little") + b"abc")
    assert ended == [1]
    assert "question cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("sent", [b"", b"\x01", b"\x05\x00\x00\x00abc"])
def test_child_ends_when_the_daemon_closes(stub: Stub, sent: bytes) -> None:
    with _serving(_load(stub, COMPLETE)) as (connection, ended):
        connection.sendall(sent)
    assert len(ended) == 1


@pytest.mark.parametrize("missing", ["--socket", "--parent", "--library"])
def test_child_without_its_options_is_a_wrong_use(
    missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--socket": "0", "--parent": "1", "--library": "x"}
    arguments = [f"{name}={value}" for name, value in given.items() if name != missing]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert missing in capsys.readouterr().err


def test_child_answers_questions_in_order(stub: Stub) -> None:
    library = _load(stub, COMPLETE)
    library.configure(0, {})
    assert library.key_id() is not None
    with _serving(library) as (connection, ended):
        assert _ask(connection, AskSize(1)) == Failed(
            1, 0xE00F, "sgx_ql_get_quote_size returned 0xe00f"
        )
        assert isinstance(_ask(connection, AskInit(2)), KeyReady)
        assert _ask(connection, AskSize(3)) == SizeKnown(3, QUOTE_BYTES)
        made = _ask(connection, AskQuote(4, REPORT, bytes(960)))
        assert isinstance(made, QuoteMade)
        assert made.quote[48:432] == REPORT[:384]
    assert ended == [0]


def test_simple_library_makes_quotes_and_learns_the_public_key_id(stub: Stub) -> None:
    library = _load(stub, SIMPLE)
    library.configure(1, {PathKind.QE3: stub.folder})
    assert library.init()[1] is None
    quote, info = library.quote(REPORT, None)
    assert info is None
    assert library.init()[1] == public_key_id(quote)
