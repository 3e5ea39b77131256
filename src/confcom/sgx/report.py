# SPDX-License-Identifier: Apache-2.0
"""Local attestation: report body, REPORT, TARGETINFO (Intel SDM volume 3D, chapter 36)."""

from dataclasses import dataclass
from typing import Final, Self

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx.attributes import Flags, flag_names, misc_names, xfrm_names
from confcom.wire import Field, Kind, Layout, LayoutError

_DEBUG: Final = int(Flags.DEBUG)
_KSS: Final = int(Flags.KSS)

REPORT_BODY = Layout(
    "SGX report body",
    384,
    Field(
        "cpu_svn",
        0,
        16,
        doc="security version of the processor, not comparable with PCK components",
    ),
    Field(
        "misc_select",
        16,
        4,
        Kind.UINT,
        misc_names,
        doc="extra information saved on an asynchronous exit",
    ),
    Field("reserved1", 20, 12),
    Field("isv_ext_prod_id", 32, 16, doc="extended product identifier (KSS)"),
    Field("flags", 48, 8, Kind.UINT, flag_names, doc="low half of ATTRIBUTES"),
    Field(
        "xfrm",
        56,
        8,
        Kind.UINT,
        xfrm_names,
        doc="high half of ATTRIBUTES: processor state the enclave may use",
    ),
    Field("mr_enclave", 64, 32, doc="what the enclave is made of"),
    Field("reserved2", 96, 32),
    Field("mr_signer", 128, 32, doc="who signed it: SHA-256 of the modulus"),
    Field("reserved3", 160, 32),
    Field("config_id", 192, 64, doc="configuration chosen at launch (KSS)"),
    Field("isv_prod_id", 256, 2, Kind.UINT, doc="product identifier given by the signer"),
    Field("isv_svn", 258, 2, Kind.UINT, doc="security version given by the signer"),
    Field("config_svn", 260, 2, Kind.UINT, doc="security version of the configuration (KSS)"),
    Field("reserved4", 262, 42),
    Field("isv_family_id", 304, 16, doc="product family (KSS)"),
    Field(
        "report_data", 320, 64, doc="chosen by the enclave, for example a digest of a public key"
    ),
    cite="Intel SDM volume 3D, table 36-21 (REPORT), first 384 bytes",
)

REPORT = Layout(
    "SGX REPORT",
    432,
    Field("body", 0, 384, doc="report body"),
    Field("key_id", 384, 32, doc="wears out the report key"),
    Field("mac", 416, 16, doc="AES-128-CMAC over the body with the report key of the target"),
    cite="Intel SDM volume 3D, table 36-21 (REPORT)",
)

TARGET_INFO = Layout(
    "SGX TARGETINFO",
    512,
    Field("mr_enclave", 0, 32, doc="MRENCLAVE of the target"),
    Field("flags", 32, 8, Kind.UINT, flag_names, doc="low half of ATTRIBUTES of the target"),
    Field("xfrm", 40, 8, Kind.UINT, xfrm_names, doc="high half of ATTRIBUTES of the target"),
    Field("reserved1", 48, 2),
    Field("config_svn", 50, 2, Kind.UINT, doc="CONFIGSVN of the target (KSS)"),
    Field("misc_select", 52, 4, Kind.UINT, misc_names, doc="MISCSELECT of the target"),
    Field("reserved2", 56, 8),
    Field("config_id", 64, 64, doc="CONFIGID of the target (KSS)"),
    Field("reserved3", 128, 384),
    cite="Intel SDM volume 3D, table 36-22 (TARGETINFO)",
)


@dataclass(frozen=True)
class ReportBody:
    """The 384 bytes that say what an enclave is; also the body of an SGX quote.

    Integers are little-endian. ``isv_ext_prod_id``, ``isv_family_id``, ``config_id`` and
    ``config_svn`` mean something only when ``flags`` has KSS.
    """

    cpu_svn: bytes
    misc_select: int
    reserved1: bytes
    isv_ext_prod_id: bytes
    flags: int
    xfrm: int
    mr_enclave: bytes
    reserved2: bytes
    mr_signer: bytes
    reserved3: bytes
    config_id: bytes
    isv_prod_id: int
    isv_svn: int
    config_svn: int
    reserved4: bytes
    isv_family_id: bytes
    report_data: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 384 bytes.

        Raises:
            MalformedError: another length (reason ``report_format``).
        """
        try:
            return REPORT_BODY.construct(cls, data)
        except LayoutError as exc:
            raise MalformedError(Reason.REPORT_FORMAT, f"cannot parse report body: {exc}") from exc

    def to_bytes(self) -> bytes:
        """Return the 384 bytes."""
        return REPORT_BODY.pack_attributes(self)

    @property
    def is_debug(self) -> bool:
        """Whether the enclave's memory can be read by a debugger."""
        return bool(self.flags & _DEBUG)

    @property
    def has_kss(self) -> bool:
        """Whether the key separation and sharing fields mean something."""
        return bool(self.flags & _KSS)


@dataclass(frozen=True, slots=True)
class Report:
    """A REPORT (432 bytes): a report body with a MAC that only its target can check."""

    body: ReportBody
    key_id: bytes
    mac: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 432 bytes.

        Raises:
            MalformedError: another length (reason ``report_format``).
        """
        try:
            body, key_id, mac = REPORT.unpack_exactly(data)
        except LayoutError as exc:
            raise MalformedError(Reason.REPORT_FORMAT, f"cannot parse REPORT: {exc}") from exc
        return cls(ReportBody.from_bytes(body), key_id, mac)  # type: ignore[arg-type]

    def to_bytes(self) -> bytes:
        """Return the 432 bytes."""
        return REPORT.pack((self.body.to_bytes(), self.key_id, self.mac))


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """A TARGETINFO (512 bytes): names the enclave for which a REPORT is to be made."""

    mr_enclave: bytes
    flags: int
    xfrm: int
    reserved1: bytes
    config_svn: int
    misc_select: int
    reserved2: bytes
    config_id: bytes
    reserved3: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 512 bytes.

        Raises:
            MalformedError: another length (reason ``report_format``).
        """
        try:
            return cls(*TARGET_INFO.unpack_exactly(data))  # type: ignore[arg-type]
        except LayoutError as exc:
            raise MalformedError(Reason.REPORT_FORMAT, f"cannot parse TARGETINFO: {exc}") from exc

    def to_bytes(self) -> bytes:
        """Return the 512 bytes."""
        return TARGET_INFO.pack_attributes(self)
