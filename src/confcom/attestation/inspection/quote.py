# SPDX-License-Identifier: Apache-2.0
"""Inspection of quotes: each part as a section, and every byte for the dump."""

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from confcom.attestation.inspection.certificates import certificate_section
from confcom.attestation.inspection.model import Inspection, Item, Section, items_of
from confcom.attestation.inspection.structures import (
    NOT_VERIFIED,
    enclave_notes,
    report_body_items,
    td_notes,
    td_report_items,
)
from confcom.dcap import Certificate, CertType, Quote, parse_pem_chain
from confcom.dcap.header import HEADER
from confcom.dcap.quote import body_type_name
from confcom.dcap.roots import SIMULATED
from confcom.dcap.sections import PPID_TABLES, parts
from confcom.dcap.signature import cert_type_name
from confcom.dcap.wrappers import Layer
from confcom.errors import MalformedError
from confcom.sgx import ReportBody
from confcom.wire import Annotation, annotate, annotate_bytes

_PEM_TYPES: Final = {CertType.PCK_LEAF, CertType.PCK_CHAIN}
_PEM_BLOCK: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----[\r\n]*", re.DOTALL
)
_WRAPPER_NAMES: Final = ("wrapper", "innerWrapper")
_QE_ID_BYTES: Final = 16
_DIGEST_BYTES: Final = 32


def inspect_quote(quote: Quote, *, file: bytes, layers: tuple[Layer, ...] = ()) -> Inspection:
    """Inspect a quote.

    Args:
        quote: parsed.
        file: the bytes it was found in, wrappers included.
        layers: Open Enclave headers around it, the outermost first.
    """
    certificates, problems = _certificates(quote)
    tee = "TDX" if quote.is_tdx else "SGX"
    wrappers = (
        Section(name, layer.layout.name, tuple(items_of(layer.layout, file[layer.start :])))
        for name, layer in zip(_WRAPPER_NAMES, layers, strict=False)
    )
    if any(SIMULATED in certificate.subject_cn for certificate in certificates):
        problems = (*problems, "the platform is simulated: it proves nothing")
    return Inspection(
        kind=f"{tee.lower()}-quote",
        title=f"{tee} quote, version {quote.header.version}, {body_type_name(quote.body_type)}",
        sections=(*wrappers, *_sections(quote, certificates)),
        notes=(NOT_VERIFIED, *_notes(quote), *problems),
        annotations=tuple(_annotations(quote, certificates, file, layers)),
    )


def _notes(quote: Quote) -> Iterator[str]:
    body = quote.body
    if isinstance(body, ReportBody):
        yield from enclave_notes(body.flags)
    else:
        yield from td_notes(body.td_attributes, body.mr_service_td)
    if not _names_key(quote):
        yield "the QE report does not name the attestation key: the quote cannot be genuine"
    if quote.signature.certification.type not in _PEM_TYPES:
        yield "no PCK certificate inside: verification needs one from a provisioning service"
    if quote.trailing:
        yield f"{quote.trailing} zero bytes follow the quote, as in buffers that are too large"


def _sections(quote: Quote, certificates: tuple[Certificate, ...]) -> Iterator[Section]:
    body, signature = quote.body, quote.signature
    qe_id = Item("qeId", quote.header.user_data[:_QE_ID_BYTES].hex(), "start of userData")
    yield Section("header", "Header", (*items_of(HEADER, quote.signed), qe_id))
    kind = Item("bodyType", int(quote.body_type), body_type_name(quote.body_type))
    claims = report_body_items(body) if isinstance(body, ReportBody) else td_report_items(body)
    yield Section("body", "Body: what the quote says", (kind, *claims))
    names_key = "named by the QE report" if _names_key(quote) else "NOT named by the QE report"
    yield Section(
        "signature",
        "Signature",
        (
            Item("quoteSignature", signature.signature.hex(), "by the attestation key"),
            Item("attestationKey", signature.attestation_key.hex(), names_key),
            Item("attestationKeyHash", _key_hash(quote).hex(), "of key and authentication data"),
            Item("authData", signature.auth_data.hex(), f"{len(signature.auth_data)} bytes"),
            Item("qeReportSignature", signature.qe_report_signature.hex(), "by the PCK key"),
        ),
    )
    qe_report = ReportBody.from_bytes(signature.qe_report)
    yield Section("qeReport", "Report of the quoting enclave", report_body_items(qe_report))
    yield _certification(quote, certificates)


def _certification(quote: Quote, certificates: tuple[Certificate, ...]) -> Section:
    certification = quote.signature.certification
    items = [
        Item("certType", int(certification.type), cert_type_name(certification.type)),
        Item("certSize", len(certification.data), "bytes"),
    ]
    table = PPID_TABLES.get((certification.type, len(certification.data)))
    if table is not None:
        items.extend(items_of(table, certification.data))
    elif not certificates:
        items.append(Item("data", certification.data.hex()))
    sections = (
        certificate_section(certificate, name=f"certificate{number}")
        for number, certificate in enumerate(certificates, start=1)
    )
    return Section("certification", "Certification data", tuple(items), tuple(sections))


def _certificates(quote: Quote) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    certification = quote.signature.certification
    if certification.type not in _PEM_TYPES:
        return (), ()
    try:
        return parse_pem_chain(certification.data), ()
    except MalformedError as exc:
        return (), (f"the certificates inside do not parse: {exc.message}",)


def _key_hash(quote: Quote) -> bytes:
    signature = quote.signature
    return hashlib.sha256(signature.attestation_key + signature.auth_data).digest()


def _names_key(quote: Quote) -> bool:
    qe_report = ReportBody.from_bytes(quote.signature.qe_report)
    return qe_report.report_data[:_DIGEST_BYTES] == _key_hash(quote)


def _annotations(
    quote: Quote, certificates: tuple[Certificate, ...], file: bytes, layers: tuple[Layer, ...]
) -> Iterator[Annotation]:
    for name, layer in zip(_WRAPPER_NAMES, layers, strict=False):
        yield from annotate(layer.layout, file[layer.start :], base=layer.start, prefix=name)
    start = end = layers[-1].content.start if layers else 0
    for part in parts(quote):
        base = start + part.offset
        end = base + part.size
        data = file[base:end]
        if part.layout is not None:
            yield from annotate(part.layout, data, base=base, prefix=part.name)
        elif part.name == "certificationData":
            yield from _pem_annotations(data, base, certificates)
        else:
            yield from _run(part.name, data, base)
    yield from _run("padding", file[end:], end)


def _pem_annotations(
    data: bytes, base: int, certificates: tuple[Certificate, ...]
) -> Iterator[Annotation]:
    # Only certificates that parse are looked for: thousands of beginnings without an end take long.
    blocks = list(_PEM_BLOCK.finditer(data)) if certificates else []
    end = 0
    for number, (block, certificate) in enumerate(zip(blocks, certificates, strict=True), 1):
        yield from _run("certificationData", data[end : block.start()], base + end)
        end = block.end()
        yield Annotation(
            offset=base + block.start(),
            data=block[0],
            name=f"certificationData.certificate{number}",
            value=f"PEM, {len(block[0])} bytes",
            meaning=certificate.subject_cn,
        )
    yield from _run("certificationData", data[end:], base + end)


def _run(name: str, data: bytes, offset: int) -> Iterator[Annotation]:
    if data:
        yield annotate_bytes(name, data, offset=offset)
