# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.attacks``: attacks on the quote helper's socket, with figures.

Each attack meets a daemon that runs as a process of its own, while a client that means well goes
on asking; the memory that the daemon and its children hold is compared before and after. It takes
three minutes. The exit status is 0 unless a reply had another type than its request or
was another client's, which ends the run: times and sizes are for people to read.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.integration.attacks.attacker import attacking
from tests.integration.attacks.clients import (
    Client,
    Seal,
    connect,
    frame,
    other_requests,
    outcome,
    quote_request,
    read_all,
    seal_for_stub,
    seal_simulated,
)
from tests.integration.attacks.daemon import MIB, Daemon, dcap, simulated
from tests.integration.attacks.load import killing, together
from tests.stubs.libraries import Stub, compile_all

from benchmarks.table import Row, show
from confcom.protocols.pb.aesm_pb2 import Request

_BOUND = 1024
_WARM_UP = 300
_HALF_OPEN = 10_000
_FLOOD_S = 20
_KILLED_S = 60


@dataclass
class Scene:
    """A daemon at rest, and a client that means well.

    Attributes:
        daemon: that is attacked.
        seal: makes REPORTs for it.
        good: the client.
        descriptors: what the daemon has open at rest.
        growth: memory after the last attack less memory before, bytes.
    """

    daemon: Daemon
    seal: Seal
    good: Client
    descriptors: int
    growth: int = 0

    @property
    def path(self) -> Path:
        """Where the socket is."""
        return self.daemon.path

    @contextmanager
    def weighed(self) -> Iterator[None]:
        """Note how much memory is held after what happens, more than before."""
        before = self.daemon.rest(self.descriptors)
        yield
        self.growth = self.daemon.rest(self.descriptors) - before

    def ask(self, times: int, pause_s: float = 0.0) -> list[float]:
        """Let the client ask; return the seconds of each quote that was made, in order."""
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            if self.good.ask() == 0:
                taken.append(time.perf_counter() - started)
            time.sleep(max(0.0, pause_s - (time.perf_counter() - started)))
        return taken

    def row(
        self,
        work: str,
        measured: str,
        target: str,
        *,
        met: bool,
        details: str,
        keeps: int = 2 * MIB,
    ) -> Row:
        """Return a line of the table, which also says what the attack left behind."""
        return Row(
            work,
            measured,
            f"{target}; memory within {keeps // MIB} MiB of rest",
            met and self.growth <= keeps,
            f"{details}; memory {self.growth / MIB:+.2f} MiB",
        )


def half_open(scene: Scene) -> Row:
    """Ten thousand connections that send one byte."""
    with scene.weighed(), attacking("half_open", scene.path, _HALF_OPEN) as attack:
        taken = scene.ask(20)
        held = scene.daemon.descriptors - scene.descriptors
    return scene.row(
        f"{attack['opened']:,} half-open connections",
        f"{held:,} open at once",
        f"at most {_BOUND:,}, 20 of 20 quotes made",
        met=held <= _BOUND + 1 and len(taken) == 20,
        details=f"opened in {attack['took_ms'] / 1000:.1f} s; first quote then took "
        f"{taken[0] * 1e3:.0f} ms, the others {_times(taken[1:])}",
    )


def churn(scene: Scene) -> Row:
    """New half-open connections without end."""
    with scene.weighed(), attacking("churn", scene.path, 2 * _BOUND) as attack:
        started = time.perf_counter()
        taken = scene.ask(50, 0.1)
        lasted = time.perf_counter() - started
    return scene.row(
        "new connections without end",
        f"{len(taken)} of 50 quotes",
        "all made",
        met=len(taken) == 50,
        details=f"{attack['opened'] / lasted:,.0f} connections/s; quotes: {_times(taken)}",
    )


def drip(scene: Scene) -> Row:
    """Requests that arrive byte by byte, slowly."""
    request = frame(quote_request(scene.seal(bytes(64))))
    with scene.weighed(), attacking("drip", scene.path, 64, request) as attack:
        taken = scene.ask(125, 0.1)
    return scene.row(
        "64 clients send a byte each 50 ms",
        f"{attack['closed']} closed",
        "all closed after 10 s, 125 of 125 quotes made",
        met=attack["closed"] == 64 and len(taken) == 125,
        details=f"the last after {attack['after_ms'] / 1000:.1f} s; quotes: {_times(taken)}",
    )


def bytewise(scene: Scene) -> Row:
    """Requests in pieces of one byte, which are whole in the end."""
    request = quote_request(scene.seal(b"\x01" * 64))
    answered = 0
    started = time.perf_counter()
    with scene.weighed():
        for _ in range(50):
            with connect(scene.path) as client:
                for byte in frame(request):
                    client.send(bytes([byte]))
                answered += outcome(request, read_all(client)) == 0
        lasted = time.perf_counter() - started
    return scene.row(
        "requests byte by byte without pause",
        f"{answered} of 50 quotes",
        "all made",
        met=answered == 50,
        details=f"{len(frame(request))} bytes in {lasted / 50 * 1e3:.1f} ms each",
    )


def broken(scene: Scene) -> Row:
    """Prefixes that lie, zeros and noise."""
    chance = random.Random(4)  # noqa: S311 the same noise each time
    kinds = [size.to_bytes(4, "little") for size in (0, 2**31 - 1, 2**32 - 1)]
    kinds += [bytes(MIB), chance.randbytes(100_000), b"GET / HTTP/1.1\r\n\r\n"]
    closed = 0
    started = time.perf_counter()
    with scene.weighed():
        for _ in range(100):
            for data in kinds:
                with connect(scene.path) as client:
                    with suppress(ConnectionError):
                        client.sendall(data)
                    closed += read_all(client) == b""
        lasted = time.perf_counter() - started
        taken = scene.ask(10)
    return scene.row(
        "prefix 0, 2^31-1, 2^32-1; 1 MiB of zeros; noise; HTTP",
        f"{closed} of 600 closed",
        "all closed without a byte",
        met=closed == 600 and len(taken) == 10,
        details=f"{lasted / 600 * 1e6:.0f} µs each; quotes: {_times(taken)}",
    )


def huge_buffers(scene: Scene) -> Row:
    """Requests for buffers of 4 GiB."""
    quote, init = quote_request(scene.seal(bytes(64)), 2**32 - 1), other_requests()[4]
    init.init_quote_ex.buf_size = 2**32
    refused = 0
    with scene.weighed():
        for _ in range(100):
            refused += all(_code(scene.path, request) == 3 for request in (quote, init))
        taken = scene.ask(10)
    return scene.row(
        "buf_size of 4 GiB",
        f"{refused} of 100 refused",
        "all with code 3",
        met=refused == 100 and len(taken) == 10,
        details=f"quotes then: {_times(taken)}",
    )


def leaving(scene: Scene) -> Row:
    """Clients that leave while their quote is made."""
    request = frame(quote_request(scene.seal(b"\x02" * 64)))
    with scene.weighed():
        for turn in range(1000):
            with connect(scene.path) as client:
                client.sendall(request)
            if turn % 50 == 49:
                time.sleep(0.05)  # one user has so many places, and this one needs some
        taken = scene.ask(20)
    return scene.row(
        "1,000 clients leave while their quote is made",
        f"{len(taken)} of 20 quotes",
        "all made",
        met=len(taken) == 20,
        details=f"quotes then: {_times(taken)}",
    )


def never_reading(scene: Scene) -> Row:
    """Clients that do not take their reply."""
    request = frame(quote_request(scene.seal(b"\x03" * 64), 64 * 1024))
    with scene.weighed(), ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(connect(scene.path)).sendall(request)
        taken = scene.ask(20)
        started = time.perf_counter()
        scene.daemon.wait_until(lambda: scene.daemon.descriptors <= scene.descriptors)
        lasted = time.perf_counter() - started
    return scene.row(
        "64 clients never read a reply of 64 KiB",
        f"let go in {lasted:.1f} s",
        "within 6 s, 20 of 20 quotes made",
        met=lasted < 6 and len(taken) == 20,
        details=f"quotes meanwhile: {_times(taken)}",
    )


def hoarding(scene: Scene) -> Row:
    """Large requests that lack their last byte."""
    before = scene.daemon.memory
    with scene.weighed(), attacking("hoard", scene.path, 200):
        most = scene.daemon.memory - before
        taken = scene.ask(20)
    return scene.row(
        "200 requests of 1 MiB lack a byte",
        f"{most / MIB:+.0f} MiB held",
        "at most 32 MiB",
        met=most <= 32 * MIB and len(taken) == 20,
        keeps=4 * MIB,  # the C library keeps up to twice the largest block that it was given back
        details=f"quotes meanwhile: {_times(taken)}",
    )


def flood(scene: Scene) -> Row:
    """One process asks as fast as it can, another once a second."""
    request = frame(quote_request(scene.seal(b"\x04" * 64)))
    return _flooded(scene, "quotes", 64, request)


def large_flood(scene: Scene) -> Row:
    """The same with more connections than one peer has places; most are refused as busy."""
    request = frame(quote_request(scene.seal(b"\x04" * 64)))
    return _flooded(scene, "quotes", 1000, request)


def empty_flood(scene: Scene) -> Row:
    """The same with requests that are none, so that no quota counts them."""
    return _flooded(scene, "requests of length 0", 1000, bytes(4))


def _flooded(scene: Scene, what: str, connections: int, request: bytes) -> Row:
    with scene.weighed():
        alone = scene.ask(20, 0.05)
        with attacking("flood", scene.path, connections, request) as attack:
            taken = scene.ask(_FLOOD_S, 1.0)
    who = "another user" if os.geteuid() == 0 else "the same user"
    counts = ", ".join(f"{count / _FLOOD_S:,.0f}/s {how}" for how, count in attack.items())
    return scene.row(
        f"a flood of {what} on {connections:,} connections",
        f"p99 {_quantile(taken, 99) * 1e3:.1f} ms",
        f"under 50 ms, {_FLOOD_S} of {_FLOOD_S} quotes made, one a second",
        met=_quantile(taken, 99) < 0.05 and len(taken) == _FLOOD_S,
        details=f"{_times(taken)} (alone {_times(alone)}); the flood, by {who}: {counts}",
    )


def killed(scene: Scene) -> Row:
    """The child with the enclaves is killed at random, for a minute, under load."""
    clients = [Client(scene.path, scene.seal, name) for name in range(1, 9)]
    with scene.weighed():
        ends = time.monotonic() + _KILLED_S
        with killing(scene.daemon, 2) as victims:
            outcomes = together(clients, lambda: time.monotonic() > ends)
        scene.daemon.wait_until(lambda: scene.good.ask() == 0, 45)
        taken = scene.ask(20)
    counts = ", ".join(f"{name}: {count:,}" for name, count in sorted(outcomes.items(), key=str))
    return scene.row(
        f"child killed at random for {_KILLED_S} s, 8 clients",
        "0 wrong or mixed up",
        f"none of {sum(outcomes.values()):,}",
        met=len(taken) == 20,
        details=f"{len(set(victims))} children killed; outcomes by code: {counts}; "
        f"quotes afterwards: {_times(taken)}",
    )


def main() -> int:
    """Attack and print the table."""
    on_simulated: tuple[Callable[[Scene], Row], ...] = (
        *(half_open, churn, drip, bytewise, broken, huge_buffers),
        *(leaving, never_reading, hoarding),
        *(flood, large_flood, empty_flood),
    )
    names = [attack.__name__ for attack in (*on_simulated, killed)]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks")
    parser.add_argument("--only", choices=names)
    only = parser.parse_args().only
    rows = []
    if only != killed.__name__:
        with _simulated() as scene:
            rows += [one(scene) for one in on_simulated if only in (None, one.__name__)]
    if only in (None, killed.__name__):
        with _dcap() as scene:
            rows.append(killed(scene))
    show(rows)
    print(f"attacks: {len(rows)}, {sum(row.met for row in rows)} as wanted")
    return 0


@contextmanager
def _simulated() -> Iterator[Scene]:
    with (
        tempfile.TemporaryDirectory(prefix="confcom-") as name,
        simulated(Path(name)) as daemon,
    ):
        yield _scene(daemon, seal_simulated(daemon.path))


@contextmanager
def _dcap() -> Iterator[Scene]:
    with (
        tempfile.TemporaryDirectory(prefix="confcom-") as libraries,
        tempfile.TemporaryDirectory(prefix="confcom-") as name,
    ):
        stub = Stub(compile_all(Path(libraries)), Path(name))
        stub.behave(delay_ms=3)
        with dcap(Path(name), stub) as daemon:
            yield _scene(daemon, seal_for_stub)


def _scene(daemon: Daemon, seal: Seal) -> Scene:
    good = Client(daemon.path, seal, 0)
    for _ in range(_WARM_UP):
        good.ask_anything()
    time.sleep(0.3)
    return Scene(daemon, seal, good, daemon.descriptors)


def _code(path: Path, request: Request) -> int | str:
    with connect(path) as client:
        client.sendall(frame(request))
        return outcome(request, read_all(client))


def _quantile(taken: list[float], percent: int) -> float:
    return sorted(taken)[len(taken) * percent // 100] if taken else float("nan")


def _times(taken: list[float]) -> str:
    figures = (_quantile(taken, 50), _quantile(taken, 99), max(taken, default=float("nan")))
    return "p50 {:.1f}, p99 {:.1f}, max {:.1f} ms".format(*(one * 1e3 for one in figures))


if __name__ == "__main__":
    sys.exit(main())
