# SPDX-License-Identifier: Apache-2.0
"""What the device plugin writes down: one event for each decision, and totals."""

from collections.abc import Sequence
from typing import Final

import structlog

from confcom.epc.cpuid import MIB
from confcom.epc.inventory import Inventory
from confcom.runtime import device_plugin_metric_table as table
from confcom.runtime.metrics import Metrics
from confcom.services.device_plugin.keeper import ResourceKeeper
from confcom.services.device_plugin.offers import Offer, OfferOptions
from confcom.services.device_plugin.recovery import Event

_ATTEMPTS: Final = {
    Event.REGISTERED: "registered",
    Event.KUBELET_ABSENT: "absent",
    Event.KUBELET_SLOW: "slow",
    Event.KUBELET_REFUSED: "refused",
}
_NAMES: Final = {
    Event.REGISTERED: "resource.registered",
    Event.KUBELET_ABSENT: "resource.register_failed",
    Event.KUBELET_SLOW: "resource.register_failed",
    Event.KUBELET_REFUSED: "resource.register_failed",
    Event.KUBELET_RETURNED: "kubelet.returned",
    Event.BIND_FAILED: "socket.bind_failed",
    Event.SOCKET_GONE: "socket.lost",
    Event.STREAM_ENDED: "stream.ended",
    Event.DEVICE_LOST: "device.lost",
    Event.DEVICE_BACK: "device.returned",
}
_GIVEN: Final = {part: f"{part}.allocated" for part in table.PARTS}
_REFUSED: Final = {part: f"{part}.refused" for part in table.PARTS}
_GOOD: Final = {Event.REGISTERED, Event.KUBELET_RETURNED, Event.DEVICE_BACK}


class PluginRecords:
    """Events and metrics of the device plugin.

    Args:
        log: where events go.
        is_simulated: whether another device stands in for that of SGX; said with every event.
    """

    def __init__(self, log: structlog.stdlib.BoundLogger, *, is_simulated: bool) -> None:
        self.log = log.bind(simulated=is_simulated)
        self.metrics = Metrics(table.DEVICE_PLUGIN)
        self.metrics.set(table.SIMULATED, value=is_simulated)
        self._told: dict[str, tuple[Event, str | None]] = {}

    def allocated(self, offer: Offer, wishes: Sequence[Sequence[str]]) -> None:
        """Write down what containers were given; the kubelet does not say which they are."""
        self.metrics.add(table.ALLOCATIONS, offer.part, "given", amount=len(wishes))
        counts = [len(wish) for wish in wishes]
        self.log.info(_GIVEN[offer.part], resource=offer.plan.resource, devices=counts)

    def refused(self, offer: Offer, reason: str, why: str) -> None:
        """Write down what containers were not given."""
        self.metrics.add(table.ALLOCATIONS, offer.part, "refused")
        self.log.warning(_REFUSED[offer.part], resource=offer.plan.resource, reason=reason, why=why)

    def changed(self, keeper: ResourceKeeper, event: Event, why: str | None) -> None:
        """Write down what happened to a resource; the same failure again is a detail."""
        if event in _ATTEMPTS:
            self.metrics.add(table.REGISTRATIONS, _ATTEMPTS[event])
        if event is Event.STREAM_ENDED:
            self.metrics.add(table.STREAM_ENDS)
        if event is Event.DEVICE_LOST:
            self.metrics.add(table.DEVICE_LOSSES)
        name, resource = _NAMES.get(event), keeper.resource.name
        if name is None:
            return
        is_new = self._told.get(resource) != (event, why)
        self._told[resource] = event, why
        fields = {"resource": resource, "state": keeper.situation.state.value}
        if why is not None:
            fields["why"] = why
        tell = self.log.info if event in _GOOD else self.log.warning
        (tell if is_new or event in _GOOD else self.log.debug)(name, **fields)

    def take_stock(
        self, inventory: Inventory, options: OfferOptions, offers: Sequence[Offer]
    ) -> None:
        """Count what there is."""
        set_epc = self.metrics.set
        set_epc(table.EPC, "total", value=inventory.total_bytes)
        set_epc(table.EPC, "reserved", value=min(options.reserve_mib, inventory.total_mib) * MIB)
        for offer in offers:
            if offer.part == "epc":
                set_epc(table.EPC, "allocatable", value=offer.plan.total * MIB)
