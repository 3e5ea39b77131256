# SPDX-License-Identifier: Apache-2.0
"""Enclave structures on any input: a value that keeps every byte, or our error."""

import contextlib
import datetime
import hashlib
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given
from hypothesis import strategies as st

from confcom.errors import ConfcomError, MalformedError, NotAuthenticError
from confcom.reasons import Reason
from confcom.sgx import Report, ReportBody, TargetInfo
from confcom.sgx.measurement import Access, MeasurementBuilder, PageType, measure
from confcom.sgx.sigstruct import (
    EXPONENT,
    HEADER1,
    HEADER2,
    SIGSTRUCT,
    SigningType,
    Sigstruct,
    verify_sigstruct,
)
from confcom.testing.sigstruct import new_author_key, sign_enclave

# Making an RSA key takes up to seconds on a busy machine.
pytestmark = pytest.mark.timeout(60)

DAY = datetime.date(2026, 3, 14)
READABLE = [Access(bits) for bits in range(8) if Access.W not in Access(bits) or bits & 1]
ECREATE_RECORD = MeasurementBuilder().ecreate(size_bytes=1 << 20, ssa_frame_pages=1)


@pytest.fixture(scope="module")
def author_key() -> RSAPrivateKey:
    return new_author_key()


@pytest.fixture(scope="module")
def signed(author_key: RSAPrivateKey) -> bytes:
    return sign_enclave(author_key, mr_enclave=bytes(32), date=DAY).to_bytes()


@given(st.binary(min_size=384, max_size=384))
def test_every_report_body_keeps_every_byte(data: bytes) -> None:
    assert ReportBody.from_bytes(data).to_bytes() == data


@given(st.binary(min_size=432, max_size=432))
def test_every_report_keeps_every_byte(data: bytes) -> None:
    assert Report.from_bytes(data).to_bytes() == data


@given(st.binary(min_size=512, max_size=512))
def test_every_target_info_keeps_every_byte(data: bytes) -> None:
    assert TargetInfo.from_bytes(data).to_bytes() == data


@st.composite
def sigstructs(draw: st.DrawFn) -> bytes:
    day = draw(st.dates())
    fixed = {
        "header1": HEADER1,
        "header2": HEADER2,
        "exponent": EXPONENT,
        "date": int(f"{day.year:04}{day.month:02}{day.day:02}", 16),
        "signing_type": draw(st.sampled_from(SigningType)),
        "vendor": draw(st.sampled_from([0, 0x8086])),
    }
    raw = draw(st.binary(min_size=SIGSTRUCT.size, max_size=SIGSTRUCT.size))
    return SIGSTRUCT.pack(
        [
            bytes(field.size) if field.is_reserved else fixed.get(field.name, value)
            for field, value in zip(SIGSTRUCT, SIGSTRUCT.unpack(raw), strict=True)
        ]
    )


@given(sigstructs())
def test_every_sigstruct_keeps_every_byte_and_is_not_signed_by_chance(data: bytes) -> None:
    sigstruct = Sigstruct.from_bytes(data)
    assert sigstruct.to_bytes() == data
    with pytest.raises(NotAuthenticError):
        verify_sigstruct(sigstruct)


@given(st.binary(max_size=2000) | st.binary(min_size=SIGSTRUCT.size, max_size=SIGSTRUCT.size))
def test_any_bytes_are_a_sigstruct_or_our_error(data: bytes) -> None:
    with pytest.raises(MalformedError) as refusal:
        Sigstruct.from_bytes(data)
    assert refusal.value.reason is Reason.SIGSTRUCT_FORMAT


def test_a_flipped_bit_in_any_byte_of_a_sigstruct_is_refused(signed: bytes) -> None:
    verify_sigstruct(Sigstruct.from_bytes(signed))
    for offset in range(len(signed)):
        data = bytearray(signed)
        data[offset] ^= 1 << offset % 8
        with pytest.raises(ConfcomError):
            verify_sigstruct(Sigstruct.from_bytes(bytes(data)))


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, MeasurementBuilder]:
    builder = MeasurementBuilder()
    size = 1 << draw(st.integers(14, 40))
    stream = builder.ecreate(size_bytes=size, ssa_frame_pages=draw(st.integers(1, (1 << 32) - 1)))
    pages = draw(st.lists(st.integers(0, size // 4096 - 1), max_size=6, unique=True))
    for offset in (page * 4096 for page in pages):
        page_type = draw(st.sampled_from(PageType))
        rights = [Access(0)] if page_type is PageType.TCS else READABLE
        stream += builder.eadd(offset, page_type=page_type, access=draw(st.sampled_from(rights)))
        for chunk in sorted(draw(st.sets(st.integers(0, 15), max_size=3))):
            content = draw(st.binary(min_size=256, max_size=256))
            stream += builder.eextend(offset + chunk * 256, content)
    return stream, builder


@given(streams())
def test_a_stream_measures_as_the_steps_it_was_made_from(
    drawn: tuple[bytes, MeasurementBuilder],
) -> None:
    stream, builder = drawn
    assert measure(stream) == builder.measurement()
    assert measure(stream).mr_enclave == hashlib.sha256(stream).digest()


@given(streams(), st.lists(st.integers(0, 2000), max_size=8))
def test_a_stream_measures_the_same_in_any_pieces(
    drawn: tuple[bytes, MeasurementBuilder], cuts: list[int]
) -> None:
    stream, builder = drawn
    edges = [0, *sorted(cuts), max(len(stream), *cuts, 0)]
    pieces = (stream[start:end] for start, end in pairwise(edges))
    assert measure(pieces) == builder.measurement()


@given(streams(), st.integers(0, 1 << 20), st.integers(1, 255))
def test_a_changed_byte_changes_the_measurement_or_is_refused(
    drawn: tuple[bytes, MeasurementBuilder], where: int, change: int
) -> None:
    stream, builder = drawn
    data = bytearray(stream)
    data[where % len(data)] ^= change
    with contextlib.suppress(MalformedError):
        assert measure(bytes(data)).mr_enclave != builder.measurement().mr_enclave


@given(st.binary(max_size=600))
def test_any_bytes_are_a_stream_or_our_error(data: bytes) -> None:
    for stream in (data, ECREATE_RECORD + data):
        with contextlib.suppress(MalformedError):
            assert measure(stream).mr_enclave == hashlib.sha256(stream).digest()
