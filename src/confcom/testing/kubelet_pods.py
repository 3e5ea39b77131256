# SPDX-License-Identifier: Apache-2.0
"""The stand-in kubelet's book: which devices there are, who holds which, and which are to be taken.

No plugin is asked here; `confcom.testing.kubelet` asks between two steps.
"""

import base64
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import ContainerAllocateResponse
from confcom.testing.kubelet_clients import PluginDevice

_NOWHERE: Final = "-1"


@dataclass(frozen=True, slots=True)
class StandInContainer:
    """A container of a pod.

    Attributes:
        name: in the pod.
        limits: devices by resource.
        is_sidecar: an init container that goes on running, and so keeps its devices.
    """

    name: str
    limits: Mapping[str, int] = field(default_factory=dict)
    is_sidecar: bool = False


class Refused(Exception):  # noqa: N818 - how the kubelet says no to a pod, not an error of ours
    """The kubelet does not admit a pod; its text says why."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one container holds of one resource.

    Attributes:
        identifiers: of its devices.
        answer: of the plugin, for this container.
    """

    identifiers: frozenset[str]
    answer: ContainerAllocateResponse


Key = tuple[str, str, str]
"""UID of the pod, container, resource."""


def uid_of(namespace: str, pod: str) -> str:
    """Return what stands for a pod's UID here."""
    return f"{namespace}/{pod}"


class DeviceBook:
    """What the kubelet knows of devices.

    Args:
        chance: orders what the kubelet has no order for.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.devices: dict[str, dict[str, PluginDevice]] = {}
        self.held: dict[Key, Holding] = {}
        self._reusable: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def healthy(self, resource: str) -> set[str]:
        """Return the identifiers of a resource's healthy devices."""
        known = self.devices.get(resource, {})
        return {device.identifier for device in known.values() if device.is_healthy}

    def replace(self, resource: str, devices: Iterable[PluginDevice]) -> None:
        """Take what a plugin lists for all that there is."""
        self.devices[resource] = {device.identifier: device for device in devices}

    def lose(self, resource: str) -> None:
        """Take all devices of a resource for unhealthy."""
        self.replace(
            resource,
            [
                PluginDevice(device.identifier, is_healthy=False, nodes=device.nodes)
                for device in self.devices.get(resource, {}).values()
            ],
        )

    def in_use(self, resource: str) -> set[str]:
        """Return the identifiers that any container holds."""
        held = self.held.items()
        return {one for key, what in held if key[2] == resource for one in what.identifiers}

    def choose(self, key: Key, wanted: int) -> "Choice | None":
        """Return what to choose for a container, or None where it has its devices already.

        Raises:
            Refused: there are not enough.
        """
        pod, _, resource = key
        before = self.held.get(key)
        if before is not None and len(before.identifiers) != wanted:
            had = len(before.identifiers)
            raise Refused(
                f'pod "{pod}" container "{key[1]}" changed request for resource "{resource}" '
                f"from {had} to {wanted}"
            )
        healthy = self.healthy(resource)
        if not healthy:
            raise Refused(
                f"no healthy devices present; cannot allocate unhealthy devices {resource}"
            )
        if before is not None:
            if not before.identifiers <= healthy:
                raise Refused(
                    "previously allocated devices are no longer healthy; cannot allocate "
                    f"unhealthy devices {resource}"
                )
            return None
        taken = self.some(self._reusable[pod, resource], wanted)
        available = healthy - self.in_use(resource)
        if len(available) < wanted - len(taken):
            raise Refused(
                f"requested number of devices unavailable for {resource}. "
                f"Requested: {wanted - len(taken)}, Available: {len(available)}"
            )
        return Choice(taken=frozenset(taken), available=frozenset(available), wanted=wanted)

    def settle(self, choice: "Choice", preferred: AbstractSet[str]) -> list[str]:
        """Return the devices to allocate, in no order, those that the plugin prefers first."""
        missing = choice.wanted - len(choice.taken)
        chosen = self.some(preferred & choice.available, missing)
        chosen |= self.some(choice.available - chosen, missing - len(chosen))
        return self.shuffled(choice.taken | chosen)

    def hold(self, key: Key, holding: Holding) -> None:
        """Write down that a container holds devices."""
        self.held[key] = holding

    def reuse(self, pod: str, container: StandInContainer, *, is_init: bool) -> None:
        """Let later containers of the pod have what an init container held, and only once."""
        for (of_pod, name, resource), holding in self.held.items():
            if (of_pod, name) == (pod, container.name):
                if is_init and not container.is_sidecar:
                    self._reusable[pod, resource] |= holding.identifiers
                else:
                    self._reusable[pod, resource] -= holding.identifiers

    def release(self, pod: str) -> None:
        """Take back what a pod holds."""
        self.held = {key: holding for key, holding in self.held.items() if key[0] != pod}
        self._reusable = defaultdict(
            set, {key: left for key, left in self._reusable.items() if key[0] != pod}
        )

    def some(self, identifiers: AbstractSet[str], count: int) -> set[str]:
        """Return so many of them at most, whichever."""
        return set(self.shuffled(identifiers)[:count])

    def shuffled(self, identifiers: AbstractSet[str]) -> list[str]:
        """Return them in an order that means nothing."""
        return self._chance.sample(sorted(identifiers), len(identifiers))

    def nodes(self, resource: str, identifiers: Iterable[str]) -> Iterator[tuple[str, int | None]]:
        """Yield each device once for each of its NUMA nodes, or once with None."""
        known = self.devices.get(resource, {})
        for identifier in sorted(identifiers):
            device = known.get(identifier)
            for node in device.nodes if device is not None and device.nodes else (None,):
                yield identifier, node

    def to_json(self) -> bytes:
        """Return the checkpoint file, in the kubelet's shape; the checksum is 0."""
        entries = [
            {
                "PodUID": pod,
                "ContainerName": container,
                "ResourceName": resource,
                "DeviceIDs": self._by_node(resource, holding.identifiers),
                "AllocResp": base64.b64encode(holding.answer.SerializeToString()).decode(),
            }
            for (pod, container, resource), holding in self.held.items()
        ]
        healthy = {resource: sorted(self.healthy(resource)) for resource in self.devices}
        data = {"PodDeviceEntries": entries, "RegisteredDevices": healthy}
        return json.dumps({"Data": data, "Checksum": 0}).encode()

    def restart(self, checkpoint: bytes | None) -> None:
        """Know what a kubelet knows that starts: resources without devices, and who held what."""
        self.devices, self.held = {}, {}
        self._reusable.clear()
        if checkpoint is None:
            return
        data = json.loads(checkpoint)["Data"]
        self.devices = {resource: {} for resource in data["RegisteredDevices"]}
        for entry in data["PodDeviceEntries"]:
            answer = ContainerAllocateResponse.FromString(base64.b64decode(entry["AllocResp"]))
            identifiers = frozenset(one for ids in entry["DeviceIDs"].values() for one in ids)
            key = (entry["PodUID"], entry["ContainerName"], entry["ResourceName"])
            self.held[key] = Holding(identifiers, answer)

    def _by_node(self, resource: str, identifiers: Iterable[str]) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for identifier, node in self.nodes(resource, identifiers):
            found[_NOWHERE if node is None else str(node)].append(identifier)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Choice:
    """Devices among which to choose.

    Attributes:
        taken: the pod's own from before, taken again.
        available: nobody's.
        wanted: how many, those taken included.
    """

    taken: frozenset[str]
    available: frozenset[str]
    wanted: int

    @property
    def is_settled(self) -> bool:
        """Whether what is taken again is enough: nobody is asked then."""
        return len(self.taken) == self.wanted


def merged(answers: Sequence[ContainerAllocateResponse]) -> ContainerAllocateResponse:
    """Return what a container gets of several resources: the first of each name or path counts."""
    whole = ContainerAllocateResponse()
    for answer in answers:
        for name, value in answer.envs.items():
            if name not in whole.envs:
                whole.envs[name] = value
        for name, value in answer.annotations.items():
            if name not in whole.annotations:
                whole.annotations[name] = value
        _add(whole.mounts, answer.mounts, "container_path")
        _add(whole.devices, answer.devices, "container_path")
        _add(whole.cdi_devices, answer.cdi_devices, "name")
    return whole


def _add(whole: Any, more: Any, key: str) -> None:  # noqa: ANN401 - protobuf's containers
    there = {getattr(one, key) for one in whole}
    for one in more:
        if getattr(one, key) not in there:
            there.add(getattr(one, key))
            whole.append(one)
