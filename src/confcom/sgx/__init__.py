# SPDX-License-Identifier: Apache-2.0
"""Enclave structures: attributes, report, target info, SIGSTRUCT, MRENCLAVE.

What measures enclaves and reads SIGSTRUCTs is loaded at its first use: daemons that only see
REPORTs live without it.
"""

from typing import TYPE_CHECKING, Final

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

if TYPE_CHECKING:
    from confcom.sgx.measurement import (
        Access,
        Measurement,
        MeasurementBuilder,
        MeasurementParser,
        PageType,
        measure,
    )
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

_OF_MEASUREMENT: Final = frozenset(
    {
        "Access",
        "Measurement",
        "MeasurementBuilder",
        "MeasurementParser",
        "PageType",
        "measure",
    }
)
_OF_SIGSTRUCT: Final = frozenset(
    {"SIGSTRUCT", "SigningType", "Sigstruct", "VerifiedSigstruct", "verify_sigstruct"}
)


def __getattr__(name: str) -> object:
    if name in _OF_MEASUREMENT:
        from confcom.sgx import measurement  # noqa: PLC0415 - see above

        return getattr(measurement, name)
    if name in _OF_SIGSTRUCT:
        from confcom.sgx import sigstruct  # noqa: PLC0415 - see above

        return getattr(sigstruct, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
