# SPDX-License-Identifier: Apache-2.0
"""Enclave identities: read as written, sorted, and refused for any defect."""

import json
from typing import Any

import pytest
from tests.simulated import sgx, tdx

from confcom.dcap import EnclaveIdentity, TcbStatus
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.simulation import render_identity

QE = sgx(qe_status=TcbStatus.OUT_OF_DATE).collateral.qe_identity
TD_QE = tdx().collateral.qe_identity
ALL = ["id", "version", "issueDate", "nextUpdate", "tcbEvaluationDataNumber", "miscselect"]
ALL += ["miscselectMask", "attributes", "attributesMask", "mrsigner", "isvprodid", "tcbLevels"]


def those(*values: object) -> tuple[object, ...]:
    """Return values of any types."""
    return values


def refused(change: dict[str, Any], *, without: str = "") -> str:
    document = json.loads(QE) | change
    document.pop(without, None)
    with pytest.raises(MalformedError) as caught:
        EnclaveIdentity.from_bytes(json.dumps(document).encode())
    assert caught.value.reason is Reason.COLLATERAL_FORMAT
    return caught.value.message


@pytest.mark.parametrize("data", [QE, TD_QE])
def test_reads_what_was_written(data: bytes) -> None:
    assert render_identity(EnclaveIdentity.from_bytes(data)) == data


@pytest.mark.parametrize("kind", ["QE", "TD_QE", "QVE", "QAE"])
def test_knows_all_kinds(kind: str) -> None:
    document = json.loads(QE) | {"id": kind}
    assert EnclaveIdentity.from_bytes(json.dumps(document).encode()).id == kind


def test_levels_are_sorted_from_high_to_low() -> None:
    document = json.loads(QE)
    document["tcbLevels"].reverse()
    levels = EnclaveIdentity.from_bytes(json.dumps(document).encode()).levels
    assert levels == EnclaveIdentity.from_bytes(QE).levels


@pytest.mark.parametrize("name", ALL)
def test_refuses_a_missing_member_and_one_of_another_type(name: str) -> None:
    assert f"{name} is missing" in refused({}, without=name)
    for value in those(None, [], {}, True, 1.5):
        refused({name: value})


@pytest.mark.parametrize(
    "change",
    [
        *({"version": value} for value in those(0, 1, 3, "2", 2**32)),
        *({"id": value} for value in those("", "qe", "SGX", "TDX", 1)),
        *({"miscselect": value} for value in those("", "00" * 3, "00" * 5, "zz" * 4)),
        *({"attributes": value} for value in those("", "00" * 15, "00" * 17, " " * 32)),
        *({"mrsigner": value} for value in those("", "00" * 31, "00" * 33, "0x" + "00" * 31)),
        *({"isvprodid": value} for value in those(-1, 65536, "1")),
        *({"tcbEvaluationDataNumber": value} for value in those(-1, 2**32)),
        {"issueDate": "2024-01-01T00:00:00+00:00"},
        {"tcbLevels": []},
    ],
)
def test_refuses_values_out_of_range(change: dict[str, Any]) -> None:
    refused(change)


@pytest.mark.parametrize(
    "change",
    [
        {"tcb": {"isvsvn": -1}},
        {"tcb": {"isvsvn": 65536}},
        {"tcb": {"isvsvn": "1"}},
        {"tcb": {}},
        {"tcb": None},
        {"tcbStatus": "SWHardeningNeeded"},
        {"tcbStatus": None},
        {"tcbDate": "soon"},
        {"advisoryIDs": [1]},
    ],
)
def test_refuses_levels_out_of_range(change: dict[str, Any]) -> None:
    levels = json.loads(QE)["tcbLevels"]
    refused({"tcbLevels": [*levels, levels[0] | {"tcb": {"isvsvn": 999}} | change]})


def test_refuses_an_isvsvn_twice() -> None:
    assert "twice" in refused({"tcbLevels": json.loads(QE)["tcbLevels"] * 2})


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"[" * 100_000, b"\xff", QE + b"x"])
def test_refuses_what_is_no_document(data: bytes) -> None:
    with pytest.raises(MalformedError):
        EnclaveIdentity.from_bytes(data)
