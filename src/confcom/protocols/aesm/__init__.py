# SPDX-License-Identifier: Apache-2.0
"""AESM, the protocol by which enclaves get quotes out of process.

The client's half has a module of its own, `client`: a daemon that only serves lives without it.
"""

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
    "from_quote3",
    "read_key_ids",
    "to_sgx_status",
    "write_frame",
    "write_key_ids",
]
