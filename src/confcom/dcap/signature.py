# SPDX-License-Identifier: Apache-2.0
"""The unsigned rest of a quote: its signature, and what certifies the key that made it.

Sources: Intel SGX ECDSA Quote Library Reference, A.4; Intel TDX DCAP Quoting Library API, A.3.
The tables are those of the parts between the variable ones; dumps use them too.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from confcom.dcap.header import QuoteVersion
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import Cursor, Field, Kind, Layout, Value

_CITE: Final = (
    "Intel SGX ECDSA Quote Library Reference, A.4; Intel TDX DCAP Quoting Library API, A.3"
)


class CertType(IntEnum):
    """Certification data types."""

    PPID_CLEAR = 1
    PPID_RSA2048 = 2
    PPID_RSA3072 = 3
    PCK_LEAF = 4
    PCK_CHAIN = 5
    QE_REPORT = 6
    PLATFORM_MANIFEST = 7


_NAMES: Final[dict[Value, str]] = {
    CertType.PPID_CLEAR: "PPID in clear",
    CertType.PPID_RSA2048: "PPID encrypted with RSA-2048",
    CertType.PPID_RSA3072: "PPID encrypted with RSA-3072",
    CertType.PCK_LEAF: "PCK certificate, PEM",
    CertType.PCK_CHAIN: "PCK certificate chain, PEM",
    CertType.QE_REPORT: "QE report and what certifies it",
    CertType.PLATFORM_MANIFEST: "platform manifest",
}
_INNER: Final = {int(kind): kind for kind in CertType if kind < CertType.QE_REPORT}
# Members fetched once: each access through its class costs Python 3.11 a quarter of a microsecond.
_V3: Final = QuoteVersion.V3
_QE_REPORT: Final = CertType.QE_REPORT


def cert_type_name(value: Value) -> str:
    """Return what a certification data type means."""
    return _NAMES.get(value, "not supported")


SIGNATURE_DATA_SIZE: Final = Layout(
    "signature data size",
    4,
    Field("signature_data_size", 0, 4, Kind.UINT, doc="bytes of all that follows"),
    cite=_CITE,
)
QUOTE_SIGNATURE: Final = Layout(
    "quote signature",
    128,
    Field("quote_signature", 0, 64, doc="r then s, big-endian, over header and body"),
    Field("attestation_key", 64, 64, doc="x then y, big-endian, on P-256"),
    cite=_CITE,
)
CONTAINER: Final = Layout(
    "QE report container (versions 4 and 5)",
    6,
    Field("outer_type", 0, 2, Kind.UINT, cert_type_name, doc="6"),
    Field("outer_size", 2, 4, Kind.UINT, doc="bytes of all that follows"),
    cite=_CITE,
)
QE_SIGNATURE: Final = Layout(
    "QE report signature",
    66,
    Field("qe_report_signature", 0, 64, doc="r then s, big-endian, by the PCK key"),
    Field("auth_data_size", 64, 2, Kind.UINT, doc="bytes of QE authentication data that follow"),
    cite=_CITE,
)
_QE_REPORT_FIELD: Final = Layout(
    "QE report",
    384,
    Field("qe_report", 0, 384, doc="report body of the quoting enclave"),
    cite=_CITE,
)
_FIXED_V3: Final = Layout.joined(
    "signature data (version 3)", QUOTE_SIGNATURE, _QE_REPORT_FIELD, QE_SIGNATURE, cite=_CITE
)
_FIXED: Final = Layout.joined(
    "signature data (versions 4 and 5)",
    QUOTE_SIGNATURE,
    CONTAINER,
    _QE_REPORT_FIELD,
    QE_SIGNATURE,
    cite=_CITE,
)
CERTIFICATION: Final = Layout(
    "certification data",
    6,
    Field("cert_type", 0, 2, Kind.UINT, cert_type_name, doc="1 to 5"),
    Field("cert_size", 2, 4, Kind.UINT, doc="bytes of certification data that follow"),
    cite=_CITE,
)


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

    @classmethod
    def read(cls, cursor: Cursor, version: QuoteVersion) -> Self:
        """Read signature data, to the end of the cursor.

        Raises:
            MalformedError: reason ``cert_type``, and what the cursor refuses with.
        """
        if version is _V3:
            signature, key, report, report_signature, size = cursor.read(_FIXED_V3)
        else:
            start = cursor.position
            signature, key, outer_type, outer_size, report, report_signature, size = cursor.read(
                _FIXED
            )
            if outer_type != _QE_REPORT:
                raise MalformedError(
                    Reason.CERT_TYPE,
                    f"outer certification data type {outer_type} is not 6 (QE report)",
                )
            inside = cursor.end - start - QUOTE_SIGNATURE.size - CONTAINER.size
            if outer_size != inside:
                raise cursor.refusal(
                    f"outer certification data declares {outer_size} bytes, {inside} are there"
                )
        auth_data = cursor.take(size, "authentication data")
        number, size = cursor.read(CERTIFICATION)
        kind = _INNER.get(number)
        if kind is None:
            raise MalformedError(
                Reason.CERT_TYPE, f"certification data type {number} is not supported; 1 to 5 are"
            )
        certification = CertificationData(kind, cursor.take(size, "certification data"))
        cursor.finish()
        return cls(signature, key, report, report_signature, auth_data, certification)

    def to_bytes(self, version: QuoteVersion) -> bytes:
        """Return the bytes as a quote of that version holds them, without their size."""
        certification = self.certification
        tail = b"".join(
            (
                self.qe_report,
                QE_SIGNATURE.pack((self.qe_report_signature, len(self.auth_data))),
                self.auth_data,
                CERTIFICATION.pack((certification.type, len(certification.data))),
                certification.data,
            )
        )
        if version is not _V3:
            tail = CONTAINER.pack((_QE_REPORT, len(tail))) + tail
        return QUOTE_SIGNATURE.pack((self.signature, self.attestation_key)) + tail
