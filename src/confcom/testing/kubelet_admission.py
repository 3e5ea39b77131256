# SPDX-License-Identifier: Apache-2.0
"""How the stand-in kubelet admits a pod: container after container, resource after resource."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import (
    AllocateRequest,
    AllocateResponse,
    ContainerAllocateRequest,
    ContainerAllocateResponse,
    ContainerPreferredAllocationRequest,
    PreferredAllocationRequest,
    PreferredAllocationResponse,
    PreStartContainerRequest,
)
from confcom.testing.kubelet_pods import (
    Choice,
    DeviceBook,
    Holding,
    Refused,
    StandInContainer,
    merged,
)
from confcom.testing.kubelet_registry import PluginRegistry

_PRE_START_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call to a plugin; what does not belong to the method is empty."""

    method: str
    resource: str
    identifiers: tuple[str, ...] = ()
    available: int = 0
    must_include: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a pod may run.

    Attributes:
        message: why not, as in the pod's status; None where it may.
        containers: what each container gets.
        devices: what each container holds of each resource.
    """

    message: str | None
    containers: Mapping[str, ContainerAllocateResponse] = field(default_factory=dict)
    devices: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)


class Admitter:
    """Asks plugins and writes down what they give.

    Args:
        book: of devices.
        registry: of plugins.
    """

    def __init__(self, book: DeviceBook, registry: PluginRegistry) -> None:
        self.calls: list[Call] = []
        self._book = book
        self._registry = registry

    async def admit(
        self, uid: str, init: Sequence[StandInContainer], containers: Sequence[StandInContainer]
    ) -> Admission:
        """Allocate what a pod asks for, or nothing."""
        try:
            for container in init:
                await self._allocate(uid, container)
                self._book.reuse(uid, container, is_init=True)
            for container in containers:
                await self._allocate(uid, container)
                self._book.reuse(uid, container, is_init=False)
        except Refused as exc:
            self._book.release(uid)
            return Admission(f"Pod was rejected: Allocate failed due to {exc}, which is unexpected")
        return self._admission(uid, [*init, *containers])

    async def pre_start(self, uid: str) -> None:
        """Tell the plugins that want it that containers start."""
        for (holder, _, resource), holding in self._book.held.items():
            if holder == uid and self._registry.options(resource).pre_start_required:
                identifiers = tuple(self._book.shuffled(holding.identifiers))
                self.calls.append(
                    Call(method="PreStartContainer", resource=resource, identifiers=identifiers)
                )
                request = PreStartContainerRequest(devices_ids=identifiers).SerializeToString()
                await self._registry.ask(resource, "PreStartContainer", request, _PRE_START_S)

    async def _allocate(self, uid: str, container: StandInContainer) -> None:
        for resource, wanted in container.limits.items():
            if resource not in self._book.devices:
                continue  # nobody's: the kubelet leaves it to the scheduler
            key = (uid, container.name, resource)
            choice = self._book.choose(key, wanted)
            if choice is None:
                continue
            preferred = await self._preferred(resource, choice)
            chosen = self._book.settle(choice, preferred)
            self.calls.append(Call(method="Allocate", resource=resource, identifiers=tuple(chosen)))
            request = AllocateRequest(
                container_requests=[ContainerAllocateRequest(devices_ids=chosen)]
            )
            data = await self._registry.ask(resource, "Allocate", request.SerializeToString())
            answer = AllocateResponse.FromString(data)
            if not answer.container_responses:
                raise Refused("no containers return in allocation response ")
            self._book.hold(key, Holding(frozenset(chosen), answer.container_responses[0]))

    async def _preferred(self, resource: str, choice: Choice) -> set[str]:
        wants = self._registry.options(resource).get_preferred_allocation_available
        if choice.is_settled or not wants:
            return set()
        available = choice.available | choice.taken
        self.calls.append(
            Call(
                method="GetPreferredAllocation",
                resource=resource,
                available=len(available),
                must_include=tuple(sorted(choice.taken)),
                size=choice.wanted,
            )
        )
        wish = ContainerPreferredAllocationRequest(
            available_deviceIDs=self._book.shuffled(available),
            must_include_deviceIDs=self._book.shuffled(choice.taken),
            allocation_size=choice.wanted,
        )
        request = PreferredAllocationRequest(container_requests=[wish])
        data = request.SerializeToString()
        answer = PreferredAllocationResponse.FromString(
            await self._registry.ask(resource, "GetPreferredAllocation", data)
        )
        return set(answer.container_responses[0].deviceIDs if answer.container_responses else ())

    def _admission(self, uid: str, containers: Iterable[StandInContainer]) -> Admission:
        answers: dict[str, ContainerAllocateResponse] = {}
        devices: dict[str, Mapping[str, frozenset[str]]] = {}
        for container in containers:
            found = {
                resource: self._book.held[uid, container.name, resource]
                for resource in container.limits
                if (uid, container.name, resource) in self._book.held
            }
            answers[container.name] = merged([holding.answer for holding in found.values()])
            devices[container.name] = {
                resource: holding.identifiers for resource, holding in found.items()
            }
        return Admission(None, answers, devices)
