# SPDX-License-Identifier: Apache-2.0
"""The CPUID instruction, executed in this process; it needs no rights.

A few bytes of code are written to memory of their own, which is made executable after that and is
given back when the questions are over. Where the system forbids such memory, as rules of SELinux
do, that is an answer.
"""

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confcom.epc.cpuid import Query, Registers

MACHINE: Final = "x86_64"
_CODE: Final = bytes.fromhex(
    "53"  # push rbx
    "4989d0"  # mov r8, rdx
    "89f8"  # mov eax, edi
    "89f1"  # mov ecx, esi
    "0fa2"  # cpuid
    "418900"  # mov [r8], eax
    "41895804"  # mov [r8+4], ebx
    "41894808"  # mov [r8+8], ecx
    "4189500c"  # mov [r8+12], edx
    "5b"  # pop rbx
    "c3"  # ret
)
"""Takes leaf, sub-leaf and the address of sixteen bytes, as of the System V ABI for x86-64."""
_Answer: Final = ctypes.c_uint32 * 4
_PROTOTYPE: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)


@contextmanager
def cpuid_instruction(machine: str) -> Iterator[Query]:
    """Give a function that asks the processor this runs on.

    Args:
        machine: of the running kernel, as `os.uname` says.

    Raises:
        OSError: the machine has no such instruction, or no memory may be executed.
    """
    if machine != MACHINE or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise OSError(f"processor {machine} has no CPUID instruction")
    memory = mmap.mmap(
        -1,
        mmap.PAGESIZE,
        flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
        prot=mmap.PROT_READ | mmap.PROT_WRITE,
    )
    try:
        memory.write(_CODE)
        start = ctypes.c_char.from_buffer(memory)
        try:
            yield _asking(ctypes.addressof(start))
        finally:
            del start
    finally:
        memory.close()


def _asking(address: int) -> Query:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if libc.mprotect(address, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"no memory may be executed: {os.strerror(error)}")
    call = _PROTOTYPE(address)

    def query(leaf: int, subleaf: int) -> Registers:
        answer = _Answer()
        call(leaf, subleaf, ctypes.addressof(answer))
        return Registers(*answer)

    return query
