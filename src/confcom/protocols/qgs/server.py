# SPDX-License-Identifier: Apache-2.0
"""The server's side of one connection: bytes in, at most one question for the back end, bytes out.

A request whose header is right is answered in its own type, with `ErrorCode.UNEXPECTED` where
there is nothing else to say; for anything else the connection is closed. A connection that starts
with a TDREPORT instead of a length is in raw mode. Source: Intel DCAP, TDX quote generation
service.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from confcom.errors import MalformedError
from confcom.protocols.qgs.calls import (
    Answer,
    CollateralDocuments,
    DescribePlatform,
    FetchCollateral,
    MakeTdQuote,
    Operation,
    PlatformInfo,
    Refusal,
    TdQuote,
)
from confcom.protocols.qgs.codes import Call, ErrorCode, MessageType
from confcom.protocols.qgs.error_reply import refuse_request
from confcom.protocols.qgs.framing import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    PREFIX_BYTES,
    frame_size,
    write_frame,
)
from confcom.protocols.qgs.replies import (
    Answered,
    GetCollateralReply,
    GetPlatformInfoReply,
    GetQuoteReply,
    check_answers,
)
from confcom.protocols.qgs.requests import (
    RAW_STARTS,
    REPORT_BYTES,
    FramedRequest,
    GetCollateralRequest,
    GetPlatformInfoRequest,
    GetQuoteRequest,
    RawQuoteRequest,
    read_request,
    type_of_request,
)

_CALLS: Final = {
    MessageType.GET_QUOTE_REQ: Call.GET_QUOTE,
    MessageType.GET_COLLATERAL_REQ: Call.GET_COLLATERAL,
    MessageType.GET_PLATFORM_INFO_REQ: Call.GET_PLATFORM_INFO,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """Send these bytes in one call, then close.

    Attributes:
        call: what was asked.
        code: what the reply says, 0 or an `ErrorCode`.
        data: everything to send.
        why: for the log, where the code is not 0.
    """

    call: Call
    code: int
    data: bytes = field(repr=False)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Close:
    """Close without sending a byte.

    Attributes:
        why: for the log.
        call: what was asked, where that is known.
    """

    why: str
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the back end, then hand its answer to `ServerConnection.answer`.

    Attributes:
        call: what was asked.
        operation: the question.
    """

    call: Call
    operation: Operation


Event = Reply | Close | Ask


class ServerConnection:
    """One request, one reply.

    Attributes:
        call: what was asked, once that is known.
    """

    __slots__ = ("_data", "_finish", "call")

    def __init__(self) -> None:
        self._data: bytearray | None = bytearray()
        self._finish: Callable[[Answer], Reply | Close] | None = None
        self.call: Call | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the client has sent nothing yet."""
        return self._data is not None and not self._data

    def receive(self, data: bytes) -> Event | None:
        """Take bytes; return what to do once the request is complete. Later bytes are ignored."""
        if self._data is None:
            return None
        self._data += data[: PREFIX_BYTES + MAX_REQUEST_BYTES - len(self._data)]
        start = bytes(self._data[:PREFIX_BYTES])
        is_raw = start in RAW_STARTS
        try:
            size = REPORT_BYTES if is_raw else frame_size(start, most=MAX_REQUEST_BYTES)
        except MalformedError as exc:
            self._data = None
            return Close(exc.message)
        if size is None or len(self._data) < size:
            return None
        whole = bytes(self._data[:size])
        self._data = None
        return self._decide_raw(whole) if is_raw else self._decide(whole[PREFIX_BYTES:])

    def answer(self, answer: Answer) -> Reply | Close:
        """Return what to do with the back end's answer to the last `Ask`."""
        if self._finish is None:
            raise RuntimeError("nothing was asked")
        finish, self._finish = self._finish, None
        return finish(answer)

    def refuse(self, why: str) -> Reply | Close:
        """Return what refuses the request, in place of an answer."""
        return self.answer(Refusal(why))

    def _decide_raw(self, data: bytes) -> Event:
        self.call = Call.RAW_QUOTE
        try:
            request = RawQuoteRequest.from_bytes(data)
        except MalformedError as exc:
            return Close(exc.message, Call.RAW_QUOTE)
        self._finish = _finish_raw
        return Ask(Call.RAW_QUOTE, MakeTdQuote(request.report))

    def _decide(self, message: bytes) -> Event:
        try:
            kind = type_of_request(message)
        except MalformedError as exc:
            return Close(exc.message)
        call = self.call = _CALLS[kind]
        try:
            request = read_request(message)
            operation = _operation(request)
        except MalformedError as exc:
            return _refused(kind, exc.message)
        self._finish = lambda answer: _finish_framed(request, answer)
        return Ask(call, operation)


def _operation(request: FramedRequest) -> Operation:
    if isinstance(request, GetQuoteRequest):
        return MakeTdQuote(request.report, request.key_ids)
    if isinstance(request, GetCollateralRequest):
        return FetchCollateral(*request.platform())
    return DescribePlatform()


def _finish_raw(answer: Answer) -> Reply | Close:
    match answer:
        case TdQuote(quote) if 0 < len(quote) <= MAX_REPLY_BYTES:
            return Reply(Call.RAW_QUOTE, 0, quote)
        case _:
            return Close(_why(answer), Call.RAW_QUOTE)


def _finish_framed(request: FramedRequest, answer: Answer) -> Reply:
    try:
        reply = _reply(request, answer)
        message = None if reply is None else reply.to_bytes()
    except MalformedError as exc:
        return _refused(request.type, f"back end gave an answer that cannot be sent: {exc.message}")
    if message is None:
        return _refused(request.type, _why(answer))
    if len(message) > MAX_REPLY_BYTES:
        return _refused(request.type, f"answer of {len(message)} bytes, limit {MAX_REPLY_BYTES}")
    return Reply(_CALLS[request.type], 0, write_frame(message))


def _reply(request: FramedRequest, answer: Answer) -> Answered | None:
    """Return the reply that carries an answer; None if it is no answer to the request."""
    match request, answer:
        case GetQuoteRequest(), TdQuote():
            reply = GetQuoteReply(quote=answer.quote, selected_id=answer.selected_id)
            check_answers(reply, request)
            return reply
        case GetCollateralRequest(), CollateralDocuments():
            return GetCollateralReply(
                collateral_major=answer.major_version,
                collateral_minor=answer.minor_version,
                pck_crl_issuer_chain=answer.pck_crl_issuer_chain,
                root_ca_crl=answer.root_ca_crl,
                pck_crl=answer.pck_crl,
                tcb_info_issuer_chain=answer.tcb_info_issuer_chain,
                tcb_info=answer.tcb_info,
                qe_identity_issuer_chain=answer.qe_identity_issuer_chain,
                qe_identity=answer.qe_identity,
                has_spare=request.minor == 0,
            )
        case GetPlatformInfoRequest(), PlatformInfo():
            return GetPlatformInfoReply(
                tdqe_svn=answer.tdqe_svn,
                pce_svn=answer.pce_svn,
                platform_id=answer.platform_id,
                cpu_svn=answer.cpu_svn,
            )
        case _:
            return None


def _refused(kind: MessageType, why: str) -> Reply:
    message = refuse_request(kind).to_bytes()
    return Reply(_CALLS[kind], ErrorCode.UNEXPECTED, write_frame(message), why)


def _why(answer: Answer) -> str:
    if isinstance(answer, Refusal):
        return answer.why
    return "back end gave no answer to what was asked"
