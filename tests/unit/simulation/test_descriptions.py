# SPDX-License-Identifier: Apache-2.0
"""Descriptions of enclaves and TDs: written, read back, and refused with the member's name."""

import json
from dataclasses import replace

import pytest

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx import Flags
from confcom.simulation.descriptions import (
    enclave_from_json,
    enclave_to_json,
    td_from_json,
    td_to_json,
)
from confcom.simulation.enclave import Enclave
from confcom.simulation.td import TrustDomain

PLAIN = Enclave(mr_enclave=b"\x0e" * 32, mr_signer=b"\x51" * 32)
FULL = replace(
    PLAIN,
    isv_prod_id=1,
    isv_svn=2,
    flags=Flags.INIT | Flags.DEBUG | Flags.KSS,
    xfrm=7,
    misc_select=1,
    isv_ext_prod_id=b"\x03" * 16,
    isv_family_id=b"\x04" * 16,
    config_id=b"\x05" * 64,
    config_svn=6,
)
TD = TrustDomain(mr_td=b"\x7d" * 48)
FULL_TD = replace(
    TD,
    td_attributes=1,
    xfam=3,
    mr_config_id=b"\x01" * 48,
    mr_owner=b"\x02" * 48,
    mr_owner_config=b"\x03" * 48,
    mr_service_td=b"\x04" * 48,
).extend(1, b"\x05" * 48)


@pytest.mark.parametrize("enclave", [PLAIN, FULL])
def test_enclave_survives(enclave: Enclave) -> None:
    assert enclave_from_json(enclave_to_json(enclave)) == enclave


@pytest.mark.parametrize("td", [TD, FULL_TD])
def test_td_survives(td: TrustDomain) -> None:
    assert td_from_json(td_to_json(td)) == td


def test_members_left_out_have_the_defaults() -> None:
    text = json.dumps({"mrEnclave": "0e" * 32, "mrSigner": "51" * 32})
    assert enclave_from_json(text.encode()) == PLAIN
    assert td_from_json(json.dumps({"mrTd": "7d" * 48}).encode()) == TD


def test_description_is_indented_text_with_a_final_newline() -> None:
    for data in (enclave_to_json(PLAIN), td_to_json(TD)):
        assert data.endswith(b"}\n")
        assert b'\n  "mr' in data


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mrEnclave": "0e" * 31}, "mr_enclave of a simulated enclave takes 32 bytes, 31 given"),
        ({"mrEnclave": "xx" * 32}, "mrEnclave is not hex"),
        ({"mrEnclave": "0e " * 32}, "mrEnclave is not hex"),
        ({"mrEnclave": "\u0660e" * 32}, "mrEnclave is not hex"),
        ({"mrEnclave": None}, "mrEnclave"),
        ({"mrenclave": "0e" * 32}, "unknown field `mrenclave`"),
        ({"isvSvn": 65536}, "isv_svn of a simulated enclave takes 0 to 65535"),
        ({"isvSvn": -1}, "isv_svn"),
        ({"isvSvn": "1"}, "isvSvn"),
        ({"isvSvn": 1.5}, "isvSvn"),
        ({"flags": 4}, "lack INIT"),
        ({"configSvn": 1}, "without the attribute KSS"),
        ({"configId": "00"}, "config_id"),
    ],
)
def test_refuses_enclave_and_names_the_member(changes: dict[str, object], words: str) -> None:
    document = json.loads(enclave_to_json(PLAIN)) | changes
    with pytest.raises(MalformedError, match=words) as caught:
        enclave_from_json(json.dumps(document).encode())
    assert caught.value.reason is Reason.SIMULATION_FORMAT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mrTd": "7d" * 32}, "mr_td of a simulated TD takes 48 bytes, 32 given"),
        ({"mrTd": "zz"}, "mrTd is not hex"),
        ({"rtmrs": ["00" * 48] * 3}, "rtmrs"),
        ({"rtmrs": ["00" * 48] * 3 + ["00"]}, "rtmr3"),
        ({"rtmrs": ["00" * 48] * 3 + ["zz"]}, "rtmrs is not hex"),
        ({"tdAttributes": 1 << 64}, "td_attributes"),
        ({"extra": 1}, "unknown field `extra`"),
    ],
)
def test_refuses_td_and_names_the_member(changes: dict[str, object], words: str) -> None:
    document = json.loads(td_to_json(TD)) | changes
    with pytest.raises(MalformedError, match=words) as caught:
        td_from_json(json.dumps(document).encode())
    assert caught.value.reason is Reason.SIMULATION_FORMAT


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", b"{}", b"\xff\xfe", b"\0", b"[" * 100_000, b"1e999", b"NaN"]
)
def test_refuses_what_is_no_description(data: bytes) -> None:
    for parse in (enclave_from_json, td_from_json):
        with pytest.raises(MalformedError) as caught:
            parse(data)
        assert caught.value.reason is Reason.SIMULATION_FORMAT
