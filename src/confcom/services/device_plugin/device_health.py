# SPDX-License-Identifier: Apache-2.0
"""Whether a device node still is what it was when it was found."""

import os
import stat
from pathlib import Path
from typing import Final

from confcom.epc.device_nodes import DeviceNode, Entry, EntryKind

DEV: Final = Path("/dev")
_MISC: Final = "class/misc"
_KINDS: Final = (
    (stat.S_ISLNK, EntryKind.SYMLINK),
    (stat.S_ISREG, EntryKind.FILE),
    (stat.S_ISDIR, EntryKind.DIRECTORY),
    (stat.S_ISBLK, EntryKind.BLOCK),
)


def problem_of(node: DeviceNode, *, dev: Path, sys: Path) -> str | None:
    """Return why a node cannot be given to containers now, or None where it can.

    After a reload the driver may have another number; then the kernel says so below ``/sys``, and
    the node is as good as before. Running containers keep what they have.

    Args:
        node: as it was found.
        dev: where ``/dev`` of the host is.
        sys: where ``/sys`` of the host is.
    """
    path = node.host_path
    try:
        found = os.lstat(seen_at(Path(path), dev))
    except FileNotFoundError:
        return f"{path} is gone"
    except OSError as exc:
        return f"{path} cannot be looked at: {exc.strerror}"
    if not stat.S_ISCHR(found.st_mode):
        kind = next((kind for test, kind in _KINDS if test(found.st_mode)), EntryKind.OTHER)
        return f"{path} is a {kind}, not a character device"
    number = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    expected = _number_of_driver(path, sys) or f"{node.entry.major}:{node.entry.minor}"
    if number != expected:
        return f"{path} is device {number}, not {expected}"
    mode = stat.S_IMODE(found.st_mode)
    if node.entry.mode & ~mode:
        return f"{path} has lost rights: mode {mode:04o}, was {node.entry.mode:04o}"
    return None


def entry_at(path: Path) -> Entry:
    """Return what is at a path; for devices that stand in for others.

    Raises:
        OSError: nothing that can be looked at.
    """
    found = path.lstat()
    is_device = stat.S_ISCHR(found.st_mode)
    return Entry(
        kind=EntryKind.CHARACTER if is_device else EntryKind.OTHER,
        major=os.major(found.st_rdev),
        minor=os.minor(found.st_rdev),
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
    )


def seen_at(path: Path, dev: Path) -> Path:
    """Return where we see a path of the host.

    Args:
        path: on the host.
        dev: where ``/dev`` of the host is.
    """
    return dev / path.relative_to(DEV) if path.is_relative_to(DEV) else path


def _number_of_driver(path: str, sys: Path) -> str | None:
    """Return the number that the driver of the kernel has now, or None where it does not tell."""
    try:
        text = (sys / _MISC / Path(path).name / "dev").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return text.strip()
