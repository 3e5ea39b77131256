# SPDX-License-Identifier: Apache-2.0
"""Serves the device plugin API on a UNIX socket of its own, from memory alone.

The kubelet waits for an answer to Allocate without end and does nothing else meanwhile, so nothing
here waits for anybody.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Self

import grpc

from confcom.adapters.kubelet.convert import DEVICE_PLUGIN, allocate_message, list_pieces
from confcom.adapters.kubelet.failures import status_of
from confcom.adapters.kubelet.ports import Allocate, DeviceList, Prefer, Resource
from confcom.errors import ConfcomError, MisconfiguredError, UnavailableError
from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import (
    AllocateRequest,
    AllocateResponse,
    ContainerPreferredAllocationResponse,
    DevicePluginOptions,
    Empty,
    PreferredAllocationRequest,
    PreferredAllocationResponse,
    PreStartContainerRequest,
    PreStartContainerResponse,
)
from confcom.reasons import Reason

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),  # all ids of a large node come with one request
    ("grpc.so_reuseport", 0),
)
_FAREWELL_S: Final = 5.0
_NAME_CHARACTERS: Final = 24
_LONGEST_PATH: Final = 107  # sun_path holds 108 bytes, the last of them NUL


class PluginServer:
    """A plugin of one resource; see `ports.Serving`.

    Args:
        folder: of ``kubelet.sock``; the socket is made there under a name that nobody had.
        resource: what is offered.
        devices: told to the kubelet first.
        allocate: answers from memory.
        prefer: answers from memory.
    """

    def __init__(
        self,
        folder: Path,
        resource: Resource,
        *,
        devices: DeviceList,
        allocate: Allocate,
        prefer: Prefer,
    ) -> None:
        short = resource.name.rpartition("/")[2][:_NAME_CHARACTERS]
        self._path = folder / f"confcom-{short}-{secrets.token_hex(4)}.sock"
        self._resource = resource
        self._allocate = allocate
        self._prefer = prefer
        self._list = _EncodedList(devices)
        self._streams: set[asyncio.Event] = set()
        self._no_streams = asyncio.Event()
        self._no_streams.set()
        self._is_leaving = False
        self._identity: tuple[int, int] | None = None
        self._server: grpc.aio.Server | None = None
        self._sent_at: float | None = None
        self.stream_ended = asyncio.Event()
        """Set when a stream of the list ended and we did not stop it; the caller clears it."""

    async def __aenter__(self) -> Self:
        """Bind and serve.

        Raises:
            MisconfiguredError: the path is too long for a socket (``settings_invalid``).
            UnavailableError: the folder takes no socket (``kubelet_unavailable``).
        """
        await self._list.latest()
        self._server = server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((self._handlers(),))
        self._bind(server)
        await server.start()
        found = os.lstat(self._path)
        self._identity = found.st_dev, found.st_ino
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._is_leaving = True
        is_ours = self.is_bound
        if self._server is not None:
            await self._server.stop(None)
        if is_ours:
            self._path.unlink(missing_ok=True)

    @property
    def endpoint(self) -> str:
        """File name of the socket."""
        return self._path.name

    @property
    def is_bound(self) -> bool:
        """Whether the socket file is still there and ours.

        As long as the socket is open, no other file gets its device and number.
        """
        try:
            found = os.lstat(self._path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    @property
    def is_streaming(self) -> bool:
        """Whether the kubelet listens to the list of devices."""
        return bool(self._streams)

    @property
    def list_sent_at(self) -> float | None:
        """When the latest list was handed over, seconds of `time.monotonic`; None for never."""
        return self._sent_at

    def update(self, devices: DeviceList) -> None:
        """Send another list to whoever listens."""
        self._list.replace(devices)
        for changed in self._streams:
            changed.set()

    async def farewell(self) -> None:
        """Say that all devices are unhealthy, and end the streams; `stream_ended` stays unset.

        A kubelet that had lost sight of us would otherwise count on the devices for ever. One that
        does not read is left after some seconds.
        """
        self._is_leaving = True
        self.update(DeviceList(self._list.devices.plan, is_healthy=False))
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._no_streams.wait()
        except TimeoutError:
            return

    def _bind(self, server: grpc.aio.Server) -> None:
        if len(os.fsencode(self._path)) > _LONGEST_PATH:
            raise MisconfiguredError(
                Reason.SETTINGS_INVALID,
                f"cannot listen on {self._path}: the path is longer than {_LONGEST_PATH} bytes",
            )
        try:
            if self._path.parent.is_dir():  # gRPC writes of its own failures to standard error
                server.add_insecure_port(f"unix:{self._path}")
                return
            why = "there is no such folder"
        except RuntimeError as exc:
            why = str(exc)
        raise UnavailableError(
            Reason.KUBELET_UNAVAILABLE,
            f"cannot listen on {self._path}: {why}",
            hint="look whether the kubelet runs and its folder device-plugins is mounted here",
        )

    def _handlers(self) -> grpc.GenericRpcHandler:
        one = grpc.unary_unary_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            DEVICE_PLUGIN,
            {
                "GetDevicePluginOptions": one(
                    self._answer_options, Empty.FromString, DevicePluginOptions.SerializeToString
                ),
                "ListAndWatch": grpc.unary_stream_rpc_method_handler(
                    self._answer_list, Empty.FromString
                ),
                "GetPreferredAllocation": one(
                    self._answer_preference,
                    PreferredAllocationRequest.FromString,
                    PreferredAllocationResponse.SerializeToString,
                ),
                "Allocate": one(
                    self._answer_allocate,
                    AllocateRequest.FromString,
                    AllocateResponse.SerializeToString,
                ),
                "PreStartContainer": one(
                    self._answer_start,
                    PreStartContainerRequest.FromString,
                    PreStartContainerResponse.SerializeToString,
                ),
            },
        )

    async def _answer_options(
        self, _: Empty, __: grpc.aio.ServicerContext[Empty, DevicePluginOptions]
    ) -> DevicePluginOptions:
        wants = self._resource.wants_preference
        return DevicePluginOptions(get_preferred_allocation_available=wants)

    async def _answer_list(
        self, _: Empty, context: grpc.aio.ServicerContext[Empty, bytes]
    ) -> AsyncIterator[bytes]:
        changed = asyncio.Event()
        self._streams.add(changed)
        self._no_streams.clear()
        # A generator that is dropped does not always reach its end; this is always called.
        context.add_done_callback(
            lambda _: self._forget(changed)  # type: ignore[arg-type]  # declared as a class
        )
        while True:
            is_last = self._is_leaving
            changed.clear()
            yield await self._list.latest()
            self._sent_at = time.monotonic()
            if is_last:
                return
            await changed.wait()

    def _forget(self, changed: asyncio.Event) -> None:
        self._streams.discard(changed)
        if not self._streams:
            self._no_streams.set()
        if not self._is_leaving:
            self.stream_ended.set()

    async def _answer_preference(
        self,
        request: PreferredAllocationRequest,
        context: grpc.aio.ServicerContext[PreferredAllocationRequest, PreferredAllocationResponse],
    ) -> PreferredAllocationResponse:
        response = PreferredAllocationResponse()
        try:
            for wish in request.container_requests:
                taken = self._prefer(
                    wish.available_deviceIDs, wish.must_include_deviceIDs, wish.allocation_size
                )
                chosen = ContainerPreferredAllocationResponse(deviceIDs=taken)
                response.container_responses.append(chosen)
        except ConfcomError as exc:
            await context.abort(status_of(exc), exc.message)
        return response

    async def _answer_allocate(
        self,
        request: AllocateRequest,
        context: grpc.aio.ServicerContext[AllocateRequest, AllocateResponse],
    ) -> AllocateResponse:
        try:
            wishes = [container.devices_ids for container in request.container_requests]
            return allocate_message(self._allocate(wishes))
        except ConfcomError as exc:
            await context.abort(status_of(exc), exc.message)

    async def _answer_start(
        self,
        _: PreStartContainerRequest,
        __: grpc.aio.ServicerContext[PreStartContainerRequest, PreStartContainerResponse],
    ) -> PreStartContainerResponse:
        return PreStartContainerResponse()


class _EncodedList:
    """The list as bytes, made once for all streams, with others served in between."""

    def __init__(self, devices: DeviceList) -> None:
        self.devices = devices
        self._encoded_of: DeviceList | None = None
        self._encoded = b""
        self._one = asyncio.Lock()

    def replace(self, devices: DeviceList) -> None:
        self.devices = devices

    async def latest(self) -> bytes:
        async with self._one:
            while self._encoded_of is not self.devices:
                devices = self.devices
                pieces = bytearray()
                for piece in list_pieces(devices):
                    pieces += piece
                    await asyncio.sleep(0)
                self._encoded_of, self._encoded = devices, bytes(pieces)
            return self._encoded
