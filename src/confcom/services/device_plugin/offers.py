# SPDX-License-Identifier: Apache-2.0
"""Which resources a node offers, and what a container is given with each; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from confcom.epc.allocation import AESM_FOLDER, AllocationRules, ContainerAnswer, answer_for, prefer
from confcom.epc.device_nodes import DeviceNode
from confcom.epc.inventory import Inventory
from confcom.epc.resources import (
    ENCLAVE_RESOURCE,
    MIB_RESOURCE,
    PROVISION_RESOURCE,
    DevicePlan,
    Mode,
    device_id,
    device_index,
    plan_mib_devices,
)
from confcom.errors import MalformedError
from confcom.reasons import Reason

CDI_KIND: Final = "confcom.io/sgx"
ANNOTATION: Final = "confcom.io/sgx-epc-mib"
"""Says a runtime's plugin (NRI) how many MiB a container asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferOptions:
    """What is offered, and how.

    Attributes:
        mode: how EPC is accounted for.
        resource: name of the resource in mode ``mib-devices``.
        reserve_mib: kept for enclaves outside of Kubernetes.
        wants_topology: whether the kubelet is told NUMA nodes.
        aesm_folder: of the host, mounted read-only into containers; None for none.
        is_out_of_process: whether containers get SGX_AESM_ADDR=1.
        uses_cdi: whether nodes are given by their CDI names.
        enclaves: devices of the enclave resource in mode ``intel``.
        provisions: devices of the provision resource.
        is_simulated: whether another device stands in for that of SGX.
    """

    mode: Mode = Mode.MIB_DEVICES
    resource: str = MIB_RESOURCE
    reserve_mib: int = 0
    wants_topology: bool = False
    aesm_folder: str | None = AESM_FOLDER
    is_out_of_process: bool = False
    uses_cdi: bool = False
    enclaves: int = 110
    provisions: int = 110
    is_simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A resource.

    Attributes:
        part: what it stands for: ``epc``, ``enclave`` or ``provision``.
        plan: its devices.
        rules: what comes with them; None while the node has no device node to give.
    """

    part: str
    plan: DevicePlan
    rules: AllocationRules | None

    def allocate(self, wishes: Sequence[Sequence[str]]) -> tuple[ContainerAnswer, ...]:
        """Answer each container; devices that are given out already are given again.

        Raises:
            MalformedError: a device is none of ours, or there is no device node
                (``device_request``).
        """
        rules = self.rules
        if rules is None:
            raise MalformedError(
                Reason.DEVICE_REQUEST,
                f"cannot give {self.plan.resource}: this node has no device node of SGX",
                hint="see what confcom doctor says of the driver",
            )
        for wish in wishes:
            for identifier in wish:
                self._index(identifier)
        return tuple(answer_for(len(wish), rules) for wish in wishes)

    def prefer(
        self, available: Sequence[str], must_include: Sequence[str], size: int
    ) -> tuple[str, ...]:
        """Return the devices that a container should be given.

        Raises:
            MalformedError: a device is none of ours, or the numbers do not fit
                (``device_request``).
        """
        chosen = prefer(
            [self._index(identifier) for identifier in available],
            frozenset(self._index(identifier) for identifier in must_include),
            size,
            node_of=self.plan.node_of,
        )
        return tuple(device_id(index) for index in chosen)

    def _index(self, identifier: str) -> int:
        index = device_index(identifier)
        if index >= self.plan.total:
            raise MalformedError(
                Reason.DEVICE_REQUEST, f"device {identifier[:40]!a} is none of this plugin's"
            )
        return index


def offers_of(inventory: Inventory, options: OfferOptions) -> tuple[Offer, ...]:
    """Return what a node offers: one resource that accounts for EPC, and provisioning."""
    enclave, provision = inventory.nodes.enclave, inventory.nodes.provision
    if options.mode is Mode.MIB_DEVICES:
        plan = plan_mib_devices(
            inventory.total_mib,
            inventory.mib_per_node,
            resource=options.resource,
            reserve_mib=options.reserve_mib,
            wants_topology=options.wants_topology,
        )
        first = Offer(part="epc", plan=plan, rules=_rules(enclave, "enclave", options, ANNOTATION))
    else:
        count = options.enclaves if inventory.total_bytes else 0
        plan = DevicePlan(resource=ENCLAVE_RESOURCE, counts={None: count}, wanted=count)
        first = Offer(part="enclave", plan=plan, rules=_rules(enclave, "enclave", options))
    if provision is None:
        return (first,)
    count = options.provisions
    plan = DevicePlan(resource=PROVISION_RESOURCE, counts={None: count}, wanted=count)
    return first, Offer(part="provision", plan=plan, rules=_rules(provision, "provision", options))


def _rules(
    node: DeviceNode | None, name: str, options: OfferOptions, annotation: str | None = None
) -> AllocationRules | None:
    if node is None:
        return None
    return AllocationRules(
        node=node,
        aesm_folder=options.aesm_folder,
        is_out_of_process=options.is_out_of_process,
        is_simulated=options.is_simulated,
        annotation=annotation,
        cdi_name=f"{CDI_KIND}={name}" if options.uses_cdi else None,
    )
