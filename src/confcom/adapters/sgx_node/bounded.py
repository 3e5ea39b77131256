# SPDX-License-Identifier: Apache-2.0
"""Small reads of a node: of files, of the processor's file, and of entries below ``/dev``."""

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confcom.epc.cpuid import Query, Registers
from confcom.epc.device_nodes import KNOWN, Entry, EntryKind

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_REGISTERS: Final = struct.Struct("<4I")
_KINDS: Final = (
    (stat.S_ISCHR, EntryKind.CHARACTER),
    (stat.S_ISBLK, EntryKind.BLOCK),
    (stat.S_ISLNK, EntryKind.SYMLINK),
    (stat.S_ISDIR, EntryKind.DIRECTORY),
    (stat.S_ISREG, EntryKind.FILE),
)


def read_text(path: Path, *, limit: int) -> str:
    """Return the start of a file, at most so many bytes; what is no UTF-8 is replaced.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as descriptor:
        data = bytearray()
        while len(data) < limit and (part := os.read(descriptor, limit - len(data))):
            data += part
    return data.decode("utf-8", "replace")


def mode_of(path: Path) -> int:
    """Return type and permissions of what a path leads to, or 0 where nothing can be seen."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


@contextmanager
def cpuid_file(path: Path) -> Iterator[Query]:
    """Give a function that asks the processor of a file ``/dev/cpu/N/cpuid``.

    Sixteen bytes at the position (sub-leaf << 32 | leaf): EAX, EBX, ECX, EDX, little-endian.

    Raises:
        OSError: it cannot be read; this is also raised by the function.
    """
    with _opened(path) as descriptor:

        def query(leaf: int, subleaf: int) -> Registers:
            data = os.pread(descriptor, _REGISTERS.size, subleaf << 32 | leaf)
            if len(data) != _REGISTERS.size:
                raise OSError(f"leaf {leaf:#x} has {len(data)} bytes, not {_REGISTERS.size}")
            return Registers(*_REGISTERS.unpack(data))

        yield query


def look_at_entries(dev: Path) -> dict[str, Entry]:
    """Return those of the known entries below ``/dev`` that exist; links are not followed."""
    found = {path: _entry(dev, path) for path in KNOWN}
    return {path: entry for path, entry in found.items() if entry is not None}


def _entry(dev: Path, name: str) -> Entry | None:
    path = dev / name
    try:
        if "/" in name and not stat.S_ISDIR(path.parent.lstat().st_mode):
            return None
        status = path.lstat()
        kind = next((kind for is_a, kind in _KINDS if is_a(status.st_mode)), EntryKind.OTHER)
        target = str(path.readlink()) if kind is EntryKind.SYMLINK else ""
    except OSError:
        return None
    is_device = kind in {EntryKind.CHARACTER, EntryKind.BLOCK}
    return Entry(
        kind=kind,
        major=os.major(status.st_rdev) if is_device else 0,
        minor=os.minor(status.st_rdev) if is_device else 0,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        target=target.encode("utf-8", "replace").decode(),
    )


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, _FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
