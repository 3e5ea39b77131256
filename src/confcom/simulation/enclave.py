# SPDX-License-Identifier: Apache-2.0
"""An SGX enclave in software: it has an identity, makes REPORTs and checks REPORTs made for it.

Sources: Intel SDM volume 3D, chapters 36 (structures) and 39 (EREPORT, EGETKEY).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.sgx import Flags, Report, ReportBody, TargetInfo, Xfrm
from confcom.simulation._require import require_range, require_size
from confcom.simulation.local_attestation import check_report, report_mac

SIMULATED_CPU_SVN: Final = bytes.fromhex("4820f3376ae6b2f2034d3b7a4b48a778")
SIMULATED_KEY_ID: Final = b"\xff\x00" * 8 + bytes(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclave:
    """Identity of an enclave in software, and what it can do with it.

    Attributes:
        mr_enclave: 32 bytes, digest of code and data.
        mr_signer: 32 bytes, digest of the signer's key.
        isv_prod_id: product id, 16 bits.
        isv_svn: security version, 16 bits.
        flags: ATTRIBUTES.FLAGS; INIT is always set in a running enclave.
        xfrm: ATTRIBUTES.XFRM.
        misc_select: MISCSELECT.
        isv_ext_prod_id: 16 bytes; this and the following need KSS in ``flags``.
        isv_family_id: 16 bytes.
        config_id: 64 bytes.
        config_svn: 16 bits.

    Raises:
        UsageError: a field has the wrong size or range, INIT is missing, or a KSS field is
            set without KSS (EREPORT would write zeros).
    """

    mr_enclave: bytes
    mr_signer: bytes
    isv_prod_id: int = 0
    isv_svn: int = 0
    flags: int = Flags.INIT | Flags.MODE64BIT
    xfrm: int = Xfrm.X87 | Xfrm.SSE
    misc_select: int = 0
    isv_ext_prod_id: bytes = bytes(16)
    isv_family_id: bytes = bytes(16)
    config_id: bytes = bytes(64)
    config_svn: int = 0

    def __post_init__(self) -> None:
        for name, size in _BYTE_FIELDS.items():
            require_size("simulated enclave", name, getattr(self, name), size)
        for name, bits in _INTEGER_FIELDS.items():
            require_range("simulated enclave", name, getattr(self, name), bits)
        if not self.flags & Flags.INIT:
            raise UsageError(
                Reason.USAGE, f"flags {self.flags:#x} of a simulated enclave lack INIT (bit 0)"
            )
        if not self.flags & Flags.KSS:
            used = [name for name in _KSS_FIELDS if any(_as_bytes(getattr(self, name)))]
            if used:
                raise UsageError(
                    Reason.USAGE,
                    f"{', '.join(used)} of a simulated enclave set without the attribute KSS",
                    hint="the processor writes zeros there unless KSS (bit 7) is set in the flags",
                )

    @property
    def target_info(self) -> TargetInfo:
        """The TARGETINFO that others use to make REPORTs for this enclave."""
        return TargetInfo(
            mr_enclave=self.mr_enclave,
            flags=self.flags,
            xfrm=self.xfrm,
            reserved1=bytes(2),
            config_svn=self.config_svn,
            misc_select=self.misc_select,
            reserved2=bytes(8),
            config_id=self.config_id,
            reserved3=bytes(384),
        )

    def body(self, report_data: bytes, *, cpu_svn: bytes = SIMULATED_CPU_SVN) -> ReportBody:
        """Return the report body that the processor would write for this enclave.

        Args:
            report_data: 64 bytes that the enclave vouches for.
            cpu_svn: 16 bytes, raw security version of the processor.
        """
        require_size("REPORT", "report_data", report_data, 64)
        require_size("REPORT", "cpu_svn", cpu_svn, 16)
        return ReportBody(
            cpu_svn=cpu_svn,
            misc_select=self.misc_select,
            reserved1=bytes(12),
            isv_ext_prod_id=self.isv_ext_prod_id,
            flags=self.flags,
            xfrm=self.xfrm,
            mr_enclave=self.mr_enclave,
            reserved2=bytes(32),
            mr_signer=self.mr_signer,
            reserved3=bytes(32),
            config_id=self.config_id,
            isv_prod_id=self.isv_prod_id,
            isv_svn=self.isv_svn,
            config_svn=self.config_svn,
            reserved4=bytes(42),
            isv_family_id=self.isv_family_id,
            report_data=report_data,
        )

    def ereport(
        self,
        target: TargetInfo,
        report_data: bytes,
        *,
        cpu_svn: bytes = SIMULATED_CPU_SVN,
        key_id: bytes = SIMULATED_KEY_ID,
    ) -> Report:
        """Make a REPORT that only ``target`` can check.

        Args:
            target: names the enclave that will check it.
            report_data: 64 bytes that the enclave vouches for.
            cpu_svn: 16 bytes, raw security version of the processor.
            key_id: 32 bytes, the processor's key wear-out value.
        """
        require_size("REPORT", "key_id", key_id, 32)
        body = self.body(report_data, cpu_svn=cpu_svn)
        mac = report_mac(body.to_bytes(), key_id, target.to_bytes())
        return Report(body, key_id, mac)

    def check(
        self, report: Report, *, others: Mapping[str, TargetInfo] | None = None
    ) -> ReportBody:
        """Check a REPORT that was made for this enclave; see `check_report`."""
        return check_report(report, self.target_info, others=others)


_BYTE_FIELDS: Final = {
    "mr_enclave": 32,
    "mr_signer": 32,
    "isv_ext_prod_id": 16,
    "isv_family_id": 16,
    "config_id": 64,
}
_INTEGER_FIELDS: Final = {
    "isv_prod_id": 16,
    "isv_svn": 16,
    "flags": 64,
    "xfrm": 64,
    "misc_select": 32,
    "config_svn": 16,
}
_KSS_FIELDS: Final = ("isv_ext_prod_id", "isv_family_id", "config_id", "config_svn")


def _as_bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.to_bytes(8, "little")
