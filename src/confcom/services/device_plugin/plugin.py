# SPDX-License-Identifier: Apache-2.0
"""The device plugin: one daemon for each SGX node, by which the kubelet knows enclave memory."""

import asyncio
import gc
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from confcom.adapters.kubelet.plugin_server import PluginServer
from confcom.adapters.kubelet.pod_resources import PodResourcesClient
from confcom.adapters.kubelet.ports import DeviceList, Resource, Serving
from confcom.adapters.kubelet.registration import register
from confcom.adapters.kubelet.watching import FolderWatch
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.epc.allocation import ContainerAnswer
from confcom.epc.cpuid import MIB
from confcom.epc.facts import Driver
from confcom.epc.inventory import Inventory
from confcom.errors import ConfcomError, MisconfiguredError, UnavailableError
from confcom.reasons import Reason
from confcom.runtime import device_plugin_metric_table as table
from confcom.runtime.health import HealthServer, Probes
from confcom.runtime.lifecycle import Notifier, stop_signals
from confcom.services.device_plugin.accounting import use_of
from confcom.services.device_plugin.device_health import problem_of
from confcom.services.device_plugin.keeper import KeeperParts, ResourceKeeper
from confcom.services.device_plugin.offers import CDI_KIND, Offer, OfferOptions, offers_of
from confcom.services.device_plugin.records import PluginRecords
from confcom.services.device_plugin.recovery import Event, State
from confcom.services.device_plugin.status import Held, status_document

_LOOK_S: Final = 0.5
"""How often device nodes are looked at, seconds."""
_READ_EVERY: Final = 10
"""Looks between two readings of a node that has no device node."""
_SOON_S: Final = 1.0
"""When the kubelet is asked for pods after an allocation, seconds."""
_LATEST_S: Final = 60.0
_JUMP_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginOptions:
    """How the daemon runs.

    Attributes:
        offers: what is offered.
        read_node: tells what the node has, and whose driver; may block for a moment.
        kubelet_folder: of the plugins' sockets.
        pod_resources: the kubelet's socket that tells of pods, or None.
        dev: where ``/dev`` of the host is.
        sys: where ``/sys`` of the host is.
        cdi_folder: where the container runtime looks for files, or None without CDI.
        drain_s: how long saying farewell may take, seconds.
        health: host and port of probes and metrics, or None.
        status: UNIX socket with the same and the status document, or None.
    """

    offers: OfferOptions
    read_node: Callable[[], tuple[Inventory, Driver | None]]
    kubelet_folder: Path
    pod_resources: Path | None = None
    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    cdi_folder: Path | None = None
    drain_s: float = 5.0
    health: tuple[str, int] | None = None
    status: SocketFile | None = None


def run(options: PluginOptions, records: PluginRecords) -> None:
    """Serve until a signal to stop.

    Args:
        options: how.
        records: what is written down.

    Raises:
        MisconfiguredError: a socket or a folder cannot be used (``settings_invalid``).
    """
    asyncio.run(_Plugin(options, records).serve())


class _Plugin:
    """The daemon while it runs."""

    def __init__(self, options: PluginOptions, records: PluginRecords) -> None:
        self._options = options
        self._records = records
        self._started = datetime.now(UTC)
        self._inventory, self._driver = options.read_node()
        self._offers: dict[str, Offer] = {}
        self._keepers: dict[str, ResourceKeeper] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._lost: dict[str, str] = {}
        self._held = Held()
        self._was_asked = asyncio.Event()
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Serve until a signal to stop."""
        log, notifier = self._records.log, Notifier(os.environ)
        if notifier.problem is not None:
            log.warning("watchdog.ignored", why=notifier.problem)
        async with AsyncExitStack() as stack:
            self._stopping = await stack.enter_async_context(stop_signals())
            self._make_folder()
            await stack.enter_async_context(self._probes())
            async with asyncio.TaskGroup() as group:
                self._adopt(self._inventory, group)
                others = [group.create_task(self._look(group))]
                if self._options.pod_resources is not None:
                    asking = PodResourcesClient(self._options.pod_resources)
                    others.append(group.create_task(self._account(asking)))
                self._tell_start()
                gc.collect()
                gc.freeze()  # what is there now stays: no collection need look at it again
                notifier.tell("READY=1")
                async with notifier.watchdog():
                    await self._stopping.wait()
                notifier.tell("STOPPING=1")
                log.info("device_plugin.stopping")
                for one in others:
                    one.cancel()
                await self._drain()
        log.info("device_plugin.stopped")

    def _tell_start(self) -> None:
        inventory = self._inventory
        self._records.log.info(
            "device_plugin.started",
            mode=self._options.offers.mode.value,
            resources=[offer.plan.resource for offer in self._offers.values()],
            epc_mib=inventory.total_mib,
            origin=None if inventory.origin is None else inventory.origin.value,
        )
        problems = [*inventory.problems]
        for offer in self._offers.values():
            problems += offer.plan.problems
        for why in problems:
            self._records.log.warning("node.problem_found", why=why)

    async def _drain(self) -> None:
        for keeper in self._keepers.values():
            keeper.post(Event.STOP)
        _, late = await asyncio.wait(self._running, timeout=self._options.drain_s)
        for task in late:
            task.cancel()

    def _make_folder(self) -> None:
        """Make the folder of the quote helper's socket: a mount of what is absent fails later."""
        folder = self._options.offers.aesm_folder
        if folder is None:
            return
        try:
            Path(folder).mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as exc:
            raise MisconfiguredError(
                Reason.SETTINGS_INVALID,
                f"cannot make folder {folder}: {exc.strerror}",
                hint="name another with --aesm-folder, or leave it out with --no-aesm-mount",
            ) from exc

    def _adopt(self, inventory: Inventory, group: asyncio.TaskGroup) -> None:
        """Offer what the node has."""
        options = self._options
        self._inventory = inventory
        for offer in offers_of(inventory, options.offers):
            self._offers[offer.part] = offer
            self._look_at(offer)
            keeper = self._keepers.get(offer.part)
            if keeper is None:
                self._keepers[offer.part] = keeper = self._keeper(offer)
                self._running.add(group.create_task(keeper.run()))
            else:
                keeper.offer(offer.plan)
        if options.cdi_folder is not None:
            from confcom.adapters.kubelet.cdi import write_spec  # noqa: PLC0415 - where it is used

            nodes = {
                "provision" if part == "provision" else "enclave": offer.rules.node
                for part, offer in self._offers.items()
                if offer.rules is not None
            }
            if nodes:
                write_spec(options.cdi_folder, CDI_KIND, nodes)
        self._records.take_stock(inventory, options.offers, tuple(self._offers.values()))

    def _keeper(self, offer: Offer) -> ResourceKeeper:
        part, folder = offer.part, self._options.kubelet_folder
        resource = Resource(offer.plan.resource, wants_preference=offer.plan.has_topology)

        def serve(devices: DeviceList) -> Serving:
            return PluginServer(
                folder,
                resource,
                devices=devices,
                allocate=lambda wishes: self._allocate(part, wishes),
                prefer=lambda *wish: self._offers[part].prefer(*wish),
            )

        parts = KeeperParts(
            folder=folder,
            serve=serve,
            register=register,
            watch=FolderWatch(folder),
            tell=self._records.changed,
        )
        return ResourceKeeper(resource, offer.plan, parts, has_device=part not in self._lost)

    def _allocate(self, part: str, wishes: Sequence[Sequence[str]]) -> Sequence[ContainerAnswer]:
        offer = self._offers[part]
        try:
            answers = offer.allocate(wishes)
        except ConfcomError as exc:
            self._records.refused(offer, exc.reason.value, exc.message)
            raise
        self._records.allocated(offer, wishes)
        self._was_asked.set()
        return answers

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Look at the device nodes and the clock again and again."""
        offset, looks = time.time() - time.monotonic(), 0
        while True:
            await asyncio.sleep(_LOOK_S)
            looks += 1
            for part, offer in self._offers.items():
                was_lost = part in self._lost
                self._look_at(offer)
                if was_lost != (part in self._lost):
                    event = Event.DEVICE_BACK if was_lost else Event.DEVICE_LOST
                    self._keepers[part].post(event, self._lost.get(part))
                self._keepers[part].look()
            if self._lost and looks % _READ_EVERY == 0:
                await self._read_again(group)
            jump_s = time.time() - time.monotonic() - offset
            if abs(jump_s) > _JUMP_S:  # all waits are by the clock that does not jump
                offset += jump_s
                self._records.log.warning("clock.jumped", seconds=round(jump_s))
                for keeper in self._keepers.values():
                    keeper.post(Event.CLOCK_JUMPED)

    def _look_at(self, offer: Offer) -> None:
        if offer.rules is None:
            why: str | None = "this node has no device node of SGX"
        else:
            why = problem_of(offer.rules.node, dev=self._options.dev, sys=self._options.sys)
        if why is None:
            self._lost.pop(offer.part, None)
        else:
            self._lost[offer.part] = why

    async def _read_again(self, group: asyncio.TaskGroup) -> None:
        """Take nodes that have come to another path than before, or where there were none."""
        inventory, self._driver = await asyncio.to_thread(self._options.read_node)
        for offer in offers_of(inventory, self._options.offers):
            old = self._offers.get(offer.part)
            if offer.rules is None or (
                old is not None
                and old.rules is not None
                and old.rules.node.host_path == offer.rules.node.host_path
            ):
                return
        self._records.log.info("node.changed", layout=inventory.nodes.layout)
        lost = set(self._lost)
        self._adopt(inventory, group)
        for part in lost.difference(self._lost):
            self._keepers[part].post(Event.DEVICE_BACK)

    async def _account(self, asking: PodResourcesClient) -> None:
        """Ask who holds what: soon after an allocation, else now and then."""
        while True:
            try:
                self._held = Held(pods=await asking.list(), at=datetime.now(UTC))
            except UnavailableError as exc:
                if exc.message != self._held.problem:
                    self._records.log.warning("pods.unknown", why=exc.message)
                self._held = Held(pods=self._held.pods, at=self._held.at, problem=exc.message)
            try:
                async with asyncio.timeout(_LATEST_S):
                    await self._was_asked.wait()
            except TimeoutError:
                continue
            self._was_asked.clear()
            await asyncio.sleep(_SOON_S)

    @asynccontextmanager
    async def _probes(self) -> AsyncIterator[None]:
        """Answer probes at the places that are asked for."""
        options, ready = self._options, {"resources": self._problem}
        async with AsyncExitStack() as stack:
            if options.health is not None:
                probes = Probes(ready, self._metrics)
                await stack.enter_async_context(HealthServer(options.health, probes))
            if options.status is not None:
                listening = options.status.listen(8)
                stack.callback(options.status.remove)
                probes = Probes(ready, self._metrics, self._status)
                await stack.enter_async_context(HealthServer(listening, probes))
            yield

    def _problem(self) -> str | None:
        """Return why the kubelet cannot give out what we offer, or None."""
        if self._stopping.is_set():
            return "stopping"
        for part, keeper in self._keepers.items():
            why = self._lost.get(part) or keeper.problem
            if why is None and not keeper.is_streaming:
                why = "the kubelet does not listen"
            if why is not None:
                return f"{keeper.resource.name}: {why}"
        return None

    def _metrics(self) -> bytes:
        metrics = self._records.metrics
        metrics.set(table.READY, value=self._problem() is None)
        for part, offer in self._offers.items():
            is_healthy = self._keepers[part].situation.state is State.SERVING
            total = offer.plan.total
            metrics.set(table.DEVICES, part, "healthy", value=total if is_healthy else 0)
            metrics.set(table.DEVICES, part, "unhealthy", value=0 if is_healthy else total)
            if part == "epc" and self._held.pods is not None:
                used = use_of(offer.plan, self._held.pods).used
                metrics.set(table.EPC, "used", value=used * MIB)
        return metrics.text()

    def _status(self) -> bytes:
        document = status_document(
            self._inventory,
            self._driver,
            self._options.offers,
            self._offers,
            self._keepers,
            device_problems=tuple(self._lost.values()),
            held=self._held,
            started=self._started,
        )
        problem = self._problem()
        document |= {"ready": problem is None, "problem": problem}
        return json.dumps(document, indent=2).encode() + b"\n"
