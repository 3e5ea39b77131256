# SPDX-License-Identifier: Apache-2.0
"""Structures inside AESM messages: attestation key ids, lists of them, QE report info.

Sources: intel/linux-sgx ``sgx_quote.h`` (``sgx_att_key_id_t``), ``sgx_uae_quote_ex.h``; Intel DCAP
``sgx_quote_3.h``. Integers are little-endian.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import ReportBody, TargetInfo
from confcom.wire import Cursor, Field, Kind, Layout, LayoutError

KEY_ID_BYTES: Final = 256
COMPARED_BYTES: Final = 158
"""Key ids are equal where ``sgx_ql_att_key_id_t``, their first 158 bytes, is."""
TARGET_INFO_BYTES: Final = 512
PUBLIC_KEY_ID_BYTES: Final = 32
REPORT_BYTES: Final = 432
QE_REPORT_INFO_BYTES: Final = 960
MAX_BUFFER_BYTES: Final = 64 * 1024
"""Largest ``buf_size`` of a quote that is served or asked for."""
MIN_QUOTE_BYTES: Final = 436
"""Header 48, report body 384 and length of the signature 4: what any quote has."""
MAX_KEY_IDS: Final = 10
ECDSA_P256: Final = 2
QE3_MRSIGNER: Final = bytes.fromhex(
    "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff"
)
_CITE: Final = "intel/linux-sgx sgx_quote.h, sgx_att_key_id_ext_t"

ATTESTATION_KEY_ID: Final = Layout(
    "attestation key id",
    KEY_ID_BYTES,
    Field("id", 0, 2, Kind.UINT, doc="0"),
    Field("version", 2, 2, Kind.UINT, doc="0"),
    Field("mr_signer_size", 4, 2, Kind.UINT, doc="32"),
    Field("mr_signer", 6, 48, doc="MRSIGNER of the quoting enclave, zeros behind it"),
    Field("prod_id", 54, 4, Kind.UINT, doc="product id of the quoting enclave"),
    Field("extended_prod_id", 58, 16, doc="extended product id (KSS)"),
    Field("config_id", 74, 64, doc="CONFIGID (KSS)"),
    Field("family_id", 138, 16, doc="family id (KSS)"),
    Field("algorithm_id", 154, 4, Kind.UINT, doc="0 and 1 EPID, 2 ECDSA P-256, 3 ECDSA P-384"),
    Field("spid", 158, 16, doc="EPID only"),
    Field("att_key_type", 174, 2, Kind.UINT, doc="EPID: type of signature"),
    Field("reserved", 176, 80),
    cite=_CITE,
)
KEY_ID_LIST: Final = Layout(
    "attestation key id list header",
    8,
    Field("id", 0, 2, Kind.UINT, doc="0"),
    Field("version", 2, 2, Kind.UINT, doc="0"),
    Field("count", 4, 4, Kind.UINT, doc="key ids that follow, at most 10"),
    cite="intel/linux-sgx sgx_quote.h, sgx_ql_att_id_list_t",
)
QE_REPORT_INFO: Final = Layout(
    "QE report info",
    QE_REPORT_INFO_BYTES,
    Field("nonce", 0, 16, doc="chosen by the application"),
    Field("target_info", 16, 512, doc="TARGETINFO of the application's enclave"),
    Field("qe_report", 528, 432, doc="zeros; in replies a REPORT of the QE for that target"),
    cite="intel/linux-sgx sgx_quote.h, sgx_qe_report_info_t",
)


@dataclass(frozen=True, slots=True)
class AttestationKeyId:
    """Which quoting enclave, and which algorithm: 256 bytes."""

    id: int = 0
    version: int = 0
    mr_signer_size: int = 32
    mr_signer: bytes = field(default=QE3_MRSIGNER + bytes(16))
    prod_id: int = 1
    extended_prod_id: bytes = field(default=bytes(16), repr=False)
    config_id: bytes = field(default=bytes(64), repr=False)
    family_id: bytes = field(default=bytes(16), repr=False)
    algorithm_id: int = ECDSA_P256
    spid: bytes = field(default=bytes(16), repr=False)
    att_key_type: int = 0
    reserved: bytes = field(default=bytes(80), repr=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 256 bytes.

        Raises:
            MalformedError: another length (reason ``message_format``).
        """
        try:
            return cls(*ATTESTATION_KEY_ID.unpack_exactly(data))  # type: ignore[arg-type]
        except LayoutError as exc:
            raise _malformed(f"cannot parse attestation key id: {exc}") from exc

    def to_bytes(self) -> bytes:
        """Return the 256 bytes."""
        return ATTESTATION_KEY_ID.pack_attributes(self)


DEFAULT_KEY_ID: Final = AttestationKeyId()
"""Of Intel's QE3 with ECDSA over P-256, what every client asks for today."""


def is_same_key(one: bytes, other: bytes) -> bool:
    """Compare two key ids as AESM does, by their first 158 bytes; each has at least 256."""
    return one[:COMPARED_BYTES] == other[:COMPARED_BYTES]


def read_key_ids(data: bytes) -> tuple[bytes, ...]:
    """Return the key ids, 256 bytes each, of a list.

    Raises:
        MalformedError: wrong header, none or more than 10 ids, or another length than they need
            (reason ``message_format``).
    """
    cursor = Cursor(data, what="attestation key id list", refuse=_malformed)
    number, version, count = cursor.read(KEY_ID_LIST)
    if number or version:
        raise _malformed(f"attestation key id list has id {number}, version {version}, expected 0")
    if not 1 <= count <= MAX_KEY_IDS:
        raise _malformed(f"attestation key id list has {count} ids, expected 1 to {MAX_KEY_IDS}")
    ids = tuple(cursor.take(KEY_ID_BYTES, "attestation key id") for _ in range(count))
    cursor.finish()
    return ids


def write_key_ids(ids: tuple[bytes, ...]) -> bytes:
    """Return the list of key ids, 256 bytes each."""
    return KEY_ID_LIST.pack((0, 0, len(ids))) + b"".join(ids)


@dataclass(frozen=True, slots=True)
class QeReportInfo:
    """What a client sends to have the quote vouched for by a REPORT of the QE: 960 bytes."""

    nonce: bytes
    target_info: TargetInfo
    qe_report: bytes = field(default=bytes(REPORT_BYTES), repr=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 960 bytes.

        Raises:
            MalformedError: another length (reason ``message_format``).
        """
        try:
            nonce, target_info, qe_report = QE_REPORT_INFO.unpack_exactly(data)
        except LayoutError as exc:
            raise _malformed(f"cannot parse QE report info: {exc}") from exc
        return cls(nonce, TargetInfo.from_bytes(target_info), qe_report)  # type: ignore[arg-type]

    def to_bytes(self) -> bytes:
        """Return the 960 bytes."""
        return QE_REPORT_INFO.pack((self.nonce, self.target_info.to_bytes(), self.qe_report))


def report_body(report: bytes) -> ReportBody:
    """Return what a REPORT of 432 bytes says of its enclave; its MAC is not looked at."""
    return ReportBody.from_bytes(report[:384])


def _malformed(message: str) -> MalformedError:
    return MalformedError(Reason.MESSAGE_FORMAT, message)
