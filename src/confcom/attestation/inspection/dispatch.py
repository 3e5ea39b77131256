# SPDX-License-Identifier: Apache-2.0
"""Which inspection goes with which recognised value."""

from typing import assert_never

from confcom.attestation._texts import Document
from confcom.attestation.inspection.bundle import inspect_collateral
from confcom.attestation.inspection.certificates import inspect_certificates, inspect_crl
from confcom.attestation.inspection.documents import (
    inspect_evaluation_numbers,
    inspect_identity,
    inspect_tcb_info,
)
from confcom.attestation.inspection.model import Inspection
from confcom.attestation.inspection.quote import inspect_quote
from confcom.attestation.inspection.structures import (
    inspect_measurement,
    inspect_report,
    inspect_report_body,
    inspect_sigstruct,
    inspect_target_info,
    inspect_td_report_body,
    inspect_tdreport,
)
from confcom.attestation.recognition import Recognition
from confcom.dcap import (
    Collateral,
    Crl,
    EnclaveIdentity,
    EvaluationNumbers,
    Quote,
    TcbInfo,
    TdReport,
    TdxReport,
)
from confcom.sgx import REPORT, Report, ReportBody, TargetInfo
from confcom.sgx.measurement import Measurement
from confcom.sgx.sigstruct import Sigstruct


def inspect(recognition: Recognition) -> Inspection:
    """Show what is in a recognised value; nothing is verified."""
    content = recognition.content
    match content:
        case Quote():
            return inspect_quote(content, file=recognition.data, layers=recognition.layers)
        case Document():
            return _inspect_document(content)
        case Collateral():
            return inspect_collateral(content)
        case tuple():
            return inspect_certificates(content)
        case Crl():
            return inspect_crl(content)
        case Report():
            return inspect_report(content, padding=len(recognition.data) - REPORT.size)
        case ReportBody():
            return inspect_report_body(content)
        case TargetInfo():
            return inspect_target_info(content)
        case TdReport():
            return inspect_td_report_body(content)
        case TdxReport():
            return inspect_tdreport(content)
        case Sigstruct():
            return inspect_sigstruct(content)
        case Measurement():
            return inspect_measurement(content)
        case _:
            assert_never(content)


def _inspect_document(document: Document) -> Inspection:
    parsed = document.parsed
    match parsed:
        case TcbInfo():
            return inspect_tcb_info(parsed, document.signature)
        case EnclaveIdentity():
            return inspect_identity(parsed, document.signature)
        case EvaluationNumbers():
            return inspect_evaluation_numbers(parsed, document.signature)
        case _:
            assert_never(parsed)
