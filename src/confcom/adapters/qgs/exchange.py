# SPDX-License-Identifier: Apache-2.0
"""One question and its answer, framed or raw, and what a reply has to be to be taken.

Source: Intel DCAP, TDX quote generation service.
"""

from dataclasses import fields
from typing import Final, Protocol

from confcom.dcap import Quote, TdReport, TdxReport
from confcom.errors import MalformedError, UsageError
from confcom.protocols.qgs import (
    WORDS,
    Answer,
    ClientConnection,
    CollateralDocuments,
    DescribePlatform,
    ErrorReply,
    FetchCollateral,
    FramedReply,
    FramedRequest,
    GetCollateralReply,
    GetCollateralRequest,
    GetPlatformInfoReply,
    GetPlatformInfoRequest,
    GetQuoteReply,
    GetQuoteRequest,
    MakeTdQuote,
    Operation,
    PlatformInfo,
    RawClientConnection,
    RawQuoteRequest,
    Refusal,
    TdQuote,
)
from confcom.reasons import Reason

_REPORT_BYTES: Final = 1024
_FMSPC_BYTES: Final = 6
_DOCUMENTS: Final = tuple(
    entry.name for entry in fields(CollateralDocuments) if not entry.name.endswith("version")
)
_OF_THE_TD: Final = tuple(
    entry.name
    for entry in fields(TdReport)
    if entry.name in {other.name for other in fields(TdxReport)}
)


class Exchange(Protocol):
    """One request, and the reader of its reply.

    Attributes:
        purpose: what is wanted, for messages.
        request: bytes to send.
        has_begun: whether a byte has come back.
    """

    purpose: str
    request: bytes
    has_begun: bool

    def receive(self, data: bytes) -> Answer | None:
        """Take bytes; return the answer once it is complete."""
        ...

    def end(self) -> Answer:
        """Note that nothing more comes, after a beginning; return the answer if it is complete."""
        ...


class FramedExchange:
    """A framed message each way.

    Args:
        operation: what to ask.

    Raises:
        MalformedError: the request is larger than services take (reason ``too_large``).
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self.purpose, request = _request(operation)
        self._machine = ClientConnection(request)
        self.request = self._machine.to_send
        self.has_begun = False

    def receive(self, data: bytes) -> Answer | None:
        """Take bytes; return the answer once it is complete.

        Raises:
            MalformedError: they are no reply to the request (``message_format``, ``too_large``),
                or the quote is not of the TDREPORT, see `quote_of`.
        """
        self.has_begun = True
        reply = self._machine.receive(data)
        if reply is None:
            return None
        answer, asked = _answer(reply), self._operation
        if isinstance(answer, TdQuote) and isinstance(asked, MakeTdQuote):
            return TdQuote(quote_of(asked.report, answer.quote), answer.selected_id)
        return answer

    def end(self) -> Answer:
        """Refuse a reply that ends before it is complete.

        Raises:
            MalformedError: always (reason ``message_format``).
        """
        self._machine.end()
        raise RuntimeError("the reply was complete already")


class RawExchange:
    """A bare TDREPORT, and the bare quote, which ends with the connection.

    Args:
        report: 1024 bytes.

    Raises:
        MalformedError: they are no TDREPORT (reason ``message_format``).
    """

    def __init__(self, report: bytes) -> None:
        self._report = report
        self._machine = RawClientConnection(RawQuoteRequest(report=report))
        self.purpose = "get a quote in raw mode"
        self.request = self._machine.to_send
        self.has_begun = False

    def receive(self, data: bytes) -> None:
        """Take bytes.

        Raises:
            MalformedError: more than a quote can have (reason ``too_large``).
        """
        self.has_begun = True
        self._machine.receive(data)

    def end(self) -> Answer:
        """Return the quote.

        Raises:
            MalformedError: it is none, or not of the TDREPORT, see `quote_of`.
        """
        return TdQuote(quote_of(self._report, self._machine.end()))


def finish(exchange: Exchange) -> Answer:
    """Return the answer that the end of the connection completes.

    Raises:
        MalformedError: it is not complete.
        ConnectionResetError: not a byte of it came.
    """
    if not exchange.has_begun:
        raise ConnectionResetError
    return exchange.end()


def report_bytes(report: TdxReport | bytes) -> bytes:
    """Return the 1024 bytes of a TDREPORT.

    Raises:
        UsageError: it has another size.
    """
    data = report.to_bytes() if isinstance(report, TdxReport) else report
    if len(data) != _REPORT_BYTES:
        raise UsageError(Reason.USAGE, f"TDREPORT has {len(data)} bytes, expected {_REPORT_BYTES}")
    return data


def fmspc_bytes(fmspc: bytes) -> bytes:
    """Return an FMSPC.

    Raises:
        UsageError: it has not 6 bytes.
    """
    if len(fmspc) != _FMSPC_BYTES:
        raise UsageError(Reason.USAGE, f"FMSPC has {len(fmspc)} bytes, expected {_FMSPC_BYTES}")
    return fmspc


def quote_of(report: bytes, data: bytes) -> bytes:
    """Return a quote without the zeros behind it, if it is of this TDREPORT.

    Signatures are not checked.

    Args:
        report: 1024 bytes.
        data: what came back.

    Raises:
        MalformedError: it is no quote (the reasons of `Quote.from_bytes`), or one of another TD,
            state or report data, such as another client's (``message_format``).
    """
    quote, asked = Quote.from_bytes(data), TdxReport.from_bytes(report)
    body = quote.body
    if not isinstance(body, TdReport) or any(
        getattr(body, name) not in {None, getattr(asked, name)} for name in _OF_THE_TD
    ):
        raise MalformedError(
            Reason.MESSAGE_FORMAT, "the quote that came back is not of the TDREPORT that was sent"
        )
    return data[: len(data) - quote.trailing]


def _request(operation: Operation) -> tuple[str, FramedRequest]:
    match operation:
        case MakeTdQuote(report, key_ids):
            return "get a quote", GetQuoteRequest(report=report, key_ids=key_ids)
        case FetchCollateral(fmspc, ca):
            # Services in C take the name for a string that ends with NUL.
            name = ca.encode("ascii") + b"\0"
            return "get collateral", GetCollateralRequest(fmspc=fmspc, ca=name)
        case DescribePlatform():
            return "get platform information", GetPlatformInfoRequest()


def _answer(reply: FramedReply) -> Answer:
    match reply:
        case GetQuoteReply(quote=quote, selected_id=selected_id):
            return TdQuote(quote, selected_id)
        case GetCollateralReply():
            return CollateralDocuments(
                major_version=reply.collateral_major,
                minor_version=reply.collateral_minor,
                **{name: getattr(reply, name) for name in _DOCUMENTS},
            )
        case GetPlatformInfoReply():
            return PlatformInfo(
                tdqe_svn=reply.tdqe_svn,
                pce_svn=reply.pce_svn,
                platform_id=reply.platform_id,
                cpu_svn=reply.cpu_svn,
            )
        case ErrorReply(code=code):
            return Refusal(f"error {int(code):#x}: {WORDS[code]}")
