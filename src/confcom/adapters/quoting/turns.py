# SPDX-License-Identifier: Apache-2.0
"""Whose request the back end is asked next: quotas, fair turns, and an end to waiting."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from confcom.protocols.aesm import AesmCode, Answer, Operation, Refusal
from confcom.protocols.peers import Peer
from confcom.protocols.quotas import LIMIT_WORDS, Busy, FairQueue, Limit, Limits, Ticket

_NS: Final = 1_000_000_000
_LOOK_S: Final = 0.1

Asked = Answer | Coroutine[Any, Any, Answer]
"""What a back end gives: an answer, or work that ends in one."""

OperationT = TypeVar("OperationT")
AskerT = TypeVar("AskerT", bound="Asker")
AnswerT = TypeVar("AnswerT")
_Taken = TypeVar("_Taken", contravariant=True)


class Asker(Protocol):
    """Who asks."""

    @property
    def account(self) -> str:
        """Whose quota is used."""
        ...


class Client(Protocol[_Taken]):
    """Who waits for an answer."""

    def is_wanted(self) -> bool:
        """Tell whether somebody still waits for it."""
        ...

    def finish(self, answer: _Taken) -> None:
        """Take the answer."""

    def give_up(self, why: str) -> None:
        """Take the end without an answer."""


@dataclass(slots=True, eq=False)
class _Request(Generic[OperationT, AskerT, AnswerT]):
    """What waits for its turn; ``ends`` is when it has waited for too long, loop time."""

    client: Client[AnswerT]
    operation: OperationT
    peer: AskerT
    ends: float
    ticket: "Ticket[_Request[OperationT, AskerT, AnswerT]] | None" = None


class FairTurns(Generic[OperationT, AskerT, AnswerT]):
    """Lets requests in, and asks the back end for them in turn, whatever they are about.

    A back end that answers at once is asked once in each round of the event loop, so that
    requests that have arrived meanwhile take part in the next turn; who is alone is served at once.

    Args:
        ask: the back end.
        refusal: makes the answer that refuses a request, with what the log is told.
        limits: quotas and places.
        at_once: requests that the back end works on at the same time.
        wait_s: how long a request may wait for its turn, seconds; then it is refused.
        is_quiet: tells whether the request that enters now is the only one that has come; at most
            once in a round of the event loop.
    """

    def __init__(
        self,
        ask: Callable[[OperationT, AskerT], AnswerT | Coroutine[Any, Any, AnswerT]],
        *,
        refusal: Callable[[str], AnswerT],
        limits: Limits,
        at_once: int,
        wait_s: float,
        is_quiet: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ask = ask
        self._is_quiet = is_quiet
        self._refusal = refusal
        self._at_once = at_once
        self._wait_s = wait_s
        self._queue: FairQueue[_Request[OperationT, AskerT, AnswerT]] = FairQueue(limits)
        # Who came first is the first.
        self._waiting: OrderedDict[_Request[OperationT, AskerT, AnswerT], None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next: asyncio.Handle | None = None
        self._late: asyncio.TimerHandle | None = None
        self._look_at = 0.0

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many the back end works on."""
        return len(self._tasks)

    def enter(self, client: Client[AnswerT], operation: OperationT, peer: AskerT) -> None:
        """Let a request wait for its turn, or refuse it at once."""
        loop = asyncio.get_running_loop()
        request = _Request(client, operation, peer, loop.time() + self._wait_s)
        entered = self._queue.enter(peer.account, request, time.monotonic_ns())
        if isinstance(entered, Busy) and self._drop_departed(loop.time()):
            entered = self._queue.enter(peer.account, request, time.monotonic_ns())
        if isinstance(entered, Busy):
            client.finish(self._refusal(entered.why))
            return
        request.ticket = entered.ticket
        self._waiting[request] = None
        if entered.displaced is not None:
            self._refuse(entered.displaced.item, LIMIT_WORDS[Limit.WAITING])
        if self._late is None:
            self._late = loop.call_later(self._wait_s, self._refuse_late)
        self._plan(is_alone=len(self._waiting) == 1 and self._is_quiet())

    def _drop_departed(self, now: float) -> bool:
        """Take their places from those who have left; look for them once in a while."""
        if now < self._look_at:
            return False
        self._look_at = now + _LOOK_S
        departed = [request for request in self._waiting if not request.client.is_wanted()]
        for request in departed:
            if request.ticket is not None:
                self._queue.withdraw(request.ticket)
            self._forget(request)
            request.client.give_up("it left before its turn")
        return bool(departed)

    async def close(self) -> None:
        """Ask nothing more, and let go of what is being asked."""
        for handle in (self._next, self._late):
            if handle is not None:
                handle.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _plan(self, *, is_alone: bool = False) -> None:
        """See to it that the next turn comes, or is now for who is alone."""
        if self._next is not None or len(self._tasks) >= self._at_once:
            return
        wait_ns = self._queue.wait_ns(time.monotonic_ns())
        if wait_ns is None:
            return
        loop = asyncio.get_running_loop()
        if wait_ns:
            self._next = loop.call_later(wait_ns / _NS, self._serve)
        elif is_alone:
            self._serve(is_alone=True)
        else:
            self._next = loop.call_soon(self._serve)

    def _serve(self, *, is_alone: bool = False) -> None:
        self._next = None
        request = self._queue.take(time.monotonic_ns())
        try:
            if request is not None:
                self._forget(request)
                # Who has this moment come by itself is taken to be there.
                if is_alone or request.client.is_wanted():
                    self._start(request)
                else:
                    request.client.give_up("it left before its turn")
        finally:
            self._plan()

    def _start(self, request: _Request[OperationT, AskerT, AnswerT]) -> None:
        client = request.client
        asked: AnswerT | Coroutine[Any, Any, AnswerT] | None = None
        try:
            asked = self._ask(request.operation, request.peer)
        finally:
            if asked is None:  # a mistake of ours: it goes on to the log
                client.give_up("the back end failed")
        if isinstance(asked, Coroutine):
            task = asyncio.get_running_loop().create_task(_finish(client, asked))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        else:
            client.finish(asked)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._plan()
            task.result()  # a mistake of ours is not lost

    def _refuse_late(self) -> None:
        """Refuse those who have waited for too long."""
        loop = asyncio.get_running_loop()
        self._late = None
        while self._waiting:
            request = next(iter(self._waiting))
            if request.ends > loop.time():
                self._late = loop.call_at(request.ends, self._refuse_late)
                return
            if request.ticket is not None:
                self._queue.withdraw(request.ticket)
            self._refuse(request, f"no turn within {self._wait_s:g} s")

    def _forget(self, request: _Request[OperationT, AskerT, AnswerT]) -> None:
        """Let go of a request, so that it is gone with its last use."""
        del self._waiting[request]
        request.ticket = None  # which knows the request

    def _refuse(self, request: _Request[OperationT, AskerT, AnswerT], why: str) -> None:
        """Refuse a request that has left the queue."""
        self._forget(request)
        request.client.finish(self._refusal(why))


class Turns(FairTurns[Operation, Peer, Answer]):
    """Turns on the AESM socket: who is refused is told 18, busy.

    Args:
        ask: the back end.
        limits: quotas and places.
        at_once: requests that the back end works on at the same time.
        wait_s: how long a request may wait for its turn, seconds.
        is_quiet: tells whether the request that enters now is the only one that has come.
    """

    def __init__(
        self,
        ask: Callable[[Operation, Peer], Asked],
        *,
        limits: Limits,
        at_once: int,
        wait_s: float,
        is_quiet: Callable[[], bool],
    ) -> None:
        super().__init__(
            ask,
            refusal=_busy,
            limits=limits,
            at_once=at_once,
            wait_s=wait_s,
            is_quiet=is_quiet,
        )


def _busy(why: str) -> Answer:
    return Refusal(AesmCode.BUSY, why)


async def _finish(client: Client[AnswerT], asked: Coroutine[Any, Any, AnswerT]) -> None:
    answer = None
    try:
        answer = await asked
    finally:
        if answer is None:
            client.give_up("the back end failed")
    client.finish(answer)
