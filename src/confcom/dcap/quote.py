# SPDX-License-Identifier: Apache-2.0
"""ECDSA quotes of versions 3, 4 and 5 from bytes to values and back.

Sources: Intel SGX ECDSA Quote Library Reference, appendix A (version 3); Intel TDX DCAP Quoting
Library API, appendix A (versions 4 and 5); ``sgx_quote_3.h``, ``sgx_quote_4.h``, ``sgx_quote_5.h``.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from confcom.dcap.header import HEADER, Header, QuoteVersion, TeeType
from confcom.dcap.signature import SIGNATURE_DATA_SIZE, SignatureData
from confcom.dcap.td_report import TdReport
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import ReportBody
from confcom.wire import Cursor, Field, Kind, Layout, Value

MAX_QUOTE_BYTES: Final = 64 * 1024


class BodyType(IntEnum):
    """Body types, as version 5 writes them; versions 3 and 4 imply type 1 or 2."""

    SGX = 1
    TD_1_0 = 2
    TD_1_5 = 3
    TD_1_5_EX = 4


BODY_SIZES: Final = {
    BodyType.SGX: 384,
    BodyType.TD_1_0: 584,
    BodyType.TD_1_5: 648,
    BodyType.TD_1_5_EX: 885,
}
_BODY_TYPES: Final = {int(kind): kind for kind in BodyType}
_BODY_NAMES: Final[dict[Value, str]] = {
    BodyType.SGX: "SGX report",
    BodyType.TD_1_0: "TD report 1.0",
    BodyType.TD_1_5: "TD report 1.5",
    BodyType.TD_1_5_EX: "TD report 1.5 extended",
}
# Members fetched once: each access through its class costs Python 3.11 a quarter of a microsecond.
_V5: Final = QuoteVersion.V5
_SGX: Final = TeeType.SGX
_TDX: Final = TeeType.TDX
_SGX_BODY: Final = BodyType.SGX
_TD_BODY: Final = BodyType.TD_1_0


def body_type_name(value: Value) -> str:
    """Return what a body type means."""
    return _BODY_NAMES.get(value, "not supported")


BODY_DESCRIPTOR: Final = Layout(
    "body descriptor (version 5)",
    6,
    Field("body_type", 0, 2, Kind.UINT, body_type_name, doc="1 SGX, 2 to 4 TD"),
    Field("body_size", 2, 4, Kind.UINT, doc="384, 584, 648 or 885, by type"),
    cite="Intel TDX DCAP Quoting Library API, A.3.2",
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote.

    Attributes:
        header: first 48 bytes.
        body_type: which body follows.
        body: the application's report.
        signed: the bytes under the quote signature: header, (version 5: type and size,) body.
        signature: signature data.
        trailing: count of zero bytes after the quote (buffers are larger than quotes).
    """

    header: Header
    body_type: BodyType
    body: ReportBody | TdReport
    signed: bytes
    signature: SignatureData
    trailing: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a quote of at most 64 KiB, with any number of zero bytes behind it.

        Raises:
            MalformedError: reasons ``quote_format``, ``quote_version``, ``att_key_type``,
                ``tee_type``, ``qe_vendor``, ``body_type``, ``cert_type``, ``trailing_data``,
                ``too_large``.
        """
        if len(data) > MAX_QUOTE_BYTES:
            raise MalformedError(
                Reason.TOO_LARGE,
                f"quote has {len(data)} bytes, more than the limit of {MAX_QUOTE_BYTES}",
            )
        header = Header.from_bytes(data)
        cursor = Cursor(data, what="quote", refuse=_refuse, start=HEADER.size)
        body_type = _read_body_type(cursor, header)
        body = cursor.take(BODY_SIZES[body_type], "body")
        signed = data[: cursor.position]
        (size,) = cursor.read(SIGNATURE_DATA_SIZE)
        return cls(
            header,
            body_type,
            ReportBody.from_bytes(body) if body_type is _SGX_BODY else TdReport.from_bytes(body),
            signed,
            SignatureData.read(cursor.part(size, "signature data"), header.version),
            _count_trailing_zeros(data, cursor.position),
        )

    def to_bytes(self) -> bytes:
        """Return the quote's bytes, trailing zeros included."""
        data = self.signature.to_bytes(self.header.version)
        size = SIGNATURE_DATA_SIZE.pack((len(data),))
        return b"".join((self.signed, size, data, bytes(self.trailing)))

    @property
    def is_tdx(self) -> bool:
        """Whether the quote speaks of a TD."""
        return self.header.tee_type is _TDX


def signed_part(header: Header, body_type: BodyType, body: ReportBody | TdReport) -> bytes:
    """Return the bytes that the quote signature covers."""
    raw = body.to_bytes()
    if header.version is not _V5:
        return header.to_bytes() + raw
    return b"".join((header.to_bytes(), BODY_DESCRIPTOR.pack((body_type, len(raw))), raw))


def _refuse(message: str) -> MalformedError:
    return MalformedError(
        Reason.QUOTE_FORMAT,
        f"cannot parse quote: {message}",
        hint="the file may be cut off, or not be a quote; try: confcom evidence inspect",
    )


def _read_body_type(cursor: Cursor, header: Header) -> BodyType:
    if header.version is not _V5:
        return _SGX_BODY if header.tee_type is _SGX else _TD_BODY
    number, size = cursor.read(BODY_DESCRIPTOR)
    body_type = _BODY_TYPES.get(number)
    if body_type is None:
        raise MalformedError(
            Reason.BODY_TYPE, f"quote body type {number} is not supported; known are 1 to 4"
        )
    if (body_type is _SGX_BODY) != (header.tee_type is _SGX):
        raise MalformedError(
            Reason.BODY_TYPE,
            f"quote body type {number} does not go with TEE type {header.tee_type:#x}",
        )
    if size != BODY_SIZES[body_type]:
        raise _refuse(f"body type {number} has {BODY_SIZES[body_type]} bytes, {size} declared")
    return body_type


def _count_trailing_zeros(data: bytes, end: int) -> int:
    trailing = len(data) - end
    if trailing and data[end:] != bytes(trailing):
        raise MalformedError(
            Reason.TRAILING_DATA,
            f"{trailing} bytes that are not all zero follow the quote at offset {end}",
            hint="nothing signs these bytes; cut the file off at that offset",
        )
    return trailing
