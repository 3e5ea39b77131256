# SPDX-License-Identifier: Apache-2.0
"""Messages of the kubelet's interfaces are, byte for byte, those of Kubernetes' own code."""

import json
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message
from tests import vectors_path

from confcom.protocols.pb import deviceplugin_v1beta1_pb2 as plugin
from confcom.protocols.pb import pluginregistration_v1_pb2 as registry
from confcom.protocols.pb import podresources_v1_pb2 as pods

TYPES: Mapping[str, type[Message]] = {
    f"v1beta1.{name}": getattr(plugin, name)
    for name in ("AllocateRequest", "AllocateResponse", "ListAndWatchResponse", "RegisterRequest")
}


def _register(fields: dict[str, Any]) -> Message:
    options = plugin.DevicePluginOptions(
        get_preferred_allocation_available=fields["options.get_preferred_allocation_available"]
    )
    plain = {key: value for key, value in fields.items() if "." not in key}
    return plugin.RegisterRequest(**plain, options=options)


def _allocate(fields: dict[str, Any]) -> Message:
    containers = [
        plugin.ContainerAllocateRequest(devices_ids=ids) for ids in fields["container_requests"]
    ]
    return plugin.AllocateRequest(container_requests=containers)


def _allocated(fields: dict[str, Any]) -> Message:
    devices = [
        plugin.DeviceSpec(container_path=inside, host_path=outside, permissions=permissions)
        for inside, outside, permissions in fields["devices"]
    ]
    container = plugin.ContainerAllocateResponse(devices=devices)
    return plugin.AllocateResponse(container_responses=[container])


def _listed(fields: dict[str, Any]) -> Message:
    return plugin.ListAndWatchResponse(devices=[_device(*row) for row in fields["devices"]])


def _device(identifier: str, second: str | int) -> plugin.Device:
    if isinstance(second, str):
        return plugin.Device(ID=identifier, health=second)
    nodes = [plugin.NUMANode(ID=second)]
    topology = plugin.TopologyInfo(nodes=nodes)
    return plugin.Device(ID=identifier, health="Healthy", topology=topology)


BUILDERS: Mapping[str, Callable[[dict[str, Any]], Message]] = {
    "register": _register,
    "allocate-request": _allocate,
    "allocate-response": _allocated,
    "list-and-watch-3": _listed,
    "list-and-watch-numa": _listed,
}


def _case(name: str) -> tuple[type[Message], bytes, dict[str, Any]]:
    folder = vectors_path.require("kubernetes") / "proto"
    case = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return TYPES[case["message"]], bytes.fromhex(case["hex"]), case["fields"]


def test_every_recorded_message_is_looked_at() -> None:
    folder = vectors_path.require("kubernetes") / "proto"
    assert {file.stem for file in folder.glob("*.json")} == set(BUILDERS)


@pytest.mark.parametrize("name", BUILDERS)
def test_message_of_the_same_fields_has_the_same_bytes(name: str) -> None:
    _, recorded, fields = _case(name)
    assert BUILDERS[name](fields).SerializeToString() == recorded


@pytest.mark.parametrize("name", BUILDERS)
def test_recorded_message_reads_as_its_fields(name: str) -> None:
    kind, recorded, fields = _case(name)
    read = kind.FromString(recorded)
    assert read == BUILDERS[name](fields)
    assert read.SerializeToString() == recorded


@pytest.mark.parametrize("name", BUILDERS)
def test_recorded_message_without_its_last_byte_is_none(name: str) -> None:
    kind, recorded, _ = _case(name)
    with pytest.raises(DecodeError):
        kind.FromString(recorded[:-1])


@pytest.mark.parametrize(
    ("file", "service", "methods"),
    [
        (plugin, "v1beta1.Registration", {"Register"}),
        (
            plugin,
            "v1beta1.DevicePlugin",
            {
                "GetDevicePluginOptions",
                "ListAndWatch",
                "GetPreferredAllocation",
                "Allocate",
                "PreStartContainer",
            },
        ),
        (pods, "v1.PodResourcesLister", {"List", "GetAllocatableResources", "Get"}),
        (registry, "pluginregistration.Registration", {"GetInfo", "NotifyRegistrationStatus"}),
    ],
)
def test_services_have_the_names_of_the_wire(
    file: ModuleType, service: str, methods: set[str]
) -> None:
    found = file.DESCRIPTOR.services_by_name[service.rpartition(".")[2]]
    assert found.full_name == service
    assert set(found.methods_by_name) == methods


def test_what_is_not_declared_is_skipped() -> None:
    with_processors = pods.ContainerResources(name="c").SerializeToString() + b"\x1a\x01\x05"
    assert pods.ContainerResources.FromString(with_processors).name == "c"
