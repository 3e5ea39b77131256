# SPDX-License-Identifier: Apache-2.0
"""The file by which a container runtime knows our device nodes by name (CDI).

Source: Container Device Interface specification, version 0.5.0, the first with ``hostPath``.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from confcom.adapters.files import write_file_atomically
from confcom.epc.allocation import PERMISSIONS
from confcom.epc.device_nodes import DeviceNode
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

CDI_FOLDER: Final = Path("/var/run/cdi")
"""Where runtimes look for what programs write."""
VERSION: Final = "0.5.0"
_KIND: Final = re.compile(
    r"[A-Za-z](?:[\w.-]*[A-Za-z0-9])?/[A-Za-z](?:[\w-]*[A-Za-z0-9])?", re.ASCII
)
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?", re.ASCII)


def qualified_name(kind: str, name: str) -> str:
    """Return the name by which a container gets a device, ``vendor/class=name``.

    Raises:
        MisconfiguredError: a part of it is no name of CDI (``settings_invalid``).
    """
    if not (_KIND.fullmatch(kind) and _NAME.fullmatch(name)):
        raise MisconfiguredError(
            Reason.SETTINGS_INVALID,
            f"{f'{kind}={name}'[:80]!a} is no name of a CDI device: expected vendor/class=name",
        )
    return f"{kind}={name}"


def write_spec(folder: Path, kind: str, nodes: Mapping[str, DeviceNode]) -> Path:
    """Write the file of a kind, and return its path; the folder is made if absent.

    Args:
        folder: that the container runtime reads.
        kind: ``vendor/class``; the file has its name.
        nodes: by the name of the device.

    Raises:
        MisconfiguredError: a name is none of CDI, or the folder cannot be made
            (``settings_invalid``).
        UsageError: the file cannot be written (``output_unwritable``).
    """
    document = {
        "cdiVersion": VERSION,
        "kind": kind,
        "devices": [
            {"name": qualified_name(kind, name).rpartition("=")[2], "containerEdits": _edits(node)}
            for name, node in nodes.items()
        ],
    }
    path = _path(folder, kind)
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as exc:
        raise MisconfiguredError(
            Reason.SETTINGS_INVALID, f"cannot make folder {folder} for CDI: {exc.strerror}"
        ) from exc
    write_file_atomically(path, json.dumps(document, indent=2).encode() + b"\n")
    return path


def remove_spec(folder: Path, kind: str) -> None:
    """Remove the file of a kind, if it is there.

    Raises:
        MisconfiguredError: it cannot be removed (``settings_invalid``).
    """
    path = _path(folder, kind)
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise MisconfiguredError(
            Reason.SETTINGS_INVALID, f"cannot remove {path}: {exc.strerror}"
        ) from exc


def _path(folder: Path, kind: str) -> Path:
    qualified_name(kind, "any")
    return folder / f"{kind.replace('/', '-')}.json"


def _edits(node: DeviceNode) -> dict[str, Any]:
    return {
        "deviceNodes": [
            {"path": path, "hostPath": node.host_path, "permissions": PERMISSIONS}
            for path in node.container_paths
        ]
    }
