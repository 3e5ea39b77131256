# SPDX-License-Identifier: Apache-2.0
"""Headers that the Open Enclave SDK puts before a quote.

Two exist: the older report header (``openenclave/internal/report.h``) and the attestation header
of evidence plug-ins (``openenclave/attestation/attester.h``), whose content may again begin with a
report header. Neither is covered by a signature; they only say where the quote is.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import Field, Kind, Layout, Value

SGX_ECDSA_FORMAT: Final = bytes.fromhex("a3a21e871b4d4014b70aa125d2fbcd8c")
_REPORT_VERSION: Final = 1
_REMOTE_REPORT: Final = 2
_VERSIONS: Final = frozenset({1, 2, 3})
_MOST_LAYERS: Final = 2


class Wrapper(StrEnum):
    """What stands before a quote."""

    OPEN_ENCLAVE_REPORT = "open_enclave_report"
    OPEN_ENCLAVE_EVIDENCE = "open_enclave_evidence"


def _report_type(value: Value) -> str:
    return "remote, holds a quote" if value == _REMOTE_REPORT else "not supported"


def _format(value: Value) -> str:
    return "SGX ECDSA" if value == SGX_ECDSA_FORMAT else "not known"


OPEN_ENCLAVE_REPORT: Final = Layout(
    "Open Enclave report header",
    16,
    Field("version", 0, 4, Kind.UINT, doc="1"),
    Field("report_type", 4, 4, Kind.UINT, _report_type, doc="2 = remote, holds a quote"),
    Field("size", 8, 8, Kind.UINT, doc="bytes of the quote that follows"),
    cite="openenclave/internal/report.h, oe_report_header_t",
)
OPEN_ENCLAVE_EVIDENCE: Final = Layout(
    "Open Enclave attestation header",
    28,
    Field("version", 0, 4, Kind.UINT, doc="1, 2 or 3"),
    Field("format_id", 4, 16, describe=_format, doc="UUID of the kind of evidence"),
    Field("size", 20, 8, Kind.UINT, doc="bytes of the evidence that follows"),
    cite="openenclave/attestation/attester.h, oe_attestation_header_t",
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A header and where its content is.

    Attributes:
        wrapper: which header.
        layout: its table.
        start: offset of the header in the file.
        end: offset of the first byte that is no longer the header's.
        size: bytes of content that the header declares.
    """

    wrapper: Wrapper
    layout: Layout
    start: int
    end: int
    size: int

    @property
    def content(self) -> slice:
        """Where the content is in the file."""
        start = self.start + self.layout.size
        return slice(start, start + self.size)

    def fits(self, data: bytes) -> bool:
        """Whether the content is there, with nothing but zero bytes behind it."""
        stop = self.content.stop
        return self.size > 0 and stop <= self.end and not any(data[stop : self.end])


def unwrap(data: bytes) -> tuple[Wrapper | None, bytes]:
    """Return the outermost wrapper, or None, and the quote inside; bare bytes come back as given.

    Raises:
        MalformedError: a wrapper whose size is not that of what follows, zero padding aside
            (reason ``quote_format``).
    """
    found = layers(data)
    return (found[0].wrapper, data[found[-1].content]) if found else (None, data)


def layers(data: bytes) -> tuple[Layer, ...]:
    """Return the wrappers around a quote from the outermost in; none for anything else.

    Raises:
        MalformedError: as `unwrap`.
    """
    found: list[Layer] = []
    start, end = 0, len(data)
    while len(found) < _MOST_LAYERS and (layer := _layer(data, start, end)):
        found.append(layer)
        start, end = layer.content.start, layer.content.stop
    return tuple(found)


def _layer(data: bytes, start: int, end: int) -> Layer | None:
    if int.from_bytes(data[start : start + 4], "little") not in _VERSIONS:
        return None
    if end - start >= OPEN_ENCLAVE_REPORT.size:
        version, report_type, size = OPEN_ENCLAVE_REPORT.unpack(data, start)
        if version == _REPORT_VERSION and report_type == _REMOTE_REPORT:
            return _checked(
                Layer(Wrapper.OPEN_ENCLAVE_REPORT, OPEN_ENCLAVE_REPORT, start, end, int(size)), data
            )
    if end - start >= OPEN_ENCLAVE_EVIDENCE.size:
        _, format_id, size = OPEN_ENCLAVE_EVIDENCE.unpack(data, start)
        layer = Layer(Wrapper.OPEN_ENCLAVE_EVIDENCE, OPEN_ENCLAVE_EVIDENCE, start, end, int(size))
        is_certain = format_id == SGX_ECDSA_FORMAT
        if is_certain or layer.fits(data):
            return _checked(layer, data)
    return None


def _checked(layer: Layer, data: bytes) -> Layer:
    if not layer.fits(data):
        raise MalformedError(
            Reason.QUOTE_FORMAT,
            f"{layer.layout.name} at offset {layer.start} declares {layer.size} bytes, "
            f"{layer.end - layer.content.start} follow",
            hint="the file may be cut off; beyond the declared size only zero bytes may follow",
        )
    return layer
