# SPDX-License-Identifier: Apache-2.0
"""Frames: bounded by what arrives, whatever is announced."""

import tracemalloc

import pytest

from confcom.errors import MalformedError
from confcom.protocols.aesm import FrameReader, write_frame
from confcom.reasons import Reason

MESSAGE = bytes(range(200))


def test_frame_is_a_little_endian_length_and_the_message() -> None:
    assert write_frame(MESSAGE) == bytes.fromhex("c8000000") + MESSAGE
    assert write_frame(b"") == bytes(4)


def test_message_comes_out_with_its_last_byte() -> None:
    reader = FrameReader(1000)
    frame = write_frame(MESSAGE)
    assert reader.is_empty
    for index in range(len(frame) - 1):
        assert reader.receive(frame[index : index + 1]) is None
        assert not reader.is_empty
    assert reader.receive(frame[-1:]) == MESSAGE


def test_what_follows_the_frame_is_ignored() -> None:
    assert FrameReader(1000).receive(write_frame(MESSAGE) + b"more" * 999) == MESSAGE


def test_message_of_the_largest_size_is_taken() -> None:
    assert FrameReader(200).receive(write_frame(MESSAGE)) == MESSAGE


def test_empty_message_is_a_message() -> None:
    assert FrameReader(200).receive(bytes(4)) == b""


@pytest.mark.parametrize("size", [200, 201, 2**16, 2**31 - 1, 2**31, 2**32 - 1])
def test_announcement_over_the_limit_is_refused_before_the_message(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        FrameReader(199).receive(size.to_bytes(4, "little"))
    assert caught.value.reason is Reason.TOO_LARGE
    assert str(size) in caught.value.message
    assert "199" in caught.value.message


@pytest.mark.parametrize("sent", [b"", b"\1", b"\1\0\0"])
def test_announcement_that_is_not_complete_announces_nothing(sent: bytes) -> None:
    assert FrameReader(0).receive(sent) is None


def test_memory_follows_what_arrives_and_not_what_is_announced() -> None:
    tracemalloc.start()
    try:
        reader = FrameReader(2**31)
        assert reader.receive((2**31 - 1).to_bytes(4, "little") + b"few") is None
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()


def test_memory_is_bounded_by_the_limit_and_not_by_what_arrives() -> None:
    flood = write_frame(MESSAGE) + bytes(8 * 1024 * 1024)
    tracemalloc.start()
    try:
        assert FrameReader(1024).receive(flood) == MESSAGE
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()
