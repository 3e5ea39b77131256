# SPDX-License-Identifier: Apache-2.0
"""What callers pass for a quote, as the bytes that are sent."""

from typing import Final

from confcom.errors import UsageError
from confcom.protocols.aesm import QeReportInfo
from confcom.reasons import Reason
from confcom.sgx import Report, TargetInfo

_NONCE_BYTES: Final = 16
_REPORT_BYTES: Final = 432


def report_bytes(report: Report | bytes) -> bytes:
    """Return the 432 bytes of a REPORT.

    Raises:
        UsageError: it has another size.
    """
    data = report.to_bytes() if isinstance(report, Report) else report
    if len(data) != _REPORT_BYTES:
        raise UsageError(Reason.USAGE, f"REPORT has {len(data)} bytes, expected {_REPORT_BYTES}")
    return data


def info_bytes(nonce: bytes | None, target: TargetInfo | None) -> bytes | None:
    """Return the 960 bytes of QE report info, or None if none is wanted.

    Raises:
        UsageError: only one of both is given, or the nonce is not of 16 bytes.
    """
    if nonce is None and target is None:
        return None
    if nonce is None or target is None:
        raise UsageError(
            Reason.USAGE,
            f"{'target' if nonce is None else 'nonce'} given without the other",
            hint="a REPORT of the quoting enclave needs a nonce of 16 fresh bytes and the target "
            "info of the enclave that will check it",
        )
    if len(nonce) != _NONCE_BYTES:
        raise UsageError(Reason.USAGE, f"nonce has {len(nonce)} bytes, expected {_NONCE_BYTES}")
    return QeReportInfo(nonce, target).to_bytes()
