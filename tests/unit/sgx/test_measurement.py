# SPDX-License-Identifier: Apache-2.0
"""MRENCLAVE from loading steps and from streams; steps no processor takes are refused."""

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.sgx.measurement import Access, Measurement, MeasurementBuilder, PageType, measure
from confcom.sgx.sigstruct import Sigstruct

PAGE = 4096
RX = Access.R | Access.X


def ecreate(*, size: int = 4 * PAGE, frame: int = 1, tail: bytes = bytes(44)) -> bytes:
    return b"ECREATE\0" + frame.to_bytes(4, "little") + size.to_bytes(8, "little") + tail


def eadd(offset: int, *, flags: int = 0x205, tail: bytes = bytes(40)) -> bytes:
    return b"EADD\0\0\0\0" + offset.to_bytes(8, "little") + flags.to_bytes(8, "little") + tail


def eextend(offset: int, content: bytes = bytes(256), *, tail: bytes = bytes(48)) -> bytes:
    return b"EEXTEND\0" + offset.to_bytes(8, "little") + tail + content


def measured_page(offset: int, *, flags: int = 0x205) -> bytes:
    return eadd(offset, flags=flags) + b"".join(
        eextend(chunk) for chunk in range(offset, offset + PAGE, 256)
    )


def refused(stream: bytes) -> MalformedError:
    with pytest.raises(MalformedError) as refusal:
        measure(stream)
    assert refusal.value.reason is Reason.MEASUREMENT_FORMAT
    return refusal.value


def created() -> MeasurementBuilder:
    builder = MeasurementBuilder()
    builder.ecreate(size_bytes=4 * PAGE, ssa_frame_pages=1)
    return builder


def test_measurement_of_a_recorded_stream_is_the_hash_that_its_author_signed(
    dcap_vectors: Path,
) -> None:
    stream = (dcap_vectors / "sigstruct/test_enclave.sgxs").read_bytes()
    signed = Sigstruct.from_bytes((dcap_vectors / "sigstruct/test_enclave.sig").read_bytes())
    assert measure(stream) == Measurement(
        mr_enclave=signed.enclave_hash,
        size_bytes=256 * 1024,
        ssa_frame_pages=1,
        pages=9,
        tcs_pages=1,
        measured_bytes=9 * PAGE,
    )


def test_measurement_of_a_stream_is_its_digest() -> None:
    stream = ecreate() + measured_page(0) + eadd(PAGE, flags=0x100) + eadd(2 * PAGE, flags=0x203)
    result = measure(stream)
    assert result.mr_enclave == hashlib.sha256(stream).digest()
    assert (result.pages, result.tcs_pages, result.measured_bytes) == (3, 1, PAGE)


def test_steps_return_the_bytes_of_a_stream() -> None:
    builder = MeasurementBuilder()
    content = bytes(range(256)) * 16
    stream = b"".join(
        (
            builder.ecreate(size_bytes=8 * PAGE, ssa_frame_pages=2),
            builder.add_page(0, content, page_type=PageType.REG, access=RX),
            builder.eadd(PAGE, page_type=PageType.TCS, access=Access(0)),
            builder.eextend(PAGE + 256, bytes(256)),
        )
    )
    expected = [ecreate(size=8 * PAGE, frame=2), eadd(0)]
    expected += [eextend(chunk, bytes(range(256))) for chunk in range(0, PAGE, 256)]
    expected += [eadd(PAGE, flags=0x100), eextend(PAGE + 256)]
    assert stream == b"".join(expected)
    assert measure(stream) == builder.measurement()


@pytest.mark.parametrize("size", [1, 7, 63, 64, 65, 319, 320, 321, 4096])
def test_pieces_of_any_size_give_the_same_measurement(size: int) -> None:
    stream = ecreate() + measured_page(0) + eadd(PAGE)
    pieces = (stream[start : start + size] for start in range(0, len(stream), size))
    assert measure(pieces) == measure(stream)


def test_measurement_can_be_asked_between_steps() -> None:
    builder = created()
    before = builder.measurement()
    builder.eadd(0, page_type=PageType.REG, access=RX)
    assert before == measure(ecreate())
    assert builder.measurement() == measure(ecreate() + eadd(0))


def test_order_of_pages_is_free_and_changes_the_measurement() -> None:
    upward = measure(ecreate() + eadd(0) + eadd(PAGE))
    downward = measure(ecreate() + eadd(PAGE) + eadd(0))
    assert upward.mr_enclave != downward.mr_enclave


def test_a_page_may_be_measured_in_part() -> None:
    stream = ecreate() + eadd(0) + eextend(256) + eextend(1024)
    assert measure(stream).measured_bytes == 512


def test_adds_pages_of_a_very_large_enclave() -> None:
    size = 1 << 63
    stream = ecreate(size=size) + eadd(size - PAGE) + eadd(0)
    assert measure(stream).pages == 2


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "at stream offset 0: the end comes before ECREATE"),
        (eadd(0), "at stream offset 0: EADD comes before ECREATE"),
        (eextend(0), "at stream offset 0: EEXTEND comes before ECREATE"),
        (ecreate() * 2, "at stream offset 64: ECREATE stands at the beginning only"),
        (ecreate() + eextend(0), "at stream offset 64: EEXTEND comes before the first EADD"),
    ],
)
def test_refuses_records_out_of_order(stream: bytes, message: str) -> None:
    assert message in refused(stream).message


@pytest.mark.parametrize("size", [0, 1, PAGE, 3 * PAGE, 4 * PAGE + 1, (1 << 64) - 1])
def test_refuses_an_enclave_size_that_no_processor_takes(size: int) -> None:
    expected = f"enclave size {size} is not a power of two of at least 8192"
    assert expected in refused(ecreate(size=size)).message


def test_refuses_save_areas_without_a_page() -> None:
    assert "an SSA frame cannot have 0 pages" in refused(ecreate(frame=0)).message


@pytest.mark.parametrize("offset", [1, 256, PAGE + 8, 4 * PAGE, 1 << 63, (1 << 64) - PAGE])
def test_refuses_a_page_outside_the_enclave_or_between_pages(offset: int) -> None:
    error = refused(ecreate() + eadd(offset))
    assert f"page offset {offset:#x} is not a multiple of 4096 below 0x4000" in error.message


def test_refuses_a_page_that_is_added_twice() -> None:
    error = refused(ecreate() + eadd(PAGE) + eadd(0) + eadd(PAGE))
    assert "at stream offset 192: page at 0x1000 is added a second time" in error.message


@pytest.mark.parametrize("page_type", [0, 3, 4, 5, 255])
def test_refuses_page_types_that_are_not_added(page_type: int) -> None:
    error = refused(ecreate() + eadd(0, flags=page_type << 8))
    assert f"page type {page_type} is neither 1 (TCS) nor 2 (REG)" in error.message


@pytest.mark.parametrize("bits", [0x08, 0x10, 0x20, 0x80, 0xFF])
def test_refuses_page_flags_that_are_not_access_rights(bits: int) -> None:
    error = refused(ecreate() + eadd(0, flags=0x200 | bits))
    assert f"access bits {bits:#x} are not among R, W, X" in error.message


@pytest.mark.parametrize("bits", [1, 3, 4, 7])
def test_refuses_a_thread_control_page_with_access_rights(bits: int) -> None:
    error = refused(ecreate() + eadd(0, flags=0x100 | bits))
    assert "thread control page at 0x0 has access rights" in error.message


@pytest.mark.parametrize("bits", [2, 6])
def test_refuses_a_page_that_can_be_written_but_not_read(bits: int) -> None:
    error = refused(ecreate() + eadd(PAGE, flags=0x200 | bits))
    assert "page at 0x1000 is writable but not readable" in error.message


@pytest.mark.parametrize("offset", [0, PAGE - 256, PAGE + 1, PAGE + 255, 2 * PAGE, 1 << 63])
def test_refuses_a_chunk_outside_the_page_added_last(offset: int) -> None:
    error = refused(ecreate() + eadd(0) + eadd(PAGE) + eextend(offset))
    assert f"chunk offset {offset:#x} is not a multiple of 256 from 0x1000" in error.message


@pytest.mark.parametrize("offset", [0, 256, 512])
def test_refuses_chunks_that_do_not_ascend(offset: int) -> None:
    error = refused(ecreate() + eadd(0) + eextend(512) + eextend(offset))
    assert f"chunk offset {offset:#x} is not a multiple of 256 from 0x300" in error.message


@pytest.mark.parametrize(
    "stream",
    [
        ecreate(tail=bytes(43) + b"\1"),
        ecreate(tail=b"\1" + bytes(43)),
        ecreate() + eadd(0, tail=bytes(39) + b"\1"),
        ecreate() + eadd(0, flags=1 << 16 | 0x205),
        ecreate() + eadd(0) + eextend(0, tail=b"\1" + bytes(47)),
    ],
)
def test_refuses_reserved_bytes_that_are_not_zero(stream: bytes) -> None:
    assert "has non-zero reserved bytes" in refused(stream).message


@pytest.mark.parametrize("tag", [b"UNMEASRD", b"UNSIZED\0", b"ecreate\0", b"EADD    ", bytes(8)])
def test_refuses_records_of_another_kind(tag: bytes) -> None:
    error = refused(ecreate() + tag + bytes(56))
    assert f"at stream offset 64: tag {tag!r} is none of ECREATE, EADD, EEXTEND" in error.message


@pytest.mark.parametrize("size", [1, 8, 63, 65, 127, 129, 319 + 64, 447])
def test_refuses_a_stream_that_is_cut_off(size: int) -> None:
    stream = (ecreate() + eadd(0) + eextend(0))[:size]
    assert "record is cut off after" in refused(stream).message


def test_refuses_a_stream_that_is_too_long() -> None:
    stream = ecreate() + eadd(0) + eextend(0)
    assert measure(stream, most=448).pages == 1
    with pytest.raises(MalformedError, match="more than 447 bytes") as refusal:
        measure(stream, most=447)
    assert refusal.value.reason is Reason.TOO_LARGE


def test_refuses_an_endless_stream_without_keeping_it() -> None:
    pages = (eadd(page * PAGE) for page in itertools.count())
    with pytest.raises(MalformedError) as refusal:
        measure(itertools.chain([ecreate(size=1 << 40)], pages), most=1 << 16)
    assert refusal.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    "step",
    [
        lambda builder: builder.ecreate(size_bytes=8 * PAGE, ssa_frame_pages=1),
        lambda builder: builder.eadd(PAGE, page_type=PageType.REG, access=RX),
        lambda builder: builder.eadd(100, page_type=PageType.REG, access=RX),
        lambda builder: builder.eadd(-PAGE, page_type=PageType.REG, access=RX),
        lambda builder: builder.eadd(0, page_type=PageType.TCS, access=RX),
        lambda builder: builder.eadd(0, page_type=PageType.REG, access=Access.W),
        lambda builder: builder.eextend(0, bytes(256)),
        lambda builder: builder.eextend(PAGE, bytes(255)),
        lambda builder: builder.eextend(PAGE, bytes(257)),
        lambda builder: builder.eextend(PAGE, b""),
        lambda builder: builder.add_page(0, bytes(1), page_type=PageType.REG, access=RX),
    ],
)
def test_a_refused_step_leaves_the_measurement_as_it_was(
    step: Callable[[MeasurementBuilder], bytes],
) -> None:
    builder = created()
    builder.eadd(PAGE, page_type=PageType.REG, access=RX)
    before = builder.measurement()
    with pytest.raises(MalformedError) as refusal:
        step(builder)
    assert refusal.value.reason is Reason.MEASUREMENT_FORMAT
    assert builder.measurement() == before


@pytest.mark.parametrize("size", [-2, 0, PAGE, 3 * PAGE, 1 << 64])
def test_refuses_to_begin_an_enclave_of_an_impossible_size(size: int) -> None:
    with pytest.raises(MalformedError, match=f"enclave size {size} is not a power of two"):
        MeasurementBuilder().ecreate(size_bytes=size, ssa_frame_pages=1)


def test_access_rights_have_the_bits_of_secinfo() -> None:
    assert [(right.name, right.value) for right in Access] == [("R", 1), ("W", 2), ("X", 4)]
    assert [(kind.name, kind.value) for kind in PageType] == [("TCS", 1), ("REG", 2)]


@pytest.mark.parametrize("frame", [-1, 0, 1 << 32])
def test_refuses_an_impossible_size_of_save_areas(frame: int) -> None:
    with pytest.raises(MalformedError, match=f"an SSA frame cannot have {frame} pages"):
        MeasurementBuilder().ecreate(size_bytes=2 * PAGE, ssa_frame_pages=frame)
