# SPDX-License-Identifier: Apache-2.0
"""Attestation key ids, lists of them, and QE report info."""

import pytest

from confcom.errors import MalformedError
from confcom.protocols.aesm import (
    DEFAULT_KEY_ID,
    AttestationKeyId,
    QeReportInfo,
    read_key_ids,
    write_key_ids,
)
from confcom.protocols.aesm.structures import is_same_key, report_body
from confcom.reasons import Reason

KEY_ID = DEFAULT_KEY_ID.to_bytes()
OTHER = bytes(reversed(KEY_ID))


def test_default_key_id_is_that_of_the_ecdsa_quoting_enclave() -> None:
    assert len(KEY_ID) == 256
    assert KEY_ID[:6] == bytes.fromhex("000000002000")
    assert KEY_ID[6:38].hex() == "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff"
    assert KEY_ID[38:54] == bytes(16)
    assert KEY_ID[54:58] == bytes.fromhex("01000000")
    assert KEY_ID[58:154] == bytes(96)
    assert KEY_ID[154:158] == bytes.fromhex("02000000")
    assert KEY_ID[158:] == bytes(98)


def test_key_id_is_written_as_it_was_read() -> None:
    data = bytes(range(256))
    assert AttestationKeyId.from_bytes(data).to_bytes() == data
    assert AttestationKeyId.from_bytes(KEY_ID) == DEFAULT_KEY_ID


@pytest.mark.parametrize("size", [0, 1, 158, 255, 257, 512])
def test_key_id_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        AttestationKeyId.from_bytes(bytes(size))
    assert caught.value.reason is Reason.MESSAGE_FORMAT


@pytest.mark.parametrize("index", [0, 2, 4, 6, 53, 54, 58, 74, 138, 154, 157])
def test_key_ids_differ_in_any_of_their_first_bytes(index: int) -> None:
    changed = bytearray(KEY_ID)
    changed[index] ^= 1
    assert not is_same_key(bytes(changed), KEY_ID)


@pytest.mark.parametrize("index", [158, 174, 176, 255])
def test_key_ids_do_not_differ_in_later_bytes(index: int) -> None:
    changed = bytearray(KEY_ID)
    changed[index] ^= 1
    assert is_same_key(bytes(changed), KEY_ID)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_list_is_read_as_it_was_written(count: int) -> None:
    ids = tuple(bytes([number]) * 256 for number in range(count))
    data = write_key_ids(ids)
    assert len(data) == 8 + 256 * count
    assert read_key_ids(data) == ids


HEADER = bytes(4) + (1).to_bytes(4, "little")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(8),
        HEADER,
        HEADER + KEY_ID[:-1],
        HEADER + KEY_ID + b"\0",
        b"\1" + HEADER[1:] + KEY_ID,
        b"\0\0\1\0" + HEADER[4:] + KEY_ID,
        bytes(4) + bytes(4) + KEY_ID,
        bytes(4) + (2).to_bytes(4, "little") + KEY_ID,
        bytes(4) + (11).to_bytes(4, "little") + 11 * KEY_ID,
        bytes(4) + (2**32 - 1).to_bytes(4, "little") + KEY_ID,
        bytes(4) + (2**24 + 1).to_bytes(4, "little") + KEY_ID,
        KEY_ID,
    ],
    ids=lambda data: f"{len(data)} bytes, {data[:8].hex()}",
)
def test_list_that_is_not_well_formed_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        read_key_ids(data)
    assert caught.value.reason is Reason.MESSAGE_FORMAT


def test_qe_report_info_is_written_as_it_was_read() -> None:
    data = b"\1" * 16 + b"\2" * 512 + b"\3" * 432
    info = QeReportInfo.from_bytes(data)
    assert info.nonce == b"\1" * 16
    assert info.target_info.to_bytes() == b"\2" * 512
    assert info.qe_report == b"\3" * 432
    assert info.to_bytes() == data


@pytest.mark.parametrize("size", [0, 16, 528, 959, 961])
def test_qe_report_info_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        QeReportInfo.from_bytes(bytes(size))
    assert caught.value.reason is Reason.MESSAGE_FORMAT


def test_body_of_a_report_is_its_first_384_bytes() -> None:
    report = bytes(320) + b"\7" * 64 + b"\xff" * 48
    assert report_body(report).report_data == b"\7" * 64
    assert report_body(report).to_bytes() == report[:384]
