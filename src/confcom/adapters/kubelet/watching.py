# SPDX-License-Identifier: Apache-2.0
"""Notices that the kubelet started anew: its socket appears, and ours is gone.

The kernel tells at once (inotify(7)). Where it cannot, and in case that it forgets, there is a
look every few seconds. The number of ``kubelet.sock`` says nothing: a new one often gets the old
one's, so its time of change counts as well.
"""

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from confcom.adapters.kubelet.ports import KUBELET_SOCKET

_ATTRIBUTES: Final = struct.Struct("=iIII")
_MOVED_FROM: Final = 0x40
_MOVED_TO: Final = 0x80
_CREATE: Final = 0x100
_DELETE: Final = 0x200
_DELETE_SELF: Final = 0x400
_MOVE_SELF: Final = 0x800
_OVERFLOW: Final = 0x4000
_IGNORED: Final = 0x8000
_GONE: Final = _DELETE | _MOVED_FROM
_LOST: Final = _DELETE_SELF | _MOVE_SELF | _OVERFLOW | _IGNORED
_WATCHED: Final = _GONE | _CREATE | _MOVED_TO | _DELETE_SELF | _MOVE_SELF
_ONLY_FOLDERS: Final = 0x01000000
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
_READ_BYTES: Final = 64 * 1024


class FolderWatch:
    """Looks at the folder of the plugins' sockets; see `ports.Watching`.

    Args:
        folder: of ``kubelet.sock``; need not be there yet.
        poll_s: between two looks where the kernel says nothing, seconds.
    """

    def __init__(self, folder: Path, *, poll_s: float = 5.0) -> None:
        self._folder = folder
        self._poll_s = poll_s
        self._libc = ctypes.CDLL(None)
        self._own: str | None = None
        self._descriptor: int | None = None
        self._is_watched = False
        self._seen: tuple[object, ...] = ()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        descriptor = self._libc.inotify_init1(_FLAGS)
        if descriptor >= 0:  # otherwise no more are allowed: there is still the slow look
            self._descriptor = descriptor
            asyncio.get_running_loop().add_reader(descriptor, self._read)
        self._watch()
        self._seen = self._look()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def follow(self, endpoint: str) -> None:
        """Take this file for our socket from now on; it is there."""
        self._own = endpoint
        kubelet, _ = self._seen
        self._seen = kubelet, True

    async def changed(self) -> None:
        """Return when ``kubelet.sock`` appeared, changed or went, or our socket vanished."""
        while not self._changed.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._changed.wait()
            self._watch()
            if self._look() != self._seen:
                self._changed.set()
        self._changed.clear()
        self._seen = self._look()

    def _watch(self) -> None:
        """Ask the kernel to tell, unless it does already or the folder is not there."""
        if self._descriptor is None or self._is_watched:
            return
        path = os.fsencode(self._folder)
        watch = self._libc.inotify_add_watch(self._descriptor, path, _WATCHED | _ONLY_FOLDERS)
        self._is_watched = watch >= 0

    def _read(self) -> None:
        if self._descriptor is None:
            return
        with contextlib.suppress(BlockingIOError):
            for mask, name in _events(os.read(self._descriptor, _READ_BYTES)):
                if mask & _LOST:
                    self._is_watched = False
                is_ours = name == self._own and mask & _GONE
                if name == KUBELET_SOCKET or is_ours or mask & _LOST:
                    self._changed.set()

    def _look(self) -> tuple[object, ...]:
        kubelet = _state(self._folder / KUBELET_SOCKET)
        return kubelet, self._own is not None and _state(self._folder / self._own) is not None


def _events(data: bytes) -> Iterator[tuple[int, str]]:
    offset = 0
    while offset < len(data):
        _, mask, _, length = _ATTRIBUTES.unpack_from(data, offset)
        start = offset + _ATTRIBUTES.size
        offset = start + length
        yield mask, os.fsdecode(data[start:offset].rstrip(b"\0"))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns
