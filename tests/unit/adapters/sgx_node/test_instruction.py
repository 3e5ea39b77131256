# SPDX-License-Identifier: Apache-2.0
"""The processor that this runs on, asked by its instruction."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.requirements import missing

from confcom.adapters.sgx_node.bounded import cpuid_file
from confcom.adapters.sgx_node.instruction import MACHINE, cpuid_instruction
from confcom.epc.cpuid import read_cpu
from confcom.epc.facts import ask_all

FORBIDDING = """
import ctypes, sys
from confcom.adapters.sgx_node.instruction import cpuid_instruction
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:
    sys.exit("this kernel cannot forbid it")
try:
    with cpuid_instruction("x86_64") as query:
        query(0, 0)
except OSError as exc:
    print(exc.strerror)
"""
"""PR_SET_MDWE (prctl(2), since Linux 6.3): memory that was not executable never becomes so."""

here = pytest.mark.usefixtures("processor")


@pytest.fixture
def processor() -> None:
    """Need a processor that has the instruction."""
    if platform.machine() != MACHINE:
        missing("the CPUID instruction needs an x86-64 processor")


@here
def test_processor_says_the_vendor_that_the_kernel_shows() -> None:
    shown = re.search(r"^vendor_id\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    assert shown is not None
    with cpuid_instruction(MACHINE) as query:
        assert read_cpu(query).vendor == shown[1]


@here
def test_processor_says_the_same_through_its_file() -> None:
    with cpuid_instruction(MACHINE) as query:
        by_instruction = ask_all(query)
    try:
        with cpuid_file(Path("/dev/cpu/0/cpuid")) as query:
            by_file = ask_all(query)
    except (FileNotFoundError, PermissionError):
        by_file = by_instruction  # a machine that shows no such file, or not to us
    assert by_file == by_instruction


@here
def test_memory_is_given_back() -> None:
    def executable() -> int:
        return Path("/proc/self/maps").read_text().count("r-xp 00000000 00:00")

    before = executable()
    for _ in range(3):
        with cpuid_instruction(MACHINE) as query:
            query(0, 0)
            assert executable() == before + 1
        assert executable() == before


@here
def test_system_that_forbids_it_is_answered() -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORBIDDING], capture_output=True, text=True, timeout=60, check=False
    )
    if "cannot forbid" in run.stderr:
        assert tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < (6, 3)
    else:
        assert run.stdout == "no memory may be executed: Permission denied\n"
        assert run.returncode == 0


@pytest.mark.parametrize("machine", ["aarch64", "riscv64", "i686", "", "X86_64"])
def test_other_machines_are_not_asked(machine: str) -> None:
    with pytest.raises(OSError, match="has no CPUID instruction"), cpuid_instruction(machine):
        pass
