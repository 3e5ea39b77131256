# SPDX-License-Identifier: Apache-2.0
"""What a device plugin needs of the kubelet's side, without a word of gRPC.

The modules beside keep these promises:

* ``plugin_server.PluginServer(folder, resource, *, devices, allocate, prefer)``: `Serving`
* ``registration.register``: `Registering`
* ``watching.FolderWatch(folder, *, poll_s=5.0)``: `Watching`
* ``pod_resources.PodResourcesClient(socket, *, timeout_s=10.0)``: `ListingPods`

`Allocate` and `Prefer` raise `ConfcomError` for what cannot be granted; the kubelet is told its
message, and it fails the pod with it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from confcom.epc.allocation import ContainerAnswer
from confcom.epc.resources import DevicePlan

PLUGIN_FOLDER: Final = Path("/var/lib/kubelet/device-plugins")
"""Where plugins have their sockets; the kubelet removes all of them when it starts."""
KUBELET_SOCKET: Final = "kubelet.sock"
"""Name of the kubelet's own socket in that folder."""
POD_RESOURCES_SOCKET: Final = Path("/var/lib/kubelet/pod-resources/kubelet.sock")
REGISTER_TIMEOUT_S: Final = 12.0
"""More than the 10 s that the kubelet takes to give up on a socket."""

Allocate = Callable[[Sequence[Sequence[str]]], Sequence[ContainerAnswer]]
"""Gets the device ids of each container, and returns an answer for each, from memory."""
Prefer = Callable[[Sequence[str], Sequence[str], int], Sequence[str]]
"""Gets available ids, ids that must be included and how many, and returns the ids to take."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as it is registered.

    Attributes:
        name: such as ``kubernetes.azure.com/sgx_epc_mem_in_MiB``.
        wants_preference: whether the kubelet is to ask which devices to take.
    """

    name: str
    wants_preference: bool


@dataclass(frozen=True, slots=True)
class DeviceList:
    """All devices of a resource; they are healthy together or not at all."""

    plan: DevicePlan
    is_healthy: bool


@dataclass(frozen=True, slots=True)
class PodDevices:
    """Devices of one resource that a container holds; distinct ids."""

    namespace: str
    pod: str
    container: str
    resource: str
    device_ids: frozenset[str]


class Serving(Protocol):
    """A plugin's server on a socket of its own; an async context manager.

    Entering binds a new uniquely named socket in the folder. Leaving ends the streams and removes
    the socket file if it is still ours.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    @property
    def endpoint(self) -> str:
        """File name of the socket, as `Registering` tells it."""

    @property
    def is_bound(self) -> bool:
        """Whether the socket file is still there and ours; if not: leave, and enter another."""

    @property
    def is_streaming(self) -> bool:
        """Whether the kubelet listens to the list of devices."""

    @property
    def list_sent_at(self) -> float | None:
        """When the latest list was handed over, seconds of `time.monotonic`; None for never."""

    @property
    def stream_ended(self) -> asyncio.Event:
        """Set when a stream of the list ended and we did not stop it; the caller clears it.

        The kubelet takes all devices for lost then, even where another stream is open.
        """

    def update(self, devices: DeviceList) -> None:
        """Send another list to whoever listens."""

    async def farewell(self) -> None:
        """Say that all devices are unhealthy, and end the streams; `stream_ended` stays unset."""


class Registering(Protocol):
    """Makes the kubelet know a plugin that listens already."""

    async def __call__(
        self,
        kubelet_socket: Path,
        *,
        endpoint: str,
        resource: Resource,
        timeout_s: float = REGISTER_TIMEOUT_S,
    ) -> None:
        """Register, and return when the kubelet has accepted.

        After any failure register again: the kubelet may have lost sight of an older registration.

        Raises:
            UnavailableError: nobody listens or answers in time, or our socket file is gone from
                beside the kubelet's: bind again (``kubelet_unavailable``); or the kubelet
                refuses, in its words (``kubelet_refused``).
        """


class Watching(Protocol):
    """Looks at the folder of the plugins' sockets; an async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    def follow(self, endpoint: str) -> None:
        """Take this file for our socket from now on; it is there."""

    async def changed(self) -> None:
        """Return when ``kubelet.sock`` appeared, changed or went, or our socket vanished.

        What happened since the context was entered, or since the last call returned, counts.
        """


class ListingPods(Protocol):
    """Asks the kubelet who holds devices."""

    async def list(self) -> tuple[PodDevices, ...]:
        """Return what containers hold, in the order of namespace, pod, container and resource.

        Raises:
            UnavailableError: nobody listens or answers in time (``kubelet_unavailable``), or the
                kubelet refuses, such as for too many calls (``kubelet_refused``).
        """
