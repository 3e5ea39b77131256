# SPDX-License-Identifier: Apache-2.0
"""Recognition of binary structures: by a mark where they have one, else by size and zeros."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from confcom.dcap import Certificate, Crl, Quote, TdReport, TdxReport
from confcom.dcap.header import HEADER, INTEL_QE_VENDOR
from confcom.dcap.td_report import TD_REPORT_1_0, TD_REPORT_1_5, TD_REPORT_1_5_EX, TDREPORT
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import REPORT, REPORT_BODY, TARGET_INFO, Report, ReportBody, TargetInfo
from confcom.sgx.measurement import Measurement, measure
from confcom.sgx.sigstruct import HEADER1, SIGSTRUCT, Sigstruct
from confcom.wire import DerElement, DerError, Layout, read_der

BinaryContent = (
    Quote
    | Report
    | ReportBody
    | TargetInfo
    | TdReport
    | TdxReport
    | Sigstruct
    | Measurement
    | tuple[Certificate, ...]
    | Crl
)

_VENDOR: Final = slice(HEADER["qe_vendor_id"].offset, HEADER["qe_vendor_id"].end)
_ECREATE: Final = b"ECREATE\0"
_DER_STARTS: Final = (b"\x30\x81", b"\x30\x82", b"\x30\x83", b"\x30\x84")
_MOST_ELEMENTS: Final = 16
_EXPLICIT_VERSION: Final = 0xA0
_TIMES: Final = frozenset({0x17, 0x18})
_ALIGNED_REPORT_BYTES: Final = 512


def read_binary(data: bytes) -> BinaryContent | None:
    """Return what a binary structure holds; None when nothing known fits.

    Raises:
        MalformedError: a structure that is marked as a known one and broken.
    """
    if data[_VENDOR] == INTEL_QE_VENDOR:
        return Quote.from_bytes(data)
    if data.startswith(_DER_STARTS):
        return _read_der(data)
    if data.startswith(_ECREATE):
        return measure(data)
    if data.startswith(HEADER1):
        return Sigstruct.from_bytes(data)
    for shape in _SHAPES:
        if len(data) == shape.size and any(data) and shape.fits(data):
            return shape.parse(data)
    return Quote.from_bytes(data) if _begins_like_quote(data) else None


def near_miss(size: int) -> str | None:
    """Return the name of the structure that has this size; None when there is none."""
    return _NAMES_BY_SIZE.get(size)


class _Shape(NamedTuple):
    """A structure without a mark."""

    size: int
    fits: Callable[[bytes], bool]
    parse: Callable[[bytes], BinaryContent]


def _has_zeros(layout: Layout, *, but: frozenset[str] = frozenset()) -> Callable[[bytes], bool]:
    runs = [
        slice(field.offset, field.end)
        for field in layout
        if field.is_reserved and field.name not in but
    ]
    return lambda data: not any(any(data[run]) for run in runs)


def _is_padded_report(data: bytes) -> bool:
    return _is_report_body(data) and not any(data[REPORT.size :])


def _is_tdreport(data: bytes) -> bool:
    return data[0] == _TDX_REPORT_TYPE and _has_tdreport_zeros(data)


def _is_td_report_body(data: bytes) -> bool:
    # Signer and attributes of the TDX module are zero for all modules of Intel.
    return not any(
        data[TD_REPORT_1_0["mr_signer_seam"].offset : TD_REPORT_1_0["seam_attributes"].end]
    )


# The first reserved bytes of a report body hold CET attributes on processors that have them.
_is_report_body: Final = _has_zeros(REPORT_BODY, but=frozenset({"reserved1"}))
_has_tdreport_zeros: Final = _has_zeros(TDREPORT)
_TDX_REPORT_TYPE: Final = 0x81

# Of one size, the first that fits.
_SHAPES: Final = (
    _Shape(REPORT_BODY.size, _is_report_body, ReportBody.from_bytes),
    _Shape(REPORT.size, _is_report_body, Report.from_bytes),
    _Shape(TARGET_INFO.size, _has_zeros(TARGET_INFO), TargetInfo.from_bytes),
    _Shape(
        _ALIGNED_REPORT_BYTES,
        _is_padded_report,
        lambda data: Report.from_bytes(data[: REPORT.size]),
    ),
    _Shape(TDREPORT.size, _is_tdreport, TdxReport.from_bytes),
    *(
        _Shape(layout.size, _is_td_report_body, TdReport.from_bytes)
        for layout in (TD_REPORT_1_0, TD_REPORT_1_5, TD_REPORT_1_5_EX)
    ),
)
_NAMES_BY_SIZE: Final[Mapping[int, str]] = {
    layout.size: layout.name
    for layout in (
        REPORT_BODY,
        REPORT,
        TARGET_INFO,
        SIGSTRUCT,
        TDREPORT,
        TD_REPORT_1_0,
        TD_REPORT_1_5,
        TD_REPORT_1_5_EX,
    )
}


def _begins_like_quote(data: bytes) -> bool:
    """Tell whether version, key type and TEE type are a quote's; also of a quote of old times."""
    version = int.from_bytes(data[:2], "little")
    key_type = int.from_bytes(data[2:4], "little")
    if version in _ECDSA_VERSIONS:
        return key_type in _KEY_TYPES and data[4:8] in _TEE_TYPES
    size = int.from_bytes(data[_EPID_SIZE], "little")
    return (
        version in _EPID_VERSIONS
        and key_type in _EPID_KEY_TYPES
        and len(data) >= _EPID_SIZE.stop
        and size <= len(data) - _EPID_SIZE.stop
    )


_ECDSA_VERSIONS: Final = frozenset({3, 4, 5})
_KEY_TYPES: Final = frozenset({0, 1, 2, 3})
_TEE_TYPES: Final = frozenset({bytes(4), b"\x81\0\0\0"})
_EPID_VERSIONS: Final = frozenset({1, 2})
_EPID_KEY_TYPES: Final = frozenset({0, 1})
_EPID_SIZE: Final = slice(432, 436)


def _read_der(data: bytes) -> tuple[Certificate, ...] | Crl:
    try:
        frame = read_der(data)
    except DerError as exc:
        raise MalformedError(
            Reason.CERT_FORMAT, f"cannot parse DER of {len(data)} bytes: {exc}"
        ) from exc
    tags = _tags_inside(frame)
    if tags[:1] == [_EXPLICIT_VERSION]:
        return (Certificate.from_der(data),)
    if _TIMES.intersection(tags[2:4]):
        return Crl.from_bytes(data)
    raise MalformedError(
        Reason.UNRECOGNISED_INPUT,
        f"cannot recognise DER of {len(data)} bytes: it is neither certificate nor revocation list",
    )


def _tags_inside(frame: DerElement) -> list[int]:
    """Return the tags in the first element of a sequence; none where there is no such element."""
    try:
        first, *_ = frame.sequence(most=_MOST_ELEMENTS)
        return [element.tag for element in first.sequence(most=_MOST_ELEMENTS)]
    except (DerError, ValueError):
        return []
