# SPDX-License-Identifier: Apache-2.0
"""A plugin for the tests, made of the parts of ours, and what it was asked."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confcom.adapters.kubelet.plugin_server import PluginServer
from confcom.adapters.kubelet.ports import DeviceList, Resource
from confcom.adapters.kubelet.registration import register
from confcom.epc.allocation import AllocationRules, ContainerAnswer, answer_for, prefer
from confcom.epc.device_nodes import DeviceNode, Entry, EntryKind
from confcom.epc.resources import MIB_RESOURCE, DevicePlan, device_id, device_index
from confcom.testing.kubelet import StandInKubelet

ENCLAVE: Final = DeviceNode(
    host_path="/dev/sgx_enclave",
    container_paths=("/dev/sgx_enclave", "/dev/sgx/enclave"),
    entry=Entry(kind=EntryKind.CHARACTER),
)
RULES: Final = AllocationRules(node=ENCLAVE)


def devices(count: int, *, is_healthy: bool = True, resource: str = MIB_RESOURCE) -> DeviceList:
    """Return a list of so many devices."""
    return listed({None: count}, is_healthy=is_healthy, resource=resource)


def listed(
    counts: Mapping[int | None, int], *, is_healthy: bool = True, resource: str = MIB_RESOURCE
) -> DeviceList:
    """Return a list of so many devices of each NUMA node."""
    plan = DevicePlan(resource=resource, counts=counts, wanted=sum(counts.values()))
    return DeviceList(plan, is_healthy)


@dataclass(slots=True)
class Plugin:
    """Answers as ours does, unless told otherwise."""

    devices: DeviceList
    rules: AllocationRules = RULES
    wants_preference: bool = True
    allocated: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def resource(self) -> Resource:
        return Resource(self.devices.plan.resource, self.wants_preference)

    def server(self, kubelet: StandInKubelet) -> PluginServer:
        return PluginServer(
            kubelet.plugins,
            self.resource,
            devices=self.devices,
            allocate=self.allocate,
            prefer=self.prefer,
        )

    @contextlib.asynccontextmanager
    async def registered(self, kubelet: StandInKubelet) -> AsyncIterator[PluginServer]:
        async with self.server(kubelet) as server:
            await register(kubelet.socket, endpoint=server.endpoint, resource=self.resource)
            total = self.devices.plan.total if self.devices.is_healthy else 0
            await kubelet.until_listed(self.resource.name, allocatable=total)
            yield server

    def allocate(self, wishes: Sequence[Sequence[str]]) -> Sequence[ContainerAnswer]:
        for wish in wishes:
            self.allocated.append(tuple(wish))
            for one in wish:
                self.devices.plan.node_of(device_index(one))
        return [answer_for(len(wish), self.rules) for wish in wishes]

    def prefer(
        self, available: Sequence[str], must_include: Sequence[str], size: int
    ) -> Sequence[str]:
        taken = prefer(
            map(device_index, available),
            frozenset(map(device_index, must_include)),
            size,
            node_of=self.devices.plan.node_of,
        )
        return [device_id(index) for index in taken]


def new_kubelet(folder: Path) -> StandInKubelet:
    """Return a stand-in that gives up calling back soon."""
    return StandInKubelet(folder, dial_s=0.3, pause_s=0.05)
