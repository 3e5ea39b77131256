# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, and somebody who kills the daemon's children meanwhile."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from tests.integration.attacks.clients import Client
from tests.integration.attacks.daemon import Daemon

_JOIN_S: Final = 50
_CALM_S: Final = 0.005
_SIGNALS: Final = (signal.SIGKILL, signal.SIGSEGV)


def together(clients: Sequence[Client], until: Callable[[], bool]) -> Counter[int | str]:
    """Let each client ask one thing after the other; return what came of it.

    Raises:
        AssertionError: a reply had another type than its request, or was another client's.
    """
    wrong: list[AssertionError] = []

    def ask(client: Client) -> None:
        try:
            while not until():
                if client.ask_anything() != 0:
                    time.sleep(_CALM_S)
        except AssertionError as exc:
            wrong.append(exc)

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_JOIN_S)
    if wrong:
        raise wrong[0]
    return sum((client.outcomes for client in clients), Counter())


@contextmanager
def killing(daemon: Daemon, longest_s: float, *, most: int = 10_000) -> Iterator[list[int]]:
    """Kill every child after a random pause, so many at most; the list holds whom."""
    chance = random.Random(7)
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while len(killed) < most and not over.wait(chance.uniform(longest_s / 10, longest_s)):
            for child in daemon.children:
                with suppress(ProcessLookupError):
                    os.kill(child, chance.choice(_SIGNALS))
                    killed.append(child)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()
