# SPDX-License-Identifier: Apache-2.0
"""TCB Info of versions 2 and 3: read as written, sorted, and refused for any defect."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.simulated import sgx, tdx

from confcom.dcap import Component, TcbInfo, TcbStatus
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.simulation import render_tcb_info

Json = dict[str, Any]
V3 = sgx(status=TcbStatus.OUT_OF_DATE).collateral.tcb_info
V2 = sgx(tcb_info_version=2).collateral.tcb_info
TDX = tdx(module_status=TcbStatus.OUT_OF_DATE).collateral.tcb_info


def those(*values: object) -> tuple[object, ...]:
    """Return values of any types."""
    return values


def changed(data: bytes, change: Callable[[Json], object]) -> bytes:
    document = json.loads(data)
    change(document)
    return json.dumps(document).encode()


def put(*path: object, value: object) -> Callable[[Json], object]:
    def change(document: Any) -> None:  # noqa: ANN401 JSON
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def drop(*path: object) -> Callable[[Json], object]:
    def change(document: Any) -> None:  # noqa: ANN401 JSON
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


@pytest.mark.parametrize("data", [V3, V2, TDX])
def test_reads_what_was_written(data: bytes) -> None:
    assert render_tcb_info(TcbInfo.from_bytes(data)) == data


def test_version_2_speaks_of_sgx_without_saying_so() -> None:
    info = TcbInfo.from_bytes(V2)
    assert (info.version, info.id, info.tdx_module) == (2, "SGX", None)
    assert info.components == (Component(),) * 16


def test_levels_are_sorted_from_high_to_low_whatever_their_order() -> None:
    backwards = changed(V3, lambda document: document["tcbLevels"].reverse())
    assert backwards != V3
    assert TcbInfo.from_bytes(backwards).levels == TcbInfo.from_bytes(V3).levels


def test_identity_levels_are_sorted_too() -> None:
    backwards = changed(
        TDX, lambda document: document["tdxModuleIdentities"][0]["tcbLevels"].reverse()
    )
    levels = TcbInfo.from_bytes(backwards).module_identities[0].levels
    assert levels == TcbInfo.from_bytes(TDX).module_identities[0].levels
    assert levels[0].isv_svn > levels[1].isv_svn


def test_words_of_components_are_taken_when_they_are_printable() -> None:
    def words(document: Json) -> None:
        first = document["tcbLevels"][0]["tcb"]["sgxtcbcomponents"]
        first[0] |= {"category": "BIOS", "type": "x" * 99}
        first[1] |= {"category": 5, "type": "a\x1bb"}

    components = TcbInfo.from_bytes(changed(V3, words)).components
    assert components[0] == Component("BIOS", "x" * 64)
    assert components[1] == Component()


def test_members_that_nobody_knows_are_ignored() -> None:
    assert TcbInfo.from_bytes(changed(V3, put("news", value=1))) == TcbInfo.from_bytes(V3)


def test_a_tdx_document_may_have_no_module_identities() -> None:
    assert TcbInfo.from_bytes(changed(TDX, drop("tdxModuleIdentities"))).module_identities == ()


MEMBERS = ["issueDate", "nextUpdate", "fmspc", "pceId", "tcbType", "tcbEvaluationDataNumber"]
LEVEL = ("tcbLevels", 0)
SVNS = (*LEVEL, "tcb", "sgxtcbcomponents")
COMMON: list[Callable[[Json], object]] = [
    *(drop(member) for member in ("version", "tcbLevels", *MEMBERS)),
    *(put(member, value=None) for member in ("version", "tcbLevels", *MEMBERS)),
    *(put("version", value=value) for value in those(0, 1, 4, 2**32, "3", 3.0, True)),
    *(put("tcbType", value=value) for value in those(1, -1, "0", False)),
    *(put("fmspc", value=value) for value in those("", "00" * 5, "00" * 7, "gg" * 6, 0)),
    *(put("pceId", value=value) for value in those("", "00", "000000", "0 00")),
    *(put("tcbEvaluationDataNumber", value=value) for value in those(-1, 2**32, "1", True)),
    *(put("issueDate", value=value) for value in those("", "2024-13-01T00:00:00Z", 0)),
    *(put("nextUpdate", value=value) for value in those("", "2023-02-29T00:00:00Z", 0)),
    *(put("tcbLevels", value=value) for value in those([], {}, [None], [[]])),
    *(drop(*LEVEL, member) for member in ("tcb", "tcbStatus", "tcbDate")),
    *(put(*LEVEL, "tcb", value=value) for value in those(None, [], {})),
    *(
        put(*LEVEL, "tcbStatus", value=value)
        for value in those("", "uptodate", "TDRelaunchAdvised", "Unknown", None, [])
    ),
    *(put(*LEVEL, "tcbDate", value=value) for value in those("", None, "2024-01-01")),
    *(put(*LEVEL, "advisoryIDs", value=value) for value in those(None, "x", [1], [""], ["\n"])),
    *(put(*LEVEL, "tcb", "pcesvn", value=value) for value in those(-1, 65536, "1", None, True)),
    lambda document: document["tcbLevels"].append(document["tcbLevels"][0]),
    lambda document: document.update(tcbLevels=document["tcbLevels"] * 200),
]
VERSION_3: list[Callable[[Json], object]] = [
    drop("id"),
    *(put("id", value=value) for value in those("sgx", "", "QE", None)),
    drop(*SVNS),
    *(
        put(*SVNS, value=value)
        for value in those(None, [], {}, [{"svn": 1}] * 15, [{"svn": 1}] * 17)
    ),
    put(*SVNS, value=[1] * 16),
    drop(*SVNS, 0, "svn"),
    *(put(*SVNS, 0, "svn", value=value) for value in those(-1, 256, True, "1", None, [])),
]


def refused(data: bytes, reason: Reason = Reason.COLLATERAL_FORMAT) -> str:
    with pytest.raises(MalformedError) as caught:
        TcbInfo.from_bytes(data)
    assert caught.value.reason is reason
    return caught.value.message


@pytest.mark.parametrize("change", COMMON)
@pytest.mark.parametrize("data", [V3, V2, TDX], ids=["v3", "v2", "tdx"])
def test_refuses_defects_of_every_document(data: bytes, change: Callable[[Json], object]) -> None:
    refused(changed(data, change))


@pytest.mark.parametrize("change", VERSION_3)
@pytest.mark.parametrize("data", [V3, TDX], ids=["v3", "tdx"])
def test_refuses_defects_of_version_3(data: bytes, change: Callable[[Json], object]) -> None:
    refused(changed(data, change))


@pytest.mark.parametrize("number", range(1, 17))
def test_refuses_defects_of_components_of_version_2(number: int) -> None:
    path = ("tcbLevels", 0, "tcb", f"sgxtcbcomp{number:02d}svn")
    for change in (drop(*path), *(put(*path, value=value) for value in those(-1, 256, True, None))):
        refused(changed(V2, change))


IDENTITY = ("tdxModuleIdentities", 0)


@pytest.mark.parametrize(
    "change",
    [
        drop("tdxModule"),
        put("tdxModule", value=[]),
        *(drop("tdxModule", name) for name in ("mrsigner", "attributes", "attributesMask")),
        *(put("tdxModule", "mrsigner", value=value) for value in those("", "00" * 47, None)),
        *(put("tdxModule", "attributes", value=value) for value in those("", "00" * 9, "zz" * 8)),
        drop("tcbLevels", 0, "tcb", "tdxtcbcomponents"),
        put("tcbLevels", 0, "tcb", "tdxtcbcomponents", value=[{"svn": 1}] * 15),
        *(put("tdxModuleIdentities", value=value) for value in those(None, {}, [], [1])),
        *(drop(*IDENTITY, name) for name in ("id", "mrsigner", "attributes", "tcbLevels")),
        put(*IDENTITY, "id", value=1),
        put(*IDENTITY, "tcbLevels", value=[]),
        *(put(*IDENTITY, "tcbLevels", 0, "tcb", "isvsvn", value=v) for v in those(-1, 256, None)),
        put(*IDENTITY, "tcbLevels", 0, "tcb", value=None),
        *(
            put(*IDENTITY, "tcbLevels", 0, "tcbStatus", value=value)
            for value in those("SWHardeningNeeded", "ConfigurationNeeded", "", None)
        ),
        lambda d: d["tdxModuleIdentities"][0]["tcbLevels"].append(
            d["tdxModuleIdentities"][0]["tcbLevels"][0]
        ),
        lambda d: d["tdxModuleIdentities"].append(
            d["tdxModuleIdentities"][0] | {"id": d["tdxModuleIdentities"][0]["id"].lower()}
        ),
        lambda d: d.update(tdxModuleIdentities=d["tdxModuleIdentities"] * 65),
    ],
)
def test_refuses_defects_of_what_speaks_of_modules(change: Callable[[Json], object]) -> None:
    refused(changed(TDX, change))


@pytest.mark.parametrize("name", ["tdxModule", "tdxModuleIdentities"])
@pytest.mark.parametrize("data", [V3, V2], ids=["v3", "v2"])
def test_refuses_an_sgx_document_that_speaks_of_modules(data: bytes, name: str) -> None:
    part = json.loads(TDX)[name]
    assert "speaks of TDX modules" in refused(changed(data, put(name, value=part)))


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"[" * 100_000, b"\xff"])
def test_refuses_what_is_no_document(data: bytes) -> None:
    refused(data)


def test_refuses_a_document_that_is_too_large() -> None:
    refused(V3 + b" " * 1024 * 1024, Reason.TOO_LARGE)
