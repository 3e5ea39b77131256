# SPDX-License-Identifier: Apache-2.0
"""The dcap back end with the stand-ins of Intel's libraries, and limits that suit a test."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.stubs.libraries import COMPLETE, Stub, compile_all, seal_report

from confcom.adapters.quoting.dcap_backend import DcapBackend
from confcom.adapters.quoting.dcap_events import DcapEvent
from confcom.adapters.quoting.dcap_limits import DcapLimits, RestartPolicy
from confcom.adapters.quoting.dcap_process import ChildOptions
from confcom.protocols.aesm.calls import MakeQuote

LIMITS = DcapLimits(wait_s=3, answer_s=2, start_s=3, stop_s=1)
QUICK = RestartPolicy(failures=5, first_delay_s=0.01, longest_delay_s=0.02, rest_s=0.3)


@dataclass
class Rig:
    """Makes back ends, and keeps what they tell."""

    stub: Stub
    events: list[DcapEvent] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Names of the events so far."""
        return [event.name.value for event in self.events]

    @asynccontextmanager
    async def running(
        self,
        library: str = COMPLETE,
        **settings: Any,  # noqa: ANN401 passed on
    ) -> AsyncIterator[DcapBackend]:
        """Run a back end; afterwards no process of it is left."""
        child = {name: settings.pop(name) for name in ("paths", "is_ephemeral") if name in settings}
        environment = settings.pop("environment", self.stub.environment)
        path = library if library.startswith("/") else str(self.stub.libraries / library)
        backend = DcapBackend(
            ChildOptions(library=path, environment=environment, **child),
            **{"limits": LIMITS, "restarts": QUICK, "observe": self.events.append, **settings},
        )
        before = children()
        await backend.start()
        try:
            yield backend
        finally:
            await backend.stop()
            assert children() <= before


def children() -> set[int]:
    """Process ids of our children that run or wait to be reaped."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            text = stat.read_text(encoding="utf-8", errors="replace")
            if int(text.rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


def make_quote(
    mark: int = 0, *, info: bytes | None = None, target: int = 0xEE, buf_size: int = 8192
) -> MakeQuote:
    """Return a request whose REPORT is genuine and has a mark in it."""
    body = mark.to_bytes(4, "little") + bytes(380)
    return MakeQuote(seal_report(body, target=target), info, buf_size)


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run the asynchronous part of a test."""

    async def whole() -> None:
        async with asyncio.timeout(20):
            await work()

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; the test's limit ends it otherwise."""
    while not condition():  # noqa: ASYNC110 what is waited for happens in another process
        await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled stand-ins."""
    return compile_all(tmp_path_factory.mktemp("stubs"))


@pytest.fixture
def stub(libraries: Path, tmp_path: Path) -> Stub:
    """The stand-ins, which behave well until told."""
    return Stub(libraries, tmp_path)


@pytest.fixture
def rig(stub: Stub) -> Rig:
    """Back ends on them."""
    return Rig(stub)
