# SPDX-License-Identifier: Apache-2.0
"""The status document of the device plugin, told on a UNIX socket of the node only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from confcom.adapters.kubelet.ports import PodDevices
from confcom.epc.facts import Driver
from confcom.epc.inventory import Inventory
from confcom.epc.resources import Mode
from confcom.services.device_plugin.accounting import use_of
from confcom.services.device_plugin.keeper import ResourceKeeper
from confcom.services.device_plugin.offers import Offer, OfferOptions

SCHEMA_VERSION: Final = 1
EPC_BYTES_RESOURCE: Final = "sgx.intel.com/epc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the kubelet said of pods.

    Attributes:
        pods: what their containers hold; None while it has not been asked with success.
        at: when, or None.
        problem: why the latest question failed, or None.
    """

    pods: tuple[PodDevices, ...] | None = None
    at: datetime | None = None
    problem: str | None = None


def status_document(
    inventory: Inventory,
    driver: Driver | None,
    options: OfferOptions,
    offers: Mapping[str, Offer],
    keepers: Mapping[str, ResourceKeeper],
    *,
    device_problems: Sequence[str],
    held: Held,
    started: datetime,
) -> dict[str, object]:
    """Return the document as plain data.

    Args:
        inventory: of the node.
        driver: of the node, or None where it has none.
        options: what is offered, and how.
        offers: by part.
        keepers: by part.
        device_problems: why device nodes cannot be used.
        held: what the kubelet said of pods.
        started: when the plugin did.
    """
    problems = [*inventory.problems, *device_problems]
    for offer in offers.values():
        problems += offer.plan.problems
    problems += [keeper.problem for keeper in keepers.values() if keeper.problem is not None]
    if held.problem is not None:
        problems.append(held.problem)
    nodes = inventory.nodes
    return {
        "schemaVersion": SCHEMA_VERSION,
        "mode": options.mode.value,
        "simulated": options.is_simulated,
        "startedAt": _time(started),
        "epc": _epc(inventory, options, offers, held),
        "driver": None
        if driver is None
        else {"kind": driver.kind.value, "version": driver.version},
        "device": {
            "layout": None if nodes.layout is None else nodes.layout.value,
            "enclave": None if nodes.enclave is None else nodes.enclave.host_path,
            "provision": None if nodes.provision is None else nodes.provision.host_path,
            "problems": list(device_problems),
        },
        "resources": [_resource(offer, keepers.get(part), held) for part, offer in offers.items()],
        "pods": None
        if held.pods is None
        else [_pod(one) for one in held.pods if _is_ours(one, offers)],
        "podsAsOf": None if held.at is None else _time(held.at),
        "problems": problems,
    }


def _epc(
    inventory: Inventory, options: OfferOptions, offers: Mapping[str, Offer], held: Held
) -> dict[str, object]:
    reserved = min(options.reserve_mib, inventory.total_mib)
    document: dict[str, object] = {
        "totalBytes": inventory.total_bytes,
        "origin": None if inventory.origin is None else inventory.origin.value,
        "totalMib": inventory.total_mib,
        "reservedMib": reserved,
    }
    if options.mode is Mode.INTEL:
        left = max(0, inventory.total_mib - reserved)
        document["nodeResource"] = {"name": EPC_BYTES_RESOURCE, "bytes": left * 1024 * 1024}
        return document
    plan = offers["epc"].plan
    use = None if held.pods is None else use_of(plan, held.pods)
    return document | {
        "allocatableMib": plan.total,
        "usedMib": None if use is None else use.used,
        "freeMib": None if use is None else use.free,
        "largestFreeMib": None if use is None else use.largest_free,
        "perNode": [
            {
                "node": node,
                "allocatableMib": count,
                "freeMib": None if use is None else use.free_per_node[node],
            }
            for node, count in plan.counts.items()
            if node is not None
        ],
    }


def _resource(offer: Offer, keeper: ResourceKeeper | None, held: Held) -> dict[str, object]:
    plan = offer.plan
    use = None if held.pods is None else use_of(plan, held.pods)
    return {
        "name": plan.resource,
        "state": None if keeper is None else keeper.situation.state.value,
        "healthy": keeper is not None and keeper.situation.has_device,
        "listed": keeper is not None and keeper.is_streaming,
        "socket": None if keeper is None else keeper.endpoint,
        "devices": plan.total,
        "wanted": plan.wanted,
        "topology": plan.has_topology,
        "used": None if use is None else use.used,
        "strange": None if use is None else use.strange,
    }


def _is_ours(one: PodDevices, offers: Mapping[str, Offer]) -> bool:
    return any(offer.plan.resource == one.resource for offer in offers.values())


def _pod(one: PodDevices) -> dict[str, object]:
    return {
        "namespace": one.namespace,
        "pod": one.pod,
        "container": one.container,
        "resource": one.resource,
        "devices": len(one.device_ids),
    }


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
