# SPDX-License-Identifier: Apache-2.0
"""Quotes over the AESM socket: against a bare echo server of the same event loop.

One request a connection, as every client of the protocol does it. The echo server takes the same
request and sends a reply of the same length, so that the difference is what a quote costs.
"""

import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import CONFCOM
from benchmarks.samples import ENCLAVE
from benchmarks.table import Row
from confcom.protocols.aesm import DEFAULT_KEY_ID, write_frame
from confcom.protocols.pb.aesm_pb2 import Request, Response
from confcom.sgx import TargetInfo

_SEQUENTIAL = 3000
_CLIENTS = 64
_EACH = 60
_PAUSE_S = 0.05
_STALLED = 1000
_ROUNDS = 5
_ECHO = """
import asyncio, sys
request, reply = int(sys.argv[2]), bytes(int(sys.argv[3]))
class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.count = transport, 0
    def data_received(self, data):
        self.count += len(data)
        if self.count >= request:
            self.transport.write(reply)
            self.transport.close()
async def main():
    server = await asyncio.get_running_loop().create_unix_server(Echo, sys.argv[1], backlog=1024)
    await server.serve_forever()
asyncio.run(main())
"""


def measure() -> Iterator[Row]:
    """Measure and yield the rows."""
    with tempfile.TemporaryDirectory(prefix="confcom-bench-") as name, _daemon(Path(name)) as path:
        request = _request(path)
        size = len(_exchange(path, request))
        with _echo(Path(name), len(request), size) as echo:
            _sequential(path, request, 200)
            own, bare = (_sequential(one, request, _SEQUENTIAL) for one in (path, echo))
            yield Row(
                "quotes, one client after the other",
                f"{1 / own:.0f}/s",
                "at least 3,000/s",
                1 / own >= 3000,
                f"{own * 1e6:.0f} µs each, echo {bare * 1e6:.0f} µs: a quote adds "
                f"{(own - bare) * 1e6:.0f} µs",
            )
            times, echoes = (_together(one, request) for one in (path, echo))
            p50, p99 = _quantiles(times)
            echo_p50, echo_p99 = _quantiles(echoes)
            yield Row(
                f"quotes, {_CLIENTS} clients at once",
                f"p99 {p99 * 1e3:.1f} ms",
                "p99 under 5 ms",
                p99 < 0.005,
                f"p50 {p50 * 1e3:.1f} ms; echo: p50 {echo_p50 * 1e3:.1f} ms, "
                f"p99 {echo_p99 * 1e3:.1f} ms",
            )
        yield _with_stalled(path, request)


def _with_stalled(path: Path, request: bytes) -> Row:
    without, beside = [], []
    for _ in range(_ROUNDS):
        without.append(_sequential(path, request, 500))
        stalled = [_connect(path) for _ in range(_STALLED)]
        for client in stalled:
            client.send(b"\x10")
        beside.append(_sequential(path, request, 500))
        for client in stalled:
            client.close()
    change = statistics.median(beside) / statistics.median(without) - 1
    return Row(
        f"the same beside {_STALLED} stalled connections",
        f"{change:+.1%}",
        "less than 10 % slower",
        change < 0.1,
        f"median of {_ROUNDS} alternating runs",
    )


@contextmanager
def _daemon(folder: Path) -> Iterator[Path]:
    for arguments in (("pki", "demo"), ("platform", "--pki", "demo")):
        subprocess.run(  # noqa: S603 our own program
            [*CONFCOM, "--quiet", "simulate", *arguments], check=True, cwd=folder
        )
    path = folder / "aesm.socket"
    command = [*CONFCOM, "serve", "quote-helper", "--pki", "demo", "--socket", str(path)]
    with _running(command, folder, path):
        yield path


@contextmanager
def _echo(folder: Path, request: int, reply: int) -> Iterator[Path]:
    path = folder / "echo.socket"
    command = [sys.executable, "-c", _ECHO, str(path), str(request), str(reply)]
    with _running(command, folder, path):
        yield path


@contextmanager
def _running(command: list[str], folder: Path, path: Path) -> Iterator[None]:
    with (folder / "events").open("wb") as events:
        process = subprocess.Popen(command, cwd=folder, stderr=events)  # noqa: S603 our own
        try:
            ends = time.monotonic() + 20
            while not path.exists() and time.monotonic() < ends:
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.wait(20)


def _request(path: Path) -> bytes:
    request = Request()
    request.init_quote_ex.att_key_id = DEFAULT_KEY_ID.to_bytes()
    request.init_quote_ex.b_pub_key_id = True
    request.init_quote_ex.buf_size = 32
    reply = Response.FromString(_exchange(path, write_frame(request.SerializeToString()))[4:])
    target = TargetInfo.from_bytes(reply.init_quote_ex.target_info)
    request = Request()
    request.get_quote_ex.att_key_id = DEFAULT_KEY_ID.to_bytes()
    request.get_quote_ex.report = ENCLAVE.ereport(target, bytes(64)).to_bytes()
    request.get_quote_ex.buf_size = 8192
    return write_frame(request.SerializeToString())


def _connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def _exchange(path: Path, request: bytes) -> bytes:
    with _connect(path) as client:
        client.sendall(request)
        data = b""
        while part := client.recv(65536):
            data += part
    return data


def _sequential(path: Path, request: bytes, count: int) -> float:
    """Return the seconds of one exchange."""
    started = time.perf_counter()
    for _ in range(count):
        _exchange(path, request)
    return (time.perf_counter() - started) / count


def _together(path: Path, request: bytes) -> list[float]:
    """Return the seconds of each exchange of clients that ask twenty times a second each."""
    times: list[float] = []

    def ask(number: int) -> None:
        time.sleep(number * _PAUSE_S / _CLIENTS)  # no herd: they started at different times
        for _ in range(_EACH):
            started = time.perf_counter()
            _exchange(path, request)
            times.append(time.perf_counter() - started)
            time.sleep(_PAUSE_S)

    threads = [threading.Thread(target=ask, args=(one,)) for one in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
