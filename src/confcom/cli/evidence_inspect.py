# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence inspect``: what is in a file, field by field or byte by byte."""

from collections.abc import Iterator
from typing import Final

import click

from confcom.attestation.inspection import Inspection, Item, Section
from confcom.attestation.inspection import inspect as inspect_content
from confcom.attestation.recognition import Recognition, recognise
from confcom.cli.command import Command, session_of
from confcom.cli.inputs import about, read_input
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.style import Style, paint
from confcom.cli.table import pairs
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.runtime.text import printable
from confcom.wire import render_dump

MAX_INPUT_BYTES: Final = 8 * 1024 * 1024
_INDENT: Final = 2
_LONG_HEX: Final = 16
_LONGEST_HEX: Final = 128
_LONGEST_LINE: Final = 120


@click.command(
    cls=Command,
    examples=(
        "confcom evidence inspect quote.bin",
        "confcom evidence inspect quote.bin --hex",
        "confcom evidence inspect - --output json < quote.b64",
    ),
)
@click.argument("file", metavar="FILE|-")
@click.option("--hex", "with_dump", is_flag=True, help="Show every byte with its field.")
@output_option("table", "json", "yaml")
@click.pass_context
def inspect(ctx: click.Context, file: str, with_dump: bool) -> None:
    """Show what is in a file. Nothing is verified.

    The kind is recognised by content: SGX and TDX quotes, also with Open Enclave headers; REPORT,
    TARGETINFO, TDREPORT, SIGSTRUCT, measurement streams; certificates, revocation lists, TCB
    Info, enclave identities, lists of evaluation data numbers, collateral bundles. Raw bytes, hex,
    base64 and base64url are understood.
    """
    session = session_of(ctx)
    data = read_input(file, limit=MAX_INPUT_BYTES, what="quote or document")
    with about(file, hint="if it should be a quote or document, get it again from its source"):
        recognition = recognise(data)
        inspection = inspect_content(recognition)
    if with_dump and not inspection.annotations:
        raise UsageError(
            Reason.USAGE,
            f"cannot show every byte of {printable(file)}: {inspection.kind} has no fixed layout",
            hint="leave out --hex",
        )
    output = Output(session)
    document = inspection.to_document(
        encoding=recognition.encoding, size_bytes=len(recognition.data), with_dump=with_dump
    )
    output.write(
        document,
        lambda: "".join(_lines(recognition, inspection, with_dump=with_dump, color=output.color)),
    )


def _lines(
    recognition: Recognition, inspection: Inspection, *, with_dump: bool, color: bool
) -> Iterator[str]:
    yield f"{paint(printable(inspection.title), Style.TITLE, color=color)}\n"
    yield f"{len(recognition.data)} bytes, {recognition.encoding.value}\n"
    for note in inspection.notes:
        yield f"{paint('note:', Style.WARNING, color=color)} {printable(note)}\n"
    if with_dump:
        yield "\n"
        yield from (f"{printable(line)}\n" for line in render_dump(inspection.annotations))
    else:
        for section in inspection.sections:
            yield "\n"
            yield from _section(section, depth=0, color=color)


def _section(section: Section, *, depth: int, color: bool) -> Iterator[str]:
    indent = _INDENT * depth
    yield f"{' ' * indent}{paint(printable(section.title), Style.TITLE, color=color)}\n"
    if section.items:
        rows = (row for item in section.items for row in _rows(item))
        yield pairs(rows, indent=indent + _INDENT, color=color)
    for inner in section.sections:
        yield from _section(inner, depth=depth + 1, color=color)


def _rows(item: Item) -> Iterator[tuple[str, str]]:
    meaning = f"  ({item.meaning})" if item.meaning else ""
    if not isinstance(item.value, tuple):
        yield item.name, _text(item.value) + meaning
        return
    parts = [str(part) for part in item.value]
    line = " ".join(parts) or "none"
    if len(line) <= _LONGEST_LINE:
        yield item.name, line + meaning
        return
    yield item.name, parts[0] + meaning
    yield from (("", part) for part in parts[1:])


def _text(value: str | int | bool | None) -> str:
    match value:
        case None | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case str() if len(value) > _LONG_HEX and not value.strip("0"):
            return f"{len(value) // 2} zero bytes"
        case str() if len(value) > _LONGEST_HEX:
            return f"{value[:_LONG_HEX]}… ({len(value) // 2} bytes)"
        case _:
            return str(value)
