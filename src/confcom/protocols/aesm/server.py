# SPDX-License-Identifier: Apache-2.0
"""The server's side of one connection: bytes in, at most one question for the back end, bytes out.

Byte for byte what Intel's server answers to every request that exists, and a closed connection
where Intel's server closes. Source: intel/linux-sgx, AESM service, request logic of the quote-ex
service; observed with its compiled code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from google.protobuf.message import DecodeError

from confcom.errors import MalformedError
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
from confcom.protocols.aesm.codes import AesmCode
from confcom.protocols.aesm.framing import MAX_REQUEST_BYTES, FrameReader, write_frame
from confcom.protocols.aesm.structures import (
    KEY_ID_BYTES,
    MAX_BUFFER_BYTES,
    MIN_QUOTE_BYTES,
    PUBLIC_KEY_ID_BYTES,
    QE_REPORT_INFO_BYTES,
    REPORT_BYTES,
    TARGET_INFO_BYTES,
    is_same_key,
    read_key_ids,
)
from confcom.protocols.pb.aesm_pb2 import Request, Response

# Of several sub-messages in one request only one is answered, the first in this order.
CALLS: Final = (
    "get_launch_token",
    "init_quote",
    "get_quote",
    "report_error",
    "check_update_status",
    "get_white_list_size",
    "get_white_list",
    "get_extended_group_id",
    "switch_extended_group",
    "register",
    "init_quote_ex",
    "get_quote_size_ex",
    "get_quote_ex",
    "select_att_key_id",
    "get_supported_att_key_id_num",
    "get_supported_att_key_ids",
)
"""Names of all requests."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Send these bytes in one call, then close.

    Attributes:
        call: name of the request's sub-message.
        code: what it says.
        data: the whole frame.
    """

    call: str
    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close without sending a byte.

    Attributes:
        why: for the log.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the back end, then hand its answer to `ServerConnection.answer`.

    Attributes:
        call: name of the request's sub-message.
        operation: the question.
    """

    call: str
    operation: Operation


Event = Reply | Close | Ask


class ServerConnection:
    """One request of one client.

    Args:
        key_ids: what is offered, 256 bytes each, the default first; none while there is no
            quoting service, which is answered with 30 and never with 38.
    """

    __slots__ = ("_finish", "_key_ids", "_reader", "call")

    def __init__(self, key_ids: Sequence[bytes]) -> None:
        self._key_ids = tuple(key_ids)
        self._reader: FrameReader | None = FrameReader(MAX_REQUEST_BYTES)
        self._finish: Callable[[Answer], Reply] | None = None
        self.call: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the client has sent nothing yet."""
        return self._reader is not None and self._reader.is_empty

    def receive(self, data: bytes) -> Event | None:
        """Take bytes; return what to do once the request is complete. Later bytes are ignored."""
        if self._reader is None:
            return None
        try:
            message = self._reader.receive(data)
        except MalformedError as exc:
            self._reader = None
            return Close(exc.message)
        if message is None:
            return None
        self._reader = None
        return self._decide(message)

    def answer(self, answer: Answer) -> Reply:
        """Return the reply for the back end's answer to the last `Ask`."""
        if self._finish is None:
            raise RuntimeError("nothing was asked")
        finish, self._finish = self._finish, None
        return finish(answer)

    def refuse(self, code: AesmCode, why: str) -> Reply:
        """Return the reply of the request's own type that refuses it, in place of an answer."""
        return self.answer(Refusal(code, why))

    def _decide(self, message: bytes) -> Event:
        try:
            request = Request.FromString(message)
        except DecodeError as exc:
            return Close(f"request cannot be decoded: {exc}")
        call = next((name for name in CALLS if request.HasField(name)), None)
        if call is None:
            return Close("request is of no kind that exists")
        self.call = call
        content = getattr(request, call)
        if not content.IsInitialized():
            return _reply(call, AesmCode.UNEXPECTED, **_ALWAYS.get(call, {}))
        decide = self._DECISIONS.get(call)
        if decide is None:
            return _reply(call, AesmCode.SERVICE_UNAVAILABLE, **_ALWAYS.get(call, {}))
        return decide(self, content)

    def _register(self, content: Any) -> Event:  # noqa: ANN401 a generated message
        code = AesmCode.PARAMETER if content.data_type else AesmCode.SERVICE_UNAVAILABLE
        return _reply("register", code)

    def _number(self, _: object) -> Event:
        call = "get_supported_att_key_id_num"
        if not self._key_ids:
            return _reply(call, AesmCode.SERVICE_UNAVAILABLE)
        return _reply(call, AesmCode.SUCCESS, att_key_id_num=len(self._key_ids))

    def _ids(self, content: Any) -> Event:  # noqa: ANN401 a generated message
        call = "get_supported_att_key_ids"
        if not self._key_ids:
            return _reply(call, AesmCode.SERVICE_UNAVAILABLE)
        ids = b"".join(self._key_ids)
        if content.buf_size != len(ids):
            return _reply(call, AesmCode.PARAMETER)
        return _reply(call, AesmCode.SUCCESS, att_key_ids=ids)

    def _select(self, content: Any) -> Event:  # noqa: ANN401 a generated message
        call = "select_att_key_id"
        if not self._key_ids:
            return _reply(call, AesmCode.SERVICE_UNAVAILABLE)
        if not content.HasField("att_key_id_list"):
            return _reply(call, AesmCode.SUCCESS, selected_att_key_id=self._key_ids[0])
        try:
            wanted = read_key_ids(content.att_key_id_list)
        except MalformedError:
            return _reply(call, AesmCode.PARAMETER)
        matches = [one for one in wanted if self._offers(one)]
        if not matches:
            return _reply(call, AesmCode.UNSUPPORTED_KEY_ID)
        default = (one for one in matches if is_same_key(one, self._key_ids[0]))
        return _reply(call, AesmCode.SUCCESS, selected_att_key_id=next(default, matches[0]))

    def _init(self, content: Any) -> Event:  # noqa: ANN401 a generated message
        call, size = "init_quote_ex", content.buf_size

        def refused(code: int) -> Reply:
            return _reply(call, code, pub_key_id_size=size)

        code = self._check_key(content)
        if code is not None:
            return refused(code)
        if not content.b_pub_key_id:
            return _reply(
                call,
                AesmCode.SUCCESS,
                target_info=bytes(TARGET_INFO_BYTES),
                pub_key_id_size=PUBLIC_KEY_ID_BYTES,
            )
        if size != PUBLIC_KEY_ID_BYTES:
            return refused(AesmCode.PARAMETER)

        def finish(answer: Answer) -> Reply:
            match answer:
                case KeyInfo(target_info, public_key_id) if (
                    len(target_info) == TARGET_INFO_BYTES
                    and len(public_key_id) == PUBLIC_KEY_ID_BYTES
                ):
                    return _reply(
                        call,
                        AesmCode.SUCCESS,
                        target_info=target_info,
                        pub_key_id_size=PUBLIC_KEY_ID_BYTES,
                        pub_key_id=public_key_id,
                    )
                case _:
                    return refused(_code_of(answer))

        self._finish = finish
        return Ask(call, InitKey())

    def _size(self, content: Any) -> Event:  # noqa: ANN401 a generated message
        call = "get_quote_size_ex"
        code = self._check_key(content)
        if code is not None:
            return _reply(call, code, quote_size=0)

        def finish(answer: Answer) -> Reply:
            match answer:
                case QuoteSize(size) if MIN_QUOTE_BYTES <= size <= MAX_BUFFER_BYTES:
                    return _reply(call, AesmCode.SUCCESS, quote_size=size)
                case _:
                    return _reply(call, _code_of(answer), quote_size=0)

        self._finish = finish
        return Ask(call, GetQuoteSize())

    def _quote(self, content: Any) -> Event:  # noqa: ANN401 a generated message
        call, size = "get_quote_ex", content.buf_size
        info = content.qe_report_info if content.HasField("qe_report_info") else None
        given = {} if info is None else {"qe_report_info": info}

        def refused(code: int) -> Reply:
            return _reply(call, code, **given)

        code = self._check_key(content)
        if code is not None:
            return refused(code)
        if (
            len(content.report) != REPORT_BYTES
            or (info is not None and len(info) != QE_REPORT_INFO_BYTES)
            or not MIN_QUOTE_BYTES <= size <= MAX_BUFFER_BYTES
        ):
            return refused(AesmCode.PARAMETER)

        def finish(answer: Answer) -> Reply:
            match answer:
                case SignedQuote(quote) if len(quote) > size:
                    return refused(AesmCode.PARAMETER)
                case SignedQuote(quote, made) if len(quote) >= MIN_QUOTE_BYTES and (
                    info is None or (made is not None and len(made) == QE_REPORT_INFO_BYTES)
                ):
                    more = {} if made is None or info is None else {"qe_report_info": made}
                    padded = quote + bytes(size - len(quote))
                    return _reply(call, AesmCode.SUCCESS, quote=padded, **more)
                case _:
                    return refused(_code_of(answer))

        self._finish = finish
        return Ask(call, MakeQuote(content.report, info, size))

    def _check_key(self, content: Any) -> AesmCode | None:  # noqa: ANN401 a generated message
        if not content.HasField("att_key_id") or len(content.att_key_id) < KEY_ID_BYTES:
            return AesmCode.PARAMETER
        if not self._key_ids:
            return AesmCode.SERVICE_UNAVAILABLE
        return None if self._offers(content.att_key_id) else AesmCode.UNSUPPORTED_KEY_ID

    def _offers(self, key_id: bytes) -> bool:
        return any(is_same_key(key_id, offered) for offered in self._key_ids)

    _DECISIONS: ClassVar[Mapping[str, Callable[["ServerConnection", Any], Event]]] = {
        "register": _register,
        "init_quote_ex": _init,
        "get_quote_size_ex": _size,
        "get_quote_ex": _quote,
        "select_att_key_id": _select,
        "get_supported_att_key_id_num": _number,
        "get_supported_att_key_ids": _ids,
    }


# What Intel's server sends along also where there is nothing to say.
_ALWAYS: Final[dict[str, dict[str, int]]] = {
    "init_quote_ex": {"pub_key_id_size": 0},
    "get_quote_size_ex": {"quote_size": 0},
    "get_extended_group_id": {"x_group_id": 0},
    "get_white_list_size": {"white_list_size": 0},
    "check_update_status": {"status": 0},
}


def _reply(call: str, code: int, **fields: int | bytes) -> Reply:
    response = Response()
    content = getattr(response, call)
    content.error_code = int(code)
    for name, value in fields.items():
        setattr(content, name, value)
    return Reply(call, int(code), write_frame(response.SerializeToString()))


def _code_of(answer: Answer) -> AesmCode:
    """Return the code of a refusal; any other answer here is a fault of the back end."""
    if isinstance(answer, Refusal) and answer.code is not AesmCode.SUCCESS:
        return answer.code
    return AesmCode.UNEXPECTED
