# SPDX-License-Identifier: Apache-2.0
"""Times of several functions, measured in turns, so that a busy machine is busy for all."""

import gc
import time
from collections.abc import Callable, Mapping

_ROUND_S = 0.01


def race(functions: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Return the seconds that one call of each takes: the best of the rounds.

    Args:
        functions: by name; each is called often enough to fill a hundredth of a second.
        rounds: how many; in each, every function has its turn.
    """
    calls = {name: _calls(function) for name, function in functions.items()}
    best = dict.fromkeys(functions, float("inf"))
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, function in functions.items():
                started = time.perf_counter()
                for _ in range(calls[name]):
                    function()
                elapsed = time.perf_counter() - started
                best[name] = min(best[name], elapsed / calls[name])
    finally:
        gc.enable()
    return best


def _calls(function: Callable[[], object]) -> int:
    function()
    started = time.perf_counter()
    function()
    return max(1, int(_ROUND_S / max(time.perf_counter() - started, 1e-9)))
