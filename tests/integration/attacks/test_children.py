# SPDX-License-Identifier: Apache-2.0
"""The child with the enclaves is killed under load: no reply is wrong, and none is mixed up.

Figures of the same attack, for a minute: ``python -m benchmarks.attacks``.
"""

import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.attacks.attacker import attacking
from tests.integration.attacks.clients import (
    CLOSED,
    Client,
    connect,
    frame,
    quote_request,
    seal_for_stub,
)
from tests.integration.attacks.daemon import MIB, Daemon, dcap
from tests.integration.attacks.load import killing, together
from tests.stubs.libraries import Stub, compile_all

from confcom.protocols.aesm import AesmCode

pytestmark = pytest.mark.timeout(60)
CLIENTS = 6
EXPECTED = {
    0,
    CLOSED,
    AesmCode.ENCLAVE_LOST,
    AesmCode.SERVICE_UNAVAILABLE,
    AesmCode.BUSY,
    AesmCode.KEY_NOT_INITIALISED,
}


@dataclass(frozen=True)
class Hardware:
    """A daemon on stand-ins of Intel's libraries.

    Attributes:
        daemon: that runs.
        stub: how the stand-ins behave.
    """

    daemon: Daemon
    stub: Stub

    def client(self, name: int) -> Client:
        """Return a client that means well."""
        return Client(self.daemon.path, seal_for_stub, name)

    def clients(self) -> list[Client]:
        """Return some of them."""
        return [self.client(name) for name in range(1, CLIENTS + 1)]


@pytest.fixture(scope="module")
def libraries() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="confcom-") as folder:
        Path(folder).chmod(0o711)
        yield compile_all(Path(folder))


@pytest.fixture
def hardware(libraries: Path) -> Iterator[Hardware]:
    with tempfile.TemporaryDirectory(prefix="confcom-") as folder:
        stub = Stub(libraries, Path(folder))
        with dcap(Path(folder), stub) as daemon:
            yield Hardware(daemon, stub)


def test_children_killed_at_random_cost_requests_and_mix_up_none(hardware: Hardware) -> None:
    hardware.stub.behave(delay_ms=3)
    good = hardware.client(99)
    for _ in range(100):
        good.ask_anything()
    descriptors = hardware.daemon.descriptors
    before = hardware.daemon.rest(descriptors)
    ends = time.monotonic() + 8
    with killing(hardware.daemon, 2, most=4) as killed:  # the fifth would open the breaker
        outcomes = together(hardware.clients(), lambda: time.monotonic() > ends)
    assert len(set(killed)) == 4
    assert set(outcomes) <= EXPECTED
    assert outcomes[0] > 100
    assert [good.ask() for _ in range(5)] == [0] * 5
    assert hardware.daemon.rest(descriptors) - before <= 2 * MIB
    assert hardware.daemon.descriptors <= descriptors


def test_while_every_child_is_killed_clients_are_told_so(hardware: Hardware) -> None:
    assert hardware.client(99).ask() == 0
    ends = time.monotonic() + 3
    with killing(hardware.daemon, 0.02):
        outcomes = together(hardware.clients(), lambda: time.monotonic() > ends)
    assert set(outcomes) <= EXPECTED
    assert outcomes[AesmCode.SERVICE_UNAVAILABLE] > 0


def test_child_is_replaced_though_clients_hold_all_the_files_there_are(libraries: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="confcom-") as folder:
        stub = Stub(libraries, Path(folder))
        with dcap(Path(folder), stub, files=128) as daemon:
            good = Client(daemon.path, seal_for_stub, 1)
            assert good.ask() == 0
            with attacking("half_open", daemon.path, 1000):
                (child,) = daemon.children
                os.kill(child, signal.SIGKILL)
                assert daemon.wait_until(lambda: good.ask() == 0, 10)
                assert daemon.children != (child,)


def test_who_leaves_a_slow_quote_keeps_nobody_waiting_for_ever(hardware: Hardware) -> None:
    good = hardware.client(99)
    for _ in range(20):
        assert good.ask() == 0
    open_before, before = hardware.daemon.descriptors, hardware.daemon.memory
    hardware.stub.behave(delay_ms=100)
    request = frame(quote_request(seal_for_stub(b"\x02" * 64)))
    for turn in range(60):
        with connect(hardware.daemon.path) as client:
            client.sendall(request)
            if turn % 2:
                client.shutdown(socket.SHUT_WR)
    assert [good.ask() for _ in range(3)] == [0] * 3
    hardware.stub.behave()
    assert hardware.daemon.rest(open_before) - before <= 2 * MIB
    assert hardware.daemon.descriptors <= open_before
