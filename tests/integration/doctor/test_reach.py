# SPDX-License-Identifier: Apache-2.0
"""Whether a service answers: over real sockets on loopback, with servers of every kind."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from tests import machines

from confcom.adapters.machine import ServiceState
from confcom.adapters.machine.reach import Reach, Reached
from confcom.cli.main import main
from confcom.protocols.quoting_conf import WebAddress, parse_address

pytestmark = pytest.mark.timeout(30)

Handler = Callable[[socket.socket], None]


@contextlib.contextmanager
def _serve(handle: Handler, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Take one connection after another until the context is left; yield the port."""
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def run() -> None:
            while not closing.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(2.0)
                    if context is None:
                        handle(connection)
                        continue
                    with context.wrap_socket(connection, server_side=True) as secure:
                        handle(secure)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            closing.set()
            thread.join(5.0)


def _answer(data: bytes) -> Handler:
    def handle(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(data)

    return handle


def _wait_for_the_end(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def _address(text: str) -> WebAddress:
    address = parse_address(text)
    assert address is not None
    return address


def _reach(text: str, *, is_checked: bool = True, timeout_s: float = 3.0) -> Reached:
    return Reach(_address(text), is_checked=is_checked, timeout_s=timeout_s).result()


@pytest.fixture
def context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = _reach(f"http://127.0.0.1:{port}/")
    assert (found.state, found.why) == (ServiceState.UNREACHABLE, "Connection refused")


def test_a_server_that_says_nothing_is_given_up() -> None:
    with _serve(_wait_for_the_end) as port:
        for scheme in ("http", "https"):
            found = _reach(f"{scheme}://127.0.0.1:{port}/", timeout_s=0.3)
            assert (found.state, found.why) == (ServiceState.UNREACHABLE, "no answer in time")


def test_a_server_that_drips_is_given_up() -> None:
    def drip(connection: socket.socket) -> None:
        connection.settimeout(0.05)
        while True:
            connection.sendall(b"H")
            with contextlib.suppress(TimeoutError):
                if not connection.recv(4096):
                    return

    with _serve(drip) as port:
        found = _reach(f"http://127.0.0.1:{port}/", timeout_s=0.5)
    assert found.state is ServiceState.UNREACHABLE


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 999 x\r\n", b"HTTP/2 200\r\n", b"x" * 100_000],
)
def test_what_is_no_http(data: bytes) -> None:
    with _serve(_answer(data)) as port:
        found = _reach(f"http://127.0.0.1:{port}/")
    assert (found.state, found.why) == (ServiceState.NO_HTTP, "what it sends is no HTTP")


def test_http_where_https_was_meant() -> None:
    with _serve(_answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        found = _reach(f"https://127.0.0.1:{port}/")
    assert found.state is ServiceState.NO_HTTP
    assert (found.why or "").startswith("no TLS")


def test_a_certificate_that_nobody_vouches_for(context: ssl.SSLContext) -> None:
    with _serve(_answer(b"HTTP/1.1 200 OK\r\n\r\n"), context) as port:
        found = _reach(f"https://127.0.0.1:{port}/")
        assert found.state is ServiceState.UNTRUSTED
        assert found.why
        unchecked = _reach(f"https://127.0.0.1:{port}/", is_checked=False)
    assert (unchecked.state, unchecked.status) == (ServiceState.ANSWERS, 200)


@pytest.mark.parametrize("name", ["two..dots", "x" * 64])
def test_a_name_that_can_be_no_name(name: str) -> None:
    found = _reach(f"http://{name}/")
    assert found.state is ServiceState.UNREACHABLE
    assert found.why


@pytest.mark.parametrize("status", [200, 404, 503])
def test_any_status_is_an_answer(status: int) -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(f"HTTP/1.1 {status} x\r\n\r\n".encode())

    with _serve(handle) as port:
        found = _reach(f"http://me:hunter2@127.0.0.1:{port}/v4/?k=hunter2")
    assert (found.state, found.status) == (ServiceState.ANSWERS, status)
    assert seen[0].startswith(f"GET /v4/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())
    assert b"hunter2" not in seen[0]


def test_the_doctor_tells_how_the_configured_services_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], context: ssl.SSLContext
) -> None:
    machines.build(tmp_path)
    path = tmp_path / "etc" / "sgx_default_qcnl.conf"
    answer = _answer(b"HTTP/1.1 200 OK\r\n\r\n")
    with _serve(answer) as plain, _serve(answer, context) as secure:
        for is_checked, level in ((True, "problem"), (False, "ok")):
            path.write_text(
                json.dumps(
                    {
                        "pccs_url": f"https://127.0.0.1:{secure}/",
                        "local_pck_url": f"http://127.0.0.1:{plain}/",
                        "use_secure_cert": is_checked,
                    }
                )
            )
            main(["doctor", "--root", str(tmp_path), "--timeout", "3", "--output", "json"])
            (section,) = json.loads(capsys.readouterr().out)["sections"]
            found = [one for one in section["findings"] if one["check"] == "certificates.service"]
            assert [one["level"] for one in found] == ["ok", level]
