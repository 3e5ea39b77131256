# SPDX-License-Identifier: Apache-2.0
"""The hardware back end: Intel's DCAP libraries in a child that may crash, hang or leak.

One worker owns the child and asks it one question at a time, so that no answer can reach another
client, whoever goes away meanwhile. A request that a child did not survive is answered with 46;
the others wait for the next child up to their limit, then get 30, or 18 where the child is only
busy. After too many failures the breaker refuses all with 30, until one more try succeeds.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Never, TypeVar

from confcom.adapters.quoting.dcap_answers import to_answer, to_question, to_refusal
from confcom.adapters.quoting.dcap_breaker import Breaker
from confcom.adapters.quoting.dcap_events import DcapEvent, DcapEventName, DcapStatus
from confcom.adapters.quoting.dcap_key import KeyState
from confcom.adapters.quoting.dcap_limits import MIB, DcapLimits, RestartPolicy
from confcom.adapters.quoting.dcap_messages import Failed, KeyReady, NotLoaded, Reply
from confcom.adapters.quoting.dcap_process import ChildLostError, ChildOptions, ChildProcess
from confcom.protocols.aesm.calls import Answer, GetQuoteSize, InitKey, Operation, Refusal
from confcom.protocols.aesm.codes import AesmCode
from confcom.protocols.aesm.structures import DEFAULT_KEY_ID

_T = TypeVar("_T")


class HopelessError(ChildLostError):
    """The libraries cannot be loaded: trying again soon does not help."""


@dataclass(slots=True, eq=False)
class _Request:
    operation: Operation
    answer: asyncio.Future[Answer]
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self, answer: Answer) -> None:
        self.taken.set()
        if not self.answer.done():  # the client may be gone
            self.answer.set_result(answer)


def _changed(why: str) -> Refusal:
    return Refusal(
        AesmCode.KEY_NOT_INITIALISED, f"the target info of the quoting enclave has changed; {why}"
    )


def _ignore(_event: DcapEvent) -> None:
    pass


class DcapBackend:
    """Quotes made by Intel's quoting enclave on this machine.

    Args:
        options: libraries, paths and environment of the child.
        limits: seconds and bytes.
        restarts: how a child that failed is started again.
        observe: told of every event; must not block or raise.
    """

    def __init__(
        self,
        options: ChildOptions,
        *,
        limits: DcapLimits | None = None,
        restarts: RestartPolicy | None = None,
        observe: Callable[[DcapEvent], None] = _ignore,
    ) -> None:
        self._options = options
        self._limits = limits or DcapLimits()
        self._restarts = restarts or RestartPolicy()
        self._observe = observe
        self._breaker = Breaker(self._restarts)
        self._waiting: deque[_Request] = deque()
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._key_id = DEFAULT_KEY_ID.to_bytes()
        self._key = KeyState(
            retry_s=self._restarts.rest_s, changed_s=self._limits.changed_s, observe=observe
        )
        self._child: ChildProcess | None = None
        self._starts = 0
        self._number = 0
        self._why: str | None = None

    @property
    def key_ids(self) -> Sequence[bytes]:
        """What is offered, 256 bytes each: none before the start and while given up."""
        return (self._key_id,) if self._is_running and not self._breaker.is_open else ()

    @property
    def status(self) -> DcapStatus:
        """How it is now."""
        return DcapStatus(
            is_ready=self._key.is_ready,
            is_given_up=self._breaker.is_open,
            pid=None if self._child is None else self._child.pid,
            starts=self._starts,
            why=self._why if self._child is None else self._key.why,
        )

    @property
    def _is_running(self) -> bool:
        return self._worker is not None and not self._worker.done()

    async def start(self) -> None:
        """Start the first child; requests wait until its key is ready."""
        if self._worker is not None:
            raise RuntimeError("started already")
        self._worker = asyncio.create_task(self._work(), name="dcap back end")

    async def stop(self) -> None:
        """End the child and refuse with 17 who still waits; no process is left."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.cancel()
        await asyncio.wait({worker})
        if not worker.cancelled():
            worker.result()  # whatever went wrong there is not lost

    async def ask(self, operation: Operation) -> Answer:
        """Answer a question, or say why not. The caller may be cancelled at any time."""
        if not self._is_running:
            return Refusal(AesmCode.SERVICE_STOPPED, "the dcap back end is not running")
        if self._breaker.is_open:
            return self._unavailable()
        request = _Request(operation, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._wake.set()
        try:
            async with asyncio.timeout(self._limits.wait_s):
                await request.taken.wait()
        except TimeoutError:
            if self._key.is_ready:
                return Refusal(AesmCode.BUSY, f"no turn within {self._limits.wait_s:g} s")
            return self._unavailable()
        finally:
            if not request.taken.is_set():
                with suppress(ValueError):
                    self._waiting.remove(request)
        return await request.answer

    def _unavailable(self) -> Refusal:
        return Refusal(
            AesmCode.SERVICE_UNAVAILABLE, f"no quoting child: {self._why or 'none is ready yet'}"
        )

    async def _work(self) -> None:
        try:
            while True:
                try:
                    await self._live()
                except ChildLostError as exc:
                    await self._pause(exc)
        finally:
            self._refuse_all(Refusal(AesmCode.SERVICE_STOPPED, "the dcap back end has stopped"))

    async def _pause(self, lost: ChildLostError) -> None:
        """Wait until another child may be started; nobody waits with us for a long time."""
        now = asyncio.get_running_loop().time()
        self._why = str(lost)
        delay_s = self._breaker.failed(now, hopeless=isinstance(lost, HopelessError))
        name = DcapEventName.CHILD_LOST
        if self._breaker.is_open:
            name = DcapEventName.CHILD_GIVEN_UP
            self._refuse_all(self._unavailable())
        self._observe(DcapEvent(name=name, why=self._why, delay_s=delay_s))
        await asyncio.sleep(delay_s)

    async def _live(self) -> Never:
        """Start a child and serve until it is lost."""
        try:
            child = ChildProcess.spawn(self._options, self._wake.set)
        except OSError as exc:
            raise ChildLostError(f"cannot start a quoting child: {exc}") from exc
        self._child = child
        self._starts += 1
        try:
            await self._begin(child)
            await self._serve(child)
        except ChildLostError:
            child.kill()
            raise
        finally:
            self._child = None
            self._key.lose()
            await child.close(self._limits.stop_s)

    async def _begin(self, child: ChildProcess) -> None:
        try:
            async with asyncio.timeout(self._limits.start_s):
                hello = await child.greet()
                if isinstance(hello, NotLoaded):
                    raise HopelessError(hello.why)
                self._key_id = hello.key_id or DEFAULT_KEY_ID.to_bytes()
                self._observe(DcapEvent(name=DcapEventName.CHILD_STARTED, pid=child.pid))
                if isinstance(await self._init(child), KeyReady):
                    await self._warm_up(child)
        except TimeoutError as exc:
            limit_s = self._limits.start_s
            raise ChildLostError(f"quoting child was not ready within {limit_s:g} s") from exc
        self._breaker.recovered()

    async def _warm_up(self, child: ChildProcess) -> None:
        """Let the provider of certificates fetch them now, so that no client waits for that."""
        reply = await self._exchange(child, GetQuoteSize())
        if isinstance(reply, Failed):
            why = to_refusal(reply).why
            self._observe(DcapEvent(name=DcapEventName.PROVIDER_FAILED, pid=child.pid, why=why))

    async def _serve(self, child: ChildProcess) -> Never:
        """Answer requests until the child is lost."""
        limits = self._limits
        while True:
            request = await self._next(child)
            if request is None:
                await self._within_limit(self._init(child))
                continue
            try:
                request.finish(await self._within_limit(self._answer(child, request.operation)))
            except ChildLostError as exc:
                request.finish(Refusal(AesmCode.ENCLAVE_LOST, str(exc)))
                raise
            finally:  # by whatever it ends, the client does not wait for ever
                request.finish(Refusal(AesmCode.SERVICE_STOPPED, "the dcap back end has stopped"))
            used = child.memory_bytes()
            if used > limits.memory_bytes:
                raise ChildLostError(
                    f"quoting child grew to {used // MIB} MiB, "
                    f"limit {limits.memory_bytes // MIB} MiB"
                )

    async def _next(self, child: ChildProcess) -> _Request | None:
        """Return the next request, or None when it is time to make the key ready once more.

        Raises:
            ChildLostError: the child ended while nothing was asked.
        """
        loop = asyncio.get_running_loop()
        while True:
            if child.has_ended:
                raise ChildLostError(child.obituary())
            if self._waiting:
                request = self._waiting.popleft()
                request.taken.set()
                return request
            self._wake.clear()
            wait_s = None if self._key.is_ready else max(0.0, self._key.next_try_s - loop.time())
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                return None

    async def _answer(self, child: ChildProcess, operation: Operation) -> Answer:
        """Ask the child; where the key is not ready, make it so and ask once more."""
        if isinstance(operation, InitKey):
            return to_answer(operation, await self._init(child))
        answer = to_answer(operation, await self._exchange(child, operation))
        code = answer.code if isinstance(answer, Refusal) else None
        if code is AesmCode.KEY_NOT_INITIALISED:
            return await self._answer_again(child, operation)
        now = asyncio.get_running_loop().time()
        if code is AesmCode.INVALID_REPORT and self._key.has_just_changed(now):
            return _changed("the REPORT is probably for the old one")
        return answer

    async def _answer_again(self, child: ChildProcess, operation: Operation) -> Answer:
        """Make the key ready and ask once more, unless the REPORT is for another target by now."""
        before = self._key.target_info
        key = await self._init(child)
        if isinstance(key, Failed):
            return to_refusal(key)
        if before not in (None, self._key.target_info):
            return _changed("the REPORT is for the old one")
        return to_answer(operation, await self._exchange(child, operation))

    async def _init(self, child: ChildProcess) -> Reply:
        reply = await self._exchange(child, InitKey())
        self._key.note(reply, pid=child.pid, now=asyncio.get_running_loop().time())
        return reply

    async def _exchange(self, child: ChildProcess, operation: Operation) -> Reply:
        self._number += 1
        return await child.exchange(to_question(operation, self._number))

    async def _within_limit(self, work: Coroutine[object, object, _T]) -> _T:
        limit_s = self._limits.answer_s
        try:
            async with asyncio.timeout(limit_s):
                return await work
        except TimeoutError as exc:
            raise ChildLostError(f"quoting child did not answer within {limit_s:g} s") from exc

    def _refuse_all(self, refusal: Refusal) -> None:
        while self._waiting:
            self._waiting.popleft().finish(refusal)
