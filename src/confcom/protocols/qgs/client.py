# SPDX-License-Identifier: Apache-2.0
"""The client's side of one connection: a request out, its reply in.

Source: Intel DCAP ``qgs_msg_lib.h`` and the TDX quote generation service.
"""

from confcom.errors import MalformedError
from confcom.protocols.qgs.framing import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    PREFIX_BYTES,
    frame_size,
    write_frame,
)
from confcom.protocols.qgs.header import malformed
from confcom.protocols.qgs.replies import FramedReply, check_answers, read_reply
from confcom.protocols.qgs.requests import FramedRequest, RawQuoteRequest
from confcom.reasons import Reason


class ClientConnection:
    """Sends one framed request and reads its reply.

    Args:
        request: what to ask.

    Attributes:
        to_send: the request's bytes; to be sent first.

    Raises:
        MalformedError: the request is larger than services take (reason ``too_large``).
    """

    __slots__ = ("_data", "_request", "to_send")

    def __init__(self, request: FramedRequest) -> None:
        message = request.to_bytes()
        if len(message) > MAX_REQUEST_BYTES:
            raise MalformedError(
                Reason.TOO_LARGE,
                f"QGS request has {len(message)} bytes, limit {MAX_REQUEST_BYTES}",
            )
        self._request = request
        self._data: bytearray | None = bytearray()
        self.to_send = write_frame(message)

    def receive(self, data: bytes) -> FramedReply | None:
        """Take bytes; return the reply once it is complete. Later bytes are ignored.

        Returns:
            The reply of the request's type, or an `ErrorReply`.

        Raises:
            MalformedError: a length over the limit (``too_large``), no reply, a reply of another
                type, or one that does not answer this request (``message_format``).
        """
        if self._data is None:
            return None
        self._data += data[: PREFIX_BYTES + MAX_REPLY_BYTES - len(self._data)]
        try:
            size = frame_size(self._data, most=MAX_REPLY_BYTES)
        except MalformedError:
            self._data = None
            raise
        if size is None or len(self._data) < size:
            return None
        message = bytes(self._data[PREFIX_BYTES:size])
        self._data = None
        reply = read_reply(message)
        check_answers(reply, self._request)
        return reply

    def end(self) -> None:
        """Note that the server sends no more.

        Raises:
            MalformedError: the reply is not complete (reason ``message_format``).
        """
        if self._data is not None:
            found, self._data = len(self._data), None
            raise malformed(f"QGS reply ends after {found} bytes, before it is complete")


class RawClientConnection:
    """Sends one TDREPORT in raw mode and reads the quote, which ends with the connection.

    Args:
        request: what to ask.

    Attributes:
        to_send: the request's bytes; to be sent first.
    """

    __slots__ = ("_data", "to_send")

    def __init__(self, request: RawQuoteRequest) -> None:
        self._data: bytearray | None = bytearray()
        self.to_send = request.to_bytes()

    def receive(self, data: bytes) -> None:
        """Take bytes of the quote.

        Raises:
            MalformedError: more than a quote can have (reason ``too_large``).
        """
        if self._data is None:
            return
        self._data += data
        if len(self._data) > MAX_REPLY_BYTES:
            self._data = None
            raise MalformedError(
                Reason.TOO_LARGE, f"QGS raw reply is larger than {MAX_REPLY_BYTES} bytes"
            )

    def end(self) -> bytes:
        """Note that the server sends no more, and return the quote, unread.

        Raises:
            MalformedError: the server closed without a quote (reason ``message_format``).
        """
        data, self._data = self._data, None
        if not data:
            raise malformed("QGS raw reply is empty: the service made no quote of this TDREPORT")
        return bytes(data)
