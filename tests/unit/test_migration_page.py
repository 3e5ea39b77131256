# SPDX-License-Identifier: Apache-2.0
"""The page about leaving Intel's daemon says what becomes of its settings and its old calls."""

import re
from pathlib import Path

import pytest

from confcom.protocols.aesm import DEFAULT_KEY_ID, Reply, ServerConnection
from confcom.protocols.aesm.framing import write_frame
from confcom.protocols.pb.aesm_pb2 import Request
from confcom.protocols.quoting_conf import read_aesmd_conf, read_azure_conf, read_qcnl_conf
from confcom.protocols.quoting_conf.aesmd import NO_MEANING, PROXY_KEYS
from confcom.protocols.quoting_conf.qcnl import NO_MEANING as NO_MEANING_OF_PROVIDER
from confcom.runtime.settings import CollateralSettings

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "migrate-from-aesmd.md"
LEGACY = {
    "initQuote": "init_quote",
    "getQuote": "get_quote",
    "getLicToken": "get_launch_token",
    "reportErr": "report_error",
    "checkUpdateStatus": "check_update_status",
    "getWhiteListSize": "get_white_list_size",
    "getWhiteList": "get_white_list",
    "sgxGetExtendedEpidGroupId": "get_extended_group_id",
    "sgxSwitchExtendedEpidGroup": "switch_extended_group",
    "sgxRegister": "register",
}
"""Intel's names of requests that have no service any more, and ours."""
MODERN = {
    "init_quote_ex",
    "get_quote_size_ex",
    "get_quote_ex",
    "select_att_key_id",
    "get_supported_att_key_id_num",
    "get_supported_att_key_ids",
}


def _rows(first_cell: str) -> list[list[str]]:
    """Cells of the table whose head begins with a cell, without the head."""
    text = PAGE.read_text(encoding="utf-8")
    (table,) = [
        block for block in re.split(r"\n\n+", text) if block.startswith(f"| {first_cell} |")
    ]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def _code(call: str, **fields: int | bytes) -> int:
    """The daemon's number for a request that has all the fields it needs."""
    request = Request()
    content = getattr(request, call)
    content.SetInParent()
    for name in content.FindInitializationErrors():
        value = content.DESCRIPTOR.fields_by_name[name].default_value
        setattr(content, name, fields.get(name, value))
    reply = ServerConnection((DEFAULT_KEY_ID.to_bytes(),)).receive(
        write_frame(request.SerializeToString())
    )
    assert isinstance(reply, Reply)
    assert reply.call == call
    return reply.code


def test_every_request_without_a_service_is_listed() -> None:
    listed = [name for row in _rows("request") for name in re.findall(r"`(\w+)`", row[0])]
    assert listed == list(LEGACY)
    assert set(LEGACY.values()) | MODERN == set(Request.DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize("name", LEGACY)
def test_answer_to_a_request_without_a_service_is_the_one_that_is_listed(name: str) -> None:
    (answer,) = [row[2] for row in _rows("request") if f"`{name}`" in row[0]]
    assert _code(LEGACY[name]) == int(answer.partition(";")[0])


def test_anything_but_a_white_list_is_registered_with_the_other_number() -> None:
    (answer,) = [row[2] for row in _rows("request") if "`sgxRegister`" in row[0]]
    assert f"; {_code('register', data_type=1)} for anything but a white list" in answer


def test_every_setting_of_intels_daemon_has_its_row() -> None:
    rows = _rows("`/etc/aesmd.conf`")
    listed = [key for row in rows for key in re.findall(r"`([a-z ]+)`", row[0])]
    assert sorted(listed) == sorted({*NO_MEANING, *PROXY_KEYS, "default quoting type"})
    assert all(row[1] for row in rows)


@pytest.mark.parametrize("key", [*NO_MEANING, *PROXY_KEYS, "default quoting type"])
def test_reader_of_settings_knows_each_key(key: str) -> None:
    notes = read_aesmd_conf(f"{key} = nonsense\n".encode()).notes
    assert not any("is no key that Intel's service knows" in note.words for note in notes)


def test_keys_and_variables_of_providers_are_known() -> None:
    rows = _rows("provider's configuration")
    listed = {key for row in rows for key in re.findall(r"`(\w+)`", row[0])}
    assert listed >= {*NO_MEANING_OF_PROVIDER, "collateral_service", "use_secure_cert"}
    for key in listed:
        variable = key.startswith("AZDCAP_")
        notes = (
            read_azure_conf({key: "nonsense"})
            if variable
            else read_qcnl_conf(f'{{"{key}": []}}'.encode())
        ).notes
        assert notes
        assert not any("that the provider knows" in note.words for note in notes)
        assert not any("that Azure's client knows" in note.words for note in notes)


@pytest.mark.parametrize("row", _rows("provider's configuration"), ids=lambda row: row[0][:30])
def test_settings_that_stand_in_for_a_providers_exist(row: list[str]) -> None:
    for path in re.findall(r"`(collateral\.\w+)`", row[1]):
        assert path.removeprefix("collateral.") in CollateralSettings._fields
