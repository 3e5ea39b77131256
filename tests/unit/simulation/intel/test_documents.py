# SPDX-License-Identifier: Apache-2.0
"""Documents are compact, in Intel's order, and read back to the values they were made from."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from confcom.dcap import (
    EnclaveIdentity,
    EvaluationNumbers,
    TcbInfo,
    TcbStatus,
    TeeType,
    split_envelope,
)
from confcom.simulation import (
    Issue,
    make_authority,
    make_qe,
    make_qe_identity,
    make_tcb_info,
    render_envelope,
    render_identity,
    render_tcb_info,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISSUE = Issue(at=AT, evaluation_data_number=21, advisory_ids=("INTEL-SA-00001", "INTEL-SA-00002"))
AUTHORITY = make_authority(at=AT)
PLATFORM = AUTHORITY.add_platform(at=AT)
STATUSES = [status for status in TcbStatus if "Relaunch" not in status.value]


@pytest.mark.parametrize("status", [*STATUSES, None])
@pytest.mark.parametrize(("tee", "version"), [(TeeType.SGX, 2), (TeeType.SGX, 3), (TeeType.TDX, 3)])
def test_tcb_info_reads_back(tee: TeeType, version: int, status: TcbStatus | None) -> None:
    info = make_tcb_info(PLATFORM, tee, ISSUE, status=status, version=version)
    assert TcbInfo.from_bytes(render_tcb_info(info)) == info


@pytest.mark.parametrize("status", [TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE, None])
@pytest.mark.parametrize("tee", list(TeeType))
def test_identity_reads_back(tee: TeeType, status: TcbStatus | None) -> None:
    identity = make_qe_identity(make_qe(tee, 5), tee, ISSUE, status=status)
    assert EnclaveIdentity.from_bytes(render_identity(identity)) == identity


@pytest.mark.parametrize("tee", list(TeeType))
def test_evaluation_numbers_read_back_newest_first(tee: TeeType) -> None:
    document = AUTHORITY.evaluation_numbers(tee, at=AT, numbers=(18, 20, 19))
    numbers = EvaluationNumbers.from_bytes(document.content)
    assert numbers.id == tee.name
    assert [entry.number for entry in numbers.numbers] == [20, 19, 18]
    dates = [entry.tcb_date for entry in numbers.numbers]
    assert dates == sorted(dates, reverse=True)


def test_members_stand_in_intels_order() -> None:
    info = json.loads(render_tcb_info(make_tcb_info(PLATFORM, TeeType.TDX, ISSUE)))
    assert list(info) == [
        "id",
        "version",
        "issueDate",
        "nextUpdate",
        "fmspc",
        "pceId",
        "tcbType",
        "tcbEvaluationDataNumber",
        "tdxModule",
        "tdxModuleIdentities",
        "tcbLevels",
    ]
    assert list(info["tcbLevels"][0]["tcb"]) == ["sgxtcbcomponents", "pcesvn", "tdxtcbcomponents"]
    old = json.loads(render_tcb_info(make_tcb_info(PLATFORM, TeeType.SGX, ISSUE, version=2)))
    assert next(iter(old)) == "version"
    assert len(old["tcbLevels"][0]["tcb"]) == 17


def test_documents_are_compact_ascii() -> None:
    for tee in TeeType:
        for text in (
            render_tcb_info(make_tcb_info(PLATFORM, tee, ISSUE, status=TcbStatus.OUT_OF_DATE)),
            render_identity(make_qe_identity(make_qe(tee, 5), tee, ISSUE)),
            AUTHORITY.evaluation_numbers(tee, at=AT).content,
        ):
            assert text.isascii()
            compact = json.dumps(json.loads(text), separators=(",", ":"))
            assert text.decode() == compact


def test_dates_have_seconds_and_end_in_z() -> None:
    info = json.loads(render_tcb_info(make_tcb_info(PLATFORM, TeeType.SGX, ISSUE)))
    assert (info["issueDate"], info["nextUpdate"]) == (
        "2026-01-02T03:04:05Z",
        "2026-02-01T03:04:05Z",
    )
    assert info["tcbLevels"][0]["tcbDate"] == "2026-01-02T00:00:00Z"


def test_components_say_what_they_are() -> None:
    info = json.loads(render_tcb_info(make_tcb_info(PLATFORM, TeeType.TDX, ISSUE)))
    tcb = info["tcbLevels"][0]["tcb"]
    assert tcb["sgxtcbcomponents"][0]["type"] == "Early Microcode Update"
    assert tcb["tdxtcbcomponents"][0]["type"] == "TDX Module"
    assert tcb["sgxtcbcomponents"][15] == {"svn": 0}


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("tcbInfo", render_tcb_info(make_tcb_info(PLATFORM, TeeType.SGX, ISSUE))),
        (
            "enclaveIdentity",
            render_identity(make_qe_identity(PLATFORM.quoting_enclave.enclave, TeeType.SGX, ISSUE)),
        ),
        (
            "tcbEvaluationDataNumbers",
            AUTHORITY.evaluation_numbers(TeeType.SGX, at=AT).content,
        ),
    ],
)
def test_envelope_gives_back_content_and_signature(member: str, content: bytes) -> None:
    document = AUTHORITY.sign(content)
    assert split_envelope(render_envelope(member, document), member) == document


def test_values_changed_by_hand_are_rendered_as_they_are() -> None:
    info = make_tcb_info(PLATFORM, TeeType.SGX, ISSUE)
    text = json.loads(render_tcb_info(replace(info, tcb_type=1, fmspc=b"\xff" * 6)))
    assert (text["tcbType"], text["fmspc"]) == (1, "FF" * 6)
