# SPDX-License-Identifier: Apache-2.0
"""The stand-in for configfs-tsm as a real folder, by FUSE: what system calls come to is shown too.

As much of the protocol as two levels of folders with attributes need. Source: Linux
``include/uapi/linux/fuse.h``, protocol 7.31.
"""

import ctypes
import errno
import os
import select
import stat
import struct
import threading
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confcom.testing.configfs_tsm import TsmProvider, TsmStandIn

DEVICE: Final = Path("/dev/fuse")
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_NOSUID_NODEV: Final = 2 | 4
_DETACH: Final = 2
_ROOT: Final = 1
_DIRECT_IO: Final = 1
_MOST_BYTES: Final = 128 * 1024
_REQUEST: Final = struct.Struct("=IIQQIIII")
_REPLY: Final = struct.Struct("=IiQ")
_ATTRIBUTES: Final = struct.Struct("=QQQQQQIIIIIIIIII")
_ENTRY: Final = struct.Struct("=QQQQII")
_ATTR_OUT: Final = struct.Struct("=QII")
_OPEN: Final = struct.Struct("=QII")
_TRANSFER: Final = struct.Struct("=QQIIQII")
_INIT: Final = struct.Struct("=IIIIHHIIHHI28x")
_READABLE: Final = ("generation", "outblob", "provider")
_WRITABLE: Final = ("inblob",)


class Call(IntEnum):
    """What the kernel asks."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    MKDIR = 9
    RMDIR = 11
    OPEN = 14
    READ = 15
    WRITE = 16
    RELEASE = 18
    FLUSH = 25
    INIT = 26
    FORGET_MANY = 42


class MountedTsm:
    """The folder ``tsm/report`` at a mount point, from entering the context until leaving it.

    Args:
        folder: an empty folder.
        provider: the driver.

    Raises:
        OSError: nobody here may mount.
    """

    def __init__(self, folder: Path, provider: TsmProvider | None) -> None:
        self.kernel = TsmStandIn(provider, folder=folder)
        self._device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()}"
        target = os.fsencode(folder)
        if _LIBC.mount(b"tsm", target, b"fuse", _NOSUID_NODEV, options.encode("ascii")):
            number = ctypes.get_errno()
            os.close(self._device)
            raise OSError(number, os.strerror(number))
        self._nodes: list[Path] = [folder]
        self._buffers: dict[int, bytes] = {}
        self._open = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="configfs-stand-in", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _LIBC.umount2(os.fsencode(self.kernel.folder), _DETACH)
        self._closing.set()
        self._thread.join(5)
        os.close(self._device)

    def _serve(self) -> None:
        while not self._closing.is_set():
            if not select.select([self._device], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self._device, _MOST_BYTES + 4096)
            except OSError:  # unmounted
                return
            _, call, unique, node, *_ = _REQUEST.unpack_from(data)
            if call in {Call.FORGET, Call.FORGET_MANY}:
                continue
            try:
                number, answer = 0, self._answer(call, node, data[_REQUEST.size :])
            except OSError as exc:
                number, answer = exc.errno or errno.EIO, b""
            os.write(self._device, _REPLY.pack(_REPLY.size + len(answer), -number, unique) + answer)

    def _answer(self, call: int, node: int, data: bytes) -> bytes:
        path = self._nodes[node - _ROOT]
        match call:
            case Call.INIT:
                most, background = _MOST_BYTES, 16
                return _INIT.pack(7, 31, 0, 0, background, background, most, 1, 32, 0, 0)
            case Call.LOOKUP:
                return self._entry(path / _name(data))
            case Call.GETATTR:
                return _ATTR_OUT.pack(0, 0, 0) + self._attributes(path, node)
            case Call.MKDIR:  # before the name come its mode and the umask
                self.kernel.make_folder(path / _name(data[8:]))
                return self._entry(path / _name(data[8:]))
            case Call.RMDIR:
                self.kernel.remove_folder(path / _name(data))
                return b""
            case Call.OPEN:
                self._open += 1
                return _OPEN.pack(self._open, _DIRECT_IO, 0)
            case Call.READ:
                handle, offset, size, *_ = _TRANSFER.unpack_from(data)
                if handle not in self._buffers:
                    self._buffers[handle] = self.kernel.read(path, 2**30)
                return self._buffers[handle][offset : offset + size]
            case Call.WRITE:  # a binary attribute takes effect when it is closed
                handle, _, size, *_ = _TRANSFER.unpack_from(data)
                self._buffers[handle] = data[_TRANSFER.size :][:size]
                return struct.pack("=II", size, 0)
            case Call.FLUSH:  # closed
                (handle,) = struct.unpack_from("=Q", data)
                written = self._buffers.pop(handle, None)
                if path.name in _WRITABLE and written is not None:
                    self.kernel.write(path, written)
                return b""
            case Call.RELEASE:
                return b""
            case _:
                raise OSError(errno.ENOSYS, "not needed")

    def _entry(self, path: Path) -> bytes:
        if path not in self.kernel.entries and not self._is_attribute(path):
            raise OSError(errno.ENOENT, "no such entry")
        self._nodes.append(path)  # numbers are not used again
        node = len(self._nodes) - 1 + _ROOT
        return _ENTRY.pack(node, 0, 0, 0, 0, 0) + self._attributes(path, node)

    def _attributes(self, path: Path, node: int) -> bytes:
        mode = stat.S_IFDIR | 0o755
        if self._is_attribute(path):
            mode = stat.S_IFREG | (0o200 if path.name in _WRITABLE else 0o400)
        owner = (os.geteuid(), os.getegid())
        return _ATTRIBUTES.pack(node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, *owner, 0, 4096, 0)

    def _is_attribute(self, path: Path) -> bool:
        return path.parent in self.kernel.entries and path.name in _READABLE + _WRITABLE


def _name(data: bytes) -> str:
    return os.fsdecode(data.partition(b"\0")[0])
