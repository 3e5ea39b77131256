# SPDX-License-Identifier: Apache-2.0
"""A process that means no good: ``python -m tests.integration.attacks.attacker KIND SOCKET N``.

It says a line when its attack stands, goes on until its input ends, and then says as JSON what it
has done. It ends by itself after a while, whatever becomes of its parent. Root attacks as another
user, who has a quota of its own as another peer has.
"""

import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.integration.attacks.clients import connect

_REPOSITORY: Final = Path(__file__).parents[3]
_LIFETIME_S: Final = 100
_STANDING: Final = "standing"
_SPARE_FILES: Final = 64
_NOBODY: Final = 65534


@contextmanager
def attacking(kind: str, path: Path, count: int, request: bytes = b"") -> Iterator[dict[str, int]]:
    """Attack a socket from another process; afterwards the figures are what it has done."""
    command = [sys.executable, "-m", __name__, kind, str(path), str(count), request.hex()]
    figures: dict[str, int] = {}
    with subprocess.Popen(
        command, cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == _STANDING
            yield figures
            figures.update(json.loads(process.communicate(timeout=30)[0]))
        finally:
            process.kill()


def raise_file_limit(wanted: int) -> int:
    """Let this process open so many files, or as many as it may; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    with suppress(ValueError, OSError):  # who may, raises both
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _half_open(path: Path, count: int, _: bytes) -> dict[str, int]:
    """Connections that send the first byte of a request, and nothing more."""
    most = min(count, raise_file_limit(count + _SPARE_FILES) - _SPARE_FILES)
    started = time.monotonic()
    clients = [_begun(path) for _ in range(most)]
    took_ms = round((time.monotonic() - started) * 1000)
    _stand()
    open_ = sum(_is_open(client) for client in clients)
    return {"opened": len(clients), "open": open_, "took_ms": took_ms}


def _churn(path: Path, count: int, _: bytes) -> dict[str, int]:
    """The same, without end: each new connection replaces the oldest."""
    clients: deque[socket.socket] = deque()
    opened = 0
    _stand(wait=False)
    while not _is_over():
        for _turn in range(64):
            clients.append(_begun(path))
            if len(clients) > count:
                clients.popleft().close()
        opened += 64
    return {"opened": opened}


def _drip(path: Path, count: int, request: bytes) -> dict[str, int]:
    """Requests that arrive so slowly, byte by byte, that they never become whole."""
    clients = [_begun(path) for _ in range(count)]
    closed: set[socket.socket] = set()
    _stand(wait=False)
    started, longest = time.monotonic(), 0.0
    for at in range(1, len(request) - 1):
        if _is_over() or len(closed) == count:
            break
        for client in clients:
            if client not in closed and not _sent(client, request[at : at + 1]):
                closed.add(client)
                longest = time.monotonic() - started
        time.sleep(0.05)
    while not _is_over():
        time.sleep(0.02)
    return {"closed": len(closed), "after_ms": round(longest * 1000)}


def _hoard(path: Path, count: int, _: bytes) -> dict[str, int]:
    """Requests of a mebibyte that lack their last byte."""
    size = 1024 * 1024
    data = size.to_bytes(4, "little") + bytes(size - 1)
    clients = []
    for _turn in range(count):
        client = _begun(path, b"")
        with suppress(OSError):
            client.sendall(data)
        clients.append(client)
    _stand()
    return {"open": sum(_is_open(client) for client in clients)}


def _flood(path: Path, count: int, request: bytes) -> dict[str, int]:
    """So many requests at once, each followed by another as soon as it is answered."""
    done: Counter[str] = Counter()
    with selectors.DefaultSelector() as selector:

        def ask() -> None:
            client = _begun(path, request)
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ, bytearray())

        for _turn in range(count):
            ask()
        _stand(wait=False)
        while not _is_over():
            for key, _events in selector.select(0.1):
                client, data = key.fileobj, key.data
                assert isinstance(client, socket.socket)
                try:
                    part = client.recv(65536)
                except ConnectionError:
                    part = b""
                data += part
                if not part:
                    selector.unregister(client)
                    client.close()
                    done["answered" if len(data) > 1000 else "refused" if data else "closed"] += 1
                    ask()
    return dict(done)


_ATTACKS: Final[dict[str, Callable[[Path, int, bytes], dict[str, int]]]] = {
    "half_open": _half_open,
    "churn": _churn,
    "drip": _drip,
    "hoard": _hoard,
    "flood": _flood,
}


def _begun(path: Path, first: bytes = b"\x10") -> socket.socket:
    client = connect(path, timeout_s=10)
    _sent(client, first)
    return client


def _sent(client: socket.socket, data: bytes) -> bool:
    try:
        client.sendall(data)
    except OSError:
        return False
    return True


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _stand(*, wait: bool = True) -> None:
    _say(_STANDING)
    if wait:
        sys.stdin.read()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _is_over() -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        return bool(selector.select(0))


if __name__ == "__main__":
    signal.alarm(_LIFETIME_S)
    os.nice(5)
    kind, socket_path, number, request_hex = sys.argv[1:]
    raise_file_limit(int(number) + _SPARE_FILES)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    _say(json.dumps(_ATTACKS[kind](Path(socket_path), int(number), bytes.fromhex(request_hex))))
