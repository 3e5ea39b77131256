# SPDX-License-Identifier: Apache-2.0
"""Signs enclaves for tests: makes a SIGSTRUCT as an author's signing tool does."""

import datetime
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from confcom.sgx import Flags, Xfrm
from confcom.sgx.sigstruct import EXPONENT, HEADER1, HEADER2, KEY_BITS, SigningType, Sigstruct

_NUMBER_BYTES: Final = KEY_BITS // 8
_ALL_64_BITS: Final = (1 << 64) - 1
_ALL_32_BITS: Final = (1 << 32) - 1


def new_author_key() -> RSAPrivateKey:
    """Return a new RSA-3072 key with exponent 3; takes a noticeable part of a second."""
    return generate_private_key(EXPONENT, KEY_BITS)


def sign_enclave(
    key: RSAPrivateKey,
    *,
    mr_enclave: bytes,
    date: datetime.date,
    isv_prod_id: int = 0,
    isv_svn: int = 0,
    flags: int = Flags.MODE64BIT,
    xfrm: int = Xfrm.X87 | Xfrm.SSE,
    isv_family_id: bytes = bytes(16),
    isv_ext_prod_id: bytes = bytes(16),
    vendor: int = 0,
    signing_type: SigningType = SigningType.PRODUCTION,
) -> Sigstruct:
    """Return a signed SIGSTRUCT that leaves the DEBUG bit and all of XFRM but x87, SSE free.

    Args:
        key: of 3072 bits with exponent 3.
        mr_enclave: 32 bytes.
        date: written into the structure.
        isv_prod_id: 0 to 65535.
        isv_svn: 0 to 65535.
        flags: ATTRIBUTES.FLAGS; INIT is set by the processor, not here.
        xfrm: ATTRIBUTES.XFRM.
        isv_family_id: 16 bytes.
        isv_ext_prod_id: 16 bytes.
        vendor: 0, or 0x8086 for Intel.
        signing_type: production or debug.
    """
    modulus = key.public_key().public_numbers().n
    unsigned = Sigstruct(
        header1=HEADER1,
        signing_type=signing_type,
        vendor=vendor,
        date=int(date.strftime("%Y%m%d"), 16),
        header2=HEADER2,
        sw_defined=0,
        reserved1=bytes(84),
        modulus=_number(modulus),
        exponent=EXPONENT,
        signature=bytes(_NUMBER_BYTES),
        misc_select=0,
        misc_mask=_ALL_32_BITS,
        reserved2=bytes(4),
        isv_family_id=isv_family_id,
        flags=flags,
        xfrm=xfrm,
        flags_mask=_ALL_64_BITS - Flags.DEBUG,
        xfrm_mask=Xfrm.X87 | Xfrm.SSE,
        enclave_hash=mr_enclave,
        reserved3=bytes(16),
        isv_ext_prod_id=isv_ext_prod_id,
        isv_prod_id=isv_prod_id,
        isv_svn=isv_svn,
        reserved4=bytes(12),
        q1=bytes(_NUMBER_BYTES),
        q2=bytes(_NUMBER_BYTES),
    )
    return sign_again(key, unsigned)


def sign_again(key: RSAPrivateKey, sigstruct: Sigstruct) -> Sigstruct:
    """Return the structure with modulus, signature, Q1 and Q2 of its present fields."""
    modulus = key.public_key().public_numbers().n
    unsigned = replace(sigstruct, modulus=_number(modulus))
    signature = key.sign(unsigned.signed, PKCS1v15(), SHA256())
    number = int.from_bytes(signature, "big")
    q1, rest = divmod(number * number, modulus)
    return replace(
        unsigned,
        signature=signature[::-1],
        q1=_number(q1),
        q2=_number(rest * number // modulus),
    )


def _number(value: int) -> bytes:
    return value.to_bytes(_NUMBER_BYTES, "little")
