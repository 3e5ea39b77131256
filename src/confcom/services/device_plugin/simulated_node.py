# SPDX-License-Identifier: Apache-2.0
"""A node whose enclave memory is not there, for machines without SGX."""

from pathlib import Path
from typing import Final

from confcom.epc.device_nodes import DeviceNode, DeviceNodes, EntryKind, NodeLayout
from confcom.epc.inventory import Inventory
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.services.device_plugin.device_health import entry_at, seen_at

ENCLAVE: Final = "/dev/sgx_enclave"


def simulated_node(total_bytes: int, device: Path, *, dev: Path) -> Inventory:
    """Return a node with so much memory, and a device that stands in for that of SGX.

    Args:
        total_bytes: of memory.
        device: path on the node, shown to containers as ``/dev/sgx_enclave``.
        dev: where ``/dev`` of the node is for us.

    Raises:
        UsageError: there is no such character device.
    """
    host_path = device.absolute()
    try:
        entry = entry_at(seen_at(host_path, dev))
    except OSError as exc:
        raise _unusable(host_path, exc.strerror or str(exc)) from exc
    if entry.kind is not EntryKind.CHARACTER:
        raise _unusable(host_path, "it is no character device")
    node = DeviceNode(host_path=str(host_path), container_paths=(ENCLAVE,), entry=entry)
    return Inventory(
        total_bytes=total_bytes,
        origin=None,
        per_node={},
        answers=(),
        cpu=None,
        nodes=DeviceNodes(layout=NodeLayout.IN_KERNEL, enclave=node),
    )


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        Reason.USAGE,
        f"cannot show {path} to containers as {ENCLAVE}: {why}",
        hint="name a character device with --simulate-device",
    )
