# SPDX-License-Identifier: Apache-2.0
"""Processes that judge chunks of quotes for a run, each with caches of its own.

A chunk goes to a worker through one pipe and its results come back through another. Both hold
more than a chunk as a rule, and a thread of the worker empties the first at any time, so that
neither side waits for the other: the one that has another thread busy with Python would wait
much longer than the copying takes. The process that gives the chunks needs no thread at all.
"""

import contextlib
import fcntl
import queue
import signal
import threading
from collections import deque
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from confcom.cli.evidence_inputs import Input
from confcom.cli.evidence_judge import Judge, Plan
from confcom.cli.evidence_results import Rendered, Renderer, judge_input

CHUNKS_PER_WORKER: Final = 3
_PIPE_BYTES: Final = 1 << 20
"""What any user may ask for (``/proc/sys/fs/pipe-max-size``)."""


class Chunk:
    """Quotes on their way to become results.

    Attributes:
        inputs: in the order given; empty once there are results.
        results: in the same order, or None while they are being made.
    """

    __slots__ = ("inputs", "results")

    def __init__(self, inputs: list[Input]) -> None:
        self.inputs = inputs
        self.results: list[Rendered] | None = None

    def judge(self, judge: Judge, renderer: Renderer) -> None:
        """Make the results in this process."""
        self.finish([render_input(judge, renderer, item) for item in self.inputs])

    def finish(self, results: list[Rendered]) -> None:
        """Take the results in place of the inputs."""
        self.inputs = []
        self.results = results


def render_input(judge: Judge, renderer: Renderer, item: Input) -> Rendered:
    """Return the result for one quote, ready to be written."""
    return renderer.render(item.name, judge_input(judge, item))


class Worker:
    """One process, as the process sees it that gives it chunks.

    Before it is up it is given one chunk, afterwards up to three at a time. A worker that ends
    early loses nothing: `collect` returns its chunks, to be judged by whoever asks.
    """

    def __init__(self, plan: Plan, renderer: Renderer) -> None:
        context = get_context("spawn")
        theirs, self._chunks = context.Pipe(duplex=False)
        self._results, their_results = context.Pipe(duplex=False)
        for end in (self._chunks, self._results):
            with contextlib.suppress(OSError):  # many pipes of this user: slower, not wrong
                fcntl.fcntl(end.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._pending: deque[Chunk] = deque()
        self._is_up = False
        self._most = 1
        self._process = context.Process(
            target=_work, args=(plan, renderer, theirs, their_results), daemon=True
        )
        self._process.start()
        theirs.close()
        their_results.close()

    @property
    def is_free(self) -> bool:
        """Whether it takes another chunk now."""
        return len(self._pending) < self._most

    @property
    def is_busy(self) -> bool:
        """Whether it has chunks."""
        return bool(self._pending)

    @property
    def is_up(self) -> bool:
        """Whether it has started to judge."""
        return self._is_up

    def give(self, chunk: Chunk) -> bool:
        """Hand a chunk over, and return whether that went well."""
        try:
            self._chunks.send([tuple(item) for item in chunk.inputs])
        except OSError:  # it has ended
            return False
        self._pending.append(chunk)
        return True

    def collect(self) -> list[Chunk]:
        """Take in all results that are there, and return the chunks that are lost.

        Some are lost only if the process has ended; then it takes no more.
        """
        try:
            while self._results.poll():
                self._take_in(self._results.recv())
        except (EOFError, OSError):
            return self.take_back()
        return []

    def _take_in(self, results: list[Rendered]) -> None:
        if self._is_up:
            self._pending.popleft().finish(results)
        self._is_up = True
        self._most = CHUNKS_PER_WORKER

    def take_back(self) -> list[Chunk]:
        """Return its chunks without waiting for the results, and give it no more."""
        self._most = 0
        chunks = list(self._pending)
        self._pending.clear()
        return chunks

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()
        self._process.close()
        self._chunks.close()
        self._results.close()

    def fileno(self) -> int:
        """Return what to wait on for results, or for its end."""
        return self._results.fileno()


def _work(
    plan: Plan,
    renderer: Renderer,
    chunks: "Connection[None, list[tuple[str, bytes | None]]]",
    results: "Connection[list[Rendered], None]",
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it decides when to end
    judge = Judge(plan)
    inbox: queue.SimpleQueue[list[tuple[str, bytes | None]] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(chunks, inbox), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # nobody wants them any more
        results.send([])  # it is up
        while (chunk := inbox.get()) is not None:
            results.send([render_input(judge, renderer, Input(*item)) for item in chunk])


def _receive(
    chunks: "Connection[None, list[tuple[str, bytes | None]]]",
    inbox: "queue.SimpleQueue[list[tuple[str, bytes | None]] | None]",
) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            inbox.put(chunks.recv())
    inbox.put(None)
