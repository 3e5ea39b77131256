# SPDX-License-Identifier: Apache-2.0
"""Clients that mean well: each asks for quotes of its own REPORTs, and looks what comes back."""

import random
import socket
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.stubs.libraries import seal_report

from confcom.protocols.aesm import DEFAULT_KEY_ID, write_frame
from confcom.protocols.pb.aesm_pb2 import Request, Response
from confcom.sgx import TargetInfo
from confcom.simulation import Enclave

KEY_ID: Final = DEFAULT_KEY_ID.to_bytes()
ENCLAVE: Final = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
CLOSED: Final = "closed"
_BODY: Final = slice(48, 432)
_BODY_BYTES: Final = 384
_DATA_AT: Final = 320

Seal = Callable[[bytes], bytes]
"""Makes a REPORT of 432 bytes from 64 bytes of report data."""


def connect(path: Path, *, timeout_s: float = 20.0) -> socket.socket:
    """Return a connection that waits at most so long in each call."""
    client = socket.socket(socket.AF_UNIX)
    # With a timeout of Python's own, connecting would fail at once where the backlog is full.
    limit = struct.pack("@ll", int(timeout_s), 0)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    client.connect(str(path))
    client.settimeout(timeout_s)
    return client


def read_all(client: socket.socket) -> bytes:
    """Return what comes until the end; a reset is an end."""
    data = bytearray()
    try:
        while part := client.recv(65536):
            data += part
    except ConnectionError:
        pass
    return bytes(data)


def exchange(path: Path, request: Request) -> bytes:
    """Return the bytes that a request is answered with; none where it was closed."""
    data = frame(request)
    with connect(path) as client:
        try:
            client.sendall(data[:4])  # in two writes, as Intel's library sends it
            client.sendall(data[4:])
        except ConnectionError:
            return b""
        return read_all(client)


def frame(request: Request) -> bytes:
    """Return what a client sends."""
    return write_frame(request.SerializeToString())


def outcome(request: Request, data: bytes) -> int | str:
    """Return the error code of a reply, or `CLOSED`; any other reply than an own one fails."""
    if not data:
        return CLOSED
    assert int.from_bytes(data[:4], "little") == len(data) - 4
    [(asked, content)] = request.ListFields()
    [(field, reply)] = Response.FromString(data[4:]).ListFields()
    assert field.number == asked.number, f"{field.name} in reply to {asked.name}"
    assert reply.HasField("error_code")
    if asked.name == "get_quote_ex" and reply.error_code == 0:
        assert len(reply.quote) == content.buf_size
        assert reply.quote[_BODY] == content.report[:_BODY_BYTES], "another client's quote"
    return int(reply.error_code)


def quote_request(report: bytes, buf_size: int = 8192) -> Request:
    """Return a request for the quote of a REPORT."""
    request = Request()
    request.get_quote_ex.att_key_id = KEY_ID
    request.get_quote_ex.report = report
    request.get_quote_ex.buf_size = buf_size
    return request


def other_requests() -> tuple[Request, ...]:
    """Return one request of each other kind that clients send."""
    requests = tuple(Request() for _ in range(6))
    requests[0].get_supported_att_key_id_num.SetInParent()
    requests[1].get_supported_att_key_ids.buf_size = 256
    requests[2].select_att_key_id.SetInParent()
    for request, size in ((requests[3], 0), (requests[4], 32)):
        request.init_quote_ex.att_key_id = KEY_ID
        request.init_quote_ex.b_pub_key_id = size == 32
        request.init_quote_ex.buf_size = size
    requests[5].get_quote_size_ex.att_key_id = KEY_ID
    return requests


def seal_simulated(path: Path) -> Seal:
    """Return what makes REPORTs for the simulated daemon at a socket."""
    request = other_requests()[4]
    reply = Response.FromString(exchange(path, request)[4:]).init_quote_ex
    target = TargetInfo.from_bytes(reply.target_info)
    return lambda data: ENCLAVE.ereport(target, data).to_bytes()


def seal_for_stub(data: bytes) -> bytes:
    """Return a REPORT that the stand-in of Intel's library takes for genuine."""
    return seal_report(bytes(_DATA_AT) + data)


class Client:
    """Asks for quotes, and sometimes for other things; each REPORT of it is its own.

    Args:
        path: of the socket.
        seal: makes REPORTs.
        name: makes its report data different from that of all others.
    """

    def __init__(self, path: Path, seal: Seal, name: int) -> None:
        self._path = path
        self._seal = seal
        self._name = name
        self._turn = 0
        self._random = random.Random(name)
        self.outcomes: Counter[int | str] = Counter()

    def ask(self) -> int | str:
        """Ask for a quote; return the error code, or `CLOSED`."""
        self._turn += 1
        data = self._name.to_bytes(32, "big") + self._turn.to_bytes(32, "big")
        return self._ask(quote_request(self._seal(data)))

    def ask_anything(self) -> int | str:
        """Ask for a quote in two of three cases, else for something else."""
        if self._random.random() < 2 / 3:
            return self.ask()
        return self._ask(self._random.choice(other_requests()))

    def _ask(self, request: Request) -> int | str:
        found = outcome(request, exchange(self._path, request))
        self.outcomes[found] += 1
        return found
