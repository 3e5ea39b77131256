# SPDX-License-Identifier: Apache-2.0
"""What the CPUID instruction says of SGX: support, sizes of enclaves, sections of the EPC.

Source: Intel SDM volume 3D, sections 34.7 and 37.7.2 (CPUID leaves 07H and 12H);
``arch/x86/kernel/cpu/sgx/main.c`` of Linux for what the kernel makes of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

MIB: Final = 1024 * 1024
MAX_SECTIONS: Final = 8
"""As many as the kernel takes."""
_FEATURES: Final = 0x07
_SGX: Final = 0x12
_FIRST_SECTION: Final = 2


@dataclass(frozen=True, slots=True)
class Registers:
    """Answer of one CPUID query; 32 bits each."""

    eax: int
    ebx: int
    ecx: int
    edx: int


Query = Callable[[int, int], Registers]
"""Asks for a leaf and a sub-leaf."""


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of physical memory that is EPC.

    Attributes:
        base: physical address.
        size: bytes.
        property: 1 confidentiality and integrity, 2 confidentiality only; 0 nothing said.
    """

    base: int
    size: int
    property: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SgxCpu:
    """What a processor says of itself.

    Attributes:
        vendor: twelve characters, such as GenuineIntel.
        max_basic_leaf: highest basic leaf; what is said above it means nothing.
        has_sgx: the processor knows SGX; firmware may have switched it off.
        has_flc: Flexible Launch Control, which the driver of the kernel needs.
        has_sgx1: enclaves can be made.
        has_sgx2: memory can be added to a running enclave.
        max_enclave_log2_32: largest enclave in 32-bit mode, power of two; None where leaf 12H
            says nothing.
        max_enclave_log2_64: likewise in 64-bit mode.
        sections: of the EPC, in their order.
        warnings: what is odd about the answers.
    """

    vendor: str
    max_basic_leaf: int
    has_sgx: bool
    has_flc: bool
    has_sgx1: bool = False
    has_sgx2: bool = False
    max_enclave_log2_32: int | None = None
    max_enclave_log2_64: int | None = None
    sections: tuple[Section, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """EPC of all sections."""
        return sum(section.size for section in self.sections)

    @property
    def is_usable(self) -> bool:
        """Whether the driver of the kernel can work: SGX1, launch control and some EPC."""
        return self.has_sgx1 and self.has_flc and self.total_bytes > 0

    @property
    def is_switched_off(self) -> bool:
        """Whether SGX is there and firmware has switched it off: leaf 12H says nothing."""
        return self.has_sgx and self.max_enclave_log2_64 is not None and not self.has_sgx1


def read_cpu(query: Query) -> SgxCpu:
    """Return what a processor says, by asking it leaf after leaf.

    A leaf above the highest is never asked for: Intel's processors answer with another leaf's data.
    """
    basic = query(0, 0)
    vendor = _vendor(basic)
    highest = basic.eax
    features = query(_FEATURES, 0) if highest >= _FEATURES else Registers(0, 0, 0, 0)
    has_sgx, has_flc = bool(features.ebx >> 2 & 1), bool(features.ecx >> 30 & 1)
    if not has_sgx or highest < _SGX:
        return SgxCpu(vendor=vendor, max_basic_leaf=highest, has_sgx=has_sgx, has_flc=has_flc)
    support = query(_SGX, 0)
    sections, warnings = _sections(query) if support.eax & 1 else ((), ())
    return SgxCpu(
        vendor=vendor,
        max_basic_leaf=highest,
        has_sgx=True,
        has_flc=has_flc,
        has_sgx1=bool(support.eax & 1),
        has_sgx2=bool(support.eax >> 1 & 1),
        max_enclave_log2_32=support.edx & 0xFF,
        max_enclave_log2_64=support.edx >> 8 & 0xFF,
        sections=sections,
        warnings=warnings,
    )


def _vendor(basic: Registers) -> str:
    raw = b"".join(part.to_bytes(4, "little") for part in (basic.ebx, basic.edx, basic.ecx))
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in raw)


def _sections(query: Query) -> tuple[tuple[Section, ...], tuple[str, ...]]:
    found: list[Section] = []
    for subleaf in count(_FIRST_SECTION):
        answer = query(_SGX, subleaf)
        kind = answer.eax & 0xF
        if kind == 0:
            break
        if kind != 1:
            return tuple(found), (f"unknown EPC section type {kind} at sub-leaf {subleaf}: stop",)
        if len(found) == MAX_SECTIONS:
            return tuple(found), (
                f"more than {MAX_SECTIONS} EPC sections: the kernel takes no more",
            )
        found.append(
            Section(
                base=_joined(answer.eax, answer.ebx),
                size=_joined(answer.ecx, answer.edx),
                property=answer.ecx & 0xF,
            )
        )
    return tuple(found), ()


def _joined(low: int, high: int) -> int:
    """Return the 52-bit number that two registers hold without its lowest twelve bits."""
    return (low & 0xFFFFF000) | (high & 0xFFFFF) << 32
