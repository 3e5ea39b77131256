# SPDX-License-Identifier: Apache-2.0
"""Parts of a quote: together they are every byte of it, once, at the places of the tables."""

import json
from pathlib import Path

import pytest
from tests.structures import FORMS, quote_bytes

from confcom.dcap.quote import BodyType, Quote, body_type_name
from confcom.dcap.sections import PPID_TABLES, Part, parts
from confcom.dcap.signature import CertType, cert_type_name


def check(data: bytes) -> list[Part]:
    """Return the parts after a look at their edges and at what the tables read there."""
    quote = Quote.from_bytes(data)
    found = list(parts(quote))
    end = 0
    for part in found:
        assert part.offset == end
        assert part.layout is None or part.layout.size == part.size
        end += part.size
    assert end == len(data)
    values = {
        f"{part.name}.{field.name}": value
        for part in found
        if part.layout
        for field, value in zip(part.layout, part.layout.unpack(data, part.offset), strict=True)
    }
    signature = quote.signature
    assert values["signature.quote_signature"] == signature.signature
    assert values["signature.attestation_key"] == signature.attestation_key
    assert values["signature.qe_report_signature"] == signature.qe_report_signature
    assert values["signature.auth_data_size"] == len(signature.auth_data)
    assert values["certification.cert_type"] == signature.certification.type
    assert values["certification.cert_size"] == len(signature.certification.data)
    return found


@pytest.mark.parametrize(("version", "body_type"), FORMS)
@pytest.mark.parametrize("trailing", [0, 70])
@pytest.mark.parametrize("auth_data", [b"", bytes(32)])
def test_parts_are_every_byte_of_a_quote(
    version: int, body_type: BodyType, trailing: int, auth_data: bytes
) -> None:
    found = check(quote_bytes(version, body_type, auth_data=auth_data, trailing=trailing))
    names = [part.name for part in found]
    assert ("descriptor" in names) == (version == 5)
    assert names.count("signature") == (3 if version == 3 else 4)
    assert names[-1] == "trailing"
    assert found[-1].size == trailing


@pytest.mark.parametrize(("cert_type", "size"), PPID_TABLES)
def test_identifiers_of_a_platform_have_a_table(cert_type: CertType, size: int) -> None:
    data = quote_bytes(3, BodyType.SGX, cert_type=cert_type, certification=bytes(size))
    certification = next(part for part in check(data) if part.name == "certificationData")
    assert certification.layout is PPID_TABLES[cert_type, size]


@pytest.mark.parametrize("size", [0, 33, 35, 275, 405])
def test_identifiers_of_another_size_have_none(size: int) -> None:
    for cert_type in (CertType.PPID_CLEAR, CertType.PPID_RSA2048, CertType.PPID_RSA3072):
        data = quote_bytes(3, BodyType.SGX, cert_type=cert_type, certification=bytes(size))
        certification = next(part for part in check(data) if part.name == "certificationData")
        assert certification.layout is None


def test_parts_of_recorded_quotes_are_all_their_bytes(dcap_vectors: Path) -> None:
    cases = json.loads((dcap_vectors / "cases.json").read_bytes())
    accepted = {case["quote"] for case in cases if case["expect"]["verdict"] == "accept"}
    for name in accepted:
        check((dcap_vectors / name).read_bytes())


def test_types_are_named() -> None:
    assert [body_type_name(kind) for kind in (1, 2, 3, 4, 5)] == [
        "SGX report",
        "TD report 1.0",
        "TD report 1.5",
        "TD report 1.5 extended",
        "not supported",
    ]
    assert cert_type_name(5) == "PCK certificate chain, PEM"
    assert cert_type_name(8) == "not supported"
