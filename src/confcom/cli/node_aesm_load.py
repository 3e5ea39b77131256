# SPDX-License-Identifier: Apache-2.0
"""Put an AESM daemon under load for a while, and count what becomes of each call."""

import asyncio
import math
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from confcom.adapters.aesm import AesmClient, AsyncAesmClient
from confcom.adapters.aesm_health import Finding, classify, refused, require, wrong_quote
from confcom.errors import MalformedError, UnavailableError
from confcom.protocols.aesm import DEFAULT_KEY_ID, Refusal
from confcom.protocols.aesm.client import (
    Exchange,
    ask_key_info,
    ask_quote,
    ask_quote_size,
    ask_selection,
    check_quote_is_of,
)
from confcom.sgx import Report, TargetInfo
from confcom.simulation import Enclave

_KEY: Final = DEFAULT_KEY_ID.to_bytes()
_PAUSE_S: Final = 0.02
"""After a call that failed, so that a daemon that is down is not flooded."""
TICKS: Final = 100
"""How often progress is told."""
_REPORT_DATA_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Step:
    """One call that a client makes again and again.

    Attributes:
        make: returns it anew.
        report: 432 bytes that the answer must be the quote of, or None if it is none.
    """

    make: Callable[[], Exchange[Any]]
    report: bytes | None = None


@dataclass(slots=True)
class Failures:
    """Calls that failed alike: how the first did, and how many."""

    finding: Finding
    count: int = 0


@dataclass(slots=True)
class Tally:
    """What became of all calls.

    Attributes:
        seconds: from the first call to the end of the last.
        times: of the answered calls by name, seconds each.
        failures: by state and the daemon's number.
    """

    seconds: float = 0.0
    times: dict[str, "array[float]"] = field(default_factory=dict)
    failures: dict[tuple[str, int | None], Failures] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """How many calls were answered."""
        return sum(map(len, self.times.values()))

    @property
    def failed(self) -> int:
        """How many calls were not."""
        return sum(failures.count for failures in self.failures.values())

    def add(self, call: str, seconds: float) -> None:
        """Count a call that was answered."""
        self.times.setdefault(call, array("d")).append(seconds)

    def add_failure(self, finding: Finding) -> None:
        """Count a call that failed."""
        key = (finding.state.value, finding.code)
        self.failures.setdefault(key, Failures(finding)).count += 1


def percentile(times: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed.

    Args:
        times: at least one, sorted.
        share: more than 0, at most 1.
    """
    return times[math.ceil(share * len(times)) - 1]


def prepare(client: AesmClient, count: int, source: Enclave | Report | None) -> list[list[Step]]:
    """Return the steps of each client, once the daemon has shown that it answers them.

    Args:
        client: says where the daemon is.
        count: how many clients.
        source: makes REPORTs, a different one for each client; or is the one for all; or None,
            if only what needs no REPORT is to be asked.

    Raises:
        UnavailableError: the daemon cannot be reached or refuses; with the cure.
        MalformedError: it is no AESM daemon.
    """
    if source is None:
        require(client, ask_selection())
        return [[Step(ask_selection), Step(lambda: ask_key_info(_KEY))]] * count
    target = TargetInfo.from_bytes(require(client, ask_key_info(_KEY)).target_info)
    size = require(client, ask_quote_size(_KEY)).size
    reports = [_report(source, target, number) for number in range(count)]
    require(client, ask_quote(reports[0], _KEY, size))
    return [[Step(partial(ask_quote, report, _KEY, size), report)] for report in reports]


def _report(source: Enclave | Report, target: TargetInfo, number: int) -> bytes:
    if isinstance(source, Report):
        return source.to_bytes()
    return source.ereport(target, number.to_bytes(_REPORT_DATA_BYTES, "little")).to_bytes()


def run(
    client: AsyncAesmClient,
    clients: Sequence[Sequence[Step]],
    seconds: float,
    advance: Callable[[int], None],
) -> Tally:
    """Let clients make their calls at once, each its own one after the other.

    Args:
        client: says where the daemon is and how long a call may take.
        clients: the steps of each.
        seconds: after which no new call is made.
        advance: told of each hundredth of that time.
    """
    return asyncio.run(_run(client, clients, seconds, advance))


async def _run(
    client: AsyncAesmClient,
    clients: Sequence[Sequence[Step]],
    seconds: float,
    advance: Callable[[int], None],
) -> Tally:
    tally = Tally()
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(_tick(seconds, advance))
        async with asyncio.TaskGroup() as working:
            for steps in clients:
                working.create_task(_work(client, steps, begun + seconds, tally))
        tally.seconds = time.monotonic() - begun
        ticking.cancel()
    return tally


async def _work(client: AsyncAesmClient, steps: Sequence[Step], ends: float, tally: Tally) -> None:
    while True:
        for step in steps:
            if time.monotonic() >= ends:
                return
            if not await _call(client, step, tally):
                await asyncio.sleep(_PAUSE_S)


async def _call(client: AsyncAesmClient, step: Step, tally: Tally) -> bool:
    exchange, path = step.make(), client.address.path
    begun = time.monotonic()
    try:
        answer = await client.ask(exchange)
    except (UnavailableError, MalformedError) as exc:
        tally.add_failure(classify(exc, path))
        return False
    seconds = time.monotonic() - begun
    if isinstance(answer, Refusal):
        tally.add_failure(refused(answer, path))
        return False
    if step.report is not None:
        try:
            check_quote_is_of(step.report, answer.quote)
        except MalformedError as exc:
            tally.add_failure(wrong_quote(exc, path))
            return False
    tally.add(exchange.call, seconds)
    return True


async def _tick(seconds: float, advance: Callable[[int], None]) -> None:
    for _ in range(TICKS):
        await asyncio.sleep(seconds / TICKS)
        advance(1)
