# SPDX-License-Identifier: Apache-2.0
"""Both clients against a daemon on a real socket: good, refusing, and misbehaving."""

import asyncio
import re
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests import simulated
from tests.rights import without_rights_of_root

from confcom.adapters.aesm import DEFAULT_SOCKET, Address, AesmClient, AsyncAesmClient
from confcom.errors import ConfcomError, MalformedError, UnavailableError, UsageError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    WORDS,
    AesmCode,
    AttestationKeyId,
    KeyInfo,
    MakeQuote,
    QeReportInfo,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.protocols.aesm.client import Exchange, ask_quote_size
from confcom.reasons import Reason
from confcom.sgx import Report, TargetInfo
from confcom.simulation import Enclave
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer, Misbehaviour

KEY_ID = DEFAULT_KEY_ID.to_bytes()
ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
QE = Enclave(mr_enclave=b"\x0e" * 32, mr_signer=b"\x51" * 32)
NONCE = bytes(range(16))
SHORT_S = 0.3


class _Blocking:
    """The asynchronous client with the methods of the other, each in a loop of its own."""

    def __init__(self, path: Path | str = DEFAULT_SOCKET, **more: Any) -> None:  # noqa: ANN401 passed on
        self._client = AsyncAesmClient(path, **more)
        self.address = self._client.address

    def key_ids(self) -> tuple[bytes, ...]:
        return asyncio.run(self._client.key_ids())

    def key_info(self) -> KeyInfo:
        return asyncio.run(self._client.key_info())

    def target_info(self) -> TargetInfo:
        return asyncio.run(self._client.target_info())

    def quote_size(self) -> int:
        return asyncio.run(self._client.quote_size())

    def quote(self, report: Report | bytes, **more: Any) -> SignedQuote:  # noqa: ANN401 passed on
        return asyncio.run(self._client.quote(report, **more))

    def ask(self, exchange: Exchange[QuoteSize]) -> QuoteSize | Refusal:
        answer = self._client.ask(exchange)
        return asyncio.run(answer)


Client = AesmClient | _Blocking


@pytest.fixture(params=[AesmClient, _Blocking], ids=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Callable[..., Client]:
    kind: Callable[..., Client] = request.param
    return kind


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aesm.socket"


def _report() -> Report:
    return ENCLAVE.ereport(simulated.platform().qe_target_info, simulated.REPORT_DATA)


@cache
def _quotes() -> CannedQuotes:
    return CannedQuotes(
        target_info=simulated.platform().qe_target_info.to_bytes(),
        public_key_id=b"\x1d" * 32,
        quote=simulated.sgx(ENCLAVE).quote,
        quoting_enclave=QE,
    )


@pytest.fixture
def server(path: Path) -> Iterator[AesmServer]:
    with AesmServer(path, _quotes()) as running:
        yield running


def _fails(kind: type[ConfcomError], call: Callable[[], object]) -> ConfcomError:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


# --- what is answered ---


def test_quote_in_three_lines(server: AesmServer, path: Path, make: Callable[..., Client]) -> None:
    client = make(path)
    report = ENCLAVE.ereport(client.target_info(), simulated.REPORT_DATA)
    quote = client.quote(report).quote
    assert quote == _quotes().quote
    assert server.calls == ("init_quote_ex", "get_quote_size_ex", "get_quote_ex")


def test_report_may_be_given_as_bytes(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    assert make(path).quote(_report().to_bytes()) == SignedQuote(_quotes().quote)
    assert server.calls == ("get_quote_size_ex", "get_quote_ex")


@pytest.mark.usefixtures("server")
def test_offers_of_the_daemon_are_told(path: Path, make: Callable[..., Client]) -> None:
    client = make(path)
    assert client.key_ids() == (KEY_ID,)
    assert client.quote_size() == len(_quotes().quote)
    assert client.key_info().public_key_id == b"\x1d" * 32


@pytest.mark.usefixtures("server")
def test_report_of_the_quoting_enclave_is_for_the_asking_enclave(
    path: Path, make: Callable[..., Client]
) -> None:
    signed = make(path).quote(_report(), nonce=NONCE, target=ENCLAVE.target_info)
    assert signed.qe_report_info is not None
    info = QeReportInfo.from_bytes(signed.qe_report_info)
    assert info.nonce == NONCE
    ENCLAVE.check(Report.from_bytes(info.qe_report))


def test_reply_byte_by_byte_is_a_reply(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    server.misbehave(Misbehaviour.DRIP)
    assert make(path).quote(_report()).quote == _quotes().quote


@pytest.mark.usefixtures("server")
def test_refusal_can_be_had_as_a_value(path: Path, make: Callable[..., Client]) -> None:
    other = AttestationKeyId(algorithm_id=3).to_bytes()
    code = AesmCode.UNSUPPORTED_KEY_ID
    assert make(path).ask(ask_quote_size(other)) == Refusal(code, WORDS[code])


def test_many_clients_ask_at_once(server: AesmServer, path: Path) -> None:
    async def ask() -> list[int]:
        client = AsyncAesmClient(path)
        return await asyncio.gather(*(client.quote_size() for _ in range(50)))

    assert set(asyncio.run(ask())) == {len(_quotes().quote)}
    assert len(server.calls) == 50


# --- what is refused ---


@pytest.mark.parametrize("code", [code for code in AesmCode if code is not AesmCode.SUCCESS])
def test_refusal_says_its_number_and_what_it_means(
    server: AesmServer, path: Path, make: Callable[..., Client], code: AesmCode
) -> None:
    server.answer = lambda _: Refusal(code, "for the log")
    for call in (make(path).target_info, make(path).quote_size):
        error = _fails(UnavailableError, call)
        assert error.reason is Reason.QUOTING_FAILED
        assert f"error {int(code)}: {WORDS[code]}" in error.message
        assert str(path) in error.message


def test_replaced_key_says_what_to_do_and_is_not_hidden(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    good = _quotes()
    code = AesmCode.KEY_NOT_INITIALISED
    server.answer = lambda operation: (
        Refusal(code, "replaced") if isinstance(operation, MakeQuote) else good(operation)
    )
    error = _fails(UnavailableError, lambda: make(path).quote(_report()))
    assert error.reason is Reason.QUOTING_FAILED
    assert "error 42" in error.message
    assert error.hint is not None
    assert "new REPORT" in error.hint
    assert server.calls.count("get_quote_ex") == 1


def test_daemon_without_a_platform_is_told_apart(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    server.key_ids = ()
    for call in (make(path).key_ids, make(path).target_info, lambda: make(path).quote(_report())):
        error = _fails(UnavailableError, call)
        assert error.reason is Reason.QUOTING_FAILED
        assert "error 30" in error.message


@pytest.mark.usefixtures("server")
def test_report_for_another_enclave_is_refused_by_the_daemon(
    path: Path, make: Callable[..., Client]
) -> None:
    other = ENCLAVE.ereport(simulated.platform().qe_target_info, bytes(64))
    error = _fails(UnavailableError, lambda: make(path).quote(other))
    assert "error 47" in error.message


def test_quote_of_another_report_is_not_handed_out(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    mixed_up = _quotes()
    server.answer = lambda operation: mixed_up(
        replace(operation, report=_report().to_bytes())
        if isinstance(operation, MakeQuote)
        else operation
    )
    other = ENCLAVE.ereport(simulated.platform().qe_target_info, bytes(64))
    error = _fails(MalformedError, lambda: make(path).quote(other))
    assert error.reason is Reason.MESSAGE_FORMAT
    assert "not of the REPORT" in error.message


def test_target_info_may_change_and_the_next_quote_is_asked_anew(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    client = make(path)
    first = client.target_info()
    server.answer = lambda _: KeyInfo(QE.target_info.to_bytes(), bytes(32))
    assert client.target_info() == QE.target_info != first


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Misbehaviour.CUT, "short read"),
        (Misbehaviour.WRONG_TYPE, "wrong message"),
        (Misbehaviour.UNSUPPORTED, "wrong message"),
        (Misbehaviour.EMPTY, "wrong message"),
        (Misbehaviour.GARBAGE, "cannot be decoded"),
        (Misbehaviour.OVERSIZED, "4294967295 bytes announced"),
    ],
)
def test_wrong_reply_is_malformed(
    server: AesmServer,
    path: Path,
    make: Callable[..., Client],
    how: Misbehaviour,
    words: str,
) -> None:
    server.misbehave(how)
    for call in (make(path).target_info, make(path).quote_size, make(path).key_ids):
        error = _fails(MalformedError, call)
        expected = Reason.TOO_LARGE if how is Misbehaviour.OVERSIZED else Reason.MESSAGE_FORMAT
        assert error.reason is expected
        assert words in error.message
        assert str(path) in error.message


def test_reply_that_is_cut_in_the_middle_of_a_quote_is_malformed(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    client = make(path)
    client.target_info()
    server.misbehave(Misbehaviour.CUT)
    assert "short read" in _fails(MalformedError, lambda: client.quote(_report())).message
    server.misbehave(None)
    assert client.quote(_report()).quote


# --- what is not there ---


def _unreachable(call: Callable[[], object], words: str) -> None:
    error = _fails(UnavailableError, call)
    assert error.reason is Reason.QUOTING_UNREACHABLE
    assert re.search(words, error.message), error.message


def test_absent_socket_is_told(tmp_path: Path, make: Callable[..., Client]) -> None:
    _unreachable(make(tmp_path / "no" / "aesm.socket").target_info, "there is no socket")
    (tmp_path / "file").touch()
    _unreachable(make(tmp_path / "file" / "aesm.socket").target_info, "there is no socket")


def test_socket_that_nobody_listens_on_is_told(path: Path, make: Callable[..., Client]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_behind:
        left_behind.bind(str(path))
    assert stat.S_ISSOCK(path.stat().st_mode)
    _unreachable(make(path).target_info, "nobody listens")
    (path.parent / "plain").touch()
    _unreachable(make(path.parent / "plain").target_info, "what is there is no socket")
    _unreachable(make(path.parent).target_info, "what is there is no socket")


def test_socket_of_another_kind_is_told(path: Path, make: Callable[..., Client]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        _unreachable(make(path).target_info, "[Pp]rotocol wrong type")


def test_path_too_long_for_a_socket_is_told(tmp_path: Path, make: Callable[..., Client]) -> None:
    _unreachable(make(tmp_path / ("x" * 120)).target_info, "too long")


@pytest.mark.usefixtures("server")
def test_missing_permission_is_told(path: Path, make: Callable[..., Client]) -> None:
    path.chmod(0)
    with without_rights_of_root():
        _unreachable(make(path).target_info, "user [0-9]+ has no permission")


def test_closed_without_a_reply_is_told(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    server.misbehave(Misbehaviour.CLOSE)
    _unreachable(make(path).target_info, "closed the connection without a reply")


def test_connection_closed_before_the_request_is_told(
    path: Path, make: Callable[..., Client]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        closer = threading.Thread(target=lambda: listening.accept()[0].close())
        closer.start()
        _unreachable(make(path).target_info, "closed the connection without a reply")
        closer.join(5)


def test_hung_daemon_is_told(server: AesmServer, path: Path, make: Callable[..., Client]) -> None:
    server.misbehave(Misbehaviour.STALL)
    _unreachable(make(path, timeout_s=SHORT_S).target_info, f"did not reply within {SHORT_S} s")


def test_daemon_that_drips_for_ever_is_told(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    server.pause_s = SHORT_S / 20  # each byte in time, the reply as a whole not
    server.misbehave(Misbehaviour.DRIP)
    _unreachable(make(path, timeout_s=SHORT_S).target_info, "did not end within")


def test_daemon_that_takes_no_connection_is_told(path: Path, make: Callable[..., Client]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waiting:
            waiting.connect(str(path))
            _unreachable(make(path, timeout_s=SHORT_S).target_info, "took no connection")


def test_daemon_that_takes_connections_late_is_waited_for(
    path: Path, make: Callable[..., Client]
) -> None:
    def serve(listening: socket.socket) -> None:
        time.sleep(SHORT_S)
        listening.accept()[0].close()
        listening.accept()[0].close()

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waiting:
            waiting.connect(str(path))
            late = threading.Thread(target=serve, args=(listening,))
            late.start()
            _unreachable(make(path, timeout_s=5).target_info, "without a reply")
            late.join(5)


# --- what is asked wrongly ---


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("nonce", "target"),
    [
        (NONCE, None),
        (None, ENCLAVE.target_info),
        (b"", ENCLAVE.target_info),
        (NONCE[:15], ENCLAVE.target_info),
        (NONCE * 2, ENCLAVE.target_info),
    ],
)
def test_nonce_and_target_are_needed_together(
    path: Path, make: Callable[..., Client], nonce: bytes | None, target: TargetInfo | None
) -> None:
    error = _fails(UsageError, lambda: make(path).quote(_report(), nonce=nonce, target=target))
    assert error.reason is Reason.USAGE


@pytest.mark.parametrize("size", [0, 384, 431, 433])
def test_report_of_another_size_is_not_sent(
    server: AesmServer, path: Path, make: Callable[..., Client], size: int
) -> None:
    _fails(UsageError, lambda: make(path).quote(bytes(size)))
    assert server.calls == ()


def test_time_limit_may_be_longer_than_the_message_can_say(
    server: AesmServer, path: Path, make: Callable[..., Client]
) -> None:
    assert make(path, timeout_s=1e9).quote_size()
    assert server.calls == ("get_quote_size_ex",)


@pytest.mark.parametrize("timeout_s", [0, -1, float("inf"), float("nan")])
def test_time_limit_is_needed(make: Callable[..., Client], timeout_s: float) -> None:
    _fails(UsageError, lambda: make(timeout_s=timeout_s))


@pytest.mark.parametrize("name", ["", "\0sgx_aesm_socket_base", "/run/a\0b", "."])
def test_path_is_never_an_abstract_name(make: Callable[..., Client], name: str) -> None:
    _fails(UsageError, lambda: make(name))


def test_abstract_name_is_used_only_when_asked_for() -> None:
    assert AesmClient().address == Address(DEFAULT_SOCKET)
    assert AesmClient().address.name == b"/var/run/aesmd/aesm.socket"
    address = AesmClient(is_abstract=True).address
    assert address.name == b"\0sgx_aesm_socket_base" + bytes(87)
    assert len(address.name) == 108
    assert str(address) == "@sgx_aesm_socket_base"
