# SPDX-License-Identifier: Apache-2.0
"""A simulated platform: what its fuses, firmware and quoting enclaves would know."""

from dataclasses import dataclass, field, replace
from typing import Final, Self, assert_never

from confcom.dcap.header import QuoteVersion, TeeType
from confcom.dcap.pck import PckCa, PckExtension
from confcom.dcap.quote import BodyType
from confcom.dcap.signature import CertificationData, CertType
from confcom.dcap.td_report import TdxReport
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.sgx import Report, TargetInfo
from confcom.simulation.enclave import SIMULATED_CPU_SVN
from confcom.simulation.intel.quoting import (
    AUTH_DATA,
    QuotingEnclave,
    TdHistory,
    make_header,
    td_body,
)
from confcom.simulation.local_attestation import explain_mac, is_report_for
from confcom.simulation.pki import CertifiedKey
from confcom.simulation.td import TdxModule, TrustDomain, check_td_report

_REPORT_BODY_BYTES: Final = 384
_REPORT_BYTES: Final = 432
_TD_BODY_TYPES: Final = (BodyType.TD_1_0, BodyType.TD_1_5, BodyType.TD_1_5_EX)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Platform:
    """A simulated platform; `SimulatedAuthority.add_platform` makes one.

    Attributes:
        name: what people call it.
        ca: which intermediate certified it.
        extension: what its PCK certificate says: PPID, security versions, PCE id, FMSPC.
        pck: PCK key and certificate.
        pck_chain: PEM of PCK certificate, intermediate and root, in this order.
        encrypted_ppid: 384 opaque bytes that stand for the PPID under the service's RSA key;
            nobody can decrypt them.
        qe_id: 16 bytes, the first of a quote's user data.
        quoting_enclave: QE, for SGX.
        td_quoting_enclave: TD_QE, for TDX.
        module: the TDX module.
        td_report_key: 32 bytes, secret, MAC key of TDREPORTs.
        cpu_svn: 16 bytes, raw security version in REPORTs.
    """

    name: str
    ca: PckCa
    extension: PckExtension
    pck: CertifiedKey
    pck_chain: bytes = field(repr=False)
    encrypted_ppid: bytes = field(repr=False)
    qe_id: bytes
    quoting_enclave: QuotingEnclave
    td_quoting_enclave: QuotingEnclave
    module: TdxModule
    td_report_key: bytes = field(repr=False)
    cpu_svn: bytes = SIMULATED_CPU_SVN

    @property
    def fmspc(self) -> bytes:
        """Family, model, stepping, platform type and customized SKU (6 bytes)."""
        return self.extension.fmspc

    @property
    def qe_target_info(self) -> TargetInfo:
        """The target for which applications make their REPORTs."""
        return self.quoting_enclave.enclave.target_info

    def quote_sgx(
        self,
        report: Report | bytes,
        *,
        version: QuoteVersion = QuoteVersion.V3,
        cert_type: CertType = CertType.PCK_CHAIN,
        chain: bytes | None = None,
        auth_data: bytes = AUTH_DATA,
        trailing: int = 0,
        check_mac: bool = True,
    ) -> bytes:
        """Return a quote over a REPORT that was made for this platform's quoting enclave.

        Args:
            report: 432 bytes, or parsed.
            version: 3, 4 or 5.
            cert_type: 1 to 5.
            chain: bytes to use as certification data in place of the platform's own.
            auth_data: authentication data.
            trailing: zero bytes to put behind.
            check_mac: False to sign whatever is given, such as a recorded REPORT.

        Raises:
            MalformedError: the REPORT has another size (``report_format``).
            NotAuthenticError: the REPORT's MAC does not fit (``report_mac``, ``report_target``).
            UsageError: the certification data type is not 1 to 5.
        """
        raw = report if isinstance(report, bytes) else report.to_bytes()
        enclave = self.quoting_enclave
        is_sound = len(raw) == _REPORT_BYTES and (
            not check_mac or is_report_for(raw, enclave.target)
        )
        if not is_sound:
            raise self._explain(Report.from_bytes(raw))
        return enclave.quote(
            self._header(version, TeeType.SGX),
            BodyType.SGX,
            raw[:_REPORT_BODY_BYTES],
            self._certification(cert_type, chain),
            auth_data=auth_data,
            trailing=trailing,
        )

    def quote_tdx(
        self,
        report: TdxReport | bytes,
        *,
        version: QuoteVersion = QuoteVersion.V4,
        body_type: BodyType | None = None,
        history: TdHistory | None = None,
        cert_type: CertType = CertType.PCK_CHAIN,
        chain: bytes | None = None,
        auth_data: bytes = AUTH_DATA,
        trailing: int = 0,
    ) -> bytes:
        """Return a quote over a TDREPORT of this platform.

        Args:
            report: 1024 bytes, or parsed.
            version: 4 or 5.
            body_type: 2 in version 4; 2, 3 or 4 in version 5. By default what the TDREPORT holds.
            history: what body type 4 adds.
            cert_type: 1 to 5.
            chain: bytes to use as certification data in place of the platform's own.
            auth_data: authentication data.
            trailing: zero bytes to put behind.

        Raises:
            MalformedError: the TDREPORT is none (``report_format``).
            NotAuthenticError: MAC or digests do not fit (``report_mac``).
            UsageError: version, body type and certification data type do not go together.
        """
        raw = report if isinstance(report, bytes) else report.to_bytes()
        check_td_report(raw, self.td_report_key)
        body_type = _choose_body_type(raw, version, body_type)
        return self.td_quoting_enclave.quote(
            self._header(version, TeeType.TDX),
            body_type,
            td_body(raw, body_type, history),
            self._certification(cert_type, chain),
            auth_data=auth_data,
            trailing=trailing,
        )

    def td_report(self, td: TrustDomain, report_data: bytes) -> TdxReport:
        """Return a TDREPORT of a TD that runs here, over 64 bytes of report data."""
        return td.td_report(
            report_data, module=self.module, mac_key=self.td_report_key, cpu_svn=self.cpu_svn
        )

    def with_running_module(self, tee_tcb_svn2: bytes) -> Self:
        """Return the platform after its TDX module was updated under running TDs.

        Args:
            tee_tcb_svn2: 16 bytes, security versions of the module now running.
        """
        return replace(self, module=replace(self.module, tee_tcb_svn2=tee_tcb_svn2))

    def _header(self, version: QuoteVersion, tee: TeeType) -> bytes:
        return make_header(
            version,
            tee,
            qe_svn=self.quoting_enclave.enclave.isv_svn,
            pce_svn=self.extension.pce_svn,
            qe_id=self.qe_id,
        )

    def _certification(self, cert_type: CertType, chain: bytes | None) -> CertificationData:
        if chain is not None:
            return CertificationData(cert_type, chain)
        match cert_type:
            case CertType.PCK_CHAIN:
                return CertificationData(cert_type, self.pck_chain + b"\0")
            case CertType.PCK_LEAF:
                return CertificationData(cert_type, self.pck.pem)
            case CertType.PPID_CLEAR:
                return CertificationData(cert_type, self.extension.ppid + self._pck_selector())
            case CertType.PPID_RSA2048:
                ppid = self.encrypted_ppid[:256]
                return CertificationData(cert_type, ppid + self._pck_selector())
            case CertType.PPID_RSA3072:
                return CertificationData(cert_type, self.encrypted_ppid + self._pck_selector())
            case CertType.QE_REPORT | CertType.PLATFORM_MANIFEST:
                raise UsageError(
                    Reason.USAGE,
                    f"certification data type {cert_type:d} cannot certify a quote; 1 to 5 can",
                )
            case _:
                assert_never(cert_type)

    def _pck_selector(self) -> bytes:
        extension = self.extension
        return extension.cpu_svn + extension.pce_svn.to_bytes(2, "little") + extension.pce_id

    def _explain(self, report: Report) -> Exception:
        return explain_mac(
            report,
            self.qe_target_info,
            {"the quoting enclave for TDX": self.td_quoting_enclave.enclave.target_info},
        )


def _choose_body_type(report: bytes, version: QuoteVersion, wanted: BodyType | None) -> BodyType:
    has_update = report[2] >= 1
    largest = BodyType.TD_1_5_EX if has_update else BodyType.TD_1_0
    if wanted is None:
        wanted = BodyType.TD_1_5 if version is QuoteVersion.V5 and has_update else BodyType.TD_1_0
    if version is QuoteVersion.V3 or (version is QuoteVersion.V4 and wanted is not BodyType.TD_1_0):
        raise UsageError(
            Reason.USAGE,
            f"a TDX quote of version {version:d} cannot have body type {wanted:d}",
            hint="version 4 takes body type 2, version 5 takes 2, 3 and 4",
        )
    if wanted not in _TD_BODY_TYPES or wanted > largest:
        raise UsageError(
            Reason.USAGE,
            f"a TDREPORT of version {report[2]} cannot become body type {wanted:d}",
            hint=f"it can become body type 2 to {largest:d}",
        )
    return wanted
