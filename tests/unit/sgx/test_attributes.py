# SPDX-License-Identifier: Apache-2.0
"""Bits by name; a bit without a name stays visible."""

import pytest

from confcom.sgx import Flags, MiscSelect, Xfrm, flag_names, misc_names, names, xfrm_names


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0x00, "none"),
        (0x05, "INIT MODE64BIT"),
        (0x07, "INIT DEBUG MODE64BIT"),
        (0x15, "INIT MODE64BIT PROVISIONKEY"),
        (0xA5, "INIT MODE64BIT EINITTOKEN_KEY KSS"),
        (0x405, "INIT MODE64BIT AEXNOTIFY"),
        (0x0D, "INIT MODE64BIT bit 3"),
        (1 << 63 | 1 << 48, "bit 48 bit 63"),
    ],
)
def test_names_the_bits_of_flags(flags: int, expected: str) -> None:
    assert flag_names(flags) == expected


@pytest.mark.parametrize(
    ("xfrm", "expected"),
    [
        (0x3, "X87 SSE"),
        (0xE7, "X87 SSE AVX OPMASK ZMM_HI256 HI16_ZMM"),
        (0x1B, "X87 SSE BNDREGS BNDCSR"),
        (0x602E7, "X87 SSE AVX OPMASK ZMM_HI256 HI16_ZMM PKRU TILECFG TILEDATA"),
        (0x0D900, "PT CET_U CET_S UINTR LBR"),
        (0x10400, "bit 10 bit 16"),
    ],
)
def test_names_the_bits_of_xfrm(xfrm: int, expected: str) -> None:
    assert xfrm_names(xfrm) == expected


@pytest.mark.parametrize(
    ("misc", "expected"),
    [(0, "none"), (1, "EXINFO"), (2, "CPINFO"), (0x8000_0003, "EXINFO CPINFO bit 31")],
)
def test_names_the_bits_of_miscselect(misc: int, expected: str) -> None:
    assert misc_names(misc) == expected


def test_reads_bytes_as_little_endian() -> None:
    assert names(bytes.fromhex("0500000000000080"), Flags) == "INIT MODE64BIT bit 63"


@pytest.mark.parametrize("kind", [Flags, Xfrm, MiscSelect])
def test_names_each_bit_of_every_table_once(kind: type[Flags]) -> None:
    everything = sum(flag.value for flag in kind)
    assert names(everything, kind) == " ".join(flag.name or "" for flag in kind)
