# SPDX-License-Identifier: Apache-2.0
"""Every recorded exchange of real clients and Intel's server, byte for byte."""

from pathlib import Path

import pytest
from tests import vectors_path
from tests.vectors import aesm, exchanges


@pytest.fixture(scope="module")
def folder() -> Path:
    return vectors_path.require("aesm")


@pytest.mark.parametrize("kind", aesm.COMPARE)
def test_recorded_exchanges_come_out_as_recorded(folder: Path, kind: str) -> None:
    cases = [case for case in exchanges.read_cases(folder) if case.kind == kind]
    assert cases
    for case in cases:
        assert list(aesm.COMPARE[kind](case)) == [], case.id


def _broken(folder: Path, **record: object) -> exchanges.Case:
    first = next(case for case in exchanges.read_cases(folder) if case.kind == "server")
    return exchanges.Case("other", "server", folder, {**first.record, **record})


def test_recorded_exchange_that_differs_is_found(folder: Path) -> None:
    replies = [case.record["response"] for case in exchanges.read_cases(folder)[:2]]
    assert exchanges.compare(_broken(folder), aesm.COMPARE) == []
    for wrong in (None, replies[1]):
        assert len(exchanges.compare(_broken(folder, response=wrong), aesm.COMPARE)) == 3


def test_reply_that_need_not_be_exact_is_compared_by_type_and_code(folder: Path) -> None:
    cases = [case for case in exchanges.read_cases(folder) if case.kind == "server"]
    quotes = [
        case for case in cases if case.record["response"] and len(case.read("response")) > 4096
    ]
    plain, padded = sorted(quotes, key=lambda case: len(case.read("response")))[:: len(quotes) - 1]
    record = {**plain.record, "response": padded.record["response"]}
    for is_exact, count in ((True, 3), (False, 0)):
        record["byte_exact_with_canned_backend"] = is_exact
        case = exchanges.Case("other", "server", folder, record)
        assert len(exchanges.compare(case, aesm.COMPARE)) == count


def test_request_that_ends_too_early_is_closed(folder: Path, tmp_path: Path) -> None:
    first = next(case for case in exchanges.read_cases(folder) if case.kind == "server")
    (tmp_path / "cut.hex").write_text(first.read("request")[:-1].hex())
    record = {**first.record, "request": tmp_path / "cut.hex", "response": None}
    case = exchanges.Case("other", "server", folder, record)
    assert exchanges.compare(case, aesm.COMPARE) == []


def test_file_that_is_not_there_is_found(folder: Path) -> None:
    [difference] = exchanges.compare(_broken(folder, request="absent.hex"), aesm.COMPARE)
    assert "absent.hex" in difference


def test_kind_that_nothing_compares_is_found(folder: Path) -> None:
    case = exchanges.Case("other", "sealed", folder, {"expect": "error"})
    assert exchanges.compare(case, aesm.COMPARE) == ["unknown kind 'sealed'"]


def test_expectation_that_is_not_known_is_found(folder: Path) -> None:
    good = next(case for case in exchanges.read_cases(folder) if case.kind == "sim_report")
    unclear = exchanges.Case("other", good.kind, folder, {**good.record, "expect": "perhaps"})
    assert exchanges.compare(unclear, aesm.COMPARE) == ["unknown expectation 'perhaps'"]


@pytest.mark.parametrize(
    ("operation", "expect", "differs"),
    [
        ("num", "error: wrong message", False),
        ("num", "error", False),
        ("num", "error: short read", True),
        ("num", "error: something else", False),
        ("num", "typed error 1", True),
        ("num", "error 1", True),
        ("num", "accepted", True),
        ("init", "error: wrong message", False),
        ("quote buf_size 4600", "error", False),
        ("number", "error", True),
        ("num", "errors", True),
        ("num", "perhaps", True),
    ],
)
def test_expectation_of_a_client_is_compared(
    folder: Path, operation: str, expect: str, *, differs: bool
) -> None:
    first = next(case for case in exchanges.read_cases(folder) if case.kind == "client")
    record = {**first.record, "operation": operation, "expect": expect}
    found = exchanges.compare(exchanges.Case("other", "client", folder, record), aesm.COMPARE)
    assert bool(found) == differs


def test_verdict_on_a_report_is_compared(folder: Path) -> None:
    cases = [case for case in exchanges.read_cases(folder) if case.kind == "sim_report"]
    for case in cases:
        other = "MAC verifies" if "not" in case.expect else "MAC does not verify (error 47)"
        turned = exchanges.Case("other", case.kind, folder, {**case.record, "expect": other})
        assert exchanges.compare(case, aesm.COMPARE) == []
        assert len(exchanges.compare(turned, aesm.COMPARE)) == 1
