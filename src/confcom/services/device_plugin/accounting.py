# SPDX-License-Identifier: Apache-2.0
"""Who holds how much, by what the kubelet says of pods; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from confcom.adapters.kubelet.ports import PodDevices
from confcom.epc.resources import DevicePlan, device_index
from confcom.errors import MalformedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How much of a resource is held.

    Attributes:
        used: devices that some container holds, each counted once.
        free_per_node: devices that nobody holds, by NUMA node, or under None.
        strange: devices that somebody holds and that are not in the list.
    """

    used: int
    free_per_node: dict[int | None, int]
    strange: int

    @property
    def free(self) -> int:
        """Devices that nobody holds."""
        return sum(self.free_per_node.values())

    @property
    def largest_free(self) -> int:
        """Most devices that a container can have of one NUMA node."""
        return max(self.free_per_node.values(), default=0)


def use_of(plan: DevicePlan, held: Iterable[PodDevices]) -> Use:
    """Return how much of a resource is held; containers of a pod may hold the same devices."""
    identifiers: set[str] = set()
    for one in held:
        if one.resource == plan.resource:
            identifiers |= one.device_ids
    used: Counter[int | None] = Counter()
    strange = 0
    for identifier in identifiers:
        try:
            used[plan.node_of(device_index(identifier))] += 1
        except MalformedError:
            strange += 1
    return Use(
        used=used.total(),
        free_per_node={node: count - used[node] for node, count in plan.counts.items()},
        strange=strange,
    )
