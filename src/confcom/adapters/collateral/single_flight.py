# SPDX-License-Identifier: Apache-2.0
"""One run for any number of callers who want the same thing at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from confcom.errors import ConfcomError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Runs work in a task group that its owner keeps; callers may come and go.

    A caller that is cancelled does not end the work: others may be waiting for it. Errors of
    ours reach every caller; anything else is a bug and ends the task group.
    """

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: dict[K, asyncio.Future[V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """Return the result of the work that runs for this key, starting it if none does."""
        future = self._running.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            future.add_done_callback(_look_at_error)
            self._running[key] = future
            task = self._group.create_task(self._work(key, future, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(future)

    def cancel(self) -> None:
        """End all work that runs; its callers are cancelled too."""
        for task in self._tasks:
            task.cancel()

    async def _work(
        self, key: K, future: "asyncio.Future[V]", work: Callable[[], Awaitable[V]]
    ) -> None:
        try:
            result = await work()
        except ConfcomError as exc:
            future.set_exception(exc)
        else:
            future.set_result(result)
        finally:
            del self._running[key]
            if not future.done():
                future.cancel()


def _look_at_error(future: "asyncio.Future[V]") -> None:
    """Keep asyncio from reporting an error that no caller waited for any more."""
    if not future.cancelled():
        future.exception()
