# SPDX-License-Identifier: Apache-2.0
"""ECDSA quotes of versions 3, 4 and 5 from bytes to values and back.

Sources: Intel SGX ECDSA Quote Library Reference, appendix A (version 3); Intel TDX DCAP Quoting
Library API, appendix A (versions 4 and 5); ``sgx_quote_3.h``, ``sgx_quote_4.h``, ``sgx_quote_5.h``.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from confcom.dcap.header import HEADER, Header, QuoteVersion, TeeType
from confcom.dcap.td_report import TdReport
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import ReportBody
from confcom.wire import Cursor

MAX_QUOTE_BYTES: Final = 64 * 1024
SIGNATURE_BYTES: Final = 64
PUBLIC_KEY_BYTES: Final = 64
REPORT_BODY_BYTES: Final = 384


class BodyType(IntEnum):
    """Body types, as version 5 writes them; versions 3 and 4 imply type 1 or 2."""

    SGX = 1
    TD_1_0 = 2
    TD_1_5 = 3
    TD_1_5_EX = 4


class CertType(IntEnum):
    """Certification data types."""

    PPID_CLEAR = 1
    PPID_RSA2048 = 2
    PPID_RSA3072 = 3
    PCK_LEAF = 4
    PCK_CHAIN = 5
    QE_REPORT = 6
    PLATFORM_MANIFEST = 7


BODY_SIZES: Final = {
    BodyType.SGX: 384,
    BodyType.TD_1_0: 584,
    BodyType.TD_1_5: 648,
    BodyType.TD_1_5_EX: 885,
}
_BODY_TYPES: Final = {int(kind): kind for kind in BodyType}
_INNER_CERT_TYPES: Final = {int(kind): kind for kind in CertType if kind < CertType.QE_REPORT}


@dataclass(frozen=True, slots=True)
class CertificationData:
    """Type and content of what certifies the QE report key."""

    type: CertType
    data: bytes


@dataclass(frozen=True, slots=True)
class SignatureData:
    """All that follows the signed part.

    Attributes:
        signature: 64 bytes r ‖ s, big-endian, by the attestation key.
        attestation_key: 64 bytes x ‖ y, big-endian, on P-256.
        qe_report: 384 bytes, the quoting enclave's own report body.
        qe_report_signature: 64 bytes r ‖ s by the PCK key.
        auth_data: of any length; Intel's QE writes 32 bytes.
        certification: PCK chain, or what identifies the PCK certificate.
    """

    signature: bytes
    attestation_key: bytes
    qe_report: bytes
    qe_report_signature: bytes
    auth_data: bytes
    certification: CertificationData


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
        raw_body = cursor.take(BODY_SIZES[body_type], "body")
        signed = data[: cursor.position]
        length = cursor.u32("signature data length")
        start = cursor.position
        cursor.take(length, "signature data")
        signature = _read_signature_data(data, start, start + length, header.version)
        return cls(
            header,
            body_type,
            ReportBody.from_bytes(raw_body)
            if body_type is BodyType.SGX
            else TdReport.from_bytes(raw_body),
            signed,
            signature,
            _count_trailing_zeros(data, start + length),
        )

    def to_bytes(self) -> bytes:
        """Return the quote's bytes, trailing zeros included."""
        signature = self.signature
        tail = b"".join(
            (
                signature.qe_report,
                signature.qe_report_signature,
                len(signature.auth_data).to_bytes(2, "little"),
                signature.auth_data,
                signature.certification.type.to_bytes(2, "little"),
                len(signature.certification.data).to_bytes(4, "little"),
                signature.certification.data,
            )
        )
        if self.header.version is not QuoteVersion.V3:
            container = CertType.QE_REPORT.to_bytes(2, "little") + len(tail).to_bytes(4, "little")
            tail = container + tail
        data = signature.signature + signature.attestation_key + tail
        return b"".join((self.signed, len(data).to_bytes(4, "little"), data, bytes(self.trailing)))

    @property
    def is_tdx(self) -> bool:
        """Whether the quote speaks of a TD."""
        return self.header.tee_type is TeeType.TDX


def signed_part(header: Header, body_type: BodyType, body: ReportBody | TdReport) -> bytes:
    """Return the bytes that the quote signature covers."""
    raw = body.to_bytes()
    if header.version is not QuoteVersion.V5:
        return header.to_bytes() + raw
    return b"".join(
        (header.to_bytes(), body_type.to_bytes(2, "little"), len(raw).to_bytes(4, "little"), raw)
    )


def _refuse(message: str) -> MalformedError:
    return MalformedError(
        Reason.QUOTE_FORMAT,
        f"cannot parse quote: {message}",
        hint="the file may be cut off, or not be a quote; try: confcom evidence inspect",
    )


def _read_body_type(cursor: Cursor, header: Header) -> BodyType:
    if header.version is not QuoteVersion.V5:
        return BodyType.SGX if header.tee_type is TeeType.SGX else BodyType.TD_1_0
    number, size = cursor.u16("body type"), cursor.u32("body size")
    body_type = _BODY_TYPES.get(number)
    if body_type is None:
        raise MalformedError(
            Reason.BODY_TYPE, f"quote body type {number} is not supported; known are 1 to 4"
        )
    if (body_type is BodyType.SGX) != (header.tee_type is TeeType.SGX):
        raise MalformedError(
            Reason.BODY_TYPE,
            f"quote body type {number} does not go with TEE type {header.tee_type:#x}",
        )
    if size != BODY_SIZES[body_type]:
        raise _refuse(f"body type {number} has {BODY_SIZES[body_type]} bytes, {size} declared")
    return body_type


def _read_signature_data(data: bytes, start: int, end: int, version: QuoteVersion) -> SignatureData:
    cursor = Cursor(data, what="signature data", refuse=_refuse, start=start, end=end)
    signature = cursor.take(SIGNATURE_BYTES, "quote signature")
    attestation_key = cursor.take(PUBLIC_KEY_BYTES, "attestation key")
    if version is not QuoteVersion.V3:
        outer_type = cursor.u16("outer certification data type")
        if outer_type != CertType.QE_REPORT:
            raise MalformedError(
                Reason.CERT_TYPE,
                f"outer certification data type {outer_type} is not 6 (QE report)",
            )
        size = cursor.u32("outer certification data length")
        if size != cursor.remaining:
            raise _refuse(
                f"outer certification data declares {size} bytes, {cursor.remaining} are there"
            )
    qe_report = cursor.take(REPORT_BODY_BYTES, "QE report")
    qe_report_signature = cursor.take(SIGNATURE_BYTES, "QE report signature")
    auth_data = cursor.take(cursor.u16("authentication data length"), "authentication data")
    number = cursor.u16("certification data type")
    cert_type = _INNER_CERT_TYPES.get(number)
    if cert_type is None:
        raise MalformedError(
            Reason.CERT_TYPE, f"certification data type {number} is not supported; 1 to 5 are"
        )
    certification = cursor.take(cursor.u32("certification data length"), "certification data")
    cursor.finish()
    return SignatureData(
        signature,
        attestation_key,
        qe_report,
        qe_report_signature,
        auth_data,
        CertificationData(cert_type, certification),
    )


def _count_trailing_zeros(data: bytes, end: int) -> int:
    trailing = len(data) - end
    if trailing and data[end:] != bytes(trailing):
        raise MalformedError(
            Reason.TRAILING_DATA,
            f"{trailing} bytes that are not all zero follow the quote at offset {end}",
            hint="nothing signs these bytes; cut the file off at that offset",
        )
    return trailing
