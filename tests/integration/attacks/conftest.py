# SPDX-License-Identifier: Apache-2.0
"""A daemon for the attacks of one module, and a client that must be served all the same."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.attacks.clients import Client, Seal, seal_simulated
from tests.integration.attacks.daemon import MIB, Daemon, simulated

_WARM_UP = 200


@dataclass(frozen=True)
class Rig:
    """The daemon that is attacked, and what it was before.

    Attributes:
        daemon: that runs.
        seal: makes REPORTs for it.
        good: a client that means well.
        descriptors: what is open at rest.
    """

    daemon: Daemon
    seal: Seal
    good: Client
    descriptors: int

    @property
    def path(self) -> Path:
        """Where the socket is."""
        return self.daemon.path

    def is_answered(self, times: int = 5) -> bool:
        """Whether each of some quotes that the good client asks for is made."""
        return [self.good.ask() for _ in range(times)] == [0] * times

    @contextmanager
    def unharmed(self, keeps: int = 2 * MIB) -> Iterator[None]:
        """Expect that what happens costs no descriptor for long, and at most so many bytes."""
        before = self.daemon.rest(self.descriptors)
        yield
        after = self.daemon.rest(self.descriptors)
        assert self.daemon.descriptors <= self.descriptors
        assert after - before <= keeps
        assert self.is_answered()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """The simulated daemon after some quotes."""
    with (
        tempfile.TemporaryDirectory(prefix="confcom-") as folder,
        simulated(Path(folder)) as daemon,
    ):
        seal = seal_simulated(daemon.path)
        good = Client(daemon.path, seal, 0)
        for _ in range(_WARM_UP):
            good.ask_anything()
        daemon.wait_until(lambda: daemon.descriptors < 20)
        yield Rig(daemon, seal, good, daemon.descriptors)
