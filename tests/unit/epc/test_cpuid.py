# SPDX-License-Identifier: Apache-2.0
"""What processors say of SGX, and what is not believed of it."""

from collections.abc import Mapping

import pytest

from confcom.epc.cpuid import MAX_SECTIONS, MIB, Registers, Section, SgxCpu, read_cpu

INTEL = (0x756E6547, 0x6C65746E, 0x49656E69)
NOTHING = Registers(0, 0, 0, 0)
SGX_AND_FLC = Registers(0, 1 << 2, 1 << 30, 0)
BOTH_VERSIONS = Registers(0b11, 1, 0, 0x2F1F)
EIGHT_GIB_ABOVE_FOUR = Registers(0x80000001, 0x4, 0x2, 0x2)


def _read(leaves: Mapping[tuple[int, int], Registers], *, highest: int = 0x1B) -> SgxCpu:
    asked: list[tuple[int, int]] = []

    def query(leaf: int, subleaf: int) -> Registers:
        asked.append((leaf, subleaf))
        if leaf == 0:
            return Registers(highest, *INTEL)
        return leaves.get((leaf, subleaf), NOTHING)

    cpu = read_cpu(query)
    assert all(leaf <= highest for leaf, _ in asked)
    assert len(asked) < 32
    return cpu


def _sections(*sections: Registers) -> dict[tuple[int, int], Registers]:
    listed = {(0x12, 2 + number): section for number, section in enumerate(sections)}
    return {(7, 0): SGX_AND_FLC, (0x12, 0): BOTH_VERSIONS, **listed}


def test_processor_with_everything_is_usable() -> None:
    cpu = _read(_sections(EIGHT_GIB_ABOVE_FOUR))
    assert cpu.vendor == "GenuineIntel"
    assert cpu.is_usable
    assert not cpu.is_switched_off
    assert (cpu.has_sgx1, cpu.has_sgx2) == (True, True)
    assert (cpu.max_enclave_log2_32, cpu.max_enclave_log2_64) == (31, 47)
    assert cpu.sections == (Section(base=0x4_8000_0000, size=8192 * MIB, property=2),)
    assert cpu.total_bytes == 8192 * MIB
    assert cpu.warnings == ()


def test_only_the_52_bits_of_an_address_count() -> None:
    section = Registers(0xFFFFFFF1, 0xFFFFFFFF, 0xFFFFFFF1, 0xFFFFFFFF)
    cpu = _read(_sections(section))
    assert cpu.sections == (Section(base=2**52 - 4096, size=2**52 - 4096, property=1),)


def test_processor_without_sgx_is_asked_no_further() -> None:
    cpu = _read({(7, 0): NOTHING, (0x12, 0): BOTH_VERSIONS, (0x12, 2): EIGHT_GIB_ABOVE_FOUR})
    assert not cpu.has_sgx
    assert cpu.max_enclave_log2_64 is None
    assert cpu.total_bytes == 0


@pytest.mark.parametrize("highest", [0, 1, 6])
def test_old_processor_has_no_features(highest: int) -> None:
    cpu = _read(_sections(EIGHT_GIB_ABOVE_FOUR), highest=highest)
    assert not cpu.has_sgx
    assert not cpu.has_flc


@pytest.mark.parametrize("highest", [7, 0xD, 0x11])
def test_leaf_above_the_highest_is_not_believed(highest: int) -> None:
    cpu = _read(_sections(EIGHT_GIB_ABOVE_FOUR), highest=highest)
    assert cpu.has_sgx
    assert cpu.sections == ()
    assert not cpu.is_usable
    assert not cpu.is_switched_off


def test_all_zero_leaf_means_switched_off_in_firmware() -> None:
    cpu = _read({(7, 0): SGX_AND_FLC})
    assert cpu.is_switched_off
    assert not cpu.is_usable
    assert cpu.warnings == ()


def test_sections_without_sgx1_are_not_counted() -> None:
    leaves = _sections(EIGHT_GIB_ABOVE_FOUR) | {(0x12, 0): Registers(0b10, 0, 0, 0x2F1F)}
    assert _read(leaves).total_bytes == 0


def test_processor_without_launch_control_is_not_usable() -> None:
    cpu = _read(_sections(EIGHT_GIB_ABOVE_FOUR) | {(7, 0): Registers(0, 1 << 2, 0, 0)})
    assert cpu.total_bytes == 8192 * MIB
    assert not cpu.is_usable


def test_processor_without_epc_is_not_usable() -> None:
    assert not _read(_sections()).is_usable


@pytest.mark.parametrize("kind", [2, 3, 15])
def test_unknown_kind_of_section_ends_the_list(kind: int) -> None:
    odd = Registers(0x80000000 | kind, 4, 0x40000001, 0)
    cpu = _read(_sections(EIGHT_GIB_ABOVE_FOUR, odd, EIGHT_GIB_ABOVE_FOUR))
    assert cpu.total_bytes == 8192 * MIB
    assert cpu.warnings == (f"unknown EPC section type {kind} at sub-leaf 3: stop",)


def test_as_many_sections_as_the_kernel_takes_are_counted() -> None:
    cpu = _read(_sections(*[EIGHT_GIB_ABOVE_FOUR] * MAX_SECTIONS))
    assert len(cpu.sections) == MAX_SECTIONS
    assert cpu.warnings == ()


def test_list_without_an_end_is_cut_where_the_kernel_cuts_it() -> None:
    cpu = _read(_sections(*[EIGHT_GIB_ABOVE_FOUR] * 100))
    assert len(cpu.sections) == MAX_SECTIONS
    assert cpu.warnings == ("more than 8 EPC sections: the kernel takes no more",)


def test_vendor_of_odd_bytes_is_printable() -> None:
    cpu = read_cpu(lambda _leaf, _subleaf: Registers(0, 0x0A00FF1B, 0x41414141, 0))
    assert cpu.vendor == "????????AAAA"
