# SPDX-License-Identifier: Apache-2.0
"""Many quotes in one run: over shared caches, on all cores, in the order given, in flat memory.

The first quotes are judged by this process; only a run that goes on for longer starts workers,
one less than there are cores, because this process goes on judging too. Quotes travel in chunks,
and no more chunks are on their way, or wait for an earlier one, than keep all busy, so that memory
does not grow with the number of quotes.
"""

from collections import deque
from collections.abc import Generator, Iterator
from itertools import islice
from multiprocessing.connection import wait
from typing import Final

from confcom.cli.evidence_inputs import Input
from confcom.cli.evidence_judge import Judge, Plan
from confcom.cli.evidence_results import Rendered, Renderer
from confcom.cli.evidence_workers import Chunk, Worker, render_input

ALONE: Final = 512
"""Quotes that this process judges before it starts workers, which takes a third of a second."""
CHUNK: Final = 32
CHUNK_BYTES: Final = 1 << 20
"""Text after which a chunk has fewer quotes, so that long lines take no more memory."""
WAITING_PER_JOB: Final = 24
"""Chunks that may wait for an earlier one: as many as are judged here while a worker starts."""


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
        yield [render_input(judge, renderer, item)]
    first = _take(items)
    if first:
        workers: list[Worker] = []
        try:
            workers.extend(Worker(plan, renderer) for _ in range(jobs - 1))
            yield from _run_shared(first, items, judge, renderer, workers)
        finally:
            for worker in workers:
                worker.close()


def _run_shared(
    first: list[Input],
    items: Iterator[Input],
    judge: Judge,
    renderer: Renderer,
    workers: list[Worker],
) -> Generator[list[Rendered], None, None]:
    most = (1 + len(workers)) * WAITING_PER_JOB
    waiting: deque[Chunk] = deque()
    inputs = first
    while inputs or waiting:
        for worker in workers:
            for lost in worker.collect():
                lost.judge(judge, renderer)
        if waiting and waiting[0].results is not None:
            yield waiting.popleft().results or []
        elif inputs and len(waiting) < most:
            chunk = Chunk(inputs)
            if not any(worker.is_free and worker.give(chunk) for worker in workers):
                chunk.judge(judge, renderer)
            waiting.append(chunk)
            inputs = _take(items)
        elif late := [worker for worker in workers if not inputs and not worker.is_up]:
            for worker in late:  # all else is done before it has started
                for chunk in worker.take_back():
                    chunk.judge(judge, renderer)
            workers = [worker for worker in workers if worker not in late]
        else:
            wait([worker.fileno() for worker in workers if worker.is_busy])


def _take(items: Iterator[Input]) -> list[Input]:
    inputs = []
    size = 0
    for item in islice(items, CHUNK):
        inputs.append(item)
        size += len(item.text or b"")
        if size >= CHUNK_BYTES:
            break
    return inputs
