# SPDX-License-Identifier: Apache-2.0
"""Enclave structures: attributes, report, target info, SIGSTRUCT, MRENCLAVE."""

from confcom.sgx.attributes import (
    Flags,
    MiscSelect,
    Xfrm,
    flag_names,
    misc_names,
    names,
    xfrm_names,
)
from confcom.sgx.measurement import (
    Access,
    Measurement,
    MeasurementBuilder,
    MeasurementParser,
    PageType,
    measure,
)
from confcom.sgx.report import REPORT, REPORT_BODY, TARGET_INFO, Report, ReportBody, TargetInfo
from confcom.sgx.sigstruct import (
    SIGSTRUCT,
    SigningType,
    Sigstruct,
    VerifiedSigstruct,
    verify_sigstruct,
)

__all__ = [
    "REPORT",
    "REPORT_BODY",
    "SIGSTRUCT",
    "TARGET_INFO",
    "Access",
    "Flags",
    "Measurement",
    "MeasurementBuilder",
    "MeasurementParser",
    "MiscSelect",
    "PageType",
    "Report",
    "ReportBody",
    "SigningType",
    "Sigstruct",
    "TargetInfo",
    "VerifiedSigstruct",
    "Xfrm",
    "flag_names",
    "measure",
    "misc_names",
    "names",
    "verify_sigstruct",
    "xfrm_names",
]
