# SPDX-License-Identifier: Apache-2.0
"""How the stand-in kubelet takes registrations, and what it makes of a list's end."""

import asyncio
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import grpc

from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import (
    DevicePluginOptions,
    Empty,
    RegisterRequest,
)
from confcom.testing.kubelet_clients import (
    PluginClient,
    PluginDevice,
    go_code,
    refusal_of_request,
)
from confcom.testing.kubelet_pods import DeviceBook, Refused


class Misbehaviour(StrEnum):
    """What the stand-in does in place of taking a registration."""

    SLOW = "slow"
    """Takes it after a pause."""
    REFUSE = "refuse"
    """Refuses it."""
    HANG = "hang"
    """Never answers."""
    CUT = "cut"
    """Takes it, and drops the list of devices after the first message."""


class PluginRegistry:
    """Plugins by the names of their resources.

    Args:
        folder: of the plugins' sockets.
        book: gets their lists.
        changed: called when the book changed.
        dial_s: how long a plugin is called back inside of Register, seconds.
        pause_s: how long `Misbehaviour.SLOW` lasts, seconds.
    """

    def __init__(
        self,
        folder: Path,
        book: DeviceBook,
        changed: Callable[[], None],
        *,
        dial_s: float,
        pause_s: float,
    ) -> None:
        self.ends: list[str] = []
        """Why lists of devices ended, so far."""
        self.stopped: dict[str, float] = {}
        """When resources lost their plugins, seconds of `time.monotonic`."""
        self._folder = folder
        self._book = book
        self._changed = changed
        self._dial_s, self._pause_s = dial_s, pause_s
        self._clients: dict[str, PluginClient] = {}
        self._endpoints: dict[str, PluginClient] = {}
        self._everyone: set[PluginClient] = set()
        self._connecting: set[asyncio.Task[str | None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._misbehaviour: Misbehaviour | None = None
        self._times: int | None = None

    def misbehave(self, how: Misbehaviour | None, *, times: int | None = None) -> None:
        """Misbehave from the next registration on, so many times, or until told otherwise."""
        self._misbehaviour, self._times = how, times

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what a server of gRPC serves."""
        register = grpc.unary_unary_rpc_method_handler(
            self._register, RegisterRequest.FromString, Empty.SerializeToString
        )
        return grpc.method_handlers_generic_handler("v1beta1.Registration", {"Register": register})

    def options(self, resource: str) -> DevicePluginOptions:
        """Return what the plugin of a resource has told of itself."""
        client = self._endpoints.get(resource)
        return DevicePluginOptions() if client is None else client.options

    async def ask(
        self, resource: str, method: str, request: bytes, timeout_s: float | None = None
    ) -> bytes:
        """Return what the plugin of a resource answers.

        Raises:
            Refused: there is no answer.
        """
        client = self._endpoints.get(resource)
        if client is None or resource in self.stopped:
            raise Refused(f"endpoint of {resource} has been stopped")
        try:
            return await client.call(method, request, timeout_s)
        except grpc.aio.AioRpcError as exc:
            why = f"rpc error: code = {go_code(exc.code())} desc = {exc.details()}"
            raise Refused(why) from exc

    async def cut_streams(self) -> None:
        """Drop the lists of all plugins, as an error of the connection does."""
        for client in tuple(self._everyone):
            await client.close()

    async def close(self) -> None:
        """Forget all plugins."""
        for connecting in tuple(self._connecting):
            connecting.cancel()
            await asyncio.wait({connecting})
        self._clients.clear()
        self._endpoints.clear()
        for client in tuple(self._everyone):
            self._drop(client)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _register(
        self, request: RegisterRequest, context: grpc.aio.ServicerContext[RegisterRequest, Empty]
    ) -> Empty:
        how = self._next()
        match how:
            case None | Misbehaviour.CUT:
                pass
            case Misbehaviour.SLOW:
                await asyncio.sleep(self._pause_s)
            case Misbehaviour.REFUSE:
                await context.abort(grpc.StatusCode.UNKNOWN, "refused on demand")
            case Misbehaviour.HANG:
                await asyncio.Event().wait()
            case _:
                assert_never(how)
        why = refusal_of_request(request.version, request.resource_name)
        if why is None:
            connecting = asyncio.create_task(
                self._connect(
                    request.resource_name, request.endpoint, is_cut=how is Misbehaviour.CUT
                )
            )
            self._connecting.add(connecting)
            connecting.add_done_callback(self._connecting.discard)
            why = await asyncio.shield(connecting)  # goes on where the plugin waits no longer
        if why is not None:
            await context.abort(grpc.StatusCode.UNKNOWN, why)
        return Empty()

    async def _connect(self, resource: str, endpoint: str, *, is_cut: bool) -> str | None:
        """Call a plugin back and listen to it, or return why not."""
        client = PluginClient(resource, self._folder / endpoint)
        self._everyone.add(client)
        self._clients[resource] = client  # before it is dialled: who was there is forgotten
        try:
            await client.connect(self._dial_s)
        except (TimeoutError, grpc.aio.AioRpcError) as exc:
            self._clients.pop(resource, None)  # whoever it is by now
            self._drop(client)
            if isinstance(exc, TimeoutError):
                return "failed to dial device plugin: context deadline exceeded"
            return f"rpc error: code = {go_code(exc.code())} desc = {exc.details()}"
        self._endpoints[resource] = client
        self.stopped.pop(resource, None)

        def received(devices: Iterable[PluginDevice]) -> None:
            self._book.replace(resource, devices)
            self._changed()
            if is_cut:
                self._drop(client)

        def ended(why: str) -> None:
            self.ends.append(why)
            self._end(resource)
            self._drop(client)

        client.run(received, ended)
        return None

    def _end(self, resource: str) -> None:
        """Take a list's end for that of whoever registered last, if anybody is known."""
        known = self._clients.pop(resource, None)
        if known is not None:
            self._drop(known)
            self._book.lose(resource)
            self.stopped[resource] = time.monotonic()
        self._changed()

    def _drop(self, client: PluginClient) -> None:
        if client not in self._everyone:
            return
        self._everyone.discard(client)
        closing = asyncio.get_running_loop().create_task(client.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _next(self) -> Misbehaviour | None:
        how = self._misbehaviour
        if how is not None and self._times is not None:
            self._times -= 1
            self._misbehaviour = how if self._times else None
        return how
