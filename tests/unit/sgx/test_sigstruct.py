# SPDX-License-Identifier: Apache-2.0
"""SIGSTRUCT: refused where EINIT would refuse it, and named by its author's key."""

import datetime
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason
from confcom.sgx import Flags, Xfrm
from confcom.sgx.sigstruct import (
    SIGSTRUCT,
    SigningType,
    Sigstruct,
    VerifiedSigstruct,
    verify_sigstruct,
)
from confcom.testing.sigstruct import sign_again, sign_enclave

# Making an RSA key takes up to seconds on a busy machine.
pytestmark = pytest.mark.timeout(60)

DAY = datetime.date(2026, 3, 14)


@pytest.fixture(scope="session")
def signed(author_key: rsa.RSAPrivateKey) -> Sigstruct:
    return sign_enclave(
        author_key,
        mr_enclave=bytes(range(32)),
        date=DAY,
        isv_prod_id=0x1234,
        isv_svn=7,
        isv_family_id=bytes(range(16)),
        isv_ext_prod_id=bytes(range(16, 32)),
    )


def with_bytes(signed: Sigstruct, offset: int, text: str) -> bytes:
    data, new = signed.to_bytes(), bytes.fromhex(text)
    return data[:offset] + new + data[offset + len(new) :]


def refused(data: bytes) -> str:
    with pytest.raises(MalformedError) as refusal:
        Sigstruct.from_bytes(data)
    assert refusal.value.reason is Reason.SIGSTRUCT_FORMAT
    assert refusal.value.message.startswith("cannot parse SIGSTRUCT: ")
    return refusal.value.message.removeprefix("cannot parse SIGSTRUCT: ")


def not_signed(sigstruct: Sigstruct) -> str:
    with pytest.raises(NotAuthenticError) as refusal:
        verify_sigstruct(sigstruct)
    assert refusal.value.reason is Reason.SIGSTRUCT_SIGNATURE
    return refusal.value.message


def test_accepts_a_recorded_signature(dcap_vectors: Path) -> None:
    data = (dcap_vectors / "sigstruct/test_enclave.sig").read_bytes()
    sigstruct = Sigstruct.from_bytes(data)
    verified = verify_sigstruct(sigstruct)
    assert verified.sigstruct is sigstruct
    assert verified.mr_signer == bytes.fromhex(
        "fb4bab3d6036ac1d730fa83d7366df1dd2dfeac194ef335d6854d8a6c6475542"
    )
    assert (sigstruct.isv_prod_id, sigstruct.isv_svn) == (65535, 0)
    assert sigstruct.signed_on == datetime.date(2016, 12, 14)
    assert sigstruct.to_bytes() == data


def test_refuses_a_recorded_signature_over_another_enclave(dcap_vectors: Path) -> None:
    data = (dcap_vectors / "sigstruct/bad_enclavehash.sig").read_bytes()
    assert "does not cover these bytes" in not_signed(Sigstruct.from_bytes(data))


def test_accepts_what_an_author_signed(signed: Sigstruct) -> None:
    parsed = Sigstruct.from_bytes(signed.to_bytes())
    assert parsed == signed
    assert verify_sigstruct(parsed).sigstruct == signed
    assert (parsed.enclave_hash, parsed.isv_prod_id, parsed.isv_svn) == (
        bytes(range(32)),
        0x1234,
        7,
    )
    assert parsed.signed_on == DAY
    assert not parsed.is_debug_type


def test_signer_is_the_digest_of_the_stored_modulus(
    signed: Sigstruct, author_key: rsa.RSAPrivateKey
) -> None:
    modulus = author_key.public_key().public_numbers().n
    assert signed.mr_signer == hashlib.sha256(modulus.to_bytes(384, "little")).digest()


def test_knows_a_signature_for_debugging(author_key: rsa.RSAPrivateKey) -> None:
    debug = sign_enclave(author_key, mr_enclave=bytes(32), date=DAY, signing_type=SigningType.DEBUG)
    assert debug.to_bytes()[15] == 0x80
    assert verify_sigstruct(debug).sigstruct.is_debug_type


def test_knows_intel_as_vendor(author_key: rsa.RSAPrivateKey) -> None:
    intel = sign_enclave(author_key, mr_enclave=bytes(32), date=DAY, vendor=0x8086)
    assert Sigstruct.from_bytes(intel.to_bytes()) == intel
    assert verify_sigstruct(intel).sigstruct.vendor == 0x8086


@pytest.mark.parametrize("size", [0, 1, 1807, 1809, 3616])
def test_refuses_another_length(signed: Sigstruct, size: int) -> None:
    data = (signed.to_bytes() * 2)[:size]
    assert refused(data) == f"SIGSTRUCT: 1808 bytes expected, {size} found"


@pytest.mark.parametrize(
    ("offset", "text", "message"),
    [
        (0, "07", "first header constant is 07000000e100000000000100, expected 06000000e1"),
        (11, "01", "first header constant is"),
        (24, "02", "second header constant is 02010000600000006000000001000000, expected 0101"),
        (39, "01", "second header constant is"),
        (512, "01000100", "exponent is 00010001, expected 00000003"),
        (512, "11", "exponent is 00000011, expected 00000003"),
        (12, "01", "signing type 0x1 is neither 0 nor 0x80000000"),
        (15, "81", "signing type 0x81000000 is neither"),
        (16, "01", "vendor 0x1 is neither 0 nor 0x8086"),
        (18, "01", "vendor 0x10000 is neither"),
        (20, "29022520", "date 20250229 is not in the calendar"),
        (20, "20250229", "date 29022520 is not in the calendar"),
        (20, "00000000", "date 00000000 is not in the calendar"),
        (20, "0a022026", "date 2620020a is not in the calendar"),
        (20, "30022620", "date 20260230 is not in the calendar"),
        (20, "01132620", "date 20261301 is not in the calendar"),
        (44, "01", "reserved bytes 44 to 127 are not all zero"),
        (127, "80", "reserved bytes 44 to 127 are not all zero"),
        (908, "01", "reserved bytes 908 to 911 are not all zero"),
        (1007, "01", "reserved bytes 992 to 1007 are not all zero"),
        (1028, "01", "reserved bytes 1028 to 1039 are not all zero"),
    ],
)
def test_refuses_other_constants(signed: Sigstruct, offset: int, text: str, message: str) -> None:
    assert message in refused(with_bytes(signed, offset, text))


def test_reads_a_leap_day(signed: Sigstruct) -> None:
    parsed = Sigstruct.from_bytes(with_bytes(signed, 20, "29022420"))
    assert parsed.signed_on == datetime.date(2024, 2, 29)


def test_has_no_date_when_made_with_one_that_does_not_exist(signed: Sigstruct) -> None:
    assert replace(signed, date=0x20260230).signed_on is None


@pytest.mark.parametrize(
    "offset", [20, 40, 900, 904, 912, 928, 936, 944, 960, 991, 1008, 1024, 1027]
)
def test_refuses_a_changed_bit_in_every_signed_field(signed: Sigstruct, offset: int) -> None:
    data = bytearray(signed.to_bytes())
    data[offset] ^= 1
    assert "does not cover these bytes" in not_signed(Sigstruct.from_bytes(bytes(data)))


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (516, "does not belong to signature and modulus"),
        (899 - 50, "does not belong to signature and modulus"),
        (1040, "Q1 does not belong"),
        (1423, "Q1 does not belong"),
        (1424, "Q2 does not belong"),
        (1807, "Q2 does not belong"),
        (129, "does not belong to signature and modulus"),
    ],
)
def test_refuses_a_changed_bit_in_what_is_not_signed(
    signed: Sigstruct, offset: int, message: str
) -> None:
    data = bytearray(signed.to_bytes())
    data[offset] ^= 1
    assert message in not_signed(Sigstruct.from_bytes(bytes(data)))


@pytest.mark.parametrize("modulus", [0, 1, 3, 1 << 3071, (1 << 3071) - 1, (1 << 3072) - 2])
def test_refuses_a_modulus_that_is_no_key(signed: Sigstruct, modulus: int) -> None:
    other = replace(signed, modulus=modulus.to_bytes(384, "little"))
    assert "modulus is not an odd number of 3072 bits" in not_signed(other)


def test_refuses_a_signature_that_is_not_below_the_modulus(signed: Sigstruct) -> None:
    other = replace(signed, signature=signed.modulus)
    assert "signature is not less than the modulus" in not_signed(other)


def test_refuses_a_signature_of_zero(signed: Sigstruct) -> None:
    zero = bytes(384)
    other = replace(signed, signature=zero, q1=zero, q2=zero)
    assert "does not cover these bytes" in not_signed(other)


def test_refuses_a_signature_by_another_key(
    signed: Sigstruct, author_key: rsa.RSAPrivateKey
) -> None:
    modulus = author_key.public_key().public_numbers().n
    other = replace(signed, modulus=(modulus - 2).to_bytes(384, "little"))
    assert "does not belong to signature and modulus" in not_signed(other)


def test_refuses_a_signature_with_another_digest(
    signed: Sigstruct, author_key: rsa.RSAPrivateKey
) -> None:
    number = int.from_bytes(author_key.sign(signed.signed, PKCS1v15(), SHA384()), "big")
    modulus = author_key.public_key().public_numbers().n
    q1, rest = divmod(number * number, modulus)
    other = replace(
        signed,
        signature=number.to_bytes(384, "little"),
        q1=q1.to_bytes(384, "little"),
        q2=(rest * number // modulus).to_bytes(384, "little"),
    )
    assert "does not cover these bytes" in not_signed(other)


def test_covers_256_bytes(signed: Sigstruct, author_key: rsa.RSAPrivateKey) -> None:
    data = signed.to_bytes()
    assert signed.signed == data[:128] + data[900:1028]
    author_key.public_key().verify(signed.signature[::-1], signed.signed, PKCS1v15(), SHA256())


def test_signs_changed_fields_again(signed: Sigstruct, author_key: rsa.RSAPrivateKey) -> None:
    changed = replace(signed, isv_svn=8)
    assert "does not cover" in not_signed(changed)
    assert verify_sigstruct(sign_again(author_key, changed)).sigstruct.isv_svn == 8


def test_a_verified_sigstruct_comes_from_verification_only(signed: Sigstruct) -> None:
    with pytest.raises(TypeError, match="comes from verify_sigstruct only"):
        VerifiedSigstruct(signed, signed.mr_signer, None)


def meaning(name: str, value: int) -> str:
    describe = SIGSTRUCT[name].describe
    assert describe is not None
    return describe(value)


def test_describes_types_vendors_dates() -> None:
    assert meaning("signing_type", 0) == "production"
    assert meaning("signing_type", 0x80000000) == "debug"
    assert meaning("signing_type", 1) == "not defined"
    assert meaning("vendor", 0) == "not Intel"
    assert meaning("vendor", 0x8086) == "Intel"
    assert meaning("vendor", 2) == "not defined"
    assert meaning("date", 0x20260228) == "2026-02-28"
    assert meaning("date", 0x20260230) == "not a date"


def test_describes_masks_by_what_they_leave_open() -> None:
    every_bit = (1 << 64) - 1
    assert meaning("flags_mask", every_bit - Flags.DEBUG) == "may differ: DEBUG"
    assert meaning("flags_mask", every_bit) == "may differ: none"
    assert meaning("xfrm_mask", every_bit - Xfrm.AVX) == "may differ: AVX"
    assert meaning("xfrm_mask", Xfrm.X87 | Xfrm.SSE) == "62 of 64 bits may differ"
    assert meaning("misc_mask", 0xFFFFFFFF) == "may differ: none"
    assert meaning("misc_mask", 0) == "32 of 32 bits may differ"
