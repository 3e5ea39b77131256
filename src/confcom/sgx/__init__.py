# SPDX-License-Identifier: Apache-2.0
"""Enclave structures: attributes, report, target info, SIGSTRUCT, MRENCLAVE."""

from confcom.sgx.attributes import Flags, MiscSelect, Xfrm, names
from confcom.sgx.report import REPORT, REPORT_BODY, TARGET_INFO, Report, ReportBody, TargetInfo

__all__ = [
    "REPORT",
    "REPORT_BODY",
    "TARGET_INFO",
    "Flags",
    "MiscSelect",
    "Report",
    "ReportBody",
    "TargetInfo",
    "Xfrm",
    "names",
]
