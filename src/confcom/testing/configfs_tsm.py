# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the kernel's configfs-tsm: entries, generations, refusals, misbehaviour on demand.

Regular files cannot do it: writing one attribute changes others. Give it to the adapter in place
of the kernel's files::

    kernel = TsmStandIn(tdx_guest(platform, td))
    report = ConfigfsTsm(kernel.folder, files=kernel).report(bytes(64))

Sources: Linux ``Documentation/ABI/testing/configfs-tsm-report``,
``drivers/virt/coco/guest/report.c``, ``tdx-guest.c``, ``fs/configfs/file.c``.
"""

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confcom.simulation import Platform, TrustDomain

FOLDER: Final = Path("/sys/kernel/config/tsm/report")
_INBLOB_BYTES: Final = 64
_OUTBLOB_BYTES: Final = 16 * 1024 * 1024
_HIGHEST_PRIVLEVEL: Final = 3
_WRAP: Final = 2 ** (8 * 8)
_READABLE: Final = ("generation", "outblob", "privlevel_floor", "provider")
_WRITABLE: Final = ("inblob", "privlevel")
_LEVELS: Final = ("privlevel", "privlevel_floor")


@dataclass(frozen=True, slots=True, kw_only=True)
class TsmProvider:
    """A driver of a confidential guest.

    Attributes:
        name: what the attribute ``provider`` reads.
        make: makes a report from 1 to 64 bytes and a privilege level; refuses with `OSError`.
        privlevel_floor: lowest level; None if the driver has none, and then no such attributes.
    """

    name: str
    make: Callable[[bytes, int], bytes]
    privlevel_floor: int | None = None


def tdx_guest(platform: Platform, td: TrustDomain) -> TsmProvider:
    """Return the driver of a TD that runs on a simulated platform; it takes 64 bytes only."""

    def make(report_data: bytes, _level: int) -> bytes:
        if len(report_data) != _INBLOB_BYTES:
            raise _refuse(errno.EINVAL)
        return platform.quote_tdx(platform.td_report(td, report_data))

    return TsmProvider(name="tdx_guest", make=make)


@dataclass(slots=True)
class _Entry:
    write_generation: int
    read_generation: int = 0
    inblob: bytes = b""
    privlevel: int = 0
    outblob: bytes | None = None


@dataclass(slots=True)
class _Failure:
    attribute: str
    number: int
    times: int


@dataclass(slots=True)
class TsmStandIn:
    """The folder ``tsm/report``, as the kernel shows it.

    Attributes:
        provider: the driver; None if none is registered.
        folder: where it is.
        is_mounted: whether the system has it.
        first_generation: of new entries; the kernel's begin at 0, and later ones stand for entries
            that were written to often.
        reports: how many were made; reading again makes none.
        log: each call, as ``write inblob`` or ``make``.
    """

    provider: TsmProvider | None
    folder: Path = FOLDER
    is_mounted: bool = True
    first_generation: int = 0
    reports: int = 0
    log: list[str] = field(default_factory=list)
    _entries: dict[Path, _Entry] = field(default_factory=dict)
    _failures: list[_Failure] = field(default_factory=list)
    _races: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def entries(self) -> tuple[Path, ...]:
        """The entries that there are."""
        return tuple(self._entries)

    def fail(self, attribute: str, number: int, *, times: int = 1) -> None:
        """Refuse the next uses of an attribute, or of ``make`` and ``remove``, with an errno."""
        self._failures.append(_Failure(attribute, number, times))

    def race(self, *, times: int) -> None:
        """Let somebody else write report data just before the next reports are read."""
        self._races += times

    def make_folder(self, path: Path) -> None:
        """Make an entry."""
        with self._lock:
            self._note("make", "make")
            if not self.is_mounted or path.parent != self.folder:
                raise _refuse(errno.ENOENT, path)
            if path in self._entries:
                raise _refuse(errno.EEXIST, path)
            if self.provider is None:
                raise _refuse(errno.ENXIO, path)
            self._entries[path] = _Entry(self.first_generation)

    def remove_folder(self, path: Path) -> None:
        """Remove an entry, whatever is in it."""
        with self._lock:
            self._note("remove", "remove")
            self._find(path)
            del self._entries[path]

    def read(self, path: Path, most: int) -> bytes:
        """Return an attribute to its end or to ``most`` bytes."""
        with self._lock:
            self._note(f"read {path.name}", path.name)
            entry = self._open(path, _READABLE)
            if self.provider is None and path.name != "generation":
                raise _refuse(errno.ENXIO, path)
            return self._show(entry, path.name)[:most]

    def write(self, path: Path, data: bytes) -> None:
        """Write an attribute."""
        with self._lock:
            self._note(f"write {path.name}", path.name)
            entry = self._open(path, _WRITABLE)
            if path.name == "privlevel":
                self._store_level(entry, data)
            elif len(data) > _INBLOB_BYTES:
                raise _refuse(errno.EFBIG, path)
            elif _advance(entry):  # else nobody is told: the kernel forgets what closing came to
                entry.inblob = data

    def _show(self, entry: _Entry, attribute: str) -> bytes:
        provider = self.provider
        match attribute:
            case "generation":
                return b"%d\n" % entry.write_generation
            case "provider" if provider is not None:
                return f"{provider.name}\n".encode("ascii")
            case "privlevel_floor" if provider is not None:
                return b"%d\n" % (provider.privlevel_floor or 0)
            case _:
                return self._report(entry)

    def _report(self, entry: _Entry) -> bytes:
        if self._races:
            self._races -= 1
            if _advance(entry):
                entry.inblob = os.urandom(_INBLOB_BYTES)
        if not entry.inblob:
            raise _refuse(errno.EINVAL)
        if entry.outblob is None or entry.read_generation != entry.write_generation:
            assert self.provider is not None  # noqa: S101 - looked at by whoever calls
            entry.outblob = None
            entry.outblob = self.provider.make(entry.inblob, entry.privlevel)
            entry.read_generation = entry.write_generation
            self.reports += 1
        if len(entry.outblob) > _OUTBLOB_BYTES:
            raise _refuse(errno.EFBIG)
        return entry.outblob

    def _store_level(self, entry: _Entry, data: bytes) -> None:
        if self.provider is None:
            raise _refuse(errno.ENXIO)
        text = data.decode("ascii").removesuffix("\n")
        floor = self.provider.privlevel_floor or 0
        if not text.isdecimal() or not floor <= int(text) <= _HIGHEST_PRIVLEVEL:
            raise _refuse(errno.EINVAL)
        if not _advance(entry):
            raise _refuse(errno.EBUSY)
        entry.privlevel = int(text)

    def _open(self, path: Path, allowed: tuple[str, ...]) -> _Entry:
        entry = self._find(path.parent)
        has_levels = self.provider is None or self.provider.privlevel_floor is not None
        is_there = path.name in _READABLE + _WRITABLE
        if not is_there or (path.name in _LEVELS and not has_levels):
            raise _refuse(errno.ENOENT, path)
        if path.name not in allowed:
            raise _refuse(errno.EACCES, path)
        return entry

    def _find(self, path: Path) -> _Entry:
        entry = self._entries.get(path)
        if entry is None:
            raise _refuse(errno.ENOENT, path)
        return entry

    def _note(self, call: str, attribute: str) -> None:
        self.log.append(call)
        for failure in self._failures:
            if failure.attribute == attribute and failure.times > 0:
                failure.times -= 1
                raise _refuse(failure.number)


def _advance(entry: _Entry) -> bool:
    """Count a write; False where the count would come round to what was read last."""
    if entry.write_generation == (entry.read_generation - 1) % _WRAP:
        return False
    entry.write_generation = (entry.write_generation + 1) % _WRAP
    return True


def _refuse(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), None if path is None else str(path))
