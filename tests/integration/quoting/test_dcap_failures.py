# SPDX-License-Identifier: Apache-2.0
"""The dcap back end while its child crashes, hangs, leaks and is killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.quoting.conftest import (
    LIMITS,
    QUICK,
    Rig,
    children,
    make_quote,
    run,
    until,
)
from tests.stubs.libraries import COMPLETE

from confcom.adapters.quoting.dcap_backend import DcapBackend
from confcom.adapters.quoting.dcap_limits import MIB
from confcom.protocols.aesm.calls import (
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    Operation,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.protocols.aesm.codes import AesmCode

LOST = AesmCode.ENCLAVE_LOST
DOWN = AesmCode.SERVICE_UNAVAILABLE


def _code(answer: Answer) -> AesmCode:
    return answer.code if isinstance(answer, Refusal) else AesmCode.SUCCESS


def _why(answer: Answer) -> str:
    assert isinstance(answer, Refusal)
    return answer.why


async def _pid(backend: DcapBackend) -> int:
    """Return the child's process id once its key is ready."""
    await until(lambda: backend.status.is_ready)
    pid = backend.status.pid
    assert pid is not None
    return pid


# --- the start ---------------------------------------------------------------------------------


def test_certificates_are_fetched_before_the_first_client_comes(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            await _pid(backend)
            await until(lambda: "size" in rig.stub.calls)
            assert "quote" not in rig.stub.calls

    run(work)
    assert "certificate_provider.failed" not in rig.names


def test_a_provider_that_fails_at_the_start_is_told_and_harms_nothing_else(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(size="e019")
        async with rig.running() as backend:
            await _pid(backend)
            await until(lambda: "certificate_provider.failed" in rig.names)
            rig.stub.behave()
            assert isinstance(await backend.ask(make_quote()), SignedQuote)

    run(work)
    (event,) = (one for one in rig.events if one.name.value == "certificate_provider.failed")
    assert event.why


def test_a_child_whose_provider_hangs_at_the_start_is_replaced(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(size="hang")
        async with rig.running(limits=replace(LIMITS, start_s=0.5)) as backend:
            await until(lambda: "quoting_child.lost" in rig.names)
            rig.stub.behave()
            await _pid(backend)
            assert isinstance(await backend.ask(make_quote()), SignedQuote)

    run(work)


# --- crashes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"), [("crash", "SIGSEGV"), ("abort", "SIGABRT"), ("exit", "exit code 9")]
)
def test_request_that_the_child_did_not_survive_gets_46_and_the_next_a_quote(
    rig: Rig, how: str, words: str
) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            first = await _pid(backend)
            rig.stub.behave(quote=how, say="last words")
            answer = await backend.ask(make_quote())
            assert _code(answer) is LOST
            assert words in _why(answer)
            assert "last words" in _why(answer)
            rig.stub.behave()
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            assert backend.status.pid != first
            assert backend.status.starts == 2
            assert rig.names.count("quoting_child.lost") == 1

    run(work)


def test_only_the_request_in_flight_is_lost(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            pid = await _pid(backend)
            rig.stub.behave(quote="hang")
            first = asyncio.create_task(backend.ask(make_quote(1)))
            await until(lambda: "quote" in rig.stub.calls)
            others = [asyncio.create_task(backend.ask(make_quote(mark))) for mark in range(2, 8)]
            await asyncio.sleep(0)
            rig.stub.behave()
            os.kill(pid, signal.SIGKILL)
            assert _code(await first) is LOST
            for mark, other in enumerate(others, 2):
                answer = await other
                assert isinstance(answer, SignedQuote)
                assert answer.quote[48:432] == make_quote(mark).report[:384]

    run(work)


def test_idle_child_is_replaced_before_anybody_asks(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            os.kill(await _pid(backend), signal.SIGKILL)
            await until(lambda: backend.status.is_ready and backend.status.starts == 2)
            assert rig.names == [
                "quoting_child.started",
                "quoting_key.initialised",
                "quoting_child.lost",
                "quoting_child.started",
                "quoting_key.initialised",
            ]

    run(work)


def test_request_that_ends_every_child_opens_the_breaker(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(restarts=replace(QUICK, rest_s=1)) as backend:
            await _pid(backend)
            rig.stub.behave(quote="crash")
            codes = [_code(await backend.ask(make_quote())) for _ in range(7)]
            assert codes == [LOST] * 5 + [DOWN] * 2
            assert backend.key_ids == ()
            assert backend.status.is_given_up
            assert rig.names.count("quoting_child.given_up") == 1

    run(work)


@pytest.mark.parametrize("step", ["load", "keyid", "init"])
def test_child_that_crashes_at_start_opens_the_breaker_and_then_recovers(
    rig: Rig, step: str
) -> None:
    async def work() -> None:
        rig.stub.behave(**{step: "crash"})
        async with rig.running() as backend:
            answer = await backend.ask(InitKey())
            assert _code(answer) is DOWN
            assert "SIGSEGV" in _why(answer)
            assert rig.names.count("quoting_child.lost") == QUICK.failures - 1
            rig.stub.behave()
            await until(lambda: not backend.status.is_given_up)
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            assert len(backend.key_ids) == 1

    run(work)


def test_who_waits_when_the_breaker_opens_is_refused_and_waits_no_longer(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(load="crash")
        patient = replace(LIMITS, wait_s=30)
        async with rig.running(limits=patient, restarts=replace(QUICK, rest_s=30)) as backend:
            answers = await asyncio.gather(*(backend.ask(make_quote(mark)) for mark in range(5)))
            assert {_code(answer) for answer in answers} == {DOWN}

    run(work)


def test_one_more_failure_after_the_rest_keeps_the_breaker_open(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(load="crash")
        async with rig.running(restarts=replace(QUICK, failures=2, rest_s=0.05)) as backend:
            await until(lambda: rig.names.count("quoting_child.given_up") >= 3)
            assert _code(await backend.ask(GetQuoteSize())) is DOWN
            assert rig.names.count("quoting_child.lost") == 1

    run(work)


def test_who_waits_while_no_child_comes_up_gets_30_at_the_limit(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(init="hang")
        async with rig.running(limits=replace(LIMITS, wait_s=0.1)) as backend:
            answers = await asyncio.gather(*(backend.ask(make_quote(mark)) for mark in range(5)))
            assert {_code(answer) for answer in answers} == {DOWN}

    run(work)


# --- hangs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [InitKey(), GetQuoteSize(), make_quote()])
def test_child_that_hangs_is_killed_and_the_request_gets_46(rig: Rig, operation: Operation) -> None:
    async def work() -> None:
        async with rig.running(limits=replace(LIMITS, answer_s=0.3)) as backend:
            pid = await _pid(backend)
            name = {"InitKey": "init", "GetQuoteSize": "size"}.get(type(operation).__name__, "size")
            rig.stub.behave(**{name: "hang"})
            answer = await backend.ask(operation)
            assert _code(answer) is LOST
            assert "did not answer within 0.3 s" in _why(answer)
            rig.stub.behave()
            await until(lambda: backend.status.is_ready)
            assert backend.status.pid != pid
            assert pid not in children()

    run(work)


def test_hang_while_the_key_is_made_ready_again_counts_into_the_same_limit(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(limits=replace(LIMITS, answer_s=0.3)) as backend:
            await _pid(backend)
            rig.stub.behave(forget=rig.stub.forget_key(), init="hang")
            assert _code(await backend.ask(make_quote())) is LOST

    run(work)


def test_child_that_hangs_at_start_is_killed_and_another_started(rig: Rig) -> None:
    async def work() -> None:
        rig.stub.behave(keyid="hang")
        async with rig.running(limits=replace(LIMITS, start_s=0.5)) as backend:
            await until(lambda: "quoting_child.lost" in rig.names)
            why = rig.events[0].why
            assert why is not None
            assert "not ready within 0.5 s" in why
            rig.stub.behave()
            assert isinstance(await backend.ask(make_quote()), SignedQuote)

    run(work)


def test_who_waits_behind_a_slow_quote_gets_18_at_the_limit_and_disturbs_nobody(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(limits=replace(LIMITS, wait_s=0.1)) as backend:
            await _pid(backend)
            rig.stub.behave(delay_ms=700)
            slow = asyncio.create_task(backend.ask(make_quote(1)))
            await until(lambda: "quote" in rig.stub.calls)
            answers = await asyncio.gather(*(backend.ask(make_quote(9)) for _ in range(5)))
            assert {_code(answer) for answer in answers} == {AesmCode.BUSY}
            assert isinstance(await slow, SignedQuote)
            rig.stub.behave()
            assert isinstance(await backend.ask(make_quote(2)), SignedQuote)
            assert rig.stub.calls.count("quote") == 2

    run(work)


# --- clients that go away, and many at once ----------------------------------------------------


def test_client_that_goes_away_leaves_its_quote_to_nobody_else(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            await _pid(backend)
            rig.stub.behave(delay_ms=200)
            gone = asyncio.create_task(backend.ask(make_quote(1)))
            await until(lambda: "quote" in rig.stub.calls)
            waits = asyncio.create_task(backend.ask(make_quote(2)))
            leaves = asyncio.create_task(backend.ask(make_quote(3)))
            await asyncio.sleep(0)
            gone.cancel()
            leaves.cancel()
            answer = await waits
            assert isinstance(answer, SignedQuote)
            assert answer.quote[48:432] == make_quote(2).report[:384]
            assert rig.stub.calls.count("quote") == 2
            assert backend.status.starts == 1

    run(work)


def test_no_quote_belongs_to_another_request_while_children_die(rig: Rig) -> None:
    async def work() -> None:
        patient = replace(QUICK, failures=1000)
        async with rig.running(restarts=patient) as backend:
            await _pid(backend)
            good = 0

            async def client(number: int) -> None:
                nonlocal good
                for turn in range(12):
                    asked = make_quote(number * 1000 + turn)
                    answer = await backend.ask(asked)
                    if isinstance(answer, SignedQuote):
                        assert answer.quote[48:432] == asked.report[:384]
                        good += 1
                    else:
                        assert _code(answer) is LOST

            async def killer() -> None:
                for _ in range(4):
                    await asyncio.sleep(0.05)
                    os.kill(await _pid(backend), signal.SIGKILL)

            async with asyncio.TaskGroup() as group:
                group.create_task(killer())
                for number in range(8):
                    group.create_task(client(number))
            assert good >= 8 * 12 - 4

    run(work)


def test_all_operations_of_many_clients_get_answers_of_their_own_kind(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            asked: list[Operation] = [InitKey(), GetQuoteSize(), make_quote()] * 20
            kinds = [KeyInfo, QuoteSize, SignedQuote] * 20
            answers = await asyncio.gather(*(backend.ask(operation) for operation in asked))
            assert [type(answer) for answer in answers] == kinds

    run(work)


# --- memory, end -------------------------------------------------------------------------------


def test_child_that_leaks_is_replaced_between_two_requests(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(limits=replace(LIMITS, memory_bytes=120 * MIB)) as backend:
            first = await _pid(backend)
            rig.stub.behave(leak=120 * MIB)
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            rig.stub.behave()
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            assert backend.status.pid != first
            lost = next(event for event in rig.events if event.name.value == "quoting_child.lost")
            assert lost.why is not None
            assert "limit 120 MiB" in lost.why

    run(work)


def test_stop_ends_a_child_that_hangs_and_refuses_who_waits_with_17(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running(limits=replace(LIMITS, stop_s=0.1)) as backend:
            pid = await _pid(backend)
            rig.stub.behave(quote="hang")
            asked = [asyncio.create_task(backend.ask(make_quote(mark))) for mark in range(3)]
            await until(lambda: "quote" in rig.stub.calls)
            await backend.stop()
            codes = {_code(answer) for answer in await asyncio.gather(*asked)}
            assert codes == {AesmCode.SERVICE_STOPPED}
            assert pid not in children()

    run(work)


@pytest.mark.parametrize("moment", ["spawn", "init", "pause", "rest"])
def test_stop_at_any_moment_leaves_no_process(rig: Rig, moment: str) -> None:
    async def work() -> None:
        how = {"init": {"init": "hang"}, "pause": {"load": "crash"}, "rest": {"load": "crash"}}
        rig.stub.behave(**how.get(moment, {}))
        failures = 1 if moment == "rest" else 5
        slow = replace(QUICK, failures=failures, first_delay_s=9, longest_delay_s=9, rest_s=9)
        async with rig.running(
            restarts=slow, limits=replace(LIMITS, stop_s=0.1), environment=rig.stub.environment
        ) as backend:
            match moment:
                case "spawn":
                    await until(lambda: backend.status.starts == 1)
                case "init":
                    await until(lambda: "init" in rig.stub.calls)
                case _:
                    await until(lambda: len(rig.events) == 1)

    run(work)


def test_back_end_is_started_once_and_may_be_started_again_after_a_stop(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            with pytest.raises(RuntimeError, match="started already"):
                await backend.start()
            await backend.stop()
            await backend.start()
            assert isinstance(await backend.ask(make_quote()), SignedQuote)

    run(work)


def test_child_ignores_the_signals_that_are_for_the_daemon(rig: Rig) -> None:
    async def work() -> None:
        async with rig.running() as backend:
            pid = await _pid(backend)
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
            assert isinstance(await backend.ask(make_quote()), SignedQuote)
            assert backend.status.pid == pid

    run(work)


_DAEMON = """
import asyncio, os, pathlib, sys
from confcom.adapters.quoting.dcap_backend import DcapBackend
from confcom.adapters.quoting.dcap_process import ChildOptions
from confcom.protocols.aesm.calls import GetQuoteSize

async def main():
    backend = DcapBackend(ChildOptions(library=sys.argv[1], environment=os.environ))
    await backend.start()
    asked = asyncio.create_task(backend.ask(GetQuoteSize()))
    while not calls():
        await asyncio.sleep(0.01)
    print(backend.status.pid, flush=True)
    await asked

def calls():
    file = pathlib.Path(os.environ["STUB_CALLS"])
    return file.exists() and "size" in file.read_text().split()

asyncio.run(main())
"""


def test_child_ends_with_a_daemon_that_is_killed_even_while_it_hangs(rig: Rig) -> None:
    rig.stub.behave(size="hang")
    command = [sys.executable, "-c", _DAEMON, str(rig.stub.libraries / COMPLETE)]
    with subprocess.Popen(
        command, env=dict(rig.stub.environment), stdout=subprocess.PIPE
    ) as daemon:
        assert daemon.stdout is not None
        pid = int(daemon.stdout.readline())
        os.kill(pid, 0)
        daemon.kill()
    while _is_running(pid):  # the test's limit ends it otherwise
        time.sleep(0.01)


def _is_running(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"
