# SPDX-License-Identifier: Apache-2.0
"""Device nodes, libraries and enclave files of a machine; nothing is loaded."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from confcom.adapters.machine.facts import Device, DeviceState, SharedFile
from confcom.adapters.rooted import Root

USUAL_FOLDERS: Final = (
    "/usr/local/lib",
    "/usr/local/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib64",
)
"""Where the dynamic linkers of distributions look."""
LIBRARY_PATH: Final = "LD_LIBRARY_PATH"
_MOST_FOLDERS: Final = 64
_VERSION: Final = re.compile(r"\.so\.(\d{1,6}(?:\.\d{1,6}){0,5})$")
_GROUP_LINE: Final = re.compile(r"^([^:\n]{1,64}):[^:\n]*:(\d{1,10}):", re.MULTILINE)
_MAX_GROUP_BYTES: Final = 256 * 1024


def read_device(root: Root, path: str) -> Device:
    """Look at a device node, and open and close it if it is one."""
    try:
        located = root.locate(path)
        found = located.stat()
    except OSError:
        return Device()
    is_device = stat.S_ISCHR(found.st_mode)
    return Device(
        state=DeviceState.PRESENT if is_device else DeviceState.OTHER,
        mode=stat.S_IMODE(found.st_mode),
        group=_group(root, found.st_gid),
        refusal=_refusal(located) if is_device else None,
    )


def find_file(root: Root, name: str, environ: Mapping[str, str]) -> SharedFile:
    """Look for a library or enclave file as the dynamic linker would."""
    first: Path | None = None
    target: Path | None = None
    others: list[Path] = []
    for folder in _folders(environ):
        path = Path(folder, name)
        try:
            located = root.locate(path)
            # The folder may itself be a link: only the name counts as the file being there.
            is_there = os.path.lexists(root.locate(path.parent) / name)
        except (OSError, ValueError):
            continue
        if not is_there:
            continue
        whole = root.name(located) if located.is_file() else None
        if first is None:
            first, target = path, whole
        elif whole is not None and whole != target and whole not in others:
            others.append(whole)
    return SharedFile(path=first, target=target, version=_version(target), others=tuple(others))


def _folders(environ: Mapping[str, str]) -> Iterator[str]:
    given = environ.get(LIBRARY_PATH, "").replace(";", ":").split(":")[:_MOST_FOLDERS]
    yield from (folder for folder in given if folder.startswith("/"))
    yield from USUAL_FOLDERS


def _version(target: Path | None) -> str | None:
    match = _VERSION.search(target.name) if target is not None else None
    return match[1] if match else None


def _group(root: Root, gid: int) -> str:
    # The names are those of the machine, which need not be ours.
    try:
        text = root.read("/etc/group", limit=_MAX_GROUP_BYTES).decode("utf-8", "replace")
    except OSError:
        return str(gid)
    return next(
        (name for name, number in _GROUP_LINE.findall(text) if int(number) == gid), str(gid)
    )


def _refusal(path: Path) -> str | None:
    # Modes alone do not tell: a container's devices are also guarded by its cgroup.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY))
    except OSError as exc:
        return exc.strerror or str(exc)
    return None
