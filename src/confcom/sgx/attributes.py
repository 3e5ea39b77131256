# SPDX-License-Identifier: Apache-2.0
"""Enclave attributes by name: FLAGS, XFRM, MISCSELECT (Intel SDM volume 3D, tables 36-3 to 36-5).

``flags`` and ``xfrm`` are the two little-endian halves of the 16-byte ATTRIBUTES.
"""

from enum import IntFlag


class Flags(IntFlag):
    """ATTRIBUTES.FLAGS, the low 64 bits of ATTRIBUTES."""

    INIT = 1 << 0
    DEBUG = 1 << 1
    MODE64BIT = 1 << 2
    PROVISIONKEY = 1 << 4
    EINITTOKEN_KEY = 1 << 5
    KSS = 1 << 7
    AEXNOTIFY = 1 << 10


class Xfrm(IntFlag):
    """ATTRIBUTES.XFRM: processor state that the enclave may use (XCR0 layout).

    A TD's XFAM has the same layout, with the bits of IA32_XSS (PT, CET, UINTR, LBR) as well.
    """

    X87 = 1 << 0
    SSE = 1 << 1
    AVX = 1 << 2
    BNDREGS = 1 << 3
    BNDCSR = 1 << 4
    OPMASK = 1 << 5
    ZMM_HI256 = 1 << 6
    HI16_ZMM = 1 << 7
    PT = 1 << 8
    PKRU = 1 << 9
    CET_U = 1 << 11
    CET_S = 1 << 12
    UINTR = 1 << 14
    LBR = 1 << 15
    TILECFG = 1 << 17
    TILEDATA = 1 << 18
    APX = 1 << 19


class MiscSelect(IntFlag):
    """MISCSELECT: extra information saved on an asynchronous exit."""

    EXINFO = 1 << 0
    CPINFO = 1 << 1


def names(value: int | bytes, flags: type[IntFlag]) -> str:
    """Return the names of the set bits, and the number of each bit that has no name."""
    if isinstance(value, bytes):
        value = int.from_bytes(value, "little")
    known = {flag.value: flag.name for flag in flags}
    words = [
        known.get(1 << bit) or f"bit {bit}" for bit in range(value.bit_length()) if value >> bit & 1
    ]
    return " ".join(words) or "none"


def flag_names(value: int | bytes) -> str:
    """Return the names of the bits of FLAGS."""
    return names(value, Flags)


def xfrm_names(value: int | bytes) -> str:
    """Return the names of the bits of XFRM (or of a TD's XFAM, which has the same layout)."""
    return names(value, Xfrm)


def misc_names(value: int | bytes) -> str:
    """Return the names of the bits of MISCSELECT."""
    return names(value, MiscSelect)
