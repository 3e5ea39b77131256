# SPDX-License-Identifier: Apache-2.0
"""Facts as a document: what is written is read again, and nothing else is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from confcom.epc.cpuid import Registers
from confcom.epc.device_nodes import Entry, EntryKind
from confcom.epc.facts import CpuidAnswers, NodeFacts
from confcom.epc.facts_json import MAX_FACTS_BYTES, facts_from_json, facts_to_json
from confcom.errors import MalformedError
from confcom.reasons import Reason

FACTS = NodeFacts(
    system="Linux",
    release="6.1.0",
    machine="x86_64",
    online_cpus="0-1",
    cpu_flags=("sgx", "sgx_lc"),
    total_bytes={0: "1048576\n", 10: "\ufffd"},
    instruction=CpuidAnswers(
        leaves={
            (0, 0): Registers(0x1B, 0x756E6547, 0x6C65746E, 0x49656E69),
            (7, 0): Registers(2**32 - 1, 0, 1, 2),
        }
    ),
    cpuid_file=CpuidAnswers(problem="Permission denied"),
    entries={
        "sgx_enclave": Entry(kind=EntryKind.CHARACTER, major=10, minor=125, mode=0o666),
        "sgx/enclave": Entry(kind=EntryKind.SYMLINK, mode=0o777, target="../sgx_enclave"),
    },
    modules={"intel_sgx": None},
    misc_devices=("sgx_enclave",),
    has_plugin_folder=True,
)


def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(facts_to_json(FACTS)))
    return document


def test_facts_are_read_as_they_were_written() -> None:
    assert facts_from_json(json.dumps(_document()).encode()) == FACTS


def test_document_has_raw_answers() -> None:
    document = _document()
    assert document["schemaVersion"] == 1
    assert document["memory"]["totalBytes"] == {"0": "1048576\n", "10": "\ufffd"}
    assert document["processor"]["instruction"]["leaves"][1]["eax"] == "0xffffffff"
    assert document["devices"]["sgx_enclave"]["mode"] == 0o666


def _leaf(**other: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["processor"]["instruction"]["leaves"][1].update(other)


def _device(**other: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["devices"]["sgx_enclave"].update(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(schemaVersion=2),
        lambda document: document.update(schemaVersion="1"),
        lambda document: document.update(more=1),
        lambda document: document.pop("kernel"),
        lambda document: document["kernel"].update(release=None),
        lambda document: document["kernel"].update(extra=""),
        lambda document: document["memory"].update(totalBytes=[]),
        lambda document: document["memory"]["totalBytes"].update({"01": "1\n"}),
        lambda document: document["memory"]["totalBytes"].update({"-1": "1\n"}),
        lambda document: document["memory"]["totalBytes"].update({"\u0661": "1\n"}),
        lambda document: document["memory"]["totalBytes"].update({"10000": "1\n"}),
        lambda document: document["memory"]["totalBytes"].update({"1": 1}),
        lambda document: document["memory"]["totalBytes"].update(
            {str(node): "1\n" for node in range(1025)}
        ),
        lambda document: document["processor"]["instruction"]["leaves"].pop(0),
        lambda document: document["processor"]["instruction"]["leaves"].append(
            document["processor"]["instruction"]["leaves"][0]
        ),
        lambda document: document["processor"]["instruction"].update(
            leaves=document["processor"]["instruction"]["leaves"] * 200
        ),
        lambda document: document["processor"].update(flags="sgx"),
        lambda document: document["driver"].update(modules={"intel_sgx": 1}),
        lambda document: document["kubelet"].update(hasSocket=1),
        _leaf(leaf=-1),
        _leaf(leaf=2**32),
        _leaf(subleaf=2**32),
        _leaf(subleaf="0"),
        _leaf(eax=0),
        _leaf(eax="0x0"),
        _leaf(eax="0x000000FF"),
        _leaf(eax="00000000ff"),
        _leaf(eax="0x00000000\n"),
        _device(kind="character"),
        _device(major=-1),
        _device(minor=2**32),
        _device(mode=0o10000),
        _device(uid=1.5),
        _device(gid=None),
        _device(gid=10**100),
        _device(target=None),
    ],
)
def test_other_documents_are_refused(change: Callable[[dict[str, Any]], object]) -> None:
    document = _document()
    change(document)
    with pytest.raises(MalformedError, match="cannot parse facts of a node") as caught:
        facts_from_json(json.dumps(document).encode())
    assert caught.value.reason is Reason.NODE_FACTS_FORMAT
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, b"{}", b" " * (MAX_FACTS_BYTES + 1)],
)
def test_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        facts_from_json(data)
