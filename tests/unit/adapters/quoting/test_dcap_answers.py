# SPDX-License-Identifier: Apache-2.0
"""From what a child replied to what a client may get."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.adapters.quoting.dcap_answers import to_answer, to_question
from confcom.adapters.quoting.dcap_messages import (
    AskInit,
    AskQuote,
    AskSize,
    Failed,
    KeyReady,
    QuoteMade,
    Reply,
    SizeKnown,
)
from confcom.protocols.aesm.calls import (
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.protocols.aesm.codes import AesmCode

REPORT = bytes(range(256)) + bytes(176)
INFO = bytes(range(16)) + b"\x07" * 512 + bytes(432)
ASKED = MakeQuote(REPORT, None, 8192)
ASKED_WITH_INFO = MakeQuote(REPORT, INFO, 8192)


def _quote(*, size: int = 700, signature: int | None = None, report: bytes = REPORT) -> bytes:
    signature = size - 436 if signature is None else signature
    head = bytes(48) + report[:384] + signature.to_bytes(4, "little")
    return (head + bytes(max(size, 436)))[:size]


def _refusal(operation: Operation, reply: Reply) -> Refusal:
    answer = to_answer(operation, reply)
    assert isinstance(answer, Refusal)
    return answer


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        (b"", "quote of 0 bytes"),
        (_quote(size=435, signature=1), "quote of 435 bytes"),
        (_quote(size=436), "quote of 436 bytes"),
        (_quote(size=64 * 1024 + 1), "quote of 65537 bytes, limit 65536"),
        (_quote(signature=0), "quote says it has 436 bytes"),
        (_quote(signature=265), "quote says it has 701 bytes, of which 700 came"),
        (_quote(signature=2**32 - 1), "of which 700 came"),
        (_quote(report=b"\1" + REPORT[1:]), "another REPORT"),
        (_quote(report=REPORT[:383] + b"\1"), "another REPORT"),
    ],
)
def test_refuses_quote_that_cannot_be(quote: bytes, words: str) -> None:
    refusal = _refusal(ASKED, QuoteMade(1, quote, None))
    assert refusal.code is AesmCode.UNEXPECTED
    assert words in refusal.why


@pytest.mark.parametrize(
    ("asked", "filled"),
    [
        (ASKED, INFO),
        (ASKED_WITH_INFO, None),
        (ASKED_WITH_INFO, b"\xff" + INFO[1:]),
        (ASKED_WITH_INFO, INFO[:527] + b"\xff" + bytes(432)),
    ],
)
def test_refuses_info_that_is_not_what_was_asked(asked: MakeQuote, filled: bytes | None) -> None:
    refusal = _refusal(asked, QuoteMade(1, _quote(), filled))
    assert refusal.code is AesmCode.UNEXPECTED
    assert "QE report info" in refusal.why


@pytest.mark.parametrize("size", [-1, 0, 436, 65537, 2**32 - 1])
def test_refuses_size_that_no_quote_has(size: int) -> None:
    refusal = _refusal(GetQuoteSize(), SizeKnown(1, size))
    assert refusal.code is AesmCode.UNEXPECTED
    assert f"{size} bytes" in refusal.why


OPERATIONS: list[Operation] = [InitKey(), GetQuoteSize(), ASKED]
REPLIES: list[Reply] = [
    KeyReady(1, bytes(512), bytes(32)),
    SizeKnown(1, 700),
    QuoteMade(1, _quote(), None),
]


@pytest.mark.parametrize(
    ("operation", "reply"),
    [
        (operation, reply)
        for (at, operation), (other, reply) in product(enumerate(OPERATIONS), enumerate(REPLIES))
        if at != other
    ],
)
def test_refuses_answer_to_another_kind_of_question(operation: Operation, reply: Reply) -> None:
    assert _refusal(operation, reply).code is AesmCode.UNEXPECTED


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (0, AesmCode.UNEXPECTED, "failure with number 0"),
        (-1, AesmCode.UNEXPECTED, "it failed"),
        (2**64, AesmCode.UNEXPECTED, "it failed"),
        (0xE00F, AesmCode.KEY_NOT_INITIALISED, "new REPORT"),
        (0xE016, AesmCode.ENCLAVE_LOAD, "/dev/sgx_provision"),
        (0xE035, AesmCode.UNEXPECTED, "may not open /dev/sgx_provision"),
    ],
)
def test_failure_is_told_by_code_and_in_words(
    operation: Operation, error: int, code: AesmCode, words: str
) -> None:
    refusal = _refusal(operation, Failed(1, error, "it failed"))
    assert refusal.code is code
    assert words in refusal.why


def test_key_without_public_key_id_is_refused_with_the_cure() -> None:
    refusal = _refusal(InitKey(), KeyReady(1, bytes(512), None))
    assert refusal.code is AesmCode.SERVICE_UNAVAILABLE
    assert "use libsgx_qe3_logic.so" in refusal.why


@given(st.binary(max_size=1200), st.binary(min_size=960, max_size=960) | st.none())
def test_whatever_the_child_says_the_quote_is_for_the_report(
    quote: bytes, info: bytes | None
) -> None:
    for asked in (ASKED, ASKED_WITH_INFO):
        answer = to_answer(asked, QuoteMade(1, quote, info))
        if isinstance(answer, SignedQuote):
            assert answer.quote[48:432] == REPORT[:384]
        else:
            assert isinstance(answer, Refusal)


def test_good_replies_become_answers() -> None:
    assert to_answer(InitKey(), REPLIES[0]) == KeyInfo(bytes(512), bytes(32))
    assert to_answer(GetQuoteSize(), SizeKnown(1, 437)) == QuoteSize(437)
    assert to_answer(GetQuoteSize(), SizeKnown(1, 65536)) == QuoteSize(65536)
    assert to_answer(ASKED, QuoteMade(1, _quote(), None)) == SignedQuote(_quote(), None)
    filled = INFO[:528] + b"\x7e" * 432
    made = QuoteMade(1, _quote(size=800, signature=264), filled)
    assert to_answer(ASKED_WITH_INFO, made) == SignedQuote(_quote(), filled)


def test_questions_leave_the_clients_buffer_size_behind() -> None:
    assert to_question(InitKey(), 1) == AskInit(1)
    assert to_question(GetQuoteSize(), 2) == AskSize(2)
    assert to_question(MakeQuote(REPORT, INFO, 2**32 - 1), 3) == AskQuote(3, REPORT, INFO)
