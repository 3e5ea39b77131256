# SPDX-License-Identifier: Apache-2.0
"""Where each part of a quote is: tables of the parts whose place depends on lengths before them.

The parser in `confcom.dcap.quote` reads these parts one after the other; dumps and the reference
page need to know them by offset.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from confcom.dcap.header import HEADER, QuoteVersion
from confcom.dcap.quote import BODY_DESCRIPTOR, Quote
from confcom.dcap.signature import (
    CERTIFICATION,
    CONTAINER,
    QE_SIGNATURE,
    QUOTE_SIGNATURE,
    SIGNATURE_DATA_SIZE,
    CertType,
)
from confcom.dcap.td_report import TdReport
from confcom.sgx import REPORT_BODY
from confcom.wire import Field, Kind, Layout

_CITE: Final = "Intel SGX ECDSA Quote Library Reference, A.4"
_PPID_BYTES: Final = 16


def _ppid(name: str, size: int, *, has_pce_id: bool = True) -> Layout:
    fields = [
        Field("ppid", 0, size, doc="identifier of the platform")
        if size == _PPID_BYTES
        else Field("encrypted_ppid", 0, size, doc="PPID under a key of Intel's service"),
        Field("cpu_svn", size, 16, doc="security version of the processor"),
        Field("pce_svn", size + 16, 2, Kind.UINT, doc="security version of the PCE"),
    ]
    if has_pce_id:
        fields.append(Field("pce_id", size + 18, 2, doc="identifier of the PCE"))
    return Layout(name, fields[-1].end, *fields, cite=_CITE)


PPID_TABLES: Final = {
    (CertType.PPID_CLEAR, table.size): table
    for table in (
        _ppid("PPID in clear (type 1)", 16),
        _ppid("PPID in clear without PCE id (type 1, old)", 16, has_pce_id=False),
    )
} | {
    (CertType.PPID_RSA2048, 276): _ppid("encrypted PPID (type 2)", 256),
    (CertType.PPID_RSA3072, 404): _ppid("encrypted PPID (type 3)", 384),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A run of bytes of a quote.

    Attributes:
        name: of the part; a name of several fields has a table.
        offset: from the start of the quote.
        size: bytes.
        layout: table of its fields, or None for bytes of one meaning.
    """

    name: str
    offset: int
    size: int
    layout: Layout | None = None


def parts(quote: Quote) -> Iterator[Part]:
    """Yield all parts of a quote in their order; together they are every byte of it, once."""
    offset = 0
    for name, size, layout in _rows(quote):
        yield Part(name, offset, size, layout)
        offset += size


def _rows(quote: Quote) -> Iterator[tuple[str, int, Layout | None]]:
    version, signature = quote.header.version, quote.signature
    certification = signature.certification
    size = len(certification.data)
    yield "header", HEADER.size, HEADER
    if version is QuoteVersion.V5:
        yield "descriptor", BODY_DESCRIPTOR.size, BODY_DESCRIPTOR
    body = quote.body.layout if isinstance(quote.body, TdReport) else REPORT_BODY
    yield "body", body.size, body
    yield "signature", SIGNATURE_DATA_SIZE.size, SIGNATURE_DATA_SIZE
    yield "signature", QUOTE_SIGNATURE.size, QUOTE_SIGNATURE
    if version is not QuoteVersion.V3:
        yield "signature", CONTAINER.size, CONTAINER
    yield "qeReport", REPORT_BODY.size, REPORT_BODY
    yield "signature", QE_SIGNATURE.size, QE_SIGNATURE
    yield "authData", len(signature.auth_data), None
    yield "certification", CERTIFICATION.size, CERTIFICATION
    yield "certificationData", size, PPID_TABLES.get((certification.type, size))
    yield "trailing", quote.trailing, None
