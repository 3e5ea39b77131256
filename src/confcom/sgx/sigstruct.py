# SPDX-License-Identifier: Apache-2.0
"""SIGSTRUCT: what the author of an enclave signs (Intel SDM volume 3D, SIGSTRUCT).

Constants, vendor, exponent and reserved bytes are checked as EINIT checks them, so a file that
parses here is one whose signature a processor would go on to verify.
"""

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from enum import IntEnum, IntFlag
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason
from confcom.sgx.attributes import (
    Flags,
    MiscSelect,
    Xfrm,
    flag_names,
    misc_names,
    names,
    xfrm_names,
)
from confcom.wire import Field, Kind, Layout, LayoutError, Value

KEY_BITS: Final = 3072
EXPONENT: Final = 3
HEADER1: Final = bytes.fromhex("06000000e100000000000100")
HEADER2: Final = bytes.fromhex("01010000600000006000000001000000")
INTEL_VENDOR: Final = 0x8086


class SigningType(IntEnum):
    """For which use the author signed; the last word of the first header constant."""

    PRODUCTION = 0
    DEBUG = 0x8000_0000


_VENDORS: Final[Mapping[Value, str]] = {0: "not Intel", INTEL_VENDOR: "Intel"}
_SIGNING_TYPES: Final[Mapping[Value, SigningType]] = {int(kind): kind for kind in SigningType}


def _signing_type(value: Value) -> str:
    kind = _SIGNING_TYPES.get(value)
    return kind.name.lower() if kind is not None else "not defined"


def _vendor(value: Value) -> str:
    return _VENDORS.get(value, "not defined")


def _date(value: Value) -> str:
    day = _from_bcd(int(value))
    return day.isoformat() if day else "not a date"


def _flags_mask(value: Value) -> str:
    return _free_bits(value, 64, Flags)


def _xfrm_mask(value: Value) -> str:
    return _free_bits(value, 64, Xfrm)


def _misc_mask(value: Value) -> str:
    return _free_bits(value, 32, MiscSelect)


def _free_bits(mask: Value, width: int, flags: type[IntFlag]) -> str:
    free = ~int(mask) & (1 << width) - 1
    if free.bit_count() > width // 2:
        return f"{free.bit_count()} of {width} bits may differ"
    return f"may differ: {names(free, flags)}"


SIGSTRUCT = Layout(
    "SIGSTRUCT",
    1808,
    Field("header1", 0, 12, doc="constant"),
    Field("signing_type", 12, 4, Kind.UINT, _signing_type, doc="0 production, 0x80000000 debug"),
    Field("vendor", 16, 4, Kind.UINT, _vendor, doc="0, or 0x8086 for Intel"),
    Field("date", 20, 4, Kind.UINT, _date, doc="of signing, binary-coded decimal yyyymmdd"),
    Field("header2", 24, 16, doc="constant"),
    Field("sw_defined", 40, 4, Kind.UINT, doc="for the author"),
    Field("reserved1", 44, 84),
    Field("modulus", 128, 384, doc="of the RSA-3072 key of the author, little-endian"),
    Field("exponent", 512, 4, Kind.UINT, doc="3"),
    Field(
        "signature",
        516,
        384,
        doc="PKCS#1 v1.5 with SHA-256 over bytes 0 to 127 and 900 to 1027, little-endian",
    ),
    Field("misc_select", 900, 4, Kind.UINT, misc_names, doc="MISCSELECT the enclave is to have"),
    Field("misc_mask", 904, 4, Kind.UINT, _misc_mask, doc="bits of MISCSELECT that count"),
    Field("reserved2", 908, 4),
    Field("isv_family_id", 912, 16, doc="product family (KSS)"),
    Field("flags", 928, 8, Kind.UINT, flag_names, doc="FLAGS the enclave is to have"),
    Field("xfrm", 936, 8, Kind.UINT, xfrm_names, doc="XFRM the enclave is to have"),
    Field("flags_mask", 944, 8, Kind.UINT, _flags_mask, doc="bits of FLAGS that count"),
    Field("xfrm_mask", 952, 8, Kind.UINT, _xfrm_mask, doc="bits of XFRM that count"),
    Field("enclave_hash", 960, 32, doc="MRENCLAVE"),
    Field("reserved3", 992, 16),
    Field("isv_ext_prod_id", 1008, 16, doc="extended product identifier (KSS)"),
    Field("isv_prod_id", 1024, 2, Kind.UINT, doc="product identifier"),
    Field("isv_svn", 1026, 2, Kind.UINT, doc="security version"),
    Field("reserved4", 1028, 12),
    Field("q1", 1040, 384, doc="floor(S² / N), little-endian"),
    Field("q2", 1424, 384, doc="floor((S² - Q1·N)·S / N), little-endian"),
    cite="Intel SDM volume 3D, SIGSTRUCT",
)
_SIGNED_HEAD: Final = slice(0, 128)
_SIGNED_BODY: Final = slice(900, 1028)


@dataclass(frozen=True, slots=True)
class Sigstruct:
    """A SIGSTRUCT (1808 bytes), parsed but not verified; see `verify_sigstruct`.

    Integers are little-endian; ``modulus``, ``signature``, ``q1`` and ``q2`` are 384-byte
    little-endian numbers, kept as bytes. A mask has a 1 for each bit of FLAGS, XFRM or MISCSELECT
    in which the enclave must agree with the SIGSTRUCT. ``date`` is binary-coded decimal,
    0xYYYYMMDD. ``enclave_hash`` is the MRENCLAVE that the author vouches for.
    """

    header1: bytes
    signing_type: int
    vendor: int
    date: int
    header2: bytes
    sw_defined: int
    reserved1: bytes
    modulus: bytes
    exponent: int
    signature: bytes
    misc_select: int
    misc_mask: int
    reserved2: bytes
    isv_family_id: bytes
    flags: int
    xfrm: int
    flags_mask: int
    xfrm_mask: int
    enclave_hash: bytes
    reserved3: bytes
    isv_ext_prod_id: bytes
    isv_prod_id: int
    isv_svn: int
    reserved4: bytes
    q1: bytes
    q2: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse exactly 1808 bytes.

        Raises:
            MalformedError: another length, a constant that differs, a date that no calendar
                has, reserved bytes that are not zero (reason ``sigstruct_format``).
        """
        try:
            values = SIGSTRUCT.unpack_exactly(data)
        except LayoutError as exc:
            raise _malformed(str(exc)) from exc
        sigstruct = cls(*values)  # type: ignore[arg-type]
        _check(sigstruct, data)
        return sigstruct

    def to_bytes(self) -> bytes:
        """Return the 1808 bytes."""
        return SIGSTRUCT.pack_attributes(self)

    @property
    def signed(self) -> bytes:
        """The 256 bytes that the signature covers: offsets 0 to 127 and 900 to 1027."""
        data = self.to_bytes()
        return data[_SIGNED_HEAD] + data[_SIGNED_BODY]

    @property
    def mr_signer(self) -> bytes:
        """SHA-256 of the modulus as stored: what a report of the enclave calls MRSIGNER."""
        return hashlib.sha256(self.modulus).digest()

    @property
    def is_debug_type(self) -> bool:
        """Whether the author marked the signature as one for debugging."""
        return self.signing_type == SigningType.DEBUG

    @property
    def signed_on(self) -> datetime.date | None:
        """The date that the author wrote; None when it is not one that a calendar has."""
        return _from_bcd(self.date)


_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedSigstruct:
    """A SIGSTRUCT whose signature is right; only `verify_sigstruct` makes one.

    It says who vouches for the enclave, not whether that author is to be trusted.

    Attributes:
        sigstruct: all fields.
        mr_signer: 32 bytes, the author's key.
    """

    sigstruct: Sigstruct
    mr_signer: bytes
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("a VerifiedSigstruct comes from verify_sigstruct only")


def verify_sigstruct(sigstruct: Sigstruct) -> VerifiedSigstruct:
    """Verify the author's signature as EINIT does.

    1. The modulus is an odd number of 3072 bits, and the signature is less than it.
    2. Q1 = floor(S² / N) and Q2 = floor((S² - Q1·N)·S / N), the helpers of the division.
    3. The signature is RSA PKCS#1 v1.5 with SHA-256 and exponent 3 over 256 bytes.

    Raises:
        NotAuthenticError: any of these fails (reason ``sigstruct_signature``).
    """
    modulus = int.from_bytes(sigstruct.modulus, "little")
    signature = int.from_bytes(sigstruct.signature, "little")
    if modulus.bit_length() != KEY_BITS or modulus % 2 == 0:
        raise _not_signed(f"modulus is not an odd number of {KEY_BITS} bits")
    if signature >= modulus:
        raise _not_signed("signature is not less than the modulus")
    q1, rest = divmod(signature * signature, modulus)
    q2 = rest * signature // modulus
    for name, stored, computed in (("Q1", sigstruct.q1, q1), ("Q2", sigstruct.q2, q2)):
        if int.from_bytes(stored, "little") != computed:
            raise _not_signed(f"{name} does not belong to signature and modulus")
    try:
        RSAPublicNumbers(EXPONENT, modulus).public_key().verify(
            sigstruct.signature[::-1], sigstruct.signed, PKCS1v15(), SHA256()
        )
    except InvalidSignature as exc:
        raise _not_signed(
            "the signature does not cover these bytes",
            hint="the file was changed after signing, for example by a build that was not repeated",
        ) from exc
    return VerifiedSigstruct(sigstruct, sigstruct.mr_signer, _SEAL)


def _check(sigstruct: Sigstruct, data: bytes) -> None:
    for name, found, expected in (
        ("first header constant", sigstruct.header1, HEADER1),
        ("second header constant", sigstruct.header2, HEADER2),
        ("exponent", sigstruct.exponent.to_bytes(4), EXPONENT.to_bytes(4)),
    ):
        if found != expected:
            raise _malformed(f"{name} is {found.hex()}, expected {expected.hex()}")
    if sigstruct.signing_type not in _SIGNING_TYPES:
        raise _malformed(f"signing type {sigstruct.signing_type:#x} is neither 0 nor 0x80000000")
    if sigstruct.vendor not in _VENDORS:
        raise _malformed(f"vendor {sigstruct.vendor:#x} is neither 0 nor {INTEL_VENDOR:#x}")
    if _from_bcd(sigstruct.date) is None:
        raise _malformed(f"date {sigstruct.date:08x} is not in the calendar")
    for field in SIGSTRUCT:
        if field.is_reserved and any(data[field.offset : field.offset + field.size]):
            raise _malformed(f"reserved bytes {field.offset} to {field.end - 1} are not all zero")


def _from_bcd(number: int) -> datetime.date | None:
    digits = f"{number:08x}"
    try:
        return datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _malformed(message: str) -> MalformedError:
    return MalformedError(Reason.SIGSTRUCT_FORMAT, f"cannot parse SIGSTRUCT: {message}")


def _not_signed(message: str, *, hint: str | None = None) -> NotAuthenticError:
    return NotAuthenticError(
        Reason.SIGSTRUCT_SIGNATURE, f"SIGSTRUCT is not signed by its author: {message}", hint=hint
    )
