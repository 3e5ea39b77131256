# SPDX-License-Identifier: Apache-2.0
"""Clients that use up connections, time and memory of the daemon: others do not notice.

Figures of the same attacks: ``python -m benchmarks.attacks``.
"""

import os
import random
import socket
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from tests.integration.attacks.attacker import attacking
from tests.integration.attacks.clients import (
    CLOSED,
    KEY_ID,
    Client,
    connect,
    frame,
    outcome,
    quote_request,
    read_all,
    seal_simulated,
)
from tests.integration.attacks.conftest import Rig
from tests.integration.attacks.daemon import MIB, Daemon, simulated

from confcom.protocols.aesm import AesmCode
from confcom.protocols.pb.aesm_pb2 import Request

pytestmark = pytest.mark.timeout(60)
BOUND = 1024
OWN_FILES = 32
FLOOD = 1000 if os.geteuid() == 0 else 100  # root floods as another user, with a quota of its own
RANDOM = random.Random(4)


def huge_requests() -> list[Request]:
    """Return requests that ask for more memory than a machine has."""
    quote, ids, init, legacy = (Request() for _ in range(4))
    quote.get_quote_ex.att_key_id = KEY_ID
    quote.get_quote_ex.report = bytes(432)
    quote.get_quote_ex.buf_size = 2**32 - 1
    ids.get_supported_att_key_ids.buf_size = 2**32 - 256
    init.init_quote_ex.att_key_id = KEY_ID
    init.init_quote_ex.b_pub_key_id = True
    init.init_quote_ex.buf_size = 2**32
    legacy.get_quote.report = bytes(432)
    legacy.get_quote.quote_type = 0
    legacy.get_quote.spid = bytes(16)
    legacy.get_quote.buf_size = 2**32 - 1
    return [quote, ids, init, legacy]


def certainties(daemon: Daemon) -> list[object]:
    """Return how well the client of each quote was known, as the audit has it."""
    return [event["peer"] for event in daemon.events if event["event"] == "quote.made"]


def test_half_open_connections_neither_pass_the_bound_nor_keep_others_out(rig: Rig) -> None:
    with rig.unharmed():
        with attacking("half_open", rig.path, 10_000) as attack:
            assert rig.is_answered()
            assert rig.daemon.descriptors <= BOUND + OWN_FILES
        assert attack["opened"] > 0
        assert attack["open"] <= BOUND


def test_connections_without_end_keep_nobody_out(rig: Rig) -> None:
    with rig.unharmed(), attacking("churn", rig.path, 2 * BOUND):
        for _ in range(5):
            assert rig.is_answered(1)
            time.sleep(0.1)
            assert rig.daemon.descriptors <= BOUND + OWN_FILES


def test_a_daemon_that_may_open_few_files_serves_and_knows_its_clients() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="confcom-") as folder,
        simulated(Path(folder), files=128) as daemon,
    ):
        good = Client(daemon.path, seal_simulated(daemon.path), 1)
        assert good.ask() == 0
        with attacking("half_open", daemon.path, 1000):
            assert [good.ask() for _ in range(5)] == [0] * 5
        assert [good.ask() for _ in range(5)] == [0] * 5
        assert daemon.wait_until(lambda: len(certainties(daemon)) == 11)
        assert len(set(certainties(daemon))) == 1  # rules about pods refuse who is not known


def test_slow_senders_are_no_ones_concern(rig: Rig) -> None:
    request = frame(quote_request(rig.seal(bytes(64))))
    with rig.unharmed(), attacking("drip", rig.path, 64, request) as attack:
        for _ in range(5):
            assert rig.is_answered(2)
            time.sleep(0.1)
        assert not attack


def test_who_sends_byte_by_byte_without_a_pause_is_answered(rig: Rig) -> None:
    request = quote_request(rig.seal(b"\x01" * 64))
    with rig.unharmed():
        for _ in range(8):
            with connect(rig.path) as client:
                for byte in frame(request):
                    client.send(bytes([byte]))
                assert outcome(request, read_all(client)) == 0


@pytest.mark.parametrize(
    "data",
    [
        bytes(4),
        (2**31 - 1).to_bytes(4, "little"),
        (2**31 - 1).to_bytes(4, "little") + bytes(1000),
        (2**32 - 1).to_bytes(4, "little"),
        bytes(MIB),
        b"\x01\0\0\0\xff",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        RANDOM.randbytes(100_000),
        RANDOM.randbytes(3) + b"\xff" + RANDOM.randbytes(5000),
    ],
    ids=["0", "2^31-1", "2^31-1 and more", "2^32-1", "zeros", "field", "http", "noise", "long"],
)
def test_what_is_no_request_is_closed_without_a_byte(rig: Rig, data: bytes) -> None:
    with rig.unharmed():
        for _ in range(50):
            with connect(rig.path) as client:
                with suppress(ConnectionError):
                    client.sendall(data)
                assert read_all(client) == b""


@pytest.mark.parametrize("request_", huge_requests(), ids=["quote", "ids", "init", "legacy"])
def test_a_buffer_of_4_gib_is_refused_in_the_requests_own_type(rig: Rig, request_: Request) -> None:
    with rig.unharmed():
        for _ in range(20):
            with connect(rig.path) as client:
                client.sendall(frame(request_))
                assert outcome(request_, read_all(client)) in {
                    AesmCode.PARAMETER,
                    AesmCode.SERVICE_UNAVAILABLE,
                }


def test_who_leaves_while_the_quote_is_made_harms_nobody(rig: Rig) -> None:
    request = frame(quote_request(rig.seal(b"\x02" * 64)))
    with rig.unharmed():
        for turn in range(300):
            with connect(rig.path) as client:
                client.sendall(request)
                if turn % 3 == 0:
                    client.shutdown(socket.SHUT_WR)
                if turn % 3 == 1:
                    client.shutdown(socket.SHUT_RD)
            if turn % 50 == 0:
                assert rig.is_answered(1)


def test_clients_that_never_read_are_let_go(rig: Rig) -> None:
    request = frame(quote_request(rig.seal(b"\x03" * 64), 64 * 1024))
    with rig.unharmed(), ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(connect(rig.path)).sendall(request)
        assert rig.is_answered()
        assert rig.daemon.wait_until(lambda: rig.daemon.descriptors <= rig.descriptors)


def test_requests_that_lack_a_byte_do_not_pile_up(rig: Rig) -> None:
    before = rig.daemon.memory
    # The C library keeps up to twice the largest block that it was given back.
    with rig.unharmed(keeps=4 * MIB), attacking("hoard", rig.path, 200):
        assert rig.daemon.memory - before <= 32 * MIB
        assert rig.is_answered()


@pytest.mark.parametrize("connections", [64, FLOOD], ids=["few", "many"])
def test_a_flood_does_not_drown_who_asks_once_a_second(rig: Rig, connections: int) -> None:
    request = frame(quote_request(rig.seal(b"\x04" * 64)))
    with rig.unharmed():
        with attacking("flood", rig.path, connections, request) as attack:
            for _ in range(4):
                assert rig.is_answered(1)
                time.sleep(1)
        assert attack["answered"] > 0
        assert attack.get(CLOSED, 0) == 0


def test_a_flood_of_what_is_no_request_does_not_either(rig: Rig) -> None:
    with rig.unharmed(), attacking("flood", rig.path, 1000, bytes(4)):
        for _ in range(3):
            assert rig.is_answered(1)
            time.sleep(0.3)
