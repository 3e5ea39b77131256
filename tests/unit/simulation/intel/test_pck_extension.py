# SPDX-License-Identifier: Apache-2.0
"""The SGX extension of PCK certificates is DER that the strict reader takes back unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.dcap import PckExtension
from confcom.simulation import encode_pck_extension
from confcom.wire import read_der

_BYTE = st.integers(0, 255)


@st.composite
def extensions(draw: st.DrawFn) -> PckExtension:
    is_multi_package = draw(st.booleans())
    switch = st.booleans() if is_multi_package else st.none()
    return PckExtension(
        ppid=draw(st.binary(min_size=16, max_size=16)),
        sgx_svns=tuple(draw(st.lists(_BYTE, min_size=16, max_size=16))),
        pce_svn=draw(st.integers(0, 65535)),
        cpu_svn=draw(st.binary(min_size=16, max_size=16)),
        pce_id=draw(st.binary(min_size=2, max_size=2)),
        fmspc=draw(st.binary(min_size=6, max_size=6)),
        sgx_type=draw(st.integers(0, 2)),
        platform_instance_id=(
            draw(st.binary(min_size=16, max_size=16)) if is_multi_package else None
        ),
        dynamic_platform=draw(switch),
        cached_keys=draw(switch),
        smt_enabled=draw(switch),
    )


@given(extensions())
def test_reader_takes_back_what_was_written(extension: PckExtension) -> None:
    assert PckExtension.from_der(encode_pck_extension(extension)) == extension


@given(extensions())
def test_platform_ca_has_seven_pairs_and_processor_ca_five(extension: PckExtension) -> None:
    pairs = read_der(encode_pck_extension(extension)).sequence(most=7)
    assert len(pairs) == (5 if extension.platform_instance_id is None else 7)


@pytest.mark.parametrize(
    ("svn", "encoded"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (255, "020200ff")]
)
def test_integers_above_127_have_a_leading_zero(svn: int, encoded: str) -> None:
    extension = PckExtension(
        ppid=bytes(16),
        sgx_svns=(svn,) * 16,
        pce_svn=0,
        cpu_svn=bytes(16),
        pce_id=bytes(2),
        fmspc=bytes(6),
        sgx_type=0,
        platform_instance_id=None,
        dynamic_platform=None,
        cached_keys=None,
        smt_enabled=None,
    )
    assert encode_pck_extension(extension).count(bytes.fromhex(encoded)) >= 16
