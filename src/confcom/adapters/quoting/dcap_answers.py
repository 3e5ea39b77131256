# SPDX-License-Identifier: Apache-2.0
"""From what a child replied to what a client may get: nothing is handed on unchecked."""

import hmac
from typing import Final

from confcom.adapters.quoting.dcap_messages import (
    MAX_QUOTE_BYTES,
    MIN_QUOTE_BYTES,
    AskInit,
    AskQuote,
    AskSize,
    Failed,
    KeyReady,
    Question,
    QuoteMade,
    Reply,
    SizeKnown,
)
from confcom.protocols.aesm.calls import (
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.protocols.aesm.codes import QUOTE3_WORDS, WORDS, AesmCode, from_quote3

_BODY_OFFSET: Final = 48
_BODY_BYTES: Final = 384
_SIGNATURE_SIZE_OFFSET: Final = 432
_GIVEN_BYTES: Final = 528
"""Of QE report info, what the client chose: nonce and target info."""


def to_question(operation: Operation, number: int) -> Question:
    """Return the question of a number; the client's buffer size stays behind."""
    match operation:
        case InitKey():
            return AskInit(number)
        case GetQuoteSize():
            return AskSize(number)
        case MakeQuote(report, info, _):
            return AskQuote(number, report, info)


def to_answer(operation: Operation, reply: Reply) -> Answer:
    """Return the answer to a client; what cannot be is refused with code 1, and said why."""
    match operation, reply:
        case _, Failed():
            return to_refusal(reply)
        case InitKey(), KeyReady(public_key_id=None):
            return Refusal(
                AesmCode.SERVICE_UNAVAILABLE,
                "libsgx_dcap_ql.so.1 does not tell the public key id before a quote was made; "
                "use libsgx_qe3_logic.so",
            )
        case InitKey(), KeyReady(target_info=target_info, public_key_id=bytes() as key_id):
            return KeyInfo(target_info, key_id)
        case GetQuoteSize(), SizeKnown(size=size):
            if MIN_QUOTE_BYTES < size <= MAX_QUOTE_BYTES:
                return QuoteSize(size)
            return _unexpected(f"quote size is {size} bytes, limit {MAX_QUOTE_BYTES}")
        case MakeQuote(), QuoteMade():
            return _to_quote(operation, reply)
        case _:
            return _unexpected(f"{type(reply).__name__} in answer to {type(operation).__name__}")


def to_refusal(failed: Failed) -> Refusal:
    """Return what a failure of the library means to the client, and in words to the log."""
    code = from_quote3(failed.error)
    if code is AesmCode.SUCCESS:
        return _unexpected(f"failure with number 0: {failed.why}")
    return Refusal(code, f"{failed.why}: {QUOTE3_WORDS.get(failed.error, WORDS[code])}")


def _to_quote(asked: MakeQuote, made: QuoteMade) -> Answer:
    quote = made.quote
    if not MIN_QUOTE_BYTES < len(quote) <= MAX_QUOTE_BYTES:
        return _unexpected(f"quote of {len(quote)} bytes, limit {MAX_QUOTE_BYTES}")
    signature = int.from_bytes(quote[_SIGNATURE_SIZE_OFFSET:MIN_QUOTE_BYTES], "little")
    length = MIN_QUOTE_BYTES + signature
    if not signature or length > len(quote):
        return _unexpected(
            f"quote says it has {length} bytes, of which {len(quote)} came from the library"
        )
    body = quote[_BODY_OFFSET : _BODY_OFFSET + _BODY_BYTES]
    if not hmac.compare_digest(body, asked.report[:_BODY_BYTES]):
        return _unexpected("quote is for another REPORT than the one that was sent")
    given, filled = asked.qe_report_info, made.qe_report_info
    if (given is None) != (filled is None):
        return _unexpected("QE report info is missing, or was not asked for")
    if given is not None and filled is not None and given[:_GIVEN_BYTES] != filled[:_GIVEN_BYTES]:
        return _unexpected("QE report info has another nonce or target than was sent")
    return SignedQuote(quote[:length], filled)


def _unexpected(why: str) -> Refusal:
    return Refusal(AesmCode.UNEXPECTED, f"the quoting library's answer cannot be: {why}")
