# SPDX-License-Identifier: Apache-2.0
"""Keeps one resource known to the kubelet: carries out what `recovery` decides."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Final

from confcom.adapters.kubelet.ports import (
    KUBELET_SOCKET,
    REGISTER_TIMEOUT_S,
    DeviceList,
    Registering,
    Resource,
    Serving,
    Watching,
)
from confcom.epc.resources import DevicePlan
from confcom.errors import ConfcomError, UnavailableError
from confcom.reasons import Reason
from confcom.services.device_plugin.recovery import (
    CONFIRM_S,
    Action,
    Backoff,
    Event,
    Situation,
    State,
    begin,
    step,
)

_UNHEARD_S: Final = 3.0
"""How long a kubelet that accepted us may leave us without a stream, seconds."""
_FAREWELL_S: Final = 2.0
_STREAMED: Final = {State.SERVING, State.DEVICE_LOST}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperParts:
    """What a keeper works with.

    Attributes:
        folder: of the plugins' sockets.
        serve: makes a server for a list of devices; entering it binds a socket.
        register: makes the kubelet know it.
        watch: looks at the folder.
        tell: told each event that changes something, and why, or None.
        backoff: how long to wait between attempts.
        chance: from 0 to 1.
    """

    folder: Path
    serve: Callable[[DeviceList], Serving]
    register: Registering
    watch: Watching
    tell: Callable[["ResourceKeeper", Event, str | None], None]
    backoff: Backoff = field(default_factory=Backoff)
    chance: Callable[[], float] = SystemRandom().random


class ResourceKeeper:
    """One resource while the daemon runs.

    Args:
        resource: as it is registered.
        plan: its devices.
        parts: what to work with.
        has_device: whether the device can be used now.
    """

    def __init__(
        self, resource: Resource, plan: DevicePlan, parts: KeeperParts, *, has_device: bool
    ) -> None:
        self.resource = resource
        self.plan = plan
        self.situation = Situation(has_device=has_device)
        self.problem: str | None = "not registered yet"
        """Why the kubelet does not know the devices, or None."""
        self._parts = parts
        self._events: asyncio.Queue[tuple[Event, str | None]] = asyncio.Queue()
        self._server: Serving | None = None
        self._call: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._confirm: asyncio.TimerHandle | None = None
        self._unheard_since: float | None = None
        self._group: asyncio.TaskGroup | None = None

    @property
    def endpoint(self) -> str | None:
        """File name of the socket, or None while there is none."""
        return None if self._server is None else self._server.endpoint

    @property
    def is_streaming(self) -> bool:
        """Whether the kubelet listens to the list of devices."""
        return self._server is not None and self._server.is_streaming

    @property
    def list_sent_at(self) -> float | None:
        """When the list was last handed over, seconds of `time.monotonic`; None for never."""
        return None if self._server is None else self._server.list_sent_at

    def post(self, event: Event, why: str | None = None) -> None:
        """Say that something happened."""
        self._events.put_nowait((event, why))

    def offer(self, plan: DevicePlan) -> None:
        """Offer other devices from now on."""
        if plan != self.plan:
            self.plan = plan
            self._send()

    def look(self) -> None:
        """Look whether all is as it was; what no event told comes to light here."""
        if self._server is None or self.situation.state not in _STREAMED:
            self._unheard_since = None
            return
        if not self._server.is_bound:
            self.post(Event.SOCKET_GONE)
        if self._server.is_streaming:
            self._unheard_since = None
            return
        now = time.monotonic()
        if self._unheard_since is None:
            self._unheard_since = now
        elif now - self._unheard_since > _UNHEARD_S:
            self._unheard_since = None
            self.post(Event.STREAM_ENDED, "the kubelet does not listen")

    async def run(self) -> None:
        """Keep the resource known until `Event.STOP`."""
        async with asyncio.TaskGroup() as group, self._parts.watch:
            self._group = group
            watching = group.create_task(self._watch())
            try:
                self.situation, actions = begin(has_device=self.situation.has_device)
                await self._act(actions)
                while self.situation.state is not State.DRAINING:
                    await self._take(*await self._events.get())
            finally:
                watching.cancel()
                self._forget_timers()
                self._cut()
                await self._leave()

    async def _take(self, event: Event, why: str | None) -> None:
        before = self.situation
        self.situation, actions = step(before, event)
        if self.situation.state in _STREAMED:
            self.problem = None
        elif why is not None or self.problem is None:
            self.problem = why or event.value
        if actions or self.situation != before:
            self._parts.tell(self, event, why)
        await self._act(actions)

    async def _act(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Action.BIND:
                    await self._bind()
                case Action.REGISTER:
                    self._register()
                case Action.WAIT:
                    self._wait()
                case Action.CONFIRM:
                    self._confirm_later()
                case Action.SEND_HEALTHY | Action.SEND_UNHEALTHY:
                    self._send()
                case Action.FAREWELL:
                    self._cut()
                    await self._leave()

    async def _bind(self) -> None:
        self._cut()
        await self._leave()
        server = self._parts.serve(self._list())
        try:
            await server.__aenter__()
        except OSError as exc:
            self.post(Event.BIND_FAILED, exc.strerror or str(exc))
            return
        except ConfcomError as exc:
            self.post(Event.BIND_FAILED, exc.message)
            return
        self._server = server
        self._parts.watch.follow(server.endpoint)
        self._listening = self._task(self._listen(server))
        self.post(Event.BOUND)

    async def _leave(self) -> None:
        """Say farewell on the socket, and leave it."""
        server, self._server = self._server, None
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        if server is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                if server.is_streaming:
                    await server.farewell()
        await server.__aexit__(None, None, None)

    def _register(self) -> None:
        self._cut()
        if self._server is None or not self._server.is_bound:
            self.post(Event.SOCKET_GONE)
            return
        self._call = self._task(self._ask(self._server))

    async def _ask(self, server: Serving) -> None:
        began = time.monotonic()
        try:
            await self._parts.register(
                self._parts.folder / KUBELET_SOCKET,
                endpoint=server.endpoint,
                resource=self.resource,
                timeout_s=REGISTER_TIMEOUT_S,
            )
        except UnavailableError as exc:
            if not server.is_bound:
                self.post(Event.SOCKET_GONE, exc.message)
            elif exc.reason is Reason.KUBELET_REFUSED:
                self.post(Event.KUBELET_REFUSED, exc.message)
            elif time.monotonic() - began >= REGISTER_TIMEOUT_S:
                self.post(Event.KUBELET_SLOW, exc.message)
            else:
                self.post(Event.KUBELET_ABSENT, exc.message)
        else:
            self.post(Event.REGISTERED)

    async def _listen(self, server: Serving) -> None:
        while True:
            await server.stream_ended.wait()
            server.stream_ended.clear()
            self.post(Event.STREAM_ENDED)

    async def _watch(self) -> None:
        while True:
            await self._parts.watch.changed()
            is_there = (self._parts.folder / KUBELET_SOCKET).exists()
            if self._server is not None and not self._server.is_bound:
                self.post(Event.SOCKET_GONE)
            elif is_there and not self.is_streaming:
                self.post(Event.KUBELET_RETURNED)

    def _wait(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        delay_s = self._parts.backoff.delay_s(self.situation.failures, self._parts.chance())
        self._retry = asyncio.get_running_loop().call_later(delay_s, self.post, Event.RETRY_DUE)

    def _confirm_later(self) -> None:
        if self._confirm is not None:
            self._confirm.cancel()
        self._confirm = asyncio.get_running_loop().call_later(
            CONFIRM_S, self.post, Event.CONFIRM_DUE
        )

    def _forget_timers(self) -> None:
        for timer in (self._retry, self._confirm):
            if timer is not None:
                timer.cancel()

    def _cut(self) -> None:
        """End the call that is under way, and the wait for the next."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _send(self) -> None:
        if self._server is not None:
            self._server.update(self._list())

    def _list(self) -> DeviceList:
        return DeviceList(self.plan, is_healthy=self.situation.has_device)

    def _task(self, work: "asyncio._CoroutineLike[None]") -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("ResourceKeeper is used outside its run")
        return self._group.create_task(work)
