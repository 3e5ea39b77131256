# SPDX-License-Identifier: Apache-2.0
"""The socket is taken from a daemon that serves: clients find it again, or operators read why."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.quote_helper.daemon import ask_http, ended, quote, running

from confcom.adapters.peers import PeerReader
from confcom.adapters.quoting.aesm_connection import Served
from confcom.adapters.quoting.listener import AesmListener
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.protocols.aesm import AesmCode, Refusal, write_frame
from confcom.protocols.pb.aesm_pb2 import Request

pytestmark = pytest.mark.timeout(60)
SOCKET = Path("aesm.socket")
COUNTER = "confcom_quote_helper_socket_restorations_total"


def wait_until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.05)


def ready() -> str:
    return ask_http("status.sock", "/readyz").decode()


def test_what_an_operator_removes_is_put_back(folder: Path) -> None:
    with running(folder, "--status", "status.sock") as process:
        quote()
        SOCKET.unlink()
        wait_until(SOCKET.exists)
        quote()
        assert ready() == "backend: ok\nsocket: ok\n"
        assert f"{COUNTER} 1\n" in ask_http("status.sock", "/metrics").decode()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
        assert process.returncode == 0
    (restored,) = (event for event in events if event["event"] == "socket.restored")
    assert restored["level"] == "warning"
    assert restored["socket"] == str(folder / SOCKET)
    assert not SOCKET.exists()


def test_another_owner_is_told_of_until_it_is_gone(folder: Path) -> None:
    with running(folder, "--status", "status.sock") as process:
        SOCKET.unlink()
        other = SocketFile(SOCKET)
        with other.listen(1):
            wait_until(lambda: "listens there already" in ready())
            assert ready().startswith("backend: ok\nsocket: cannot listen on ")
            assert "confcom_quote_helper_ready 0\n" in ask_http("status.sock", "/metrics").decode()
            assert other.is_there()
        wait_until(lambda: ready() == "backend: ok\nsocket: ok\n")
        quote()
        process.send_signal(signal.SIGTERM)
        events = ended(process)
    names = [event["event"] for event in events if str(event["event"]).startswith("socket.")]
    assert names == ["socket.lost", "socket.restored"]


def test_a_daemon_that_lost_its_place_leaves_it_to_who_has_it(folder: Path) -> None:
    with running(folder) as process:
        SOCKET.unlink()
        other = SocketFile(SOCKET)
        with other.listen(1):
            process.send_signal(signal.SIGTERM)
            ended(process)
            assert process.returncode == 0
            assert other.is_there()


async def _ask(client: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    request = Request()
    request.get_quote_size_ex.att_key_id = bytes(256)
    await loop.sock_sendall(client, write_frame(request.SerializeToString()))
    return await loop.sock_recv(client, 4096)


def _listener(file: SocketFile, served: list[Served]) -> AesmListener:
    return AesmListener(
        file,
        ask=lambda _operation, _peer: Refusal(AesmCode.BUSY, "for the test"),
        identify=PeerReader().read,
        key_ids=tuple,
        record=served.append,
    )


def _connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    client.connect(str(path))
    return client


def test_who_waits_at_the_old_socket_is_served_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    served: list[Served] = []

    async def run() -> None:
        file = SocketFile(SOCKET)
        async with _listener(file, served) as listener, asyncio.timeout(10):
            clients = [_connected(SOCKET) for _ in range(20)]  # accepted when the loop turns
            file.path.rename("elsewhere")
            listener.swap(file.listen(32))
            clients += [_connected(SOCKET) for _ in range(20)]
            for client in clients:
                with client:
                    assert len(await _ask(client)) > 4

    asyncio.run(run())
    assert len(served) == 40


def test_a_listener_that_drains_takes_no_new_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def run() -> None:
        async with _listener(SocketFile(SOCKET), []) as listener:
            await listener.drain(1)
            other = SocketFile(Path("other")).listen(1)
            listener.swap(other)
            assert other.fileno() == -1

    asyncio.run(run())
