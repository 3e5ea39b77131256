# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/formats.md from the tables that the parsers read with.

``python -m tools.format_reference`` writes the page; a test compares page and tables.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from confcom.dcap import quote, sections, signature, wrappers
from confcom.dcap.header import HEADER
from confcom.dcap.td_report import TD_REPORT_1_0, TD_REPORT_1_5, TD_REPORT_1_5_EX, TDREPORT
from confcom.protocols.qgs import layouts as qgs
from confcom.sgx import REPORT, REPORT_BODY, TARGET_INFO
from confcom.sgx.measurement import EADD, ECREATE, EEXTEND
from confcom.sgx.sigstruct import SIGSTRUCT
from confcom.wire import Field, Kind, Layout

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "formats.md"

INTRODUCTION: Final = """\
# Formats

<!-- written by `python -m tools.format_reference`; edit the tables in src/confcom instead -->

What `confcom evidence inspect` reads, byte by byte. Offsets and sizes are in bytes, integers are
little-endian, names are those of `--output json` and of `--hex`. Bytes called reserved are zero in
practice; they are shown when they are not. The page is written from the tables that the parsers
read with.
"""

CHAPTERS: Final[tuple[tuple[str, str, tuple[Layout, ...]], ...]] = (
    (
        "Quote",
        """\
A quote is a header, a body, the size of the signature data, and the signature data. Version 5 has a
body descriptor before the body. The quote signature covers everything before the size.

The signature data are, in this order: quote signature and attestation key; in versions 4 and 5 the
container; the report of the quoting enclave (an SGX report body); its signature; authentication
data; certification data. Each size must lead exactly to the end of what encloses it. After the
quote only zero bytes may follow.
""",
        (
            HEADER,
            quote.BODY_DESCRIPTOR,
            signature.SIGNATURE_DATA_SIZE,
            signature.QUOTE_SIGNATURE,
            signature.CONTAINER,
            signature.QE_SIGNATURE,
            signature.CERTIFICATION,
        ),
    ),
    (
        "Certification data",
        """\
Type 4 is a PCK certificate, type 5 its chain, both as PEM, usually with one zero byte at the end.
Types 1 to 3 identify the platform instead; its certificate must then come from elsewhere.
""",
        tuple(sections.PPID_TABLES.values()),
    ),
    (
        "SGX",
        """\
Fields marked KSS mean something only when FLAGS has the bit KSS.
""",
        (REPORT_BODY, REPORT, TARGET_INFO, SIGSTRUCT),
    ),
    (
        "TDX",
        """\
The forms 1.5 and 1.5 extended begin with form 1.0; only what they add is listed.
""",
        (TD_REPORT_1_0, TD_REPORT_1_5, TD_REPORT_1_5_EX, TDREPORT),
    ),
    (
        "Measurement stream",
        """\
MRENCLAVE is the SHA-256 of a stream of these records, in the order in which the enclave is loaded.
The first record is ECREATE; each page has an EADD, and an EEXTEND for each 256 bytes that are
measured.
""",
        (ECREATE, EADD, EEXTEND),
    ),
    (
        "Wrappers",
        """\
The Open Enclave SDK puts one of these before a quote. They are not covered by a signature.
""",
        (wrappers.OPEN_ENCLAVE_REPORT, wrappers.OPEN_ENCLAVE_EVIDENCE),
    ),
    (
        "TDX quote generation service",
        """\
What TDs exchange with the service that makes their quotes; `evidence inspect` does not read it.

A frame is a length of four bytes, big-endian, and a message of that length: the header, a fixed
part whose offsets are counted from the end of the header, and the data that its sizes count, in
their order. The request for platform info has a header only. The reply about the platform ends with
four zero bytes more, and so does the collateral reply to a request of minor version 0. An error
reply is header and fixed part, the fixed part zero.

A connection that starts with a TDREPORT instead of a length is in raw mode: the reply is the bare
quote, or the connection is closed.
""",
        (
            qgs.HEADER,
            qgs.GET_QUOTE_REQUEST,
            qgs.GET_QUOTE_REPLY,
            qgs.GET_COLLATERAL_REQUEST,
            qgs.GET_COLLATERAL_REPLY,
            qgs.GET_PLATFORM_INFO_REPLY,
            qgs.RAW_REQUEST,
        ),
    ),
)
_EXTENDS: Final = {TD_REPORT_1_5: TD_REPORT_1_0, TD_REPORT_1_5_EX: TD_REPORT_1_5}


def page() -> str:
    """Return the text of the page."""
    return "\n".join([INTRODUCTION, *_chapters()])


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}: {sum(len(tables) for _, _, tables in CHAPTERS)} tables")
    return 0


def _chapters() -> Iterator[str]:
    for title, text, tables in CHAPTERS:
        yield f"## {title}\n\n{text}"
        for table in tables:
            yield "\n".join(_table(table))


def _table(table: Layout) -> Iterator[str]:
    base = _EXTENDS.get(table)
    start = base.size if base else 0
    yield f"### {table.name[0].upper()}{table.name[1:]} ({table.size} bytes)\n"
    yield f"Source: {table.cite}.\n"
    yield "| offset | size | name | type | content |"
    yield "| ---: | ---: | --- | --- | --- |"
    yield from (_row(field) for field in table if field.offset >= start)
    yield ""


def _row(field: Field) -> str:
    kind = f"u{8 * field.size}" if field.kind is Kind.UINT else "bytes"
    content = "zero" if field.is_reserved else field.doc
    return f"| {field.offset} | {field.size} | `{field.key}` | {kind} | {content} |"


if __name__ == "__main__":
    sys.exit(main())
