# SPDX-License-Identifier: Apache-2.0
"""QGS, the protocol by which TDs get quotes from the host's quote generation service."""

from confcom.protocols.qgs.calls import (
    Answer,
    CollateralDocuments,
    DescribePlatform,
    FetchCollateral,
    MakeTdQuote,
    Operation,
    PckCa,
    PlatformInfo,
    Refusal,
    TdQuote,
)
from confcom.protocols.qgs.client import ClientConnection, RawClientConnection
from confcom.protocols.qgs.codes import WORDS, Call, ErrorCode, MessageType
from confcom.protocols.qgs.error_reply import ErrorReply
from confcom.protocols.qgs.framing import MAX_REPLY_BYTES, MAX_REQUEST_BYTES
from confcom.protocols.qgs.replies import (
    FramedReply,
    GetCollateralReply,
    GetPlatformInfoReply,
    GetQuoteReply,
    read_reply,
    reply_from_stream,
)
from confcom.protocols.qgs.requests import (
    FramedRequest,
    GetCollateralRequest,
    GetPlatformInfoRequest,
    GetQuoteRequest,
    RawQuoteRequest,
    Request,
    read_request,
    request_from_stream,
)
from confcom.protocols.qgs.server import Ask, Close, Event, Reply, ServerConnection

__all__ = [
    "MAX_REPLY_BYTES",
    "MAX_REQUEST_BYTES",
    "WORDS",
    "Answer",
    "Ask",
    "Call",
    "ClientConnection",
    "Close",
    "CollateralDocuments",
    "DescribePlatform",
    "ErrorCode",
    "ErrorReply",
    "Event",
    "FetchCollateral",
    "FramedReply",
    "FramedRequest",
    "GetCollateralReply",
    "GetCollateralRequest",
    "GetPlatformInfoReply",
    "GetPlatformInfoRequest",
    "GetQuoteReply",
    "GetQuoteRequest",
    "MakeTdQuote",
    "MessageType",
    "Operation",
    "PckCa",
    "PlatformInfo",
    "RawClientConnection",
    "RawQuoteRequest",
    "Refusal",
    "Reply",
    "Request",
    "ServerConnection",
    "TdQuote",
    "read_reply",
    "read_request",
    "reply_from_stream",
    "request_from_stream",
]
