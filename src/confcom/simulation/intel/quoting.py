# SPDX-License-Identifier: Apache-2.0
"""Quotes from reports: what a quoting enclave adds, and how the parts are put together.

A quoting enclave certifies its attestation key once (QE report, signed by the PCK key) and then
signs each quote with it, so a quote costs one signature.

Sources: Intel SGX ECDSA Quote Library Reference, appendix A; Intel TDX DCAP Quoting Library API,
appendix A; ``sgx_quote_5.h`` of Intel's DCAP sources.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from confcom.dcap.header import (
    HEADER,
    INTEL_QE_VENDOR,
    AttestationKeyType,
    QuoteVersion,
    TeeType,
)
from confcom.dcap.quote import BodyType
from confcom.dcap.signature import CertificationData, CertType
from confcom.dcap.td_report import TDREPORT, TdReport
from confcom.sgx import Flags
from confcom.simulation._ecdsa import public_point, sign
from confcom.simulation._require import require_size
from confcom.simulation._span import span
from confcom.simulation.enclave import Enclave
from confcom.simulation.pki import CertifiedKey

AUTH_DATA: Final = bytes(range(32))
"""What Intel's quoting enclave writes as authentication data."""

_QE_FLAGS: Final = Flags.INIT | Flags.MODE64BIT | Flags.PROVISIONKEY
_MODULE: Final = span(TDREPORT, "tee_tcb_svn", "seam_attributes")
_TD: Final = span(TDREPORT, "td_attributes", "rtmr3")
_REPORT_DATA: Final = span(TDREPORT, "report_data")
_TCB_SVN: Final = span(TDREPORT, "tee_tcb_svn")
_TCB_SVN2: Final = span(TDREPORT, "tee_tcb_svn2")
_SERVICE_TD: Final = span(TDREPORT, "mr_service_td")
_CPU_SVN: Final = span(TDREPORT, "cpu_svn")
_ATTESTATION_KEY_BYTES: Final = 64


def make_qe(tee: TeeType, isv_svn: int) -> Enclave:
    """Return the identity of the simulated quoting enclave (SGX: QE, product 1; TDX: TD_QE, 2).

    MRENCLAVE and MRSIGNER are digests of a sentence, not of code and key, and not Intel's.
    """
    return Enclave(
        mr_enclave=hashlib.sha256(
            f"confcom SIMULATED quoting enclave {tee.name}".encode()
        ).digest(),
        mr_signer=hashlib.sha256(f"confcom SIMULATED signer {tee.name}".encode()).digest(),
        isv_prod_id=1 if tee is TeeType.SGX else 2,
        isv_svn=isv_svn,
        flags=_QE_FLAGS,
    )


@dataclass(frozen=True, slots=True, eq=False)
class QuotingEnclave:
    """A quoting enclave with its attestation key.

    Attributes:
        enclave: its identity.
        attestation_key: signs quotes.
        pck: signs the QE report.
        target: 512 bytes, TARGETINFO for which applications make their REPORTs.
        certificate: attestation key, QE report, its signature, and the usual authentication
            data, as they stand in a quote.
    """

    enclave: Enclave
    attestation_key: EllipticCurvePrivateKey
    pck: CertifiedKey
    target: bytes
    certificate: bytes

    @classmethod
    def create(
        cls, enclave: Enclave, attestation_key: EllipticCurvePrivateKey, pck: CertifiedKey
    ) -> Self:
        """Certify the attestation key once."""
        certificate = _certify(enclave, attestation_key, pck, AUTH_DATA)
        return cls(enclave, attestation_key, pck, enclave.target_info.to_bytes(), certificate)

    def certify(self, auth_data: bytes) -> bytes:
        """Return ``certificate`` with other authentication data, of any length below 64 KiB."""
        if auth_data == AUTH_DATA:
            return self.certificate
        return _certify(self.enclave, self.attestation_key, self.pck, auth_data)

    def quote(
        self,
        header: bytes,
        body_type: BodyType,
        body: bytes,
        certification: CertificationData,
        *,
        auth_data: bytes = AUTH_DATA,
        trailing: int = 0,
    ) -> bytes:
        """Return a signed quote.

        Args:
            header: 48 bytes.
            body_type: written in version 5, implied before.
            body: 384, 584, 648 or 885 bytes.
            certification: what leads to the PCK certificate.
            auth_data: authentication data.
            trailing: zero bytes to put behind, as a buffer larger than the quote would have.
        """
        version = int.from_bytes(header[:2], "little")
        signed = header + body
        if version == QuoteVersion.V5:
            signed = b"".join((header, _u16(body_type), _u32(len(body)), body))
        certificate = self.certify(auth_data)
        tail = b"".join(
            (
                certificate[_ATTESTATION_KEY_BYTES:],
                _u16(certification.type),
                _u32(len(certification.data)),
                certification.data,
            )
        )
        if version != QuoteVersion.V3:
            tail = _u16(CertType.QE_REPORT) + _u32(len(tail)) + tail
        signature = sign(self.attestation_key, signed)
        key = certificate[:_ATTESTATION_KEY_BYTES]
        length = len(signature) + len(key) + len(tail)
        return b"".join((signed, _u32(length), signature, key, tail, bytes(trailing)))


def make_header(
    version: QuoteVersion, tee: TeeType, *, qe_svn: int, pce_svn: int, qe_id: bytes
) -> bytes:
    """Return the 48 bytes that a quote begins with.

    Args:
        version: 3, 4 or 5.
        tee: version 3 knows SGX only.
        qe_svn: written in version 3 only, as Intel's quoting enclaves do.
        pce_svn: likewise.
        qe_id: 16 bytes.
    """
    is_v3 = version is QuoteVersion.V3
    return HEADER.pack(
        (
            version,
            AttestationKeyType.ECDSA_P256,
            tee,
            qe_svn if is_v3 else 0,
            pce_svn if is_v3 else 0,
            INTEL_QE_VENDOR,
            qe_id + bytes(4),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TdHistory:
    """What body type 4 says beyond a TDREPORT: how the TD came to this platform.

    All fields are zero for a TD that was launched where it runs, except for the initial values,
    which then equal the current ones.

    Attributes:
        vmid: 8 bits.
        td_id: 32 bytes.
        device_info_hash: 48 bytes.
        init_service_td_hash: 48 bytes.
        init_service_td_attributes: 8 bytes.
        init_cpu_svn: 16 bytes.
        init_tee_tcb_svn: 16 bytes.
        init_fmspc: 12 bytes.
        current_service_td_hash: 48 bytes.
        current_service_td_attributes: 8 bytes.
    """

    vmid: int = 0
    td_id: bytes = bytes(32)
    device_info_hash: bytes = bytes(48)
    init_service_td_hash: bytes = bytes(48)
    init_service_td_attributes: bytes = bytes(8)
    init_cpu_svn: bytes = bytes(16)
    init_tee_tcb_svn: bytes = bytes(16)
    init_fmspc: bytes = bytes(12)
    current_service_td_hash: bytes = bytes(48)
    current_service_td_attributes: bytes = bytes(8)


def td_body(report: bytes, body_type: BodyType, history: TdHistory | None = None) -> bytes:
    """Return the quote body that a TDREPORT of 1024 bytes becomes.

    Args:
        report: whose MAC has been checked.
        body_type: 2, 3 or 4.
        history: for type 4; by default of a TD that was launched here.
    """
    require_size("quote", "TDREPORT", report, TDREPORT.size)
    body = report[_MODULE] + report[_TD] + report[_REPORT_DATA]
    if body_type is BodyType.TD_1_0:
        return body
    body += report[_TCB_SVN2] + report[_SERVICE_TD]
    if body_type is BodyType.TD_1_5:
        return body
    history = history or TdHistory(init_cpu_svn=report[_CPU_SVN], init_tee_tcb_svn=report[_TCB_SVN])
    values = {row: getattr(history, row) for row in TdHistory.__slots__}
    return replace(TdReport.from_bytes(body), **values).to_bytes()


def _certify(
    enclave: Enclave, attestation_key: EllipticCurvePrivateKey, pck: CertifiedKey, auth_data: bytes
) -> bytes:
    key = public_point(attestation_key)
    digest = hashlib.sha256(key + auth_data).digest()
    qe_report = enclave.body(digest + bytes(32)).to_bytes()
    signature = sign(pck.key, qe_report)
    return b"".join((key, qe_report, signature, _u16(len(auth_data)), auth_data))


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")
