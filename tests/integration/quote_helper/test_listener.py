# SPDX-License-Identifier: Apache-2.0
"""The AESM socket with real connections: exact answers, and clients who mean no good."""

import asyncio
import contextlib
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests import vectors_path
from tests.simulated import authority, platform

from confcom.adapters.peers import PeerReader
from confcom.adapters.quoting.aesm_connection import Served
from confcom.adapters.quoting.listener import AesmListener, ListenerOptions
from confcom.adapters.quoting.simulated import SimulatedBackend
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.adapters.quoting.turns import Asked
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AesmCode,
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QuoteSize,
    Refusal,
    SignedQuote,
    write_frame,
)
from confcom.protocols.pb.aesm_pb2 import Request, Response
from confcom.protocols.peers import Peer
from confcom.protocols.quotas import Limits, Rate
from confcom.simulation import Enclave

KEY_ID = DEFAULT_KEY_ID.to_bytes()
ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
MOST_WAITING = 4
QUICK = ListenerOptions(
    most_connections=32,
    limits=Limits(waiting=5, waiting_per_peer=MOST_WAITING),
    at_once=1,
    deliver_s=0.5,
    take_s=0.5,
)


class Daemon:
    """A listener in a thread of its own; requests wait while its gate is closed."""

    def __init__(self, path: Path, options: ListenerOptions, canned: "Canned | None") -> None:
        self.path = path
        self.served: list[Served] = []
        self._options = options
        self._backend = SimulatedBackend(platform(), authority())
        self._canned = canned
        self.ask: Callable[[Operation, Peer], Asked] = self._ask
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._gate = asyncio.Event()
        self._gate.set()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))

    def __enter__(self) -> "Daemon":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.open_gate()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _run(self) -> None:
        async with AesmListener(
            SocketFile(self.path),
            ask=lambda operation, peer: self.ask(operation, peer),
            identify=PeerReader().read,
            key_ids=lambda: (KEY_ID,),
            record=self.served.append,
            options=self._options,
        ):
            self._ready.set()
            await self._stop.wait()

    async def _ask(self, operation: Operation, _peer: Peer) -> Answer:
        await self._gate.wait()
        if self._canned is not None:
            return self._canned.answer(operation)
        return self._backend.ask(operation)

    def close_gate(self) -> None:
        self._loop.call_soon_threadsafe(self._gate.clear)

    def open_gate(self) -> None:
        self._loop.call_soon_threadsafe(self._gate.set)

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(str(self.path))
        return client

    def call(self, request: Request) -> Response:
        return Response.FromString(self.exchange(write_frame(request.SerializeToString()))[4:])

    def exchange(self, data: bytes) -> bytes:
        with self.connect() as client:
            client.sendall(data)
            return read_all(client)

    def wait_for(self, count: int) -> list[Served]:
        ends = time.monotonic() + 5
        while len(self.served) < count and time.monotonic() < ends:
            time.sleep(0.01)
        return self.served


class Canned:
    """The back end of the recorded exchanges: it knows one quote."""

    def __init__(self, folder: Path) -> None:
        names = ("target_info", "pub_key_id", "quote", "report")
        parts = (bytes.fromhex((folder / f"{name}.hex").read_text()) for name in names)
        self._target_info, self._key_id, self._quote, self._report = parts

    def answer(self, operation: Operation) -> Answer:
        match operation:
            case InitKey():
                return KeyInfo(self._target_info, self._key_id)
            case GetQuoteSize():
                return QuoteSize(len(self._quote))
            case MakeQuote(report, info, _):
                if report[:384] != self._report[:384]:
                    return Refusal(AesmCode.INVALID_REPORT, "another body")
                return SignedQuote(self._quote, info)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("aesm.socket"), QUICK, None) as running:
        yield running


def read_all(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError):  # closed while we were still sending
        while part := client.recv(65536):
            data += part
    return data


def number() -> bytes:
    request = Request()
    request.get_supported_att_key_id_num.SetInParent()
    return write_frame(request.SerializeToString())


def quote_request(data: bytes = bytes(64)) -> Request:
    request = Request()
    content = request.get_quote_ex
    content.att_key_id = KEY_ID
    content.report = ENCLAVE.ereport(platform().qe_target_info, data).to_bytes()
    content.buf_size = 8192
    return request


def is_alive(daemon: Daemon) -> bool:
    return (
        Response.FromString(daemon.exchange(number())[4:]).get_supported_att_key_id_num.error_code
        == 0
    )


def test_recorded_exchanges_are_answered_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = vectors_path.require("aesm")
    monkeypatch.chdir(tmp_path)
    cases = json.loads((folder / "index.json").read_text())["cases"]
    with Daemon(Path("aesm.socket"), QUICK, Canned(folder / "backend")) as daemon:
        for case in cases:
            if case["kind"] != "server":
                continue
            expected = b""
            if case["response"] is not None:
                expected = bytes.fromhex((folder / case["response"]).read_text())
            sent = bytes.fromhex((folder / case["request"]).read_text())
            assert daemon.exchange(sent) == expected, case["id"]


def test_makes_a_quote_and_says_who_asked(daemon: Daemon) -> None:
    reply = daemon.call(quote_request()).get_quote_ex
    assert (reply.error_code, len(reply.quote)) == (0, 8192)
    (served,) = daemon.wait_for(1)
    assert served.call == "get_quote_ex"
    assert served.code == 0
    assert served.connected.pid == os.getpid()
    assert served.peer is not None
    assert served.peer.pid == os.getpid()


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0",
        b"\xff\xff\xff\x7f" + bytes(100),
        b"\xff\xff\xff\xff" + bytes(100),
        b"\x01\0\0\0\xff",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(1024 * 1024),
        write_frame(b"\xff" * 64),
    ],
    ids=["0", "2^31-1", "2^32-1", "garbage", "http", "zeros", "framed garbage"],
)
def test_closes_without_a_byte_on_what_is_no_request(daemon: Daemon, data: bytes) -> None:
    with daemon.connect() as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(data)
        assert read_all(client) == b""
    assert daemon.wait_for(1)[0].code is None
    assert is_alive(daemon)


@pytest.mark.parametrize("size", [1, 3, 4, 5])
def test_closes_on_a_request_that_ends_too_early(daemon: Daemon, size: int) -> None:
    with daemon.connect() as client:
        client.sendall(number()[:size])
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    assert is_alive(daemon)


def test_answers_who_sends_byte_by_byte_and_ends_its_side(daemon: Daemon) -> None:
    with daemon.connect() as client:
        for byte in number():
            client.send(bytes([byte]))
        client.shutdown(socket.SHUT_WR)
        assert read_all(client)[4:]


def test_answers_one_request_and_ignores_the_rest(daemon: Daemon) -> None:
    assert daemon.exchange(number() + number()) == daemon.exchange(number())


def test_reply_comes_in_one_piece(daemon: Daemon) -> None:
    request = quote_request()
    request.get_quote_ex.buf_size = 64 * 1024
    with daemon.connect() as client:
        client.sendall(write_frame(request.SerializeToString()))
        first = client.recv(1024 * 1024)
        assert len(first) == 4 + int.from_bytes(first[:4], "little") > 64 * 1024


@pytest.mark.parametrize("size", [64 * 1024 + 1, 2**32 - 1])
def test_buffers_without_bound_are_refused(daemon: Daemon, size: int) -> None:
    request = quote_request()
    request.get_quote_ex.buf_size = size
    reply = daemon.call(request)
    assert reply.HasField("get_quote_ex")
    assert reply.get_quote_ex.error_code == AesmCode.PARAMETER


def test_who_delivers_nothing_is_closed(daemon: Daemon) -> None:
    with daemon.connect() as client:
        assert read_all(client) == b""
    with daemon.connect() as client:
        client.sendall(b"\x05\0")
        assert read_all(client) == b""
    assert "did not deliver" in str(daemon.wait_for(1)[0].why)


def test_silent_connections_do_not_keep_others_out(tmp_path: Path) -> None:
    options = replace(QUICK, deliver_s=60)
    path = tmp_path / "s"
    with Daemon(path, options, None) as daemon:
        with contextlib.ExitStack() as stack:
            silent = []
            for number_of in range(4 * options.most_connections):
                client = stack.enter_context(daemon.connect())
                if number_of % 2:
                    client.sendall(b"\x10")
                silent.append(client)
            assert is_alive(daemon)
            assert silent[0].recv(1) == b""  # the longest silent one made room
        assert is_alive(daemon)


def test_incomplete_requests_share_a_bound(tmp_path: Path) -> None:
    size = 200_000
    options = replace(QUICK, deliver_s=60, most_bytes=3 * (size + 4))
    announced = (900_000).to_bytes(4, "little")
    with Daemon(tmp_path / "s", options, None) as daemon:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(daemon.connect()) for _ in range(6)]
            for client in clients:
                client.sendall(announced + bytes(size))
            closed = [one.why for one in daemon.wait_for(3)[:3]]
            assert is_alive(daemon)
            assert sum(is_open(client) for client in clients) == 3
        assert closed == ["others needed its memory"] * 3


def test_who_holds_most_makes_room_for_the_others(tmp_path: Path) -> None:
    options = replace(QUICK, deliver_s=60, most_bytes=300_000)
    announced = (900_000).to_bytes(4, "little")
    with Daemon(tmp_path / "s", options, None) as daemon, contextlib.ExitStack() as stack:
        modest, greedy, another = (stack.enter_context(daemon.connect()) for _ in range(3))
        modest.sendall(announced + bytes(1000))
        greedy.sendall(announced + bytes(250_000))
        time.sleep(0.1)
        another.sendall(announced + bytes(100_000))
        assert read_all(greedy) == b""
        assert is_open(modest)
        assert is_open(another)


def is_open(client: socket.socket) -> bool:
    """Whether the daemon has not closed a connection on which nothing has been sent back."""
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def test_too_many_requests_at_once_are_told_so(daemon: Daemon) -> None:
    daemon.close_gate()
    request = write_frame(quote_request().SerializeToString())
    clients = [daemon.connect() for _ in range(1 + MOST_WAITING + 3)]
    clients[0].sendall(request)
    time.sleep(0.05)  # the back end has it
    for client in clients[1:]:
        client.sendall(request)
    served = daemon.wait_for(3)
    assert [one.code for one in served] == [AesmCode.BUSY] * 3
    daemon.open_gate()
    codes = []
    for client in clients:
        with client:
            codes.append(Response.FromString(read_all(client)[4:]).get_quote_ex.error_code)
    assert sorted(codes) == [0] * (1 + MOST_WAITING) + [AesmCode.BUSY] * 3


def test_a_client_that_leaves_while_its_quote_is_made_harms_nobody(daemon: Daemon) -> None:
    daemon.close_gate()
    with daemon.connect() as client:
        client.sendall(write_frame(quote_request().SerializeToString()))
        time.sleep(0.05)
    daemon.open_gate()
    assert [one.code for one in daemon.wait_for(1)] == [0]
    assert is_alive(daemon)


def test_no_quote_is_made_for_who_left_before_its_turn(daemon: Daemon) -> None:
    daemon.close_gate()
    request = write_frame(quote_request().SerializeToString())
    with daemon.connect() as stays:
        stays.sendall(request)
        time.sleep(0.05)  # it is being served
        for _ in range(MOST_WAITING):
            with daemon.connect() as client:
                client.sendall(request)
        time.sleep(0.05)
        daemon.open_gate()
        assert Response.FromString(read_all(stays)[4:]).get_quote_ex.error_code == 0
    served = daemon.wait_for(1 + MOST_WAITING)
    assert [one.code for one in served] == [0] + [None] * MOST_WAITING
    assert {one.why for one in served[1:]} == {"it left before its turn"}
    assert is_alive(daemon)


def test_who_left_takes_no_place_from_who_comes(daemon: Daemon) -> None:
    daemon.close_gate()
    request = write_frame(quote_request().SerializeToString())
    with daemon.connect() as served, daemon.connect() as comes:
        served.sendall(request)
        time.sleep(0.05)
        for _ in range(MOST_WAITING):
            with daemon.connect() as client:
                client.sendall(request)
        time.sleep(0.05)
        comes.sendall(request)
        assert len(daemon.wait_for(MOST_WAITING)) == MOST_WAITING
        daemon.open_gate()
        for client in (served, comes):
            assert Response.FromString(read_all(client)[4:]).get_quote_ex.error_code == 0


def test_who_has_ended_its_side_is_answered_at_its_turn(daemon: Daemon) -> None:
    daemon.close_gate()
    request = write_frame(quote_request().SerializeToString())
    with daemon.connect() as first, daemon.connect() as second:
        for client in (first, second):
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        time.sleep(0.05)
        daemon.open_gate()
        for client in (first, second):
            assert Response.FromString(read_all(client)[4:]).get_quote_ex.error_code == 0


@pytest.mark.parametrize("is_at_once", [True, False])
def test_back_end_that_breaks_fails_one_request(
    daemon: Daemon, caplog: pytest.LogCaptureFixture, is_at_once: bool
) -> None:
    def broken(_operation: Operation, _peer: Peer) -> Answer:
        raise ZeroDivisionError("of the back end")

    async def broken_later(operation: Operation, peer: Peer) -> Answer:
        return broken(operation, peer)

    before, daemon.ask = daemon.ask, broken if is_at_once else broken_later
    assert daemon.exchange(write_frame(quote_request().SerializeToString())) == b""
    assert daemon.wait_for(1)[0].why == "the back end failed"
    daemon.ask = before
    assert daemon.call(quote_request()).get_quote_ex.error_code == 0
    assert "ZeroDivisionError: of the back end" in caplog.text


def test_who_waits_too_long_for_a_turn_is_told_busy(tmp_path: Path) -> None:
    with Daemon(tmp_path / "s", replace(QUICK, wait_s=0.2), None) as daemon:
        daemon.close_gate()
        request = write_frame(quote_request().SerializeToString())
        with daemon.connect() as first, daemon.connect() as second:
            first.sendall(request)
            time.sleep(0.05)
            second.sendall(request)
            reply = Response.FromString(read_all(second)[4:]).get_quote_ex
            assert reply.error_code == AesmCode.BUSY
            daemon.open_gate()
            assert Response.FromString(read_all(first)[4:]).get_quote_ex.error_code == 0
        assert "no turn within 0.2 s" in str(daemon.served[0].why)


def test_a_quota_refuses_who_asks_more_often(tmp_path: Path) -> None:
    options = replace(QUICK, limits=Limits(per_peer=Rate(0.01, burst=2)))
    with Daemon(tmp_path / "s", options, None) as daemon:
        codes = [daemon.call(quote_request()).get_quote_ex.error_code for _ in range(4)]
        assert codes == [0, 0, AesmCode.BUSY, AesmCode.BUSY]
        assert is_alive(daemon)  # what we know ourselves is not counted


def test_a_total_rate_slows_down_and_refuses_nobody(tmp_path: Path) -> None:
    options = replace(QUICK, limits=Limits(total=Rate(50, burst=1)))
    with Daemon(tmp_path / "s", options, None) as daemon:
        started = time.monotonic()
        codes = [daemon.call(quote_request()).get_quote_ex.error_code for _ in range(6)]
        assert codes == [0] * 6
        assert time.monotonic() - started >= 5 / 50  # a bound that the clock itself gives


@contextlib.contextmanager
def few_descriptors(free: int) -> Iterator[None]:
    """Leave this process only so many descriptors to open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 8, hard))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(free):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


@pytest.mark.parametrize("free", [0, 2])
def test_lives_on_without_descriptors(tmp_path: Path, free: int) -> None:
    with Daemon(tmp_path / "s", replace(QUICK, deliver_s=60), None) as daemon:
        clients = [socket.socket(socket.AF_UNIX) for _ in range(10)]
        with few_descriptors(free):
            for client in clients:
                client.settimeout(5)
                client.connect(str(daemon.path))
                client.sendall(number()[:1])
            if free:
                assert clients[0].recv(1) == b""  # it made room
            else:
                time.sleep(0.3)  # nobody is accepted, and nothing is lost
        clients[-1].sendall(number()[1:])
        assert read_all(clients[-1])
        for client in clients:
            client.close()
        assert is_alive(daemon)


def test_clients_that_never_read_are_closed(daemon: Daemon) -> None:
    request = quote_request()
    request.get_quote_ex.buf_size = 64 * 1024
    clients = [daemon.connect() for _ in range(QUICK.most_connections - 1)]
    for client in clients:
        client.sendall(write_frame(request.SerializeToString()))
    assert is_alive(daemon)
    for client in clients:
        client.close()


def test_no_quote_goes_to_another_client(daemon: Daemon) -> None:
    wrong: list[int] = []

    def ask(own: int) -> None:
        for turn in range(20):
            data = own.to_bytes(32, "big") + turn.to_bytes(32, "big")
            reply = daemon.call(quote_request(data)).get_quote_ex
            if reply.error_code == 0 and reply.quote[48 + 320 : 48 + 384] != data:
                wrong.append(own)

    threads = [threading.Thread(target=ask, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []
