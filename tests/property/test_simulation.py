# SPDX-License-Identifier: Apache-2.0
"""The simulator over all its inputs: round trips, and refusals of everything that was changed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confcom.errors import ConfcomError, NotAuthenticError
from confcom.reasons import Reason
from confcom.sgx import Flags, Report
from confcom.simulation.descriptions import (
    enclave_from_json,
    enclave_to_json,
    td_from_json,
    td_to_json,
)
from confcom.simulation.enclave import Enclave
from confcom.simulation.td import TdxModule, TrustDomain, check_td_report

_U16 = st.integers(0, 2**16 - 1)
_U32 = st.integers(0, 2**32 - 1)
_U64 = st.integers(0, 2**64 - 1)


def _bytes(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


@st.composite
def enclaves(draw: st.DrawFn) -> Enclave:
    flags = draw(_U64) | Flags.INIT
    plain = Enclave(
        mr_enclave=draw(_bytes(32)),
        mr_signer=draw(_bytes(32)),
        isv_prod_id=draw(_U16),
        isv_svn=draw(_U16),
        flags=flags,
        xfrm=draw(_U64),
        misc_select=draw(_U32),
    )
    if not flags & Flags.KSS:
        return plain
    return replace(
        plain,
        isv_ext_prod_id=draw(_bytes(16)),
        isv_family_id=draw(_bytes(16)),
        config_id=draw(_bytes(64)),
        config_svn=draw(_U16),
    )


@st.composite
def domains(draw: st.DrawFn) -> TrustDomain:
    measurement = _bytes(48)
    return TrustDomain(
        mr_td=draw(measurement),
        td_attributes=draw(_U64),
        xfam=draw(_U64),
        mr_config_id=draw(measurement),
        mr_owner=draw(measurement),
        mr_owner_config=draw(measurement),
        rtmrs=tuple(draw(measurement) for _ in range(4)),
        mr_service_td=draw(measurement),
    )


@given(enclaves())
def test_description_of_an_enclave_survives(enclave: Enclave) -> None:
    assert enclave_from_json(enclave_to_json(enclave)) == enclave


@given(domains())
def test_description_of_a_td_survives(td: TrustDomain) -> None:
    assert td_from_json(td_to_json(td)) == td


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_description_or_our_error(data: bytes) -> None:
    for parse in (enclave_from_json, td_from_json):
        try:
            parse(data)
        except ConfcomError as exc:
            assert exc.reason is Reason.SIMULATION_FORMAT  # noqa: PT017 - both ways are right


@given(enclaves(), enclaves(), _bytes(64))
def test_target_accepts_and_everybody_else_refuses(
    maker: Enclave, target: Enclave, report_data: bytes
) -> None:
    report = maker.ereport(target.target_info, report_data)
    assert target.check(report) == maker.body(report_data)
    stranger = replace(target, mr_enclave=bytes(b ^ 1 for b in target.mr_enclave))
    with pytest.raises(NotAuthenticError):
        stranger.check(report)


@given(enclaves(), enclaves(), _bytes(64), st.integers(0, 432 * 8 - 1))
def test_one_flipped_bit_is_refused(
    maker: Enclave, target: Enclave, report_data: bytes, bit: int
) -> None:
    raw = bytearray(maker.ereport(target.target_info, report_data).to_bytes())
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotAuthenticError):
        target.check(Report.from_bytes(bytes(raw)))


@given(domains(), _bytes(64), _bytes(32), _bytes(16), st.integers(0, 1024 * 8 - 1))
def test_one_flipped_bit_of_a_tdreport_is_refused(
    td: TrustDomain, report_data: bytes, key: bytes, svn: bytes, bit: int
) -> None:
    module = TdxModule(tee_tcb_svn=svn, tee_tcb_svn2=svn)
    report = td.td_report(report_data, module=module, mac_key=key, cpu_svn=bytes(16))
    check_td_report(report.to_bytes(), key)
    raw = bytearray(report.to_bytes())
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ConfcomError):
        check_td_report(bytes(raw), key)


@given(domains(), _bytes(48), st.integers(0, 3))
def test_extension_changes_one_register_and_cannot_be_undone(
    td: TrustDomain, digest: bytes, index: int
) -> None:
    extended = td.extend(index, digest)
    assert extended.rtmrs[index] != td.rtmrs[index]
    assert [r for i, r in enumerate(extended.rtmrs) if i != index] == (
        [r for i, r in enumerate(td.rtmrs) if i != index]
    )
    assert extended.extend(index, digest).rtmrs[index] != td.rtmrs[index]
