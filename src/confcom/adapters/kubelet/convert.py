# SPDX-License-Identifier: Apache-2.0
"""Values of ours as the messages of the device plugin API, and the names of its methods."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from confcom.adapters.kubelet.ports import DeviceList
from confcom.epc.allocation import ContainerAnswer
from confcom.epc.resources import HEALTHY
from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import (
    AllocateResponse,
    CDIDevice,
    ContainerAllocateResponse,
    DeviceSpec,
    ListAndWatchResponse,
    Mount,
)

VERSION: Final = "v1beta1"
DEVICE_PLUGIN: Final = "v1beta1.DevicePlugin"
REGISTER: Final = "/v1beta1.Registration/Register"
_PIECE: Final = 4096
"""Devices that are messages at the same time; they take much more memory than their bytes."""


def list_pieces(devices: DeviceList) -> Iterator[bytes]:
    """Yield encoded pieces that are a ListAndWatchResponse one after the other.

    Encoded messages in a row are the message with all their elements. A piece takes milliseconds,
    a list of 262,144 devices half a second.
    """
    health = HEALTHY if devices.is_healthy else devices.plan.unhealthy_word
    rest = iter(devices.plan.devices())
    while piece := tuple(islice(rest, _PIECE)):
        yield _piece(piece, health)


def _piece(devices: Iterable[tuple[str, int | None]], health: str) -> bytes:
    message = ListAndWatchResponse()
    for identifier, node in devices:
        device = message.devices.add(ID=identifier, health=health)
        if node is not None:
            device.topology.nodes.add(ID=node)
    encoded: bytes = message.SerializeToString()
    return encoded


def allocate_message(answers: Sequence[ContainerAnswer]) -> AllocateResponse:
    """Return what the kubelet is told for each container, in their order."""
    return AllocateResponse(container_responses=[_container(answer) for answer in answers])


def _container(answer: ContainerAnswer) -> ContainerAllocateResponse:
    return ContainerAllocateResponse(
        envs=answer.environment,
        mounts=[
            Mount(
                container_path=mount.container_path,
                host_path=mount.host_path,
                read_only=mount.is_read_only,
            )
            for mount in answer.mounts
        ],
        devices=[
            DeviceSpec(
                container_path=device.container_path,
                host_path=device.host_path,
                permissions=device.permissions,
            )
            for device in answer.devices
        ],
        annotations=answer.annotations,
        cdi_devices=[CDIDevice(name=name) for name in answer.cdi_names],
    )
