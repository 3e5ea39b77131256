# SPDX-License-Identifier: Apache-2.0
"""Items and sections, and the plain data they become."""

import json
from importlib import resources

import jsonschema
import pytest

from confcom.attestation.inspection import Inspection, Item, Section
from confcom.attestation.inspection.model import items_of, time_text
from confcom.wire import Annotation, Encoding, Field, Kind, Layout

SCHEMA = json.loads(
    resources.files("confcom.attestation.schema").joinpath("inspection.v1.json").read_text("utf-8")
)
THING = Layout(
    "thing",
    20,
    Field("is_small", 0, 2, Kind.UINT, lambda value: "one" if value == 1 else "more"),
    Field("reserved1", 2, 2),
    Field("wide_flags", 4, 8, Kind.UINT),
    Field("some_bytes", 12, 8),
    cite="made up",
)


def test_items_are_named_in_camel_case_and_wide_integers_are_text() -> None:
    data = bytes.fromhex("0100 0000 0500000000000080 0011223344556677")
    assert list(items_of(THING, data)) == [
        Item("isSmall", 1, "one"),
        Item("wideFlags", "0x8000000000000005"),
        Item("someBytes", "0011223344556677"),
    ]


def test_padding_is_shown_when_it_is_not_zero() -> None:
    data = bytes.fromhex("0200 0100") + bytes(16)
    assert list(items_of(THING, data))[:2] == [
        Item("isSmall", 2, "more"),
        Item("reserved1", "0100", "padding that is not zero"),
    ]


def test_words_for_a_field_can_be_replaced() -> None:
    first, *_ = items_of(THING, bytes(20), meanings={"is_small": "nothing"})
    assert first == Item("isSmall", 0, "nothing")


def test_document_nests_sections_and_leaves_out_empty_meanings() -> None:
    inner = Section("inner", "Inner", (Item("list", (1, 2)),))
    inspection = Inspection(
        kind="crl",
        title="Thing",
        sections=(Section("outer", "Outer", (Item("a", None), Item("b", True, "so")), (inner,)),),
        notes=("look",),
        annotations=(Annotation(offset=7, data=b"\1\2", name="x.y", value="513"),),
    )
    document = inspection.to_document(encoding=Encoding.BASE64URL, size_bytes=9)
    assert document == {
        "schemaVersion": 1,
        "kind": "crl",
        "title": "Thing",
        "encoding": "base64url",
        "sizeBytes": 9,
        "notes": ["look"],
        "content": {
            "outer": {
                "a": {"value": None},
                "b": {"value": True, "meaning": "so"},
                "inner": {"list": {"value": [1, 2]}},
            }
        },
    }
    jsonschema.validate(document, SCHEMA)
    dumped = inspection.to_document(encoding=Encoding.RAW, size_bytes=9, with_dump=True)
    assert dumped["dump"] == [
        {"offset": 7, "size": 2, "name": "x.y", "hex": "0102", "value": "513", "meaning": ""}
    ]
    jsonschema.validate(dumped, SCHEMA)


@pytest.mark.parametrize(
    "content", [{"a": 1}, {"Upper": {}}, {"a": {"value": 1, "other": 2}}, {"a": {"value": 1.5}}]
)
def test_schema_refuses_what_is_neither_item_nor_section(content: object) -> None:
    document = Inspection(kind="crl", title="x", sections=()).to_document(
        encoding=Encoding.RAW, size_bytes=1
    )
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"content": {"section": content}}, SCHEMA)


def test_times_are_in_utc() -> None:
    assert time_text(1749216641) == "2025-06-06T13:30:41Z"
