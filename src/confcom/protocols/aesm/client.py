# SPDX-License-Identifier: Apache-2.0
"""The client's side of one connection: a request as bytes, and its reply, which is not trusted.

Intel's client library crashes on a reply of another type and takes a reply without a quote for
success; here each of these is an error. Source: intel/linux-sgx, AESM service messages.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import DecodeError

from confcom.errors import MalformedError, UsageError
from confcom.protocols.aesm.calls import KeyInfo, QuoteSize, Refusal, SignedQuote
from confcom.protocols.aesm.codes import WORDS, AesmCode
from confcom.protocols.aesm.framing import MAX_REPLY_BYTES, FrameReader, write_frame
from confcom.protocols.aesm.structures import (
    KEY_ID_BYTES,
    MAX_BUFFER_BYTES,
    MAX_KEY_IDS,
    MIN_QUOTE_BYTES,
    PUBLIC_KEY_ID_BYTES,
    QE_REPORT_INFO_BYTES,
    REPORT_BYTES,
    TARGET_INFO_BYTES,
    QeReportInfo,
    is_same_key,
    read_key_ids,
    report_body,
)
from confcom.protocols.pb.aesm_pb2 import Request, Response
from confcom.reasons import Reason

_SIGNATURE_SIZE: Final = slice(432, MIN_QUOTE_BYTES)
_QUOTE_BODY: Final = slice(48, 432)
_REPORT_BODY: Final = slice(0, 384)
_ASKED_INFO: Final = slice(0, 528)

T = TypeVar("T")


class Exchange(Generic[T]):
    """One request and its reply. Send ``request`` in one call, then hand over what arrives.

    Made by the functions ``ask_…`` of this module. Further bytes after the reply are ignored.

    Attributes:
        call: name of the request's sub-message.
        request: the whole frame.
    """

    __slots__ = ("_read", "_reader", "call", "request")

    def __init__(
        self, call: str, read: Callable[[Any], T], timeout_ms: int | None, **fields: object
    ) -> None:
        request = Request()
        content = getattr(request, call)
        content.SetInParent()
        for name, value in fields.items():
            if value is not None:
                setattr(content, name, value)
        if timeout_ms is not None:
            content.timeout = timeout_ms
        self.call = call
        self.request = write_frame(request.SerializeToString())
        self._read = read
        self._reader = FrameReader(MAX_REPLY_BYTES)

    @property
    def is_unanswered(self) -> bool:
        """Whether the server has sent nothing yet."""
        return self._reader.is_empty

    def receive(self, data: bytes) -> T | Refusal | None:
        """Take bytes; return the answer once it is complete, else None.

        Raises:
            MalformedError: the reply is longer than one may be (reason ``too_large``), is of
                another type than the request, or lacks what it must have (``message_format``).
        """
        message = self._reader.receive(data)
        return None if message is None else self._decide(message)

    def end(self) -> MalformedError:
        """Return the error for a connection that ends before the reply is complete."""
        if self.is_unanswered:
            return _malformed(f"connection ended without a reply to {self.call}")
        return _malformed(f"connection ended inside the reply to {self.call}: short read")

    def _decide(self, message: bytes) -> T | Refusal:
        try:
            response = Response.FromString(message)
        except DecodeError as exc:
            raise _malformed(f"reply to {self.call} cannot be decoded: {exc}") from exc
        found = [field.name for field, _ in response.ListFields()]
        if found != [self.call]:
            what = ", ".join(found) or "nothing"
            raise _malformed(f"wrong message: reply to {self.call} holds {what}")
        content = getattr(response, self.call)
        if not content.HasField("error_code"):
            raise _malformed(f"reply to {self.call} has no error code")
        if content.error_code:
            return _refusal(content.error_code)
        return self._read(content)


def ask_key_id_count(*, timeout_ms: int | None = None) -> Exchange[int]:
    """Ask how many attestation keys are offered; 0 to 10.

    Args:
        timeout_ms: the client's own limit in milliseconds, which servers ignore; the same below.
    """

    def read(content: Any) -> int:  # noqa: ANN401 a generated message
        count: int = _get(content, "att_key_id_num")
        if count > MAX_KEY_IDS:
            raise _malformed(f"{count} attestation key ids offered, expected at most {MAX_KEY_IDS}")
        return count

    return Exchange("get_supported_att_key_id_num", read, timeout_ms)


def ask_key_ids(count: int, *, timeout_ms: int | None = None) -> Exchange[tuple[bytes, ...]]:
    """Ask for the key ids, 256 bytes each, of which there are ``count``."""
    size = count * KEY_ID_BYTES

    def read(content: Any) -> tuple[bytes, ...]:  # noqa: ANN401 a generated message
        data = _get_sized(content, "att_key_ids", size)
        return tuple(data[start : start + KEY_ID_BYTES] for start in range(0, size, KEY_ID_BYTES))

    return Exchange("get_supported_att_key_ids", read, timeout_ms, buf_size=size)


def ask_selection(
    key_id_list: bytes | None = None, *, timeout_ms: int | None = None
) -> Exchange[bytes]:
    """Ask which key to use of a list (see `write_key_ids`), or which is the default; 256 bytes."""
    wanted = None if key_id_list is None else read_key_ids(key_id_list)

    def read(content: Any) -> bytes:  # noqa: ANN401 a generated message
        selected = _get_sized(content, "selected_att_key_id", KEY_ID_BYTES)
        if wanted is not None and not any(is_same_key(selected, one) for one in wanted):
            raise _malformed("the selected attestation key id is none of the list")
        return selected

    return Exchange("select_att_key_id", read, timeout_ms, att_key_id_list=key_id_list)


def ask_public_key_id_size(key_id: bytes, *, timeout_ms: int | None = None) -> Exchange[int]:
    """Ask how long the public key id is; always 32. Servers answer without their enclaves."""

    def read(content: Any) -> int:  # noqa: ANN401 a generated message
        _get_sized(content, "target_info", TARGET_INFO_BYTES)
        return _public_key_id_size(content)

    return Exchange("init_quote_ex", read, timeout_ms, att_key_id=key_id, b_pub_key_id=False)


def ask_key_info(key_id: bytes, *, timeout_ms: int | None = None) -> Exchange[KeyInfo]:
    """Ask to make the attestation key ready."""

    def read(content: Any) -> KeyInfo:  # noqa: ANN401 a generated message
        target_info = _get_sized(content, "target_info", TARGET_INFO_BYTES)
        size = _public_key_id_size(content)
        return KeyInfo(target_info, _get_sized(content, "pub_key_id", size))

    return Exchange(
        "init_quote_ex",
        read,
        timeout_ms,
        att_key_id=key_id,
        b_pub_key_id=True,
        buf_size=PUBLIC_KEY_ID_BYTES,
    )


def ask_quote_size(key_id: bytes, *, timeout_ms: int | None = None) -> Exchange[QuoteSize]:
    """Ask how long quotes are."""

    def read(content: Any) -> QuoteSize:  # noqa: ANN401 a generated message
        size: int = _get(content, "quote_size")
        if not MIN_QUOTE_BYTES <= size <= MAX_BUFFER_BYTES:
            raise _malformed(
                f"quote size is {size}, expected {MIN_QUOTE_BYTES} to {MAX_BUFFER_BYTES} bytes"
            )
        return QuoteSize(size)

    return Exchange("get_quote_size_ex", read, timeout_ms, att_key_id=key_id)


def ask_quote(
    report: bytes,
    key_id: bytes,
    buf_size: int,
    *,
    qe_report_info: bytes | None = None,
    timeout_ms: int | None = None,
) -> Exchange[SignedQuote]:
    """Ask for a quote. It comes back without the zeros behind it.

    That the QE's REPORT names nonce and quote is checked; its MAC only the target enclave can.

    Args:
        report: 432 bytes, made for the quoting enclave.
        key_id: 256 bytes.
        buf_size: longest quote, 436 to 65536 bytes.
        qe_report_info: 960 bytes, `QeReportInfo`.
        timeout_ms: as everywhere here.

    Raises:
        UsageError: a size is none of these.
    """
    _require("REPORT", len(report), REPORT_BYTES, REPORT_BYTES)
    _require("buffer", buf_size, MIN_QUOTE_BYTES, MAX_BUFFER_BYTES)
    if qe_report_info is not None:
        _require("QE report info", len(qe_report_info), QE_REPORT_INFO_BYTES, QE_REPORT_INFO_BYTES)

    def read(content: Any) -> SignedQuote:  # noqa: ANN401 a generated message
        quote = _cut(_get(content, "quote"), buf_size)
        if qe_report_info is None:
            return SignedQuote(quote)
        made = _get_sized(content, "qe_report_info", QE_REPORT_INFO_BYTES)
        _check_qe_report(qe_report_info, made, quote)
        return SignedQuote(quote, made)

    return Exchange(
        "get_quote_ex",
        read,
        timeout_ms,
        report=report,
        att_key_id=key_id,
        qe_report_info=qe_report_info,
        buf_size=buf_size,
    )


def check_quote_is_of(report: bytes, quote: bytes) -> None:
    """Refuse a quote that is not of this REPORT, such as that of another client.

    Raises:
        MalformedError: the body of the quote differs (reason ``message_format``).
    """
    if quote[_QUOTE_BODY] != report[_REPORT_BODY]:
        raise _malformed("the quote that came back is not of the REPORT that was sent")


def _cut(quote: bytes, buf_size: int) -> bytes:
    if len(quote) > buf_size:
        raise _malformed(f"quote of {len(quote)} bytes, longer than the {buf_size} asked for")
    if len(quote) < MIN_QUOTE_BYTES:
        raise _malformed(f"quote of {len(quote)} bytes, expected at least {MIN_QUOTE_BYTES}")
    size = MIN_QUOTE_BYTES + int.from_bytes(quote[_SIGNATURE_SIZE], "little")
    if size > len(quote):
        raise _malformed(f"quote says it has {size} bytes, but only {len(quote)} came")
    return quote[:size]


def _check_qe_report(asked: bytes, made: bytes, quote: bytes) -> None:
    if made[_ASKED_INFO] != asked[_ASKED_INFO]:
        raise _malformed("QE report info comes back with another nonce or target")
    info = QeReportInfo.from_bytes(made)
    expected = sha256(info.nonce + quote).digest() + bytes(32)
    if not hmac.compare_digest(report_body(info.qe_report).report_data, expected):
        raise _malformed("REPORT of the quoting enclave is not about this nonce and this quote")


def _public_key_id_size(content: Any) -> int:  # noqa: ANN401 a generated message
    size: int = _get(content, "pub_key_id_size")
    if size != PUBLIC_KEY_ID_BYTES:
        raise _malformed(f"pub_key_id_size is {size}, expected {PUBLIC_KEY_ID_BYTES}")
    return size


def _get(content: Any, name: str) -> Any:  # noqa: ANN401 a field of a generated message
    if not content.HasField(name):
        raise _malformed(f"reply says success but has no {name}")
    return getattr(content, name)


def _get_sized(content: Any, name: str, size: int) -> bytes:  # noqa: ANN401 a generated message
    value: bytes = _get(content, name)
    if len(value) != size:
        raise _malformed(f"{name} has {len(value)} bytes, expected {size}")
    return value


def _refusal(number: int) -> Refusal:
    try:
        code = AesmCode(number)
    except ValueError:
        return Refusal(AesmCode.UNEXPECTED, f"unknown number {number}")
    return Refusal(code, WORDS[code])


def _require(what: str, found: int, least: int, most: int) -> None:
    if not least <= found <= most:
        expected = str(least) if least == most else f"{least} to {most}"
        raise UsageError(Reason.USAGE, f"{what} has {found} bytes, expected {expected}")


def _malformed(message: str) -> MalformedError:
    return MalformedError(Reason.MESSAGE_FORMAT, message)
