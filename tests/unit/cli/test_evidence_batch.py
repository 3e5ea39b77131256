# SPDX-License-Identifier: Apache-2.0
"""A run of many quotes over several processes: order, memory, and workers that end early."""

import base64
import json
import multiprocessing
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path

import pytest
from tests.simulated import AT, authority, sgx

from confcom.attestation import ReferenceValues
from confcom.cli import evidence_batch
from confcom.cli.collateral_options import CollateralPlan
from confcom.cli.evidence_batch import CHUNK, CHUNK_BYTES
from confcom.cli.evidence_inputs import Input
from confcom.cli.evidence_judge import Judge, Plan
from confcom.cli.evidence_results import Rendered, Renderer
from confcom.cli.evidence_workers import Chunk, Worker
from confcom.runtime.settings import CollateralSettings

RENDERER = Renderer("jsonl", color=False)
Results = Generator[list[Rendered], None, None]
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Of a run with the collateral and the root of the samples."""
    (tmp_path / "quote.json").write_bytes(sgx().collateral.to_json())
    collateral = (str(tmp_path / "quote.json"),)
    return Plan(
        CollateralPlan(CollateralSettings(), collateral, allow_simulated=True, at=AT),
        authority().root.pem,
        ReferenceValues(),
    )


@pytest.fixture
def run(plan: Plan) -> Callable[..., Results]:
    """Starts a run in two processes, the first ten quotes in this one."""
    return partial(
        evidence_batch.run, judge=Judge(plan), plan=plan, renderer=RENDERER, jobs=2, alone=10
    )


def inputs(count: int, *quotes: bytes) -> list[Input]:
    texts = [base64.b64encode(quote) for quote in quotes or (sgx().quote,)]
    return [Input(f"-:{number}", texts[number % len(texts)]) for number in range(count)]


def flat(results: Iterable[list[Rendered]]) -> list[Rendered]:
    return list(chain.from_iterable(results))


def names(results: list[Rendered]) -> list[str]:
    return [json.loads(result.text)["input"] for result in results]


def worker_process() -> multiprocessing.process.BaseProcess:
    [process] = multiprocessing.active_children()
    return process


def test_workers_keep_the_order_and_agree_with_one_process(
    plan: Plan, run: Callable[..., Results]
) -> None:
    good = sgx().quote
    items = inputs(1600, good, good[:100] + bytes([good[100] ^ 1]) + good[101:], good[:900], good)
    alone = flat(run(iter(items), jobs=1))
    assert names(alone) == [item.name for item in items]
    assert Counter(json.loads(result.text)["reason"] for result in alone) == {
        None: 800, "quote_signature": 400, "quote_format": 400,
    }  # fmt: skip
    assert flat(run(iter(items))) == alone
    assert flat(run(iter(items), jobs=3)) == alone
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_loses_nothing(run: Callable[..., Results]) -> None:
    items = inputs(3000)
    results = run(iter(items))
    first = flat(islice(results, 20))  # the eleventh is of a chunk that the worker judged
    worker_process().kill()
    assert names(first + flat(results)) == [item.name for item in items]


@pytest.mark.usefixtures("capfd")  # the worker says what is wrong
def test_a_worker_that_never_comes_up_loses_nothing(
    plan: Plan, run: Callable[..., Results]
) -> None:
    items = inputs(3000)
    results = run(iter(items), plan=plan._replace(root_pem=b"none"))
    assert names(flat(results)) == [item.name for item in items]


def test_a_short_run_does_not_wait_for_a_worker_to_start(
    plan: Plan, run: Callable[..., Results], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "collect", lambda _: [])  # as if it were never up
    items = inputs(100)
    assert names(flat(run(iter(items)))) == [item.name for item in items]


def test_a_worker_that_has_ended_takes_no_chunk(plan: Plan) -> None:
    worker = Worker(plan, RENDERER)
    worker_process().kill()
    worker_process().join()
    chunk = Chunk(inputs(1))
    assert not worker.give(chunk)
    assert worker.collect() == []
    assert not worker.is_free
    worker.close()


def test_a_worker_gives_back_what_it_has_not_judged(plan: Plan) -> None:
    worker = Worker(plan, RENDERER)
    chunk = Chunk(inputs(1))
    assert worker.give(chunk)
    assert worker.take_back() == [chunk]
    assert chunk.results is None
    assert not worker.is_free
    worker.close()


def test_chunks_are_read_only_as_they_are_needed(run: Callable[..., Results]) -> None:
    read = 0

    def items() -> Iterator[Input]:
        nonlocal read
        for item in inputs(10_000):
            read += 1
            yield item

    results = run(items())
    for _ in range(5):
        next(results)
    assert read == 5
    results.close()


def test_long_lines_make_short_chunks(run: Callable[..., Results]) -> None:
    text = b" " * (CHUNK_BYTES // 3 + 1)
    results = run(iter([Input(f"-:{number}", text) for number in range(10 + CHUNK)]))
    assert {len(chunk) for chunk in islice(results, 10, None)} == {3, 2}
