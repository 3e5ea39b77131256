# SPDX-License-Identifier: Apache-2.0
"""Bundles: written and read back, told apart by digest, refused where a member is wrong."""

import json
from dataclasses import replace

import pytest
from tests.forging import check, outcome
from tests.simulated import sgx, tdx

from confcom.dcap import Collateral
from confcom.dcap.collateral import MAX_BUNDLE_BYTES, MEMBERS
from confcom.errors import MalformedError
from confcom.reasons import Reason

SAMPLE = sgx(with_pck_chain=True)
BUNDLE = SAMPLE.collateral


def test_a_bundle_survives_and_verifies() -> None:
    for sample in (SAMPLE, sgx(), tdx()):
        read = Collateral.from_json(sample.collateral.to_json())
        assert check(sample.quote, read).tcb == check(sample.quote, sample.collateral).tcb
        assert Collateral.from_json(read.to_json()) == read
        assert read.tcb_info == sample.collateral.tcb_info


def test_lists_in_text_are_written_as_they_are() -> None:
    text = replace(BUNDLE, root_ca_crl=BUNDLE.root_ca_crl.hex().encode())
    assert json.loads(text.to_json())["root_ca_crl"] == BUNDLE.root_ca_crl.hex()


def test_the_pck_chain_may_be_absent_or_null() -> None:
    document = json.loads(BUNDLE.to_json())
    del document["pck_certificate_chain"]
    absent = Collateral.from_json(json.dumps(document).encode())
    null = Collateral.from_json(json.dumps(document | {"pck_certificate_chain": None}).encode())
    assert absent == null
    assert absent.pck_certificate_chain is None
    assert "pck_certificate_chain" not in json.loads(absent.to_json())


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_is_part_of_the_digest(name: str) -> None:
    assert replace(BUNDLE, **{name: getattr(BUNDLE, name) + b"0"}).digest != BUNDLE.digest


def test_the_digest_tells_members_apart() -> None:
    one = replace(BUNDLE, pck_crl=b"ab", root_ca_crl=b"c")
    other = replace(BUNDLE, pck_crl=b"a", root_ca_crl=b"bc")
    assert one.digest != other.digest
    assert replace(BUNDLE, pck_certificate_chain=None).digest != (
        replace(BUNDLE, pck_certificate_chain=b"").digest
    )


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "pck_certificate_chain"])
@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_refuses_members_that_are_no_text(name: str, value: object) -> None:
    document = json.loads(BUNDLE.to_json()) | {name: value}
    with pytest.raises(MalformedError, match=f"{name} is not a string") as caught:
        Collateral.from_json(json.dumps(document).encode())
    assert caught.value.reason is Reason.COLLATERAL_FORMAT


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "pck_certificate_chain"])
def test_refuses_a_missing_member(name: str) -> None:
    document = json.loads(BUNDLE.to_json())
    del document[name]
    with pytest.raises(MalformedError, match=f"{name} is missing"):
        Collateral.from_json(json.dumps(document).encode())


@pytest.mark.parametrize("name", MEMBERS)
def test_refuses_lone_surrogates(name: str) -> None:
    document = json.loads(BUNDLE.to_json()) | {name: "\ud800"}
    with pytest.raises(MalformedError) as caught:
        Collateral.from_json(json.dumps(document).encode())
    assert caught.value.reason is Reason.COLLATERAL_FORMAT


@pytest.mark.parametrize("name", ["tcb_info", "qe_identity_signature", "pck_crl_issuer_chain"])
def test_refuses_to_write_what_is_no_text(name: str) -> None:
    with pytest.raises(MalformedError, match=name) as caught:
        replace(BUNDLE, **{name: b"\xff"}).to_json()
    assert caught.value.reason is Reason.COLLATERAL_FORMAT


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"[" * 100_000, b"\xff", b"{}{}"])
def test_refuses_what_is_no_bundle(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        Collateral.from_json(data)
    assert caught.value.reason is Reason.COLLATERAL_FORMAT


def test_refuses_a_bundle_that_is_too_large() -> None:
    with pytest.raises(MalformedError) as caught:
        Collateral.from_json(b" " * (MAX_BUNDLE_BYTES + 1))
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("root_ca_crl", Reason.CRL_FORMAT),
        ("pck_crl", Reason.CRL_FORMAT),
        ("pck_crl_issuer_chain", Reason.CERT_FORMAT),
        ("tcb_info", Reason.TCB_INFO_SIGNATURE),
        ("tcb_info_signature", Reason.TCB_INFO_SIGNATURE),
        ("tcb_info_issuer_chain", Reason.CERT_FORMAT),
        ("qe_identity", Reason.QE_IDENTITY_SIGNATURE),
        ("qe_identity_signature", Reason.QE_IDENTITY_SIGNATURE),
        ("qe_identity_issuer_chain", Reason.CERT_FORMAT),
    ],
)
@pytest.mark.parametrize("value", [b"", b"\0", b"zz", b"0" * 128, b"\xff" * 10])
def test_each_member_is_checked_when_it_is_used(name: str, reason: Reason, value: bytes) -> None:
    assert outcome(SAMPLE.quote, replace(BUNDLE, **{name: value})) is reason
