# SPDX-License-Identifier: Apache-2.0
"""REPORTs between enclaves in software: the MAC, and its check.

The MAC uses the key scheme of Intel's SDK in simulation mode: report key = AES-128-CMAC(fixed
key, derivation data), MAC = AES-128-CMAC(report key, body). All inputs are public, so such a
REPORT proves nothing about a machine; it makes the code that handles REPORTs take the same way
as on hardware.

Sources: Intel SDM volume 3D, chapter 39 (EREPORT, EGETKEY); linux-sgx ``sdk/simulation/tinst``.
"""

import hmac
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from confcom.errors import NotAuthenticError
from confcom.reasons import Reason
from confcom.sgx import (
    REPORT,
    REPORT_BODY,
    TARGET_INFO,
    Flags,
    Report,
    ReportBody,
    TargetInfo,
    Xfrm,
)
from confcom.simulation._span import span
from confcom.wire import Field, Kind, Layout

_BASE_KEY: Final = b"\xff\x00" * 8
_OWNER_EPOCH: Final = b"THISISOWNEREPOCH"
_REPORT_KEY_NAME: Final = 3
_CPU_SVN: Final = span(REPORT_BODY, "cpu_svn")
_KEY_ID: Final = span(REPORT, "key_id")
_MAC: Final = span(REPORT, "mac")
_TARGET_MR_ENCLAVE: Final = span(TARGET_INFO, "mr_enclave")
_TARGET_ATTRIBUTES: Final = span(TARGET_INFO, "flags", "xfrm")
_TARGET_MISC_SELECT: Final = span(TARGET_INFO, "misc_select")
_TARGET_CONFIG_SVN: Final = span(TARGET_INFO, "config_svn")
_TARGET_CONFIG_ID: Final = span(TARGET_INFO, "config_id")

REPORT_KEY_DERIVATION: Final = Layout(
    "derivation data of a simulated report key",
    192,
    Field("key_name", 0, 2, Kind.UINT),
    Field("reserved1", 2, 6),
    Field("target_attributes", 8, 16),
    Field("target_misc_select", 24, 4),
    Field("owner_epoch", 28, 16),
    Field("target_mr_enclave", 44, 32),
    Field("cpu_svn", 76, 16),
    Field("target_config_svn", 92, 2),
    Field("target_config_id", 94, 64),
    Field("key_id", 158, 32),
    Field("reserved2", 190, 2),
    cite="linux-sgx sdk/simulation/tinst/deriv.cpp",
)

SDK_QUOTING_ENCLAVE: Final = TargetInfo(
    mr_enclave=b"\xee" * 32,
    flags=Flags.INIT,
    xfrm=Xfrm.X87 | Xfrm.SSE,
    reserved1=bytes(2),
    config_svn=0,
    misc_select=0,
    reserved2=bytes(8),
    config_id=bytes(64),
    reserved3=bytes(384),
)
"""The target that Intel's SDK names for its own simulated quoting enclave."""

NO_TARGET: Final = TargetInfo.from_bytes(bytes(512))
"""A TARGETINFO of zeros: what a program passes that forgot to ask for the target."""


def check_report(
    report: Report, target: TargetInfo, *, others: Mapping[str, TargetInfo] | None = None
) -> ReportBody:
    """Return the body of a REPORT whose MAC was made for ``target``.

    A MAC that does not fit says nothing about the cause. Usual mistakes are told apart by trying
    further targets: a TARGETINFO of zeros, the enclave that made the REPORT, the quoting enclave
    that Intel's SDK simulates, and those that the caller names.

    Args:
        report: as received.
        target: TARGETINFO of the enclave that checks.
        others: further targets by a name for the message.

    Raises:
        NotAuthenticError: reason ``report_target`` if made for one of the other targets, else
            ``report_mac``.
    """
    raw = report.to_bytes()
    if not is_report_for(raw, target.to_bytes()):
        raise explain_mac(report, target, others or {})
    return report.body


def is_report_for(report: bytes, target: bytes) -> bool:
    """Say whether the MAC of a REPORT (432 bytes) was made for a TARGETINFO (512 bytes)."""
    mac = report_mac(report[: REPORT_BODY.size], report[_KEY_ID], target)
    return hmac.compare_digest(mac, report[_MAC])


def explain_mac(
    report: Report, target: TargetInfo, others: Mapping[str, TargetInfo]
) -> NotAuthenticError:
    """Make the refusal of a REPORT whose MAC does not fit ``target``."""
    raw = report.to_bytes()
    candidates = {
        "no enclave (a TARGETINFO of zeros)": NO_TARGET,
        "the enclave that made it": _own_target(report.body),
        "the simulated quoting enclave of Intel's SDK": SDK_QUOTING_ENCLAVE,
        **others,
    }
    wanted = target.mr_enclave.hex()
    for name, candidate in candidates.items():
        if is_report_for(raw, candidate.to_bytes()):
            return NotAuthenticError(
                Reason.REPORT_TARGET,
                f"REPORT was made for {name}, expected the enclave with MRENCLAVE {wanted}",
                hint="ask the checking enclave for its TARGETINFO and make the REPORT for that",
            )
    return NotAuthenticError(
        Reason.REPORT_MAC,
        f"MAC of the REPORT does not fit the enclave with MRENCLAVE {wanted}",
        hint="the REPORT was changed, or made for another enclave or on hardware",
    )


def report_mac(body: bytes, key_id: bytes, target: bytes) -> bytes:
    """Return the 16-byte MAC of a report body.

    Args:
        body: 384 bytes.
        key_id: 32 bytes.
        target: 512 bytes, TARGETINFO of the enclave that will check.
    """
    data = REPORT_KEY_DERIVATION.pack(
        (
            _REPORT_KEY_NAME,
            bytes(6),
            target[_TARGET_ATTRIBUTES],
            target[_TARGET_MISC_SELECT],
            _OWNER_EPOCH,
            target[_TARGET_MR_ENCLAVE],
            body[_CPU_SVN],
            target[_TARGET_CONFIG_SVN],
            target[_TARGET_CONFIG_ID],
            key_id,
            bytes(2),
        )
    )
    return _cmac(_cmac(_BASE_KEY, data), body)


def _own_target(body: ReportBody) -> TargetInfo:
    return TargetInfo(
        mr_enclave=body.mr_enclave,
        flags=body.flags,
        xfrm=body.xfrm,
        reserved1=bytes(2),
        config_svn=body.config_svn,
        misc_select=body.misc_select,
        reserved2=bytes(8),
        config_id=body.config_id,
        reserved3=bytes(384),
    )


def _cmac(key: bytes, data: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(data)
    return mac.finalize()
