# SPDX-License-Identifier: Apache-2.0
"""One run for many callers, whatever becomes of any of them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from confcom.adapters.collateral.single_flight import SingleFlight
from confcom.errors import UnavailableError
from confcom.reasons import Reason


def run(test: Callable[[SingleFlight[str, int]], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            await test(SingleFlight(group))

    asyncio.run(main())


class Work:
    """Work that counts its runs and ends when it is told to."""

    def __init__(self, result: int | Exception = 1) -> None:
        self.runs = 0
        self.go_on = asyncio.Event()
        self._result = result

    async def __call__(self) -> int:
        self.runs += 1
        await self.go_on.wait()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


async def start(flights: SingleFlight[str, int], work: Work, count: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flights.run("key", work)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_runs_once_for_all_who_ask_meanwhile() -> None:
    async def test(flights: SingleFlight[str, int]) -> None:
        work = Work(7)
        tasks = await start(flights, work, 100)
        work.go_on.set()
        assert await asyncio.gather(*tasks) == [7] * 100
        assert work.runs == 1
        assert await flights.run("key", work) == 7
        assert work.runs == 2

    run(test)


def test_other_keys_run_by_themselves() -> None:
    async def test(flights: SingleFlight[str, int]) -> None:
        one, other = Work(1), Work(2)
        one.go_on.set()
        other.go_on.set()
        both = await asyncio.gather(flights.run("one", one), flights.run("other", other))
        assert tuple(both) == (1, 2)

    run(test)


def test_an_error_of_ours_reaches_everybody_and_is_not_kept() -> None:
    async def test(flights: SingleFlight[str, int]) -> None:
        error = UnavailableError(Reason.SOURCE_REFUSED, "no")
        work = Work(error)
        tasks = await start(flights, work, 3)
        work.go_on.set()
        assert await asyncio.gather(*tasks, return_exceptions=True) == [error] * 3
        with pytest.raises(UnavailableError):
            await flights.run("key", work)
        assert work.runs == 2

    run(test)


def test_nobody_needs_to_wait_for_an_error() -> None:
    async def test(flights: SingleFlight[str, int]) -> None:
        work = Work(UnavailableError(Reason.SOURCE_REFUSED, "no"))
        (task,) = await start(flights, work, 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        work.go_on.set()
        await asyncio.sleep(0)

    run(test)


def test_who_is_cancelled_leaves_the_work_to_the_others() -> None:
    async def test(flights: SingleFlight[str, int]) -> None:
        work = Work(7)
        first, second = await start(flights, work, 2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        work.go_on.set()
        assert await second == 7
        assert work.runs == 1

    run(test)


def test_a_bug_ends_the_group() -> None:
    async def test(flights: SingleFlight[str, int]) -> None:
        work = Work(ZeroDivisionError())
        work.go_on.set()
        await flights.run("key", work)

    with pytest.raises(ExceptionGroup) as caught:
        run(test)
    assert caught.group_contains(ZeroDivisionError)


def test_ending_all_work_ends_the_waiting() -> None:
    async def test(flights: SingleFlight[str, int]) -> None:
        (task,) = await start(flights, Work(), 1)
        await asyncio.sleep(0)
        flights.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    run(test)
