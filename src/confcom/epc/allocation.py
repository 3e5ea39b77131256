# SPDX-License-Identifier: Apache-2.0
"""What the kubelet is told when it asks for devices: which ones to take, and what comes with them.

A plugin never learns which container asks, and is asked again for devices that it has given out:
containers of a pod use those of its init containers once more. So nothing is refused for being in
use; the kubelet alone keeps that book.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from typing import Final

from confcom.epc.device_nodes import DeviceNode
from confcom.errors import MalformedError
from confcom.reasons import Reason

PERMISSIONS: Final = "rw"
AESM_FOLDER: Final = "/var/run/aesmd"
OUT_OF_PROCESS: Final = "SGX_AESM_ADDR"
SIMULATED: Final = "CONFCOM_SIMULATED"


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A device node in a container; paths, and any of ``rwm``."""

    container_path: str
    host_path: str
    permissions: str = PERMISSIONS


@dataclass(frozen=True, slots=True)
class MountSpec:
    """A folder of the host in a container."""

    container_path: str
    host_path: str
    is_read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerAnswer:
    """What a container is given with its devices.

    Attributes:
        devices: nodes by path; empty where ``cdi_names`` say it.
        mounts: folders.
        environment: variables; the kubelet lets the first of several plugins win.
        annotations: for the container runtime and its plugins.
        cdi_names: qualified names, ``vendor/class=name``.
    """

    devices: tuple[DeviceSpec, ...] = ()
    mounts: tuple[MountSpec, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    cdi_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationRules:
    """What comes with the devices of one resource.

    Attributes:
        node: the device node that it stands for.
        aesm_folder: folder of the quote helper's socket, mounted read-only; None for none.
        is_out_of_process: whether SGX_AESM_ADDR is set.
        is_simulated: whether the node stands in for SGX; said in the environment.
        annotation: name of an annotation that says how many devices were asked for, or None.
        cdi_name: qualified name that stands for the node instead of its paths, or None.
    """

    node: DeviceNode
    aesm_folder: str | None = AESM_FOLDER
    is_out_of_process: bool = False
    is_simulated: bool = False
    annotation: str | None = None
    cdi_name: str | None = None


def answer_for(count: int, rules: AllocationRules) -> ContainerAnswer:
    """Return what a container is given that asks for so many devices of a resource."""
    environment = {}
    if rules.is_out_of_process:
        environment[OUT_OF_PROCESS] = "1"
    if rules.is_simulated:
        environment[SIMULATED] = "1"
    mounts: tuple[MountSpec, ...] = ()
    if rules.aesm_folder is not None:
        mounts = (MountSpec(AESM_FOLDER, rules.aesm_folder),)
    devices: tuple[DeviceSpec, ...] = ()
    if rules.cdi_name is None:
        node = rules.node
        devices = tuple(DeviceSpec(path, node.host_path) for path in node.container_paths)
    return ContainerAnswer(
        devices=devices,
        mounts=mounts,
        environment=environment,
        annotations={} if rules.annotation is None else {rules.annotation: str(count)},
        cdi_names=() if rules.cdi_name is None else (rules.cdi_name,),
    )


def prefer(
    available: Iterable[int],
    must_include: frozenset[int],
    size: int,
    *,
    node_of: Callable[[int], int | None],
) -> tuple[int, ...]:
    """Return the devices that a container should be given, in the order of their numbers.

    Devices of one NUMA node, if one has enough: among those the node with the fewest to spare, so
    that large pieces stay whole. Otherwise those of the nodes with most, as few nodes as possible.
    Devices that must be included come first, and their nodes are filled up first.

    Args:
        available: numbers of devices.
        must_include: numbers that the pod holds already, available or not.
        size: how many; at least as many as must be included.
        node_of: NUMA node of a device, or None where nobody knows.

    Raises:
        MalformedError: there are fewer than ``size``, or more must be included
            (``device_request``).
    """
    everything = must_include.union(available)
    if not len(must_include) <= size <= len(everything):
        raise MalformedError(
            Reason.DEVICE_REQUEST,
            f"cannot prefer {size} of {len(everything)} devices with {len(must_include)} given",
        )
    free: dict[int | None, list[int]] = defaultdict(list)
    for index in sorted(everything - must_include):
        free[node_of(index)].append(index)
    held = {node_of(index) for index in must_include}
    left = size - len(must_include)
    chosen: list[int] = list(must_include)
    while left > 0:
        node = _next_node(free, held, left)
        taken = free.pop(node)[:left]
        chosen += taken
        left -= len(taken)
    return tuple(sorted(chosen))


def _next_node(free: dict[int | None, list[int]], held: Set[int | None], wanted: int) -> int | None:
    """Return the node to take from next."""
    own = [node for node in free if node in held]
    candidates = own or list(free)
    enough = [node for node in candidates if len(free[node]) >= wanted]
    if enough:
        return min(enough, key=lambda node: (len(free[node]), -1 if node is None else node))
    return max(candidates, key=lambda node: (len(free[node]), -1 if node is None else -node))
