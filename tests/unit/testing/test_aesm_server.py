# SPDX-License-Identifier: Apache-2.0
"""The stand-in for an AESM daemon does what it is told, and goes away."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    QeReportInfo,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.protocols.aesm.client import Exchange, ask_key_id_count, ask_quote_size
from confcom.sgx import Report
from confcom.simulation import Enclave
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer, Misbehaviour

KEY_ID = DEFAULT_KEY_ID.to_bytes()
ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
REPORT = ENCLAVE.ereport(ENCLAVE.target_info, bytes(64)).to_bytes()
QUOTE = bytes(48) + REPORT[:384] + bytes(100)
QUOTES = CannedQuotes(
    target_info=ENCLAVE.target_info.to_bytes(), public_key_id=b"\x1d" * 32, quote=QUOTE
)
INFO = QeReportInfo(b"\x0e" * 16, ENCLAVE.target_info).to_bytes()


def _ask(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(3)
        sock.connect(str(path))
        sock.sendall(request)
        pieces = []
        while piece := sock.recv(4096):
            pieces.append(piece)
        return b"".join(pieces)


def test_misbehaviour_ends_after_so_many_times(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"
    with AesmServer(path, QUOTES) as server:
        server.misbehave(Misbehaviour.CLOSE, times=2)
        replies = [_ask(path, ask_key_id_count().request) for _ in range(3)]
        assert [bool(reply) for reply in replies] == [False, False, True]
        assert server.calls == ("get_supported_att_key_id_num",) * 3


ASKS: list[Callable[[], Exchange[Any]]] = [ask_key_id_count, lambda: ask_quote_size(KEY_ID)]


@pytest.mark.parametrize("how", [how for how in Misbehaviour if how is not Misbehaviour.STALL])
@pytest.mark.parametrize("asked", ASKS)
def test_misbehaviour_is_never_a_good_reply(
    tmp_path: Path, how: Misbehaviour, asked: Callable[[], Exchange[Any]]
) -> None:
    path = tmp_path / "aesm.socket"
    request = asked().request
    with AesmServer(path, QUOTES) as server:
        good = _ask(path, request)
        server.misbehave(how)
        assert (_ask(path, request) == good) == (how is Misbehaviour.DRIP)


def test_request_of_no_kind_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"
    with AesmServer(path, QUOTES) as server:
        assert _ask(path, bytes(4)) == b""
        assert server.calls == ()


def test_silent_clients_do_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"
    with (
        AesmServer(path, QUOTES) as server,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent,
    ):
        silent.connect(str(path))
        assert _ask(path, ask_key_id_count().request)  # taken after the silent one
        server.close()
        assert not path.exists()
        assert silent.recv(1) == b""


def test_it_ends_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "aesm.socket"
    with AesmServer(path, QUOTES, lifetime_s=0.05):
        deadline = time.monotonic() + 5
        while path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_canned_quotes_are_given_for_their_report_only() -> None:
    assert QUOTES(InitKey()) == KeyInfo(QUOTES.target_info, QUOTES.public_key_id)
    assert QUOTES(GetQuoteSize()) == QuoteSize(len(QUOTE))
    assert QUOTES(MakeQuote(REPORT, None, len(QUOTE))) == SignedQuote(QUOTE)
    other = bytes(432)
    short, wrong = QUOTES(MakeQuote(other, None, 9)), QUOTES(MakeQuote(other, None, len(QUOTE)))
    assert isinstance(short, Refusal)
    assert short.code is AesmCode.PARAMETER
    assert isinstance(wrong, Refusal)
    assert wrong.code is AesmCode.INVALID_REPORT


def test_qe_report_info_comes_back_as_sent_or_with_a_report() -> None:
    question = MakeQuote(REPORT, INFO, 1000)
    assert QUOTES(question) == SignedQuote(QUOTE, INFO)
    vouching = CannedQuotes(
        target_info=QUOTES.target_info,
        public_key_id=QUOTES.public_key_id,
        quote=QUOTE,
        quoting_enclave=ENCLAVE,
    )
    answer = vouching(question)
    assert isinstance(answer, SignedQuote)
    assert answer.qe_report_info is not None
    ENCLAVE.check(Report.from_bytes(QeReportInfo.from_bytes(answer.qe_report_info).qe_report))
