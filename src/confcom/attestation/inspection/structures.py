# SPDX-License-Identifier: Apache-2.0
"""Inspection of structures of fixed size: reports, target info, SIGSTRUCT, measurement streams."""

from collections.abc import Iterator
from typing import Final

from confcom.attestation.inspection.model import Inspection, Item, Section, items_of
from confcom.dcap import TdAttributes, TdReport, TdxReport
from confcom.dcap.td_report import TD_UNDER_DEBUG, TDREPORT
from confcom.errors import NotAuthenticError
from confcom.sgx import REPORT, REPORT_BODY, TARGET_INFO, Flags, Report, ReportBody, TargetInfo
from confcom.sgx.measurement import Measurement
from confcom.sgx.sigstruct import SIGSTRUCT, Sigstruct, verify_sigstruct
from confcom.wire import annotate, annotate_bytes

NOT_VERIFIED: Final = "nothing here is verified: all of it is a claim"
_LOCAL: Final = "a local report: only its target, on the same platform, can check the MAC"
_WITHOUT_KSS: Final = "means nothing: KSS is not set"
_KSS_FIELDS: Final = ("isv_ext_prod_id", "config_id", "config_svn", "isv_family_id")
_RAW_SVN: Final = "raw; the TCB is judged by the PCK certificate"


def report_body_items(body: ReportBody) -> tuple[Item, ...]:
    """Return the fields of an SGX report body."""
    meanings = {"cpu_svn": _RAW_SVN}
    if not body.has_kss:
        meanings |= dict.fromkeys(_KSS_FIELDS, _WITHOUT_KSS)
    return tuple(items_of(REPORT_BODY, body.to_bytes(), meanings=meanings))


def td_report_items(body: TdReport) -> tuple[Item, ...]:
    """Return the fields of a TD report body."""
    return tuple(items_of(body.layout, body.to_bytes()))


def enclave_notes(flags: int) -> Iterator[str]:
    """Yield what is remarkable about an enclave of these attributes."""
    if flags & Flags.DEBUG:
        yield "debug enclave: its memory can be read from outside"
    if not flags & Flags.INIT:
        yield "INIT is not set: no processor reports or quotes such an enclave"


def td_notes(td_attributes: int, mr_service_td: bytes | None) -> Iterator[str]:
    """Yield what is remarkable about a TD of these attributes."""
    if td_attributes & TD_UNDER_DEBUG:
        yield "TD under debug: its memory and registers can be read from outside"
    if not td_attributes & TdAttributes.SEPT_VE_DISABLE:
        yield "SEPT_VE_DISABLE is not set: pages that the host takes away raise #VE inside the TD"
    if mr_service_td is not None and any(mr_service_td):
        yield "a service TD is bound to this TD, as for moving it to another host"


def inspect_report_body(body: ReportBody) -> Inspection:
    """Inspect a bare SGX report body."""
    return Inspection(
        kind="sgx-report-body",
        title="SGX report body (without MAC or signature)",
        sections=(Section("body", REPORT_BODY.name, report_body_items(body)),),
        notes=(NOT_VERIFIED, *enclave_notes(body.flags)),
        annotations=annotate(REPORT_BODY, body.to_bytes(), prefix="body"),
    )


def inspect_report(report: Report, *, padding: int = 0) -> Inspection:
    """Inspect a local REPORT.

    Args:
        report: parsed.
        padding: zero bytes that follow it, as in memory, where a REPORT is aligned to 512 bytes.
    """
    data = report.to_bytes()
    _, *tail = items_of(REPORT, data)
    return Inspection(
        kind="sgx-report",
        title="SGX REPORT (local)",
        sections=(
            Section("body", REPORT_BODY.name, report_body_items(report.body)),
            Section("authentication", "Authentication", tuple(tail)),
        ),
        notes=(NOT_VERIFIED, _LOCAL, *enclave_notes(report.body.flags)),
        annotations=(
            *annotate(REPORT_BODY, data, prefix="body"),
            *annotate(REPORT, data)[1:],
            *((annotate_bytes("padding", bytes(padding), offset=len(data)),) if padding else ()),
        ),
    )


def inspect_target_info(target: TargetInfo) -> Inspection:
    """Inspect a TARGETINFO."""
    data = target.to_bytes()
    return Inspection(
        kind="sgx-target-info",
        title="SGX TARGETINFO: names the enclave for which a REPORT is made",
        sections=(Section("target", TARGET_INFO.name, tuple(items_of(TARGET_INFO, data))),),
        annotations=annotate(TARGET_INFO, data),
    )


def inspect_td_report_body(body: TdReport) -> Inspection:
    """Inspect a bare TD report body."""
    return Inspection(
        kind="td-report-body",
        title=f"{body.layout.name} (without MAC or signature)",
        sections=(Section("body", body.layout.name, td_report_items(body)),),
        notes=(NOT_VERIFIED, *td_notes(body.td_attributes, body.mr_service_td)),
        annotations=annotate(body.layout, body.to_bytes(), prefix="body"),
    )


def inspect_tdreport(report: TdxReport) -> Inspection:
    """Inspect a local TDREPORT."""
    data = report.to_bytes()
    return Inspection(
        kind="tdreport",
        title="TDREPORT (local)",
        sections=(Section("report", TDREPORT.name, tuple(items_of(TDREPORT, data))),),
        notes=(NOT_VERIFIED, _LOCAL, *td_notes(report.td_attributes, report.mr_service_td)),
        annotations=annotate(TDREPORT, data),
    )


def inspect_sigstruct(sigstruct: Sigstruct) -> Inspection:
    """Inspect a SIGSTRUCT, and check its signature with the key that it carries."""
    data = sigstruct.to_bytes()
    try:
        verify_sigstruct(sigstruct)
        check = Item("signatureValid", True, "with the key inside, whoever holds it")
    except NotAuthenticError as exc:
        check = Item("signatureValid", False, exc.message)
    computed = (Item("mrSigner", sigstruct.mr_signer.hex(), "SHA-256 of the modulus"), check)
    debug = "signed for debugging: production tools refuse it"
    return Inspection(
        kind="sigstruct",
        title="SIGSTRUCT: what the author of an enclave signs",
        sections=(
            Section("computed", "Computed", computed),
            Section("sigstruct", SIGSTRUCT.name, tuple(items_of(SIGSTRUCT, data))),
        ),
        notes=(debug,) if sigstruct.is_debug_type else (),
        annotations=annotate(SIGSTRUCT, data),
    )


def inspect_measurement(measurement: Measurement) -> Inspection:
    """Inspect a measurement stream."""
    return Inspection(
        kind="measurement-stream",
        title="Measurement stream of an enclave (.sgxs)",
        sections=(
            Section(
                "enclave",
                "Enclave",
                (
                    Item("mrEnclave", measurement.mr_enclave.hex(), "SHA-256 of the stream"),
                    Item("sizeBytes", measurement.size_bytes),
                    Item("ssaFramePages", measurement.ssa_frame_pages),
                    Item("pages", measurement.pages),
                    Item("tcsPages", measurement.tcs_pages, "threads inside at once"),
                    Item("measuredBytes", measurement.measured_bytes),
                ),
            ),
        ),
    )
