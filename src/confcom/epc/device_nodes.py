# SPDX-License-Identifier: Apache-2.0
"""Which device nodes a host has for SGX, and under which paths containers are given them.

Layouts: the driver of the kernel since 5.11, and Intel's since 1.41, make ``/dev/sgx_enclave`` and
``/dev/sgx_provision``; Intel's before made ``/dev/sgx/enclave`` and ``/dev/sgx/provision``; the
driver of processors without launch control made ``/dev/isgx``, and has no node for provisioning.
``/dev/sgx_vepc`` is for virtual machines and is never given to containers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class EntryKind(StrEnum):
    """What is at a path."""

    CHARACTER = "char"
    BLOCK = "block"
    SYMLINK = "symlink"
    DIRECTORY = "directory"
    FILE = "file"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry below ``/dev``; a link is an entry of its own, never followed here.

    Attributes:
        kind: what it is.
        major: of a device.
        minor: of a device.
        mode: permission bits.
        uid: owner.
        gid: group.
        target: of a link, as written.
    """

    kind: EntryKind
    major: int = 0
    minor: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    target: str = ""


class NodeLayout(StrEnum):
    """Where a driver puts its nodes."""

    IN_KERNEL = "in-kernel"
    DCAP_DIR = "dcap-dir"
    ISGX = "isgx"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNode:
    """A node that may be given to containers.

    Attributes:
        host_path: of the node itself, never of a link to it.
        container_paths: where a container is given it, the path of the host first.
        entry: what it is.
    """

    host_path: str
    container_paths: tuple[str, ...]
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNodes:
    """The SGX nodes of a host.

    Attributes:
        layout: of the driver, or None where no node can be given to containers.
        enclave: lets a container make enclaves.
        provision: lets a container certify attestation keys; None where there is none.
        never_exposed: nodes that no container is given.
        problems: what looks like a node and is none, and what is missing.
    """

    layout: NodeLayout | None = None
    enclave: DeviceNode | None = None
    provision: DeviceNode | None = None
    never_exposed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


VEPC: Final = "sgx_vepc"
KNOWN: Final = (
    "sgx_enclave",
    "sgx_provision",
    "sgx/enclave",
    "sgx/provision",
    "isgx",
    VEPC,
)
"""Paths below ``/dev`` that are looked at."""
_LAYOUTS: Final = (
    (NodeLayout.IN_KERNEL, "sgx_enclave", "sgx_provision"),
    (NodeLayout.DCAP_DIR, "sgx/enclave", "sgx/provision"),
    (NodeLayout.ISGX, "isgx", None),
)
_ALSO: Final = {
    "sgx_enclave": "sgx/enclave",
    "sgx_provision": "sgx/provision",
    "sgx/enclave": "sgx_enclave",
    "sgx/provision": "sgx_provision",
}
"""Where older or newer programs look for the same node."""


def find_device_nodes(entries: Mapping[str, Entry], *, under_both: bool = False) -> DeviceNodes:
    """Return the nodes of the first layout whose enclave node is a character device.

    A container is given a node under the path of the host, and under the path of the other layout
    if the host has a link there that leads to the node.

    Args:
        entries: by path below ``/dev``, such as ``sgx/enclave``; at least those of `KNOWN` that
            exist.
        under_both: give containers both paths though the host has no such link, for programs that
            know only the other one.
    """
    problems = [
        f"/dev/{path} is a {entries[path].kind}, not a character device"
        for path in KNOWN
        if path in entries and entries[path].kind not in {EntryKind.CHARACTER, EntryKind.SYMLINK}
    ]
    never = (f"/dev/{VEPC}",) if VEPC in entries else ()
    for layout, enclave, provision in _LAYOUTS:
        node = _node(entries, enclave, under_both=under_both)
        if node is None:
            continue
        other = None if provision is None else _node(entries, provision, under_both=under_both)
        if provision is not None and other is None:
            problems.append(f"/dev/{provision} is missing: no container can certify a key")
        return DeviceNodes(
            layout=layout,
            enclave=node,
            provision=other,
            never_exposed=never,
            problems=tuple(problems),
        )
    problems += [
        f"/dev/{provision} is there without a node for enclaves"
        for _, _, provision in _LAYOUTS
        if provision is not None and _is_device(entries.get(provision))
    ]
    return DeviceNodes(never_exposed=never, problems=tuple(problems))


def _node(entries: Mapping[str, Entry], path: str, *, under_both: bool) -> DeviceNode | None:
    entry = entries.get(path)
    if entry is None or not _is_device(entry):
        return None
    also = _ALSO.get(path)
    paths = (path,) if also is None else (path, also)
    return DeviceNode(
        host_path=f"/dev/{path}",
        container_paths=tuple(
            f"/dev/{one}"
            for one in paths
            if one == path or under_both or _leads_to(entries, one, path)
        ),
        entry=entry,
    )


def _is_device(entry: Entry | None) -> bool:
    return entry is not None and entry.kind is EntryKind.CHARACTER


def _leads_to(entries: Mapping[str, Entry], link: str, path: str) -> bool:
    """Return whether a path below ``/dev`` is a link whose text names another."""
    entry = entries.get(link)
    if entry is None or entry.kind is not EntryKind.SYMLINK:
        return False
    found: list[str] = [] if entry.target.startswith("/") else ["dev", *link.split("/")[:-1]]
    for part in entry.target.split("/"):
        if part == "..":
            del found[-1:]
        elif part not in {"", "."}:
            found.append(part)
    return found == ["dev", *path.split("/")]
