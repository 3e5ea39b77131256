# SPDX-License-Identifier: Apache-2.0
"""The QGS socket with real connections: exact answers, and clients who mean no good."""

import asyncio
import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.qgs_samples import KEY_ID, OTHER_KEY_ID, frame, message, numbers, raw_report
from tests.qgs_service import (
    FEW,
    MANY,
    QUICK,
    TD,
    Daemon,
    MachinePlace,
    read_all,
    simulated,
    td_report,
)
from tests.simulated import authority, platform

from confcom.adapters.quoting.qgs_listener import QgsListener
from confcom.adapters.quoting.qgs_places import Caller, UnixPlace
from confcom.adapters.quoting.qgs_records import ServedTd
from confcom.adapters.quoting.qgs_turns import TdTurnOptions, td_turns
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.dcap import Quote, TdReport, TeeType, verify
from confcom.protocols.qgs import (
    Answer,
    Call,
    DescribePlatform,
    ErrorCode,
    ErrorReply,
    GetCollateralReply,
    GetPlatformInfoReply,
    GetQuoteReply,
    MakeTdQuote,
    MessageType,
    Operation,
    PlatformInfo,
    TdQuote,
    reply_from_stream,
)
from confcom.protocols.quotas import Limits, Rate

ERROR = frame(message(1, bytes(8), error=0x12001))
DESCRIBE = frame(message(4))


def request(data: bytes = bytes(64), *key_ids: bytes) -> bytes:
    ids = b"".join(key_ids)
    return frame(message(0, numbers(1024, len(ids)), td_report(data), ids))


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("qgs.socket")) as running:
        yield running


def is_alive(daemon: Daemon) -> bool:
    return isinstance(reply_from_stream(daemon.exchange(DESCRIBE)), GetPlatformInfoReply)


def report_data(quote: bytes) -> bytes:
    body = Quote.from_bytes(quote).body
    assert isinstance(body, TdReport)
    return body.report_data


# --- good order ---


def test_quote_verifies_under_the_simulated_root(daemon: Daemon) -> None:
    reply = reply_from_stream(daemon.exchange(request(b"\x07" * 64)))
    assert isinstance(reply, GetQuoteReply)
    at = platform().pck.certificate.not_valid_before_utc
    verified = verify(
        reply.quote,
        authority().collateral(platform(), at=at, tee=TeeType.TDX),
        at=at,
        root=authority().trusted_root,
        allow_simulated=True,
    )
    body = verified.quote.body
    assert isinstance(body, TdReport)
    assert (body.mr_td, body.report_data) == (TD.mr_td, b"\x07" * 64)


def test_audit_is_told_who_asked_for_which_td(daemon: Daemon) -> None:
    daemon.exchange(request())
    (served,) = daemon.wait_for(1)
    assert (served.call, served.code, served.why) == (Call.GET_QUOTE, 0, None)
    assert served.report is not None
    assert served.report.mr_td == TD.mr_td
    assert served.caller.credentials is not None
    assert served.caller.credentials.pid == os.getpid()
    assert served.caller.peer is not None
    assert served.caller.peer.pid == os.getpid()
    assert served.duration_s >= 0
    assert isinstance(served.answer, TdQuote)


def test_who_asks_about_the_platform_uses_the_same_account(daemon: Daemon) -> None:
    daemon.exchange(DESCRIBE)
    daemon.exchange(request())
    assert len({one.caller.account for one in daemon.wait_for(2)}) == 1
    assert all(one.caller.peer is not None for one in daemon.served)


def test_audit_is_told_which_machine_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("machines")
    with Daemon(path, place=MachinePlace(path)) as daemon:
        assert isinstance(reply_from_stream(daemon.exchange(request())), GetQuoteReply)
        (served,) = daemon.wait_for(1)
    assert served.caller == Caller(cid=3)
    assert not path.exists()


def test_machine_that_has_gone_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("machines")
    with Daemon(path, place=MachinePlace(path, 0)) as daemon:
        assert daemon.exchange(request()) == b""
        assert daemon.served == []
        assert daemon.listener is not None
        assert daemon.listener.connections == 0


def test_raw_quote_comes_bare(daemon: Daemon) -> None:
    quote = daemon.exchange(td_report(b"\x09" * 64))
    assert report_data(quote) == b"\x09" * 64
    assert [(one.call, one.code) for one in daemon.wait_for(1)] == [(Call.RAW_QUOTE, 0)]


def test_named_key_is_told_when_it_signed(daemon: Daemon) -> None:
    reply = reply_from_stream(daemon.exchange(request(bytes(64), OTHER_KEY_ID, KEY_ID)))
    assert isinstance(reply, GetQuoteReply)
    assert reply.selected_id == KEY_ID


def test_platform_and_collateral_are_told(daemon: Daemon) -> None:
    described = reply_from_stream(daemon.exchange(DESCRIBE))
    assert isinstance(described, GetPlatformInfoReply)
    assert described.platform_id == platform().qe_id
    for minor in (0, 1):
        wanted = message(2, numbers(6, 9), platform().fmspc, b"platform\0", minor=minor)
        collateral = reply_from_stream(daemon.exchange(frame(wanted)))
        assert isinstance(collateral, GetCollateralReply)
        assert collateral.has_spare is (minor == 0)
    assert all(one.report is None for one in daemon.wait_for(3))


@pytest.mark.parametrize("data", [request(), td_report()], ids=["framed", "raw"])
def test_answers_who_sends_byte_by_byte_and_ends_its_side(daemon: Daemon, data: bytes) -> None:
    with daemon.connect() as client:
        for byte in data:
            client.send(bytes([byte]))
        client.shutdown(socket.SHUT_WR)
        assert len(read_all(client)) > 4000


def test_answers_one_request_and_ignores_the_rest(daemon: Daemon) -> None:
    assert len(daemon.exchange(DESCRIBE + DESCRIBE)) == len(daemon.exchange(DESCRIBE))
    assert len(daemon.wait_for(2)) == 2


def test_reply_comes_in_one_piece(daemon: Daemon) -> None:
    with daemon.connect() as client:
        client.sendall(request())
        first = client.recv(1024 * 1024)
    assert len(first) == 4 + int.from_bytes(first[:4], "big") > 4000


# --- refusals ---


@pytest.mark.parametrize("offset", [0, 16, 128, 191, 224, 255, 528, 1023])
def test_refuses_a_report_with_any_part_changed(daemon: Daemon, offset: int) -> None:
    report = bytearray(td_report())
    report[offset] ^= 1
    assert daemon.exchange(frame(message(0, numbers(1024, 0), bytes(report)))) == ERROR
    (served,) = daemon.wait_for(1)
    assert served.code == ErrorCode.UNEXPECTED
    assert served.report is not None
    assert "TDREPORT" in str(served.why)


def test_raw_report_of_another_machine_gets_no_byte(daemon: Daemon) -> None:
    assert daemon.exchange(raw_report()) == b""
    (served,) = daemon.wait_for(1)
    assert (served.call, served.code) == (Call.RAW_QUOTE, None)
    assert "MAC" in str(served.why)


@pytest.mark.parametrize(
    "content",
    [
        message(0, numbers(1023, 0), bytes(1023)),
        message(0, numbers(1024, 15), bytes(1024), bytes(15)),
        message(0, numbers(1024, 16), bytes(1024)),
        message(0, numbers(2**32 - 1, 2**32 - 1), bytes(1024)),
        message(0, numbers(1024, 16), td_report(), OTHER_KEY_ID),
        message(0, numbers(1024, 0), td_report(), error=7),
        message(0),
    ],
    ids=["short report", "part of id", "no id", "huge sizes", "other key", "error", "nothing"],
)
def test_refuses_a_quote_in_its_own_type(daemon: Daemon, content: bytes) -> None:
    assert daemon.exchange(frame(content)) == ERROR
    (served,) = daemon.wait_for(1)
    assert (served.call, served.code) == (Call.GET_QUOTE, ErrorCode.UNEXPECTED)
    assert served.why


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (message(2, numbers(6, 9), bytes(6), b"platform\0"), MessageType.GET_COLLATERAL_RESP),
        (message(2, numbers(6, 5), bytes(6), b"other"), MessageType.GET_COLLATERAL_RESP),
        (message(4, bytes(1)), MessageType.GET_PLATFORM_INFO_RESP),
    ],
    ids=["other platform", "other CA", "too long"],
)
def test_refuses_what_else_is_asked_in_its_own_type(
    daemon: Daemon, content: bytes, kind: MessageType
) -> None:
    reply = reply_from_stream(daemon.exchange(frame(content)))
    assert reply == ErrorReply(type=kind, code=ErrorCode.UNEXPECTED)


@pytest.mark.parametrize(
    "data",
    [
        frame(b""),
        b"\x7f\xff\xff\xff" + bytes(100),
        b"\xff\xff\xff\xff" + bytes(100),
        frame(bytes(15)),
        frame(b"\xff" * 64),
        frame(message(0, numbers(1024, 0), bytes(1024), major=2)),
        frame(message(4, size=17)),
        frame(message(1, numbers(0, 0))),
        frame(message(6)),
        b"\x81\0\2\0" + bytes(1020),
        b"\x81\0\0\0" + b"\xff" * 1020,
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(1024 * 1024),
    ],
    ids=[
        "0",
        "2^31-1",
        "2^32-1",
        "15",
        "framed garbage",
        "major 2",
        "another size",
        "a reply",
        "type 6",
        "report version 2",
        "not zero",
        "http",
        "zeros",
    ],
)
def test_closes_without_a_byte_on_what_is_no_request(daemon: Daemon, data: bytes) -> None:
    assert daemon.exchange(data) == b""
    assert daemon.wait_for(1)[0].code is None
    assert is_alive(daemon)


@pytest.mark.parametrize("data", [DESCRIBE[:1], DESCRIBE[:19], td_report()[:1023]])
def test_closes_on_a_request_that_ends_too_early(daemon: Daemon, data: bytes) -> None:
    with daemon.connect() as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    assert "ended before" in str(daemon.wait_for(1)[0].why)
    assert is_alive(daemon)


# --- clients who mean no good ---


def test_who_delivers_nothing_is_closed(daemon: Daemon) -> None:
    with daemon.connect() as client:
        assert read_all(client) == b""
    with daemon.connect() as client:
        client.sendall(b"\0\0\x04")
        assert read_all(client) == b""
    assert ["did not deliver" in str(one.why) for one in daemon.wait_for(1)] == [True]


def test_silent_connections_do_not_keep_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("s"), replace(QUICK, deliver_s=60)) as daemon:
        with contextlib.ExitStack() as stack:
            silent = []
            for number in range(4 * QUICK.most_connections):
                client = stack.enter_context(daemon.connect())
                if number % 2:
                    client.sendall(b"\0")
                silent.append(client)
            assert is_alive(daemon)
            assert silent[0].recv(1) == b""  # the longest silent one made room
            assert daemon.listener is not None
            assert daemon.listener.connections <= QUICK.most_connections
        assert is_alive(daemon)


def test_a_machine_that_fills_all_connections_takes_no_other_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("machines")
    place = MachinePlace(path, 7, 3)  # the first is of machine 7, all others are of machine 3
    with (
        Daemon(path, replace(QUICK, deliver_s=60), place) as daemon,
        contextlib.ExitStack() as stack,
    ):
        slow = stack.enter_context(daemon.connect())
        slow.sendall(DESCRIBE[:1])
        flood = [stack.enter_context(daemon.connect()) for _ in range(4 * QUICK.most_connections)]
        assert flood[0].recv(1) == b""
        slow.sendall(DESCRIBE[1:])
        assert isinstance(reply_from_stream(read_all(slow)), GetPlatformInfoReply)
        assert [one.caller.cid for one in daemon.wait_for(1)] == [7]


def test_connections_are_bounded_by_the_files_that_may_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
        try:
            many = replace(QUICK, most_connections=100_000, deliver_s=60)
            daemon = stack.enter_context(Daemon(Path("s"), many))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        silent = [stack.enter_context(daemon.connect()) for _ in range(60)]
        assert is_alive(daemon)
        assert silent[0].recv(1) == b""
        assert daemon.listener is not None
        assert daemon.listener.connections <= 50


def asking(daemon: Daemon, data: bytes) -> socket.socket:
    client = daemon.connect()
    client.sendall(data)
    return client


def test_one_account_leaves_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("s"), turns=FEW) as daemon:
        daemon.close_gate()
        clients = [asking(daemon, request())]
        daemon.wait_until_asked()
        room = 1 + FEW.limits.waiting_per_peer
        clients += [asking(daemon, request()) for _ in range(room + 2)]
        refused = daemon.wait_for(3)
        assert [one.code for one in refused] == [ErrorCode.UNEXPECTED] * 3
        assert all("as many requests waiting as one peer may" in str(one.why) for one in refused)
        daemon.open_gate()
        replies = []
        for client in clients:
            with client:
                replies.append(reply_from_stream(read_all(client)))
        assert sum(isinstance(one, GetQuoteReply) for one in replies) == room
        assert is_alive(daemon)


@pytest.mark.parametrize("data", [request(), td_report()], ids=["framed", "raw"])
def test_too_many_requests_at_once_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    few = replace(FEW, limits=Limits(waiting=2, waiting_per_peer=1))
    with Daemon(Path("s"), turns=few) as daemon:
        daemon.close_gate()
        waiting = []
        for number in (1, 2):
            waiting.append(asking(daemon, data))
            daemon.wait_until_asked(number)
        assert daemon.exchange(data) == (b"" if data[:1] == b"\x81" else ERROR)
        assert "as many requests waiting" in str(daemon.wait_for(1)[0].why)
        daemon.open_gate()
        for client in waiting:
            with client:
                assert len(read_all(client)) > 4000


@pytest.mark.parametrize("data", [request(), td_report()], ids=["framed", "raw"])
def test_who_asks_more_often_than_the_quota_allows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    slow = replace(MANY, limits=Limits(per_peer=Rate(0.001, 2)))
    with Daemon(Path("s"), turns=slow) as daemon:
        assert is_alive(daemon)
        assert len(daemon.exchange(data)) > 4000
        assert daemon.exchange(data) == (b"" if data[:1] == b"\x81" else ERROR)
        assert "more often than its quota allows" in str(daemon.wait_for(3)[2].why)
        described = reply_from_stream(daemon.exchange(DESCRIBE))
        assert described == ErrorReply(
            type=MessageType.GET_PLATFORM_INFO_RESP, code=ErrorCode.UNEXPECTED
        )


def test_who_waits_for_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("s"), turns=replace(FEW, wait_s=0.1)) as daemon:
        daemon.close_gate()
        with asking(daemon, request()) as first:
            daemon.wait_until_asked()
            assert daemon.exchange(request()) == ERROR
            assert daemon.wait_for(1)[0].why == "no turn within 0.1 s"
            daemon.open_gate()
            assert len(read_all(first)) > 4000


def test_no_quote_is_made_for_who_has_left_before_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[Operation] = []
    with Daemon(Path("s"), turns=FEW) as daemon:
        before = daemon.ask

        async def count(operation: Operation, caller: Caller) -> Answer:
            asked.append(operation)
            return await before(operation, caller)

        daemon.ask = count
        daemon.close_gate()
        with asking(daemon, request()) as first:
            daemon.wait_until_asked()
            for number in range(FEW.limits.waiting_per_peer):
                with asking(daemon, request()):
                    daemon.wait_until_asked(2 + number)
            daemon.open_gate()
            assert len(read_all(first)) > 4000
        served = daemon.wait_for(1 + FEW.limits.waiting_per_peer)
        whys = [one.why for one in served]
        left = "it left before its turn"
        assert whys.count(left) == FEW.limits.waiting_per_peer
        assert len(asked) == 1
        assert is_alive(daemon)


def test_a_client_that_leaves_while_its_quote_is_made_harms_nobody(daemon: Daemon) -> None:
    daemon.close_gate()
    for number in range(4):
        with asking(daemon, request()):
            daemon.wait_until_asked(1 + number)
    daemon.open_gate()
    assert [one.code for one in daemon.wait_for(4)] == [0] * 4
    assert is_alive(daemon)


def test_clients_that_never_read_harm_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("s")) as daemon:
        # Larger than the kernel's buffers, so that the reply waits with us.
        big = PlatformInfo(tdqe_svn=1, pce_svn=1, platform_id=bytes(900_000), cpu_svn=b"\1")

        async def large(operation: Operation, _caller: Caller) -> Answer:
            assert isinstance(operation, DescribePlatform)
            return big

        daemon.ask = large
        clients = [daemon.connect() for _ in range(QUICK.most_connections - 1)]
        for client in clients:
            client.sendall(DESCRIBE)
        assert is_alive(daemon)
        for client in clients:
            with client:  # closed by the daemon, with a part of the reply at most
                assert wait_until_cut(client) < 900_000


def wait_until_cut(client: socket.socket) -> int:
    time.sleep(0.02)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # do not read before the daemon has lost patience
        try:
            client.send(b"x")
        except OSError:
            break
        time.sleep(0.05)
    return len(read_all(client))


def test_what_follows_a_request_is_not_even_read(daemon: Daemon) -> None:
    daemon.close_gate()
    with daemon.connect() as client:
        client.sendall(request())
        daemon.wait_until_asked()
        client.settimeout(0.2)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 16 * 1024 * 1024:
                sent += client.send(bytes(64 * 1024))
        assert sent < 4 * 1024 * 1024  # what the kernel holds, and a last piece of ours
    daemon.open_gate()
    assert is_alive(daemon)


def test_back_end_that_hangs_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Daemon(Path("s"), turns=replace(MANY, answer_s=0.1)) as daemon:
        daemon.close_gate()
        assert daemon.exchange(request()) == ERROR
        assert "no answer within 0.1 s" in str(daemon.wait_for(1)[0].why)


def test_back_end_that_breaks_fails_one_request(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_operation: Operation, _caller: Caller) -> Answer:
        raise ZeroDivisionError("of the back end")

    before, daemon.ask = daemon.ask, broken
    assert daemon.exchange(request()) == b""
    assert daemon.wait_for(1)[0].why == "the back end failed"
    daemon.ask = before
    assert is_alive(daemon)
    assert "ZeroDivisionError: of the back end" in caplog.text


def test_answer_to_another_question_is_a_refusal(daemon: Daemon) -> None:
    async def confused(_operation: Operation, _caller: Caller) -> Answer:
        return PlatformInfo(tdqe_svn=1, pce_svn=1, platform_id=b"\1", cpu_svn=b"\1")

    daemon.ask = confused
    assert daemon.exchange(request()) == ERROR


def test_no_quote_goes_to_another_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong: list[int] = []
    made: list[int] = []

    def ask(daemon: Daemon, own: int) -> None:
        for turn in range(20):
            data = own.to_bytes(32, "big") + turn.to_bytes(32, "big")
            if own % 2:  # raw mode
                quote = daemon.exchange(td_report(data))
            else:
                reply = reply_from_stream(daemon.exchange(request(data)))
                quote = reply.quote if isinstance(reply, GetQuoteReply) else b""
            made.append(own)
            if report_data(quote) != data:
                wrong.append(own)

    with Daemon(Path("s")) as daemon:
        threads = [threading.Thread(target=ask, args=(daemon, own)) for own in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert (wrong, len(made)) == ([], 80)


# --- lifecycle ---


def test_drain_lets_requests_end_and_takes_no_more(daemon: Daemon) -> None:
    daemon.close_gate()
    with daemon.connect() as silent, daemon.connect() as client:
        client.sendall(request())
        daemon.wait_until_asked()
        opener = threading.Timer(0.05, daemon.open_gate)
        opener.start()
        daemon.drain(5)
        opener.join()
        assert isinstance(reply_from_stream(read_all(client)), GetQuoteReply)
        assert read_all(silent) == b""
    with pytest.raises(ConnectionRefusedError):
        daemon.connect()


def test_end_lets_go_of_all_and_removes_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("s")

    async def run() -> bytes:
        is_asked = asyncio.Event()

        async def never(_operation: Operation, _caller: Caller) -> Answer:
            is_asked.set()
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

        turns = td_turns(never, TdTurnOptions())
        listener = QgsListener(UnixPlace(SocketFile(path)), turns=turns, record=lambda _: None)
        async with listener:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(request())
            await is_asked.wait()
            assert (turns.running, listener.connections) == (1, 1)
            await turns.close()
            assert (turns.running, turns.waiting) == (0, 0)
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
        return data

    assert asyncio.run(run()) == b""
    assert not path.exists()


def own_listener(file: SocketFile, served: list[ServedTd]) -> QgsListener:
    async def ask(operation: Operation, caller: Caller) -> Answer:
        return await simulated(operation, caller)

    return QgsListener(UnixPlace(file), turns=td_turns(ask, TdTurnOptions()), record=served.append)


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    client.connect(str(path))
    return client


async def reply_size(client: socket.socket) -> int:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, DESCRIBE)
    return len(await loop.sock_recv(client, 4096))


def test_who_waits_at_a_socket_that_is_replaced_is_served_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    served: list[ServedTd] = []
    path = Path("s")

    async def run() -> None:
        file = SocketFile(path)
        async with own_listener(file, served) as listener, asyncio.timeout(10):
            clients = [connected(path) for _ in range(20)]  # accepted when the loop turns
            file.path.rename("elsewhere")
            listener.swap(file.listen(32))
            clients += [connected(path) for _ in range(20)]
            for client in clients:
                with client:
                    assert await reply_size(client) > 20

    asyncio.run(run())
    assert len(served) == 40
    assert not path.exists()


def test_a_listener_that_drains_takes_no_new_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def run() -> None:
        async with own_listener(SocketFile(Path("s")), []) as listener:
            await listener.drain(1)
            other = SocketFile(Path("other")).listen(1)
            listener.swap(other)
            assert other.fileno() == -1

    asyncio.run(run())


def test_a_listener_that_is_told_to_stop_while_it_takes_a_new_socket_lets_go_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def run() -> None:
        async with own_listener(SocketFile(Path("s")), []) as listener:
            listener.swap(SocketFile(Path("other")).listen(1))
            await listener.drain(1)

    asyncio.run(run())
    for path in ("s", "other"):
        with (
            socket.socket(socket.AF_UNIX) as client,
            pytest.raises((ConnectionRefusedError, FileNotFoundError)),
        ):
            client.connect(path)


def test_operation_of_the_audit_is_what_was_asked(daemon: Daemon) -> None:
    daemon.exchange(request(bytes(64), KEY_ID))
    assert daemon.wait_for(1)[0].operation == MakeTdQuote(td_report(), (KEY_ID,))
