# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the kubelet, as device plugins meet it: real UNIX sockets, no pods behind them.

::

    async with StandInKubelet(folder) as kubelet:
        kubelet.misbehave(Misbehaviour.REFUSE, times=1)
        ...  # a plugin registers at kubelet.socket
        admission = await kubelet.admit("pod", [StandInContainer("main", {"a.dev/b": 10})])
        assert admission.message is None

It does what the kubelet of Kubernetes 1.32 to 1.34 does: removes all sockets of the folder when it
starts, and leaves its own when it is killed; checks version and name of a resource; calls the
plugin back inside of Register; takes lists of up to 4,194,304 bytes, each in place of the one
before; loses all devices with the list's end, and the wrong plugin's where two had one name;
forgets whom it has registered where a later registration fails; asks which devices are preferred
and allocates them, with those of init containers taken again; merges what several resources give;
refuses with the kubelet's texts; keeps its checkpoint; tells on a second socket who holds what, 100
times a second at most.

It does not look into plugins_registry, align devices with NUMA nodes (there is no topology
manager), start anything, or write a checksum into its checkpoint. What it holds of pods, it holds
until `remove`.
"""

import asyncio
import contextlib
import os
import random
import secrets
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import grpc

from confcom.testing.kubelet_admission import Admission, Admitter, Call
from confcom.testing.kubelet_pod_resources import PodResourcesService, RateLimit
from confcom.testing.kubelet_pods import DeviceBook, StandInContainer, uid_of
from confcom.testing.kubelet_registry import Misbehaviour, PluginRegistry

__all__ = ["Admission", "Call", "Misbehaviour", "StandInContainer", "StandInKubelet"]

CHECKPOINT: Final = "kubelet_internal_checkpoint"


class StandInKubelet:
    """Serves from entering the context until leaving it.

    Args:
        folder: in place of ``/var/lib/kubelet``; must exist.
        dial_s: how long a plugin is called back inside of Register, seconds.
        pause_s: how long `Misbehaviour.SLOW` lasts, seconds.
        grace_s: how long a resource keeps its capacity after its plugin is gone, seconds.
        chance: orders what the kubelet has no order for; a new one each time unless given.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dial_s: float = 10.0,
        pause_s: float = 0.2,
        grace_s: float = 300.0,
        chance: random.Random | None = None,
    ) -> None:
        self.plugins = folder / "device-plugins"
        self.socket = self.plugins / "kubelet.sock"
        self.pod_resources_socket = folder / "pod-resources" / "kubelet.sock"
        self.checkpoint = self.plugins / CHECKPOINT
        self._folder = folder
        self._grace_s = grace_s
        self._book = DeviceBook(chance or random.SystemRandom())
        self._registry = PluginRegistry(
            self.plugins, self._book, self._changed, dial_s=dial_s, pause_s=pause_s
        )
        self._admitter = Admitter(self._book, self._registry)
        self._pods: dict[tuple[str, str], tuple[str, ...]] = {}
        self._servers: list[grpc.aio.Server] = []
        self._sync_loop = asyncio.Lock()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()
        self.socket.unlink(missing_ok=True)
        self.pod_resources_socket.unlink(missing_ok=True)

    async def start(self) -> None:
        """Start: remove the sockets of all plugins, then listen."""
        for place in (self.socket.parent, self.pod_resources_socket.parent):
            place.mkdir(mode=0o750, exist_ok=True)
        self.wipe_sockets()
        self.pod_resources_socket.unlink(missing_ok=True)
        known = self.checkpoint.read_bytes() if self.checkpoint.exists() else None
        self._book.restart(known)
        self._registry.stopped = dict.fromkeys(self._book.devices, time.monotonic())
        pods = PodResourcesService(self._book, self._pods, RateLimit())
        await self._serve(pods.handlers(), self.pod_resources_socket)
        await self._serve(self._registry.handlers(), self.socket)

    async def stop(self) -> None:
        """Stop, as by SIGTERM or SIGKILL: all sockets stay where they are."""
        for server in self._servers:
            await server.stop(None)
        self._servers.clear()
        await self._registry.close()

    async def restart(self) -> None:
        """Stop and start; pods that run keep what they hold."""
        await self.stop()
        await self.start()

    def misbehave(self, how: Misbehaviour | None, *, times: int | None = None) -> None:
        """Misbehave from the next registration on, so many times, or until told otherwise."""
        self._registry.misbehave(how, times=times)

    async def cut_streams(self) -> None:
        """Drop the lists of all plugins, as an error of the connection does."""
        await self._registry.cut_streams()

    def wipe_sockets(self) -> None:
        """Remove all sockets from the folder of the plugins, that of the kubelet too."""
        for entry in self.plugins.iterdir():
            if stat.S_ISSOCK(entry.lstat().st_mode):
                entry.unlink()

    def capacity(self, resource: str) -> int:
        """Return how many devices a resource has, healthy or not."""
        stopped = self._registry.stopped.get(resource)
        if stopped is not None and time.monotonic() - stopped > self._grace_s:
            return 0
        return len(self._book.devices.get(resource, ()))

    def allocatable(self, resource: str) -> int:
        """Return how many healthy devices a resource has."""
        return len(self._book.healthy(resource)) if self.capacity(resource) else 0

    async def until_listed(
        self, resource: str, *, allocatable: int, timeout_s: float = 10.0
    ) -> None:
        """Return when a resource has so many healthy devices.

        Raises:
            TimeoutError: it has not, in time.
        """
        async with asyncio.timeout(timeout_s):
            while self.allocatable(resource) != allocatable:
                self._news.clear()
                await self._news.wait()

    @property
    def calls(self) -> tuple[Call, ...]:
        """To plugins, so far, as far as they are about pods."""
        return tuple(self._admitter.calls)

    @property
    def ends(self) -> tuple[str, ...]:
        """Why lists of devices ended, so far."""
        return tuple(self._registry.ends)

    async def admit(
        self,
        pod: str,
        containers: Sequence[StandInContainer],
        *,
        init: Sequence[StandInContainer] = (),
        namespace: str = "default",
    ) -> Admission:
        """Allocate what a pod asks for, and say whether it may run.

        One pod after the other, without a limit in time: a plugin that does not answer stops all.
        """
        uid = uid_of(namespace, pod)
        async with self._sync_loop:
            admission = await self._admitter.admit(uid, init, containers)
            if admission.message is not None:
                self._pods.pop((namespace, pod), None)
                return admission
            self._pods[namespace, pod] = tuple(one.name for one in (*init, *containers))
            self._changed()
            await self._admitter.pre_start(uid)
            return admission

    def remove(self, pod: str, *, namespace: str = "default") -> None:
        """Take back what a pod held."""
        self._pods.pop((namespace, pod), None)
        self._book.release(uid_of(namespace, pod))
        self._changed()

    async def _serve(self, handlers: grpc.GenericRpcHandler, socket: Path) -> None:
        """Serve on a socket that stays when the server stops: gRPC removes only its own name."""
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((handlers,))
        own = self._folder / f".{secrets.token_hex(3)}"
        server.add_insecure_port(f"unix:{own}")
        await server.start()
        self._servers.append(server)
        os.link(own, socket)

    def _changed(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # the folder was removed
            self.checkpoint.touch(mode=0o600)
            self.checkpoint.write_bytes(self._book.to_json())
        self._news.set()
