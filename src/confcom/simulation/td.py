# SPDX-License-Identifier: Apache-2.0
"""A trust domain in software: measurements, run-time registers and TDREPORTs with a MAC.

Sources: Intel TDX Module base architecture specification (TDREPORT_STRUCT, TDG.MR.REPORT,
TDG.MR.RTMR.EXTEND).
"""

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import Final, Self

from confcom.dcap.td_report import TDREPORT, TdAttributes, TdxReport
from confcom.errors import MalformedError, NotAuthenticError, UsageError
from confcom.reasons import Reason
from confcom.sgx import Xfrm
from confcom.simulation._require import require_range, require_size
from confcom.simulation._span import span

_MEASUREMENT_BYTES: Final = 48
_RTMR_COUNT: Final = 4
_TEE_TYPE: Final = 0x81
_VALID_1_0: Final = (0x1FF).to_bytes(8, "little")
_VALID_1_5: Final = (0x301FF).to_bytes(8, "little")
_MAC_INPUT_BYTES: Final = TDREPORT.offset_of("mac")
_TCB_INFO: Final = span(TDREPORT, "valid_mask", "tee_tcb_info_rest")
_TD_INFO: Final = span(TDREPORT, "td_attributes", "tdinfo_rest")

SIMULATED_MODULE: Final = hashlib.sha384(b"confcom SIMULATED TDX module").digest()
"""MRSEAM of the simulated TDX module: a name, not a measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxModule:
    """The TDX module of a platform.

    Attributes:
        tee_tcb_svn: 16 bytes, security versions when the TD was launched: byte 0 minor and
            byte 1 major version of the module, byte 2 of the SEAM loader.
        tee_tcb_svn2: 16 bytes, security versions of the module running now; None for a module
            that cannot be updated under running TDs (TDX 1.0).
        mr_seam: 48 bytes, measurement of the module.
        mr_signer_seam: 48 bytes, zero for Intel's modules.
        seam_attributes: 8 bytes, zero.
    """

    tee_tcb_svn: bytes
    tee_tcb_svn2: bytes | None = None
    mr_seam: bytes = SIMULATED_MODULE
    mr_signer_seam: bytes = bytes(_MEASUREMENT_BYTES)
    seam_attributes: bytes = bytes(8)

    def __post_init__(self) -> None:
        require_size("TDX module", "tee_tcb_svn", self.tee_tcb_svn, 16)
        if self.tee_tcb_svn2 is not None:
            require_size("TDX module", "tee_tcb_svn2", self.tee_tcb_svn2, 16)
        require_size("TDX module", "mr_seam", self.mr_seam, _MEASUREMENT_BYTES)
        require_size("TDX module", "mr_signer_seam", self.mr_signer_seam, _MEASUREMENT_BYTES)
        require_size("TDX module", "seam_attributes", self.seam_attributes, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDomain:
    """A TD in software.

    Attributes:
        mr_td: 48 bytes, measurement of the initial contents.
        td_attributes: TDATTRIBUTES, 64 bits.
        xfam: extended features, 64 bits.
        mr_config_id: 48 bytes.
        mr_owner: 48 bytes.
        mr_owner_config: 48 bytes.
        rtmrs: four run-time measurement registers of 48 bytes.
        mr_service_td: 48 bytes, digest over the bound service TDs; zero without any.
    """

    mr_td: bytes
    td_attributes: int = TdAttributes.SEPT_VE_DISABLE
    xfam: int = Xfrm.X87 | Xfrm.SSE | Xfrm.AVX
    mr_config_id: bytes = bytes(_MEASUREMENT_BYTES)
    mr_owner: bytes = bytes(_MEASUREMENT_BYTES)
    mr_owner_config: bytes = bytes(_MEASUREMENT_BYTES)
    rtmrs: tuple[bytes, ...] = field(default=(bytes(_MEASUREMENT_BYTES),) * _RTMR_COUNT)
    mr_service_td: bytes = bytes(_MEASUREMENT_BYTES)

    def __post_init__(self) -> None:
        for name in ("mr_td", "mr_config_id", "mr_owner", "mr_owner_config", "mr_service_td"):
            require_size("simulated TD", name, getattr(self, name), _MEASUREMENT_BYTES)
        require_range("simulated TD", "td_attributes", self.td_attributes, 64)
        require_range("simulated TD", "xfam", self.xfam, 64)
        if len(self.rtmrs) != _RTMR_COUNT:
            raise UsageError(
                Reason.USAGE, f"a simulated TD has {_RTMR_COUNT} RTMRs, {len(self.rtmrs)} given"
            )
        for index, register in enumerate(self.rtmrs):
            require_size("simulated TD", f"rtmr{index}", register, _MEASUREMENT_BYTES)

    def extend(self, index: int, digest: bytes) -> Self:
        """Return the TD after RTMR ``index`` became SHA-384(RTMR ‖ digest).

        Args:
            index: 0 to 3.
            digest: 48 bytes.
        """
        if index not in range(_RTMR_COUNT):
            raise UsageError(Reason.USAGE, f"a TD has RTMR 0 to {_RTMR_COUNT - 1}, {index} asked")
        require_size("simulated TD", "digest", digest, _MEASUREMENT_BYTES)
        registers = list(self.rtmrs)
        registers[index] = hashlib.sha384(registers[index] + digest).digest()
        return replace(self, rtmrs=tuple(registers))

    def td_report(
        self, report_data: bytes, *, module: TdxModule, mac_key: bytes, cpu_svn: bytes
    ) -> TdxReport:
        """Make a TDREPORT that only the same platform can check.

        Args:
            report_data: 64 bytes that the TD vouches for.
            module: the platform's TDX module.
            mac_key: 32 bytes, secret of the platform.
            cpu_svn: 16 bytes, raw security version of the processor.
        """
        require_size("TDREPORT", "report_data", report_data, 64)
        require_size("TDREPORT", "cpu_svn", cpu_svn, 16)
        is_updatable = module.tee_tcb_svn2 is not None
        unsigned = TdxReport(
            report_type=bytes((_TEE_TYPE, 0, int(is_updatable), 0)),
            reserved1=bytes(12),
            cpu_svn=cpu_svn,
            tee_tcb_info_hash=bytes(_MEASUREMENT_BYTES),
            tee_info_hash=bytes(_MEASUREMENT_BYTES),
            report_data=report_data,
            reserved2=bytes(32),
            mac=bytes(32),
            valid_mask=_VALID_1_5 if is_updatable else _VALID_1_0,
            tee_tcb_svn=module.tee_tcb_svn,
            mr_seam=module.mr_seam,
            mr_signer_seam=module.mr_signer_seam,
            seam_attributes=module.seam_attributes,
            tee_tcb_svn2=module.tee_tcb_svn2 or bytes(16),
            tee_tcb_info_rest=bytes(95),
            reserved3=bytes(17),
            td_attributes=self.td_attributes,
            xfam=self.xfam,
            mr_td=self.mr_td,
            mr_config_id=self.mr_config_id,
            mr_owner=self.mr_owner,
            mr_owner_config=self.mr_owner_config,
            rtmr0=self.rtmrs[0],
            rtmr1=self.rtmrs[1],
            rtmr2=self.rtmrs[2],
            rtmr3=self.rtmrs[3],
            mr_service_td=self.mr_service_td,
            tdinfo_rest=bytes(64),
        )
        return seal_td_report(unsigned, mac_key)


def seal_td_report(report: TdxReport, mac_key: bytes) -> TdxReport:
    """Return a TDREPORT with the two digests and the MAC that its other fields ask for."""
    raw = report.to_bytes()
    hashed = replace(
        report,
        tee_tcb_info_hash=hashlib.sha384(raw[_TCB_INFO]).digest(),
        tee_info_hash=hashlib.sha384(raw[_TD_INFO]).digest(),
    )
    return replace(hashed, mac=_mac(hashed.to_bytes(), mac_key))


def check_td_report(report: bytes, mac_key: bytes) -> None:
    """Check that a TDREPORT was made on the platform that has ``mac_key``.

    Args:
        report: 1024 bytes.
        mac_key: 32 bytes.

    Raises:
        MalformedError: another size, another kind of report, or padding that is not zero
            (reason ``report_format``).
        NotAuthenticError: the MAC or a digest does not fit (reason ``report_mac``).
    """
    parsed = TdxReport.from_bytes(report)
    if parsed.report_type[0] != _TEE_TYPE or any(parsed.reserved3):
        raise MalformedError(
            Reason.REPORT_FORMAT,
            f"TDREPORT has type {parsed.report_type.hex()} and padding {parsed.reserved3.hex()}, "
            f"expected type {_TEE_TYPE:02x} and zeros",
        )
    if not hmac.compare_digest(_mac(report, mac_key), parsed.mac):
        raise NotAuthenticError(
            Reason.REPORT_MAC,
            "MAC of the TDREPORT does not fit this simulated platform",
            hint="the TDREPORT was changed, or made on another platform or on hardware",
        )
    for name, found, part in (
        ("tee_tcb_info_hash", parsed.tee_tcb_info_hash, _TCB_INFO),
        ("tee_info_hash", parsed.tee_info_hash, _TD_INFO),
    ):
        if found != hashlib.sha384(report[part]).digest():
            raise NotAuthenticError(
                Reason.REPORT_MAC,
                f"{name} of the TDREPORT does not fit its bytes {part.start} to {part.stop - 1}",
                hint="these bytes were changed after the TDREPORT was made",
            )


def _mac(report: bytes, mac_key: bytes) -> bytes:
    require_size("simulated platform", "mac_key", mac_key, 32)
    return hmac.digest(mac_key, report[:_MAC_INPUT_BYTES], "sha256")
