# SPDX-License-Identifier: Apache-2.0
"""AESM, the protocol by which enclaves get quotes out of process.

The client's half is loaded at its first use: a daemon that only serves lives without it.
"""

from typing import TYPE_CHECKING, Final

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
from confcom.protocols.aesm.codes import WORDS, AesmCode, Call, from_quote3, to_sgx_status
from confcom.protocols.aesm.framing import FrameReader, write_frame
from confcom.protocols.aesm.server import Ask, Close, Event, Reply, ServerConnection
from confcom.protocols.aesm.structures import (
    DEFAULT_KEY_ID,
    AttestationKeyId,
    QeReportInfo,
    read_key_ids,
    write_key_ids,
)

if TYPE_CHECKING:
    from confcom.protocols.aesm.client import (
        Exchange,
        ask_key_id_count,
        ask_key_ids,
        ask_key_info,
        ask_public_key_id_size,
        ask_quote,
        ask_quote_size,
        ask_selection,
        check_quote_is_of,
    )

__all__ = [
    "DEFAULT_KEY_ID",
    "WORDS",
    "AesmCode",
    "Answer",
    "Ask",
    "AttestationKeyId",
    "Call",
    "Close",
    "Event",
    "Exchange",
    "FrameReader",
    "GetQuoteSize",
    "InitKey",
    "KeyInfo",
    "MakeQuote",
    "Operation",
    "QeReportInfo",
    "QuoteSize",
    "Refusal",
    "Reply",
    "ServerConnection",
    "SignedQuote",
    "ask_key_id_count",
    "ask_key_ids",
    "ask_key_info",
    "ask_public_key_id_size",
    "ask_quote",
    "ask_quote_size",
    "ask_selection",
    "check_quote_is_of",
    "from_quote3",
    "read_key_ids",
    "to_sgx_status",
    "write_frame",
    "write_key_ids",
]

_OF_CLIENT: Final = frozenset(
    {
        "Exchange",
        "ask_key_id_count",
        "ask_key_ids",
        "ask_key_info",
        "ask_public_key_id_size",
        "ask_quote",
        "ask_quote_size",
        "ask_selection",
        "check_quote_is_of",
    }
)


def __getattr__(name: str) -> object:
    if name in _OF_CLIENT:
        from confcom.protocols.aesm import client  # noqa: PLC0415 - see above

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
