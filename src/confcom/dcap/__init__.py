# SPDX-License-Identifier: Apache-2.0
"""SGX and TDX quotes: formats, collateral, TCB evaluation, verification.

What wraps quotes has a module of its own, `wrappers`, and the list of evaluation data numbers too,
`verify_numbers`.
"""

from confcom.dcap.caches import Caches
from confcom.dcap.certificates import (
    Certificate,
    parse_pem_chain,
    pem_from_der,
    verify_certificate,
)
from confcom.dcap.collateral import Collateral
from confcom.dcap.crl import Crl, verify_crl
from confcom.dcap.documents import SignedDocument, split_envelope, verify_document
from confcom.dcap.evaluation import EvaluationNumber, EvaluationNumbers
from confcom.dcap.header import Header, QuoteVersion, TeeType
from confcom.dcap.identity import EnclaveIdentity
from confcom.dcap.pck import PckCa, PckCertificate, PckExtension
from confcom.dcap.quote import MAX_QUOTE_BYTES, BodyType, Quote, signed_part
from confcom.dcap.roots import INTEL_SGX_ROOT_CA_PEM, TrustedRoot, intel_root
from confcom.dcap.signature import CertificationData, CertType, SignatureData
from confcom.dcap.tcb import TcbVerdict
from confcom.dcap.tcb_info import (
    Component,
    IdentityLevel,
    TcbInfo,
    TcbLevel,
    TcbStatus,
    TdxModule,
    TdxModuleIdentity,
)
from confcom.dcap.td_report import TdAttributes, TdReport, TdxReport
from confcom.dcap.verified import TcbDiagnosis, VerificationStep, VerifiedQuote
from confcom.dcap.verify import diagnose, verify

__all__ = [
    "INTEL_SGX_ROOT_CA_PEM",
    "MAX_QUOTE_BYTES",
    "BodyType",
    "Caches",
    "CertType",
    "Certificate",
    "CertificationData",
    "Collateral",
    "Component",
    "Crl",
    "EnclaveIdentity",
    "EvaluationNumber",
    "EvaluationNumbers",
    "Header",
    "IdentityLevel",
    "PckCa",
    "PckCertificate",
    "PckExtension",
    "Quote",
    "QuoteVersion",
    "SignatureData",
    "SignedDocument",
    "TcbDiagnosis",
    "TcbInfo",
    "TcbLevel",
    "TcbStatus",
    "TcbVerdict",
    "TdAttributes",
    "TdReport",
    "TdxModule",
    "TdxModuleIdentity",
    "TdxReport",
    "TeeType",
    "TrustedRoot",
    "VerificationStep",
    "VerifiedQuote",
    "diagnose",
    "intel_root",
    "parse_pem_chain",
    "pem_from_der",
    "signed_part",
    "split_envelope",
    "verify",
    "verify_certificate",
    "verify_crl",
    "verify_document",
]
