# SPDX-License-Identifier: Apache-2.0
"""The page about numbers that applications print says what the tables in code say, and no more."""

import re
from functools import cache
from pathlib import Path

import pytest

from confcom.adapters.quoting.dcap_limits import DcapLimits, RestartPolicy
from confcom.protocols.aesm.codes import (
    QUOTE3_BASE,
    QUOTE3_WORDS,
    WORDS,
    AesmCode,
    Call,
    from_quote3,
    sgx_status_to_quote3,
    to_sgx_status,
)
from confcom.protocols.aesm.structures import MAX_BUFFER_BYTES
from confcom.protocols.quotas import LIMIT_WORDS

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "troubleshoot-quotes.md"
UNEXPECTED_STATUS = 0x0001
UNEXPECTED_ERROR = QUOTE3_BASE + 1
TIMEOUT_STATUS = 0x4002
"""Made by the client library itself when no answer comes; no code of a daemon becomes it."""
REST = "all others"
NONE = "none"


@cache
def _section(title: str) -> str:
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[title]


def _rows(title: str) -> list[list[str]]:
    """Cells of the table of a section, without its head."""
    lines = [line for line in _section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _hex(cell: str) -> list[int]:
    return [int(number, 16) for number in re.findall(r"`0x([0-9a-f]{4})`", cell)]


def _only(cell: str) -> int:
    (number,) = _hex(cell)
    return number


def _decimals(cell: str) -> list[int]:
    return [] if cell == NONE else [int(number) for number in cell.split(", ")]


def _statuses(code: AesmCode) -> list[int]:
    """What Intel's client library makes of a code, in all its calls."""
    return sorted({to_sgx_status(code, call) for call in Call})


def _statuses_of(error: int) -> list[int]:
    return [status for status in range(1, 0x10000) if sgx_status_to_quote3(status) == error]


def test_every_aesm_number_has_its_row_in_order() -> None:
    rows = [int(row[0]) for row in _rows("AESM numbers")]
    assert rows == [code.value for code in AesmCode if code is not AesmCode.SUCCESS]


@pytest.mark.parametrize("row", _rows("AESM numbers"), ids=lambda row: row[0])
def test_row_of_an_aesm_number_says_what_the_code_does(row: list[str]) -> None:
    number, meaning, application, cure = row
    code = AesmCode(int(number))
    assert meaning == WORDS[code]
    assert _hex(application) == _statuses(code)
    assert cure


def test_every_status_that_an_application_can_see_has_its_row_in_order() -> None:
    seen = {status for code in AesmCode for status in _statuses(code)} - {0}
    seen |= {status for error in QUOTE3_WORDS for status in _statuses_of(error)}
    assert [_only(row[0]) for row in _rows("sgx_status_t")] == sorted(seen)
    assert TIMEOUT_STATUS in seen


@pytest.mark.parametrize("row", _rows("sgx_status_t"), ids=lambda row: row[0])
def test_row_of_a_status_says_what_the_code_does(row: list[str]) -> None:
    number, name, codes, error, cause = row
    status = _only(number)
    assert name.startswith("SGX_ERROR_")
    assert _only(error) == sgx_status_to_quote3(status)
    assert cause
    if status == UNEXPECTED_STATUS:
        assert codes == REST
    else:
        assert _decimals(codes) == [code.value for code in AesmCode if status in _statuses(code)]


def test_every_quote3_error_has_its_row_in_order() -> None:
    numbers = range(QUOTE3_BASE + 1, QUOTE3_BASE + 0x100)
    of_library = {n for n in numbers if from_quote3(n) is not AesmCode.UNEXPECTED}
    of_wrapper = {sgx_status_to_quote3(status) for status in range(1, 0x10000)}
    known = of_library | of_wrapper | set(QUOTE3_WORDS)
    assert [_only(row[0]) for row in _rows("quote3_error_t")] == sorted(known)


@pytest.mark.parametrize("row", _rows("quote3_error_t"), ids=lambda row: row[0])
def test_row_of_a_quote3_error_says_what_the_code_does(row: list[str]) -> None:
    number, name, code, status, meaning, cure = row
    error = _only(number)
    assert name.startswith("SGX_QL_")
    assert int(code) == from_quote3(error)
    assert meaning == QUOTE3_WORDS.get(error, WORDS[from_quote3(error)])
    assert cure
    if error == UNEXPECTED_ERROR:
        assert status == REST
    else:
        assert _hex(status) == _statuses_of(error)
        assert (status == NONE) is not bool(_statuses_of(error))


@pytest.mark.parametrize("title", ["AESM numbers", "sgx_status_t", "quote3_error_t"])
def test_cures_point_to_numbers_that_have_a_row(title: str) -> None:
    known = {row[0] for row in _rows("AESM numbers")}
    for row in _rows(title):
        for named in re.findall(r"As for (?:AESM )?([\d, and]+)", row[-1], re.IGNORECASE):
            assert set(re.findall(r"\d+", named)) <= known


def test_symptoms_name_only_numbers_that_have_a_row() -> None:
    """0x4004 is the exception: Intel's loader of enclaves prints it, no client of a daemon."""
    rows = _rows("sgx_status_t") + _rows("quote3_error_t")
    known = {row[0].strip("`") for row in rows}
    named = set(re.findall(r"0x[0-9a-f]{4}\b", _section("By symptom")))
    assert named - known == {"0x4004"}
    codes = {row[0] for row in _rows("AESM numbers")}
    for symptom, *_ in _rows("By symptom"):
        start = re.match(r"(\d+) ", symptom)
        assert start is None or start[1] in codes


@pytest.mark.parametrize(
    "said",
    [
        f"larger than {MAX_BUFFER_BYTES // 1024} KiB",
        f"did not answer within {DcapLimits().answer_s:g} s (46)",
        f"one try each {RestartPolicy().rest_s:g} s",
        *LIMIT_WORDS.values(),
    ],
)
def test_limits_that_the_page_states_are_those_of_the_code(said: str) -> None:
    assert said in _section("By symptom")


@pytest.mark.parametrize(
    "trap",
    [
        "SGX_AESM_ADDR=0",
        "2^32",
        "another type than the request",
        "simulation mode",
        "PID namespace",
        "18 (`0x400a`",
        "42 (`0x8003`",
        "46 once, then 30",
    ],
)
def test_known_traps_have_their_row(trap: str) -> None:
    assert trap in _section("By symptom")
