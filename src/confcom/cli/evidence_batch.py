# SPDX-License-Identifier: Apache-2.0
"""Many quotes in one run: over shared caches, on all cores, in the order given, in flat memory.

The first quotes are judged by this process; only a run that goes on for longer starts workers,
one less than there are cores, because this process goes on judging too. Each worker has caches of
its own. Quotes travel in chunks, and no more chunks are on their way, or wait for an earlier one,
than keep all busy, so that memory does not grow with the number of quotes.
"""

import signal
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Final

from confcom.cli.evidence_inputs import Input
from confcom.cli.evidence_judge import Judge, Plan
from confcom.cli.evidence_results import Rendered, Renderer, judge_input

ALONE: Final = 512
"""Quotes that this process judges before it starts workers, which takes a third of a second."""
CHUNK: Final = 64
CHUNKS_PER_WORKER: Final = 3
WAITING_PER_JOB: Final = 6
"""Chunks that may wait for an earlier one, or for a worker."""


def run(
    items: Iterator[Input],
    *,
    judge: Judge,
    plan: Plan,
    renderer: Renderer,
    jobs: int,
    alone: int = ALONE,
) -> Generator[list[Rendered], None, None]:
    """Yield the results of all quotes in their order, one or a chunk at a time.

    Args:
        items: the quotes; read as they are needed.
        judge: of this process.
        plan: what workers make theirs from.
        renderer: of results.
        jobs: processes to use.
        alone: quotes that this process judges before it starts workers.
    """
    for item in items if jobs == 1 else islice(items, alone):
        yield [_judge(judge, renderer, item)]
    first = list(islice(items, CHUNK))
    if first:
        yield from _run_shared(first, items, judge, plan, renderer, jobs)


def _run_shared(
    first: list[Input],
    items: Iterator[Input],
    judge: Judge,
    plan: Plan,
    renderer: Renderer,
    jobs: int,
) -> Generator[list[Rendered], None, None]:
    workers = jobs - 1
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(plan, renderer)
    )
    waiting: deque[Future[list[Rendered]]] = deque()
    chunk = first
    try:
        while chunk or waiting:
            is_full = len(waiting) >= jobs * WAITING_PER_JOB
            if waiting and (not chunk or is_full or waiting[0].done()):
                yield waiting.popleft().result()
                continue
            if sum(not one.done() for one in waiting) < workers * CHUNKS_PER_WORKER:
                waiting.append(pool.submit(_judge_chunk, chunk))
            else:
                waiting.append(_done([_judge(judge, renderer, item) for item in chunk]))
            chunk = list(islice(items, CHUNK))
    finally:
        pool.shutdown(cancel_futures=True)


def _done(results: list[Rendered]) -> Future[list[Rendered]]:
    future: Future[list[Rendered]] = Future()
    future.set_result(results)
    return future


def _judge(judge: Judge, renderer: Renderer, item: Input) -> Rendered:
    return renderer.render(item.name, judge_input(judge, item))


class _Worker:
    """What a worker process keeps between chunks."""

    judge: Judge
    renderer: Renderer


def _start(plan: Plan, renderer: Renderer) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    _Worker.judge = Judge(plan)
    _Worker.renderer = renderer


def _judge_chunk(chunk: list[Input]) -> list[Rendered]:
    judge, renderer = _Worker.judge, _Worker.renderer
    return [_judge(judge, renderer, item) for item in chunk]
