# SPDX-License-Identifier: Apache-2.0
"""Write files so that a reader sees the old content or the new one, never a part."""

import os
import stat
from pathlib import Path

from confcom.errors import UsageError
from confcom.reasons import Reason

TEMPORARY_SUFFIX = ".confcom-tmp"
PRIVATE = 0o600
PUBLIC = 0o644


def write_file_atomically(path: Path, data: bytes, *, mode: int = PUBLIC) -> None:
    """Write a file, or leave everything as it was.

    The bytes go to a temporary file in the same folder, reach the disk, and then take the
    name; the folder is synchronised too, so that the new name survives a loss of power. A
    process killed in between leaves a hidden file that ends in ``.confcom-tmp``.

    Args:
        path: the file; a symbolic link is followed. Its folder must exist.
        data: the whole content.
        mode: permissions of the new file, less those that the umask takes away; `PRIVATE`
            for secrets.

    Raises:
        UsageError: the file cannot be written, or its name belongs to something that is not a
            regular file (output_unwritable).
    """
    try:
        target = _target(path)
        temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}{TEMPORARY_SUFFIX}")
        try:
            _write(temporary, data, mode)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _synchronise(target.parent)
    except OSError as exc:
        raise UsageError(
            Reason.OUTPUT_UNWRITABLE,
            f"cannot write file {path}: {exc.strerror}",
            hint="choose a name in an existing folder that you may write to",
        ) from exc


def _target(path: Path) -> Path:
    target = Path(os.path.realpath(path))
    try:
        kind = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISREG(kind):
        return target
    what = "a folder" if stat.S_ISDIR(kind) else "not a regular file"
    raise UsageError(
        Reason.OUTPUT_UNWRITABLE,
        f"cannot write file {path}: it is {what}",
        hint="name a file; where the command takes it, - is standard output",
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    with open(descriptor, "wb", buffering=0) as stream:  # noqa: PTH123 - a descriptor
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]
        os.fsync(stream.fileno())


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
