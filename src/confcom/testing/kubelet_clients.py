# SPDX-License-Identifier: Apache-2.0
"""The stand-in kubelet's connections to plugins: one for each resource name, with its oddities.

It does what the kubelet does up to 1.34: whichever plugin registered last under a name is the one
that an end or a failure of another is taken for.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import (
    Device,
    DevicePluginOptions,
    Empty,
    ListAndWatchResponse,
)

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_VERSIONS: Final = ("v1beta1",)
_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = re.compile(
    rf"(?P<prefix>{_LABEL}(?:\.{_LABEL})*)/[A-Za-z0-9](?:[\w.-]{{0,61}}[A-Za-z0-9])?", re.ASCII
)
_LONGEST_PREFIX: Final = 253
_METHODS: Final = "/v1beta1.DevicePlugin"


def refusal_of_request(version: str, resource: str) -> str | None:
    """Return why the kubelet does not take a registration, or None where it does."""
    if version not in _VERSIONS:
        return f'requested API version "{version}" is not supported by kubelet'
    found = _QUALIFIED.fullmatch(f"requests.{resource}")
    is_extended = (
        found is not None
        and len(found["prefix"]) <= _LONGEST_PREFIX
        and "kubernetes.io/" not in resource
        and not resource.startswith("requests.")
    )
    return None if is_extended else f'the ResourceName "{resource}" is invalid'


def go_code(code: grpc.StatusCode) -> str:
    """Return a status as programs in Go write it: ``InvalidArgument``."""
    if code is grpc.StatusCode.CANCELLED:
        return "Canceled"
    return "".join(word.capitalize() for word in code.name.split("_"))


@dataclass(frozen=True, slots=True)
class PluginDevice:
    """A device as the plugin last told it."""

    identifier: str
    is_healthy: bool
    nodes: tuple[int, ...]

    @classmethod
    def of(cls, device: Device) -> "PluginDevice":
        """Return what a message says."""
        nodes = tuple(node.ID for node in device.topology.nodes)
        return cls(device.ID, device.health == "Healthy", nodes)


class PluginClient:
    """A connection to a plugin's socket."""

    def __init__(self, resource: str, socket: Path) -> None:
        self.resource = resource
        self.socket = socket
        self.options = DevicePluginOptions()
        self._channel = grpc.aio.insecure_channel(
            f"unix:{socket}",
            options=(
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.use_local_subchannel_pool", 1),
            ),
        )
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, timeout_s: float) -> None:
        """Dial, trying again and again, and ask for the plugin's options.

        Raises:
            TimeoutError: nobody listens.
            grpc.aio.AioRpcError: the plugin does not tell its options.
        """
        async with asyncio.timeout(timeout_s):
            await self._channel.channel_ready()
        answer = await self.call("GetDevicePluginOptions", Empty().SerializeToString())
        self.options = DevicePluginOptions.FromString(answer)

    async def call(self, method: str, request: bytes, timeout_s: float | None = None) -> bytes:
        """Call a method; Allocate and GetPreferredAllocation have no limit in time.

        Raises:
            grpc.aio.AioRpcError: as the plugin, or its absence, has it.
        """
        one: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        one = self._channel.unary_unary(f"{_METHODS}/{method}")
        return await one(request, timeout=timeout_s)

    def run(
        self,
        received: Callable[[Iterable[PluginDevice]], None],
        ended: Callable[[str], None],
    ) -> None:
        """Listen to the list of devices in the background."""

        async def read() -> None:
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
            stream = self._channel.unary_stream(f"{_METHODS}/ListAndWatch")
            call = stream(Empty().SerializeToString())
            why = "EOF"
            try:
                async for data in call:
                    message = ListAndWatchResponse.FromString(data)
                    received(PluginDevice.of(device) for device in message.devices)
            except grpc.aio.AioRpcError as exc:
                why = f"rpc error: code = {go_code(exc.code())} desc = {exc.details()}"
            except asyncio.CancelledError:
                why = "rpc error: code = Canceled desc = the connection is closing"
            ended(why)

        self._reading = asyncio.create_task(read())

    async def close(self) -> None:
        """Close the connection, and with it the list."""
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._channel.close()
