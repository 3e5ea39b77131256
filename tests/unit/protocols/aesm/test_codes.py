# SPDX-License-Identifier: Apache-2.0
"""Error numbers as Intel's libraries turn them into one another, line by line."""

import pytest

from confcom.protocols.aesm import WORDS, AesmCode, Call, from_quote3, to_sgx_status
from confcom.protocols.aesm.codes import QUOTE3_WORDS, sgx_status_to_quote3

QUOTE3 = {
    0x01: 1, 0x02: 3, 0x03: 21, 0x04: 32, 0x05: 33, 0x06: 15, 0x07: 34, 0x08: 35, 0x09: 36,
    0x0A: 37, 0x0B: 38, 0x0C: 39, 0x0D: 40, 0x0E: 41, 0x0F: 42, 0x10: 43, 0x11: 44, 0x12: 29,
    0x13: 45, 0x14: 46, 0x15: 47, 0x16: 48, 0x17: 49, 0x18: 50, 0x19: 12, 0x1A: 22,
}  # fmt: skip

# AESM code: number and ids, select, init, size, quote.
STATUS = """
    2: 2006 2006 2006 2006 2006
    4: 0001 0001 4003 0001 4003
    5: 0001 0001 4005 0001 4005
    19: 0001 0001 400a 0001 400a
    3: 0002 0002 0002 0002 0002
    12: 4007 4007 4007 4007 4007
    13: 4007 4007 4007 4007 4007
    14: 4007 4007 4007 4007 4007
    17: 4001 4001 4001 4001 4001
    30: 4001 4001 4001 4001 4001
    46: 4001 4001 4001 4001 4001
    48: 4001 4001 4001 4001 4001
    18: 400a 400a 400a 400a 400a
    20: 4006 4006 4006 4006 4006
    21: 0003 0003 0003 0003 0003
    29: 0001 0001 2005 0001 2005
    31: 4012 4012 4012 4012 4012
    38: 0001 8001 8001 8001 8001
    42: 0001 0001 0001 8003 8003
    44: 0001 0001 8005 0001 0001
    45: 0001 0001 0001 0001 3001
    47: 0001 0001 0001 0001 3001
    50: 0001 0001 8002 0001 0001
"""
ROWS = {
    int(code): [int(number, 16) for number in numbers.split()]
    for code, _, numbers in (line.partition(":") for line in STATUS.strip().splitlines())
}


@pytest.mark.parametrize(("number", "code"), QUOTE3.items())
def test_number_of_the_dcap_libraries_becomes_its_code(number: int, code: int) -> None:
    assert from_quote3(0xE000 + number) == code


@pytest.mark.parametrize("number", [*range(0x1B, 0x70), 0x1000])
def test_number_without_a_code_of_its_own_becomes_unexpected(number: int) -> None:
    assert from_quote3(0xE000 + number) is AesmCode.UNEXPECTED


@pytest.mark.parametrize("number", [1, 0x15, 0xDFFF, 0x1E001, 2**32 - 1, -1])
def test_number_of_no_dcap_library_becomes_unexpected(number: int) -> None:
    assert from_quote3(number) is AesmCode.UNEXPECTED


def test_success_stays_success() -> None:
    assert from_quote3(0) is AesmCode.SUCCESS
    assert [to_sgx_status(0, call) for call in Call] == [0] * 5
    assert sgx_status_to_quote3(0) == 0


@pytest.mark.parametrize("code", [*range(1, 53), 53, 4711, 2**32 - 1])
def test_code_becomes_the_status_that_applications_print(code: int) -> None:
    expected = ROWS.get(code, [1] * 5)
    assert [to_sgx_status(code, call) for call in Call] == expected


STATUS_TO_QUOTE3 = {
    0x0001: 0xE001, 0x0002: 0xE002, 0x0003: 0xE003, 0x2006: 0xE03F, 0x4001: 0xE040, 0x4002: 0xE042,
    0x4007: 0xE041, 0x400A: 0xE043, 0x8001: 0xE00B, 0x8002: 0xE010, 0x8003: 0xE00F, 0x8005: 0xE011,
}  # fmt: skip


@pytest.mark.parametrize(("status", "number"), STATUS_TO_QUOTE3.items())
def test_status_becomes_the_number_of_the_wrapper(status: int, number: int) -> None:
    assert sgx_status_to_quote3(status) == number


@pytest.mark.parametrize("status", [0x4006, 0x2005, 0x3001, 0x4003, 0x4005, 0x4012, 0x8004, 0xFFFF])
def test_status_without_a_number_of_its_own_becomes_unexpected(status: int) -> None:
    assert sgx_status_to_quote3(status) == 0xE001


def test_every_code_has_words_for_operators() -> None:
    assert set(WORDS) == set(AesmCode)
    for words in (*WORDS.values(), *QUOTE3_WORDS.values()):
        assert words.strip() == words
        assert not words.endswith(".")


def test_codes_are_those_of_the_protocol_and_no_others() -> None:
    assert {int(code) for code in AesmCode} == set(range(52)) - {7, 8, 9, 10, 11, 27}
