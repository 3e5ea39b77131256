# SPDX-License-Identifier: Apache-2.0
"""Enclave structures: attributes, report, target info, SIGSTRUCT, MRENCLAVE.

What measures enclaves and reads SIGSTRUCTs has modules of its own, `measurement` and `sigstruct`:
daemons that only see REPORTs live without them.
"""

from confcom.sgx.attributes import (
    Flags,
    MiscSelect,
    Xfrm,
    flag_names,
    misc_names,
    names,
    xfrm_names,
)
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
    "flag_names",
    "misc_names",
    "names",
    "xfrm_names",
]
