# SPDX-License-Identifier: Apache-2.0
"""TD report bodies 1.0, 1.5 and 1.5 extended, and the TDREPORT a quote is made from.

Sources: Intel TDX DCAP Quoting Library API, appendix A.3; Intel TDX Module base architecture
specification (TDREPORT_STRUCT); ``sgx_quote_5.h`` of Intel's DCAP sources for the extended body.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Self

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import Xfrm, names
from confcom.wire import Field, Kind, Layout, LayoutError, Value

TD_UNDER_DEBUG = 0xFF
"""TDATTRIBUTES bits 0 to 7: any of them set means that the TD can be inspected from outside."""


class TdAttributes(IntFlag):
    """TDATTRIBUTES bits with names."""

    DEBUG = 1 << 0
    SEPT_VE_DISABLE = 1 << 28
    MIGRATABLE = 1 << 29
    PKS = 1 << 30
    KL = 1 << 31
    PERFMON = 1 << 63


def _attributes(value: Value) -> str:
    return names(value, TdAttributes)


def _xfam(value: Value) -> str:
    return names(value, Xfrm)


def _tcb_svn(value: Value) -> str:
    svn = value if isinstance(value, bytes) else b""
    return f"module minor {svn[0]}, module major {svn[1]}, SEAM loader {svn[2]}"


_FIELDS_1_0 = (
    Field(
        "tee_tcb_svn",
        0,
        16,
        describe=_tcb_svn,
        doc="security versions of the TDX module and its loader, at launch",
    ),
    Field("mr_seam", 16, 48, doc="measurement of the TDX module"),
    Field("mr_signer_seam", 64, 48, doc="signer of the TDX module, zero for Intel"),
    Field("seam_attributes", 112, 8, doc="attributes of the TDX module, zero"),
    Field("td_attributes", 120, 8, Kind.UINT, _attributes, doc="attributes of the TD"),
    Field("xfam", 128, 8, Kind.UINT, _xfam, doc="processor state the TD may use"),
    Field("mr_td", 136, 48, doc="measurement of the initial contents of the TD"),
    Field("mr_config_id", 184, 48, doc="configuration chosen by the host"),
    Field("mr_owner", 232, 48, doc="owner chosen by the host"),
    Field("mr_owner_config", 280, 48, doc="configuration chosen by the owner"),
    Field("rtmr0", 328, 48, doc="run-time measurement: firmware configuration"),
    Field("rtmr1", 376, 48, doc="run-time measurement: boot loader and kernel"),
    Field("rtmr2", 424, 48, doc="run-time measurement: kernel command line, operating system"),
    Field("rtmr3", 472, 48, doc="run-time measurement: free for applications"),
    Field("report_data", 520, 64, doc="chosen by the TD, for example a digest of a public key"),
)
_FIELDS_1_5 = (
    *_FIELDS_1_0,
    Field(
        "tee_tcb_svn2",
        584,
        16,
        describe=_tcb_svn,
        doc="security versions of the TDX module now running",
    ),
    Field("mr_service_td", 600, 48, doc="measurement of the service TD (migration), or zero"),
)
_FIELDS_1_5_EX = (
    *_FIELDS_1_5,
    Field("vmid", 648, 1, Kind.UINT, doc="number of the virtual machine inside the TD"),
    Field("td_id", 649, 32, doc="identifier of the TD"),
    Field("device_info_hash", 681, 48, doc="measurement of the attached devices"),
    Field("init_service_td_hash", 729, 48, doc="service TD at launch"),
    Field("init_service_td_attributes", 777, 8, doc="attributes of the service TD at launch"),
    Field("init_cpu_svn", 785, 16, doc="CPUSVN at launch"),
    Field("init_tee_tcb_svn", 801, 16, describe=_tcb_svn, doc="TEE_TCB_SVN at launch"),
    Field("init_fmspc", 817, 12, doc="FMSPC at launch"),
    Field("current_service_td_hash", 829, 48, doc="service TD now"),
    Field("current_service_td_attributes", 877, 8, doc="attributes of the service TD now"),
)
_CITE = "Intel TDX DCAP Quoting Library API, appendix A.3.2"
TD_REPORT_1_0 = Layout("TD report 1.0", 584, *_FIELDS_1_0, cite=_CITE)
TD_REPORT_1_5 = Layout("TD report 1.5", 648, *_FIELDS_1_5, cite=_CITE)
TD_REPORT_1_5_EX = Layout("TD report 1.5 extended", 885, *_FIELDS_1_5_EX, cite=_CITE)


@dataclass(frozen=True)
class TdReport:
    """A TD report body of 584, 648 or 885 bytes; what the shorter forms lack is None.

    Measurements are 48 bytes (SHA-384). ``tee_tcb_svn`` is the TCB at launch, ``tee_tcb_svn2``
    the one now running after TD-preserving updates.
    """

    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    td_attributes: int
    xfam: int
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn2: bytes | None = None
    mr_service_td: bytes | None = None
    vmid: int | None = None
    td_id: bytes | None = None
    device_info_hash: bytes | None = None
    init_service_td_hash: bytes | None = None
    init_service_td_attributes: bytes | None = None
    init_cpu_svn: bytes | None = None
    init_tee_tcb_svn: bytes | None = None
    init_fmspc: bytes | None = None
    current_service_td_hash: bytes | None = None
    current_service_td_attributes: bytes | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 584, 648 or 885 bytes.

        Raises:
            MalformedError: another length (reason ``quote_format``).
        """
        layout = LAYOUT_BY_SIZE.get(len(data))
        if layout is None:
            raise MalformedError(
                Reason.QUOTE_FORMAT,
                f"cannot parse TD report: 584, 648 or 885 bytes expected, {len(data)} found",
            )
        return layout.construct(cls, data)

    def to_bytes(self) -> bytes:
        """Return the bytes of the form that the fields are of."""
        return self.layout.pack_attributes(self)

    @property
    def layout(self) -> Layout:
        """The table of the form that the fields are of."""
        if self.tee_tcb_svn2 is None:
            return TD_REPORT_1_0
        return TD_REPORT_1_5 if self.vmid is None else TD_REPORT_1_5_EX

    @property
    def rtmrs(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The four run-time measurement registers."""
        return (self.rtmr0, self.rtmr1, self.rtmr2, self.rtmr3)

    @property
    def is_debug(self) -> bool:
        """Whether any bit of the "TD under debug" group is set."""
        return bool(self.td_attributes & TD_UNDER_DEBUG)


LAYOUT_BY_SIZE = {
    layout.size: layout for layout in (TD_REPORT_1_0, TD_REPORT_1_5, TD_REPORT_1_5_EX)
}

TDREPORT = Layout(
    "TDREPORT",
    1024,
    Field("report_type", 0, 4, doc="0x81, subtype, version, zero"),
    Field("reserved1", 4, 12),
    Field("cpu_svn", 16, 16, doc="security version of the processor"),
    Field("tee_tcb_info_hash", 32, 48, doc="SHA-384 of bytes 256 to 494"),
    Field("tee_info_hash", 80, 48, doc="SHA-384 of bytes 512 to 1023"),
    Field("report_data", 128, 64, doc="chosen by the TD"),
    Field("reserved2", 192, 32),
    Field("mac", 224, 32, doc="made by the processor for its own package"),
    Field("valid_mask", 256, 8, doc="which parts of TEE_TCB_INFO are valid"),
    Field(
        "tee_tcb_svn",
        264,
        16,
        describe=_tcb_svn,
        doc="security versions of the TDX module and its loader, at launch",
    ),
    Field("mr_seam", 280, 48, doc="measurement of the TDX module"),
    Field("mr_signer_seam", 328, 48, doc="signer of the TDX module, zero for Intel"),
    Field("seam_attributes", 376, 8, doc="attributes of the TDX module, zero"),
    Field(
        "tee_tcb_svn2",
        384,
        16,
        describe=_tcb_svn,
        doc="security versions of the TDX module now running",
    ),
    Field("tee_tcb_info_rest", 400, 95, doc="rest of TEE_TCB_INFO"),
    Field("reserved3", 495, 17),
    Field("td_attributes", 512, 8, Kind.UINT, _attributes, doc="attributes of the TD"),
    Field("xfam", 520, 8, Kind.UINT, _xfam, doc="processor state the TD may use"),
    Field("mr_td", 528, 48, doc="measurement of the initial contents of the TD"),
    Field("mr_config_id", 576, 48, doc="configuration chosen by the host"),
    Field("mr_owner", 624, 48, doc="owner chosen by the host"),
    Field("mr_owner_config", 672, 48, doc="configuration chosen by the owner"),
    Field("rtmr0", 720, 48, doc="run-time measurement: firmware configuration"),
    Field("rtmr1", 768, 48, doc="run-time measurement: boot loader and kernel"),
    Field("rtmr2", 816, 48, doc="run-time measurement: kernel command line, operating system"),
    Field("rtmr3", 864, 48, doc="run-time measurement: free for applications"),
    Field("mr_service_td", 912, 48, doc="measurement of the service TD (migration), or zero"),
    Field("tdinfo_rest", 960, 64, doc="rest of TDINFO"),
    cite="Intel TDX Module base architecture specification, TDREPORT_STRUCT",
)


@dataclass(frozen=True, slots=True)
class TdxReport:
    """A TDREPORT (1024 bytes): what a TD gets from its module, MACed for the same platform."""

    report_type: bytes
    reserved1: bytes
    cpu_svn: bytes
    tee_tcb_info_hash: bytes
    tee_info_hash: bytes
    report_data: bytes
    reserved2: bytes
    mac: bytes
    valid_mask: bytes
    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    tee_tcb_svn2: bytes
    tee_tcb_info_rest: bytes
    reserved3: bytes
    td_attributes: int
    xfam: int
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    mr_service_td: bytes
    tdinfo_rest: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 1024 bytes.

        Raises:
            MalformedError: another length (reason ``report_format``).
        """
        try:
            return cls(*TDREPORT.unpack_exactly(data))  # type: ignore[arg-type]
        except LayoutError as exc:
            raise MalformedError(Reason.REPORT_FORMAT, f"cannot parse TDREPORT: {exc}") from exc

    def to_bytes(self) -> bytes:
        """Return the 1024 bytes."""
        return TDREPORT.pack_attributes(self)
