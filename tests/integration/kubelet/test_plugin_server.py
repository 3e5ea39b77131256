# SPDX-License-Identifier: Apache-2.0
"""Our plugin server and a kubelet: what is refused, what is lost and found again, what is given."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import grpc
import pytest
from tests.integration.kubelet.plugin import Plugin, devices, listed, new_kubelet

from confcom.adapters.kubelet.plugin_server import PluginServer
from confcom.adapters.kubelet.ports import Resource
from confcom.adapters.kubelet.registration import register
from confcom.epc.allocation import ContainerAnswer
from confcom.epc.resources import MIB_RESOURCE
from confcom.errors import MisconfiguredError, UnavailableError
from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import (
    AllocateRequest,
    ContainerAllocateRequest,
)
from confcom.reasons import Reason
from confcom.testing.kubelet import Misbehaviour, StandInContainer, StandInKubelet

pytestmark = pytest.mark.timeout(60)
SHORT_S = 5.0


def run(test: Callable[[StandInKubelet], Awaitable[None]], folder: Path) -> None:
    async def with_kubelet() -> None:
        async with asyncio.timeout(30), new_kubelet(folder) as kubelet:
            await test(kubelet)

    asyncio.run(with_kubelet())


async def until(event: asyncio.Event) -> None:
    async with asyncio.timeout(SHORT_S):
        await event.wait()


def one(count: int) -> list[StandInContainer]:
    return [StandInContainer("main", {MIB_RESOURCE: count})]


# --- what is refused ---


def test_kubelet_that_is_not_there_is_unavailable(folder: Path) -> None:
    async def test() -> None:
        async with PluginServer(
            folder,
            Resource("a.dev/b", wants_preference=False),
            devices=devices(1),
            allocate=lambda _: (),
            prefer=lambda *_: (),
        ) as server:
            with pytest.raises(UnavailableError, match="nobody listens there") as caught:
                await register(
                    folder / "kubelet.sock",
                    endpoint=server.endpoint,
                    resource=Resource("a.dev/b", wants_preference=False),
                )
            assert caught.value.reason is Reason.KUBELET_UNAVAILABLE

    asyncio.run(test())


def test_dead_socket_of_the_kubelet_is_unavailable_and_a_new_one_is_found_at_once(
    folder: Path,
) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(3))
        await kubelet.stop()
        assert kubelet.socket.exists()
        async with plugin.server(kubelet) as server:
            for _ in range(3):
                with pytest.raises(UnavailableError, match="nobody listens there"):
                    await register(
                        kubelet.socket, endpoint=server.endpoint, resource=plugin.resource
                    )
        await kubelet.start()
        async with plugin.registered(kubelet):
            assert kubelet.allocatable(MIB_RESOURCE) == 3

    run(test, folder)


@pytest.mark.parametrize(
    "name",
    [
        "no-slash",
        "example.kubernetes.io/epc",
        "requests.a.dev/epc",
        "a.dev/",
        "a.dev/-epc",
        "a.dev/epc_",
        "a.dev/" + "x" * 64,
        "a_b.dev/epc",
        "A.dev/epc",
        "a.dev/epc/mib",
        "a.dev/e\N{LATIN SMALL LETTER U WITH DIAERESIS}",
    ],
)
def test_name_that_is_no_extended_resource_is_refused(folder: Path, name: str) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(1, resource=name))
        async with Plugin(devices(1)).server(kubelet) as server:
            with pytest.raises(UnavailableError, match="is invalid") as caught:
                await register(kubelet.socket, endpoint=server.endpoint, resource=plugin.resource)
            assert caught.value.reason is Reason.KUBELET_REFUSED
        assert kubelet.capacity(name) == 0

    run(test, folder)


def test_socket_that_the_kubelet_removed_is_not_registered(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(1))
        async with plugin.server(kubelet) as server:
            assert server.is_bound
            kubelet.wipe_sockets()
            is_bound: bool = server.is_bound
            assert not is_bound
            with pytest.raises(UnavailableError, match="is gone") as caught:
                await register(kubelet.socket, endpoint=server.endpoint, resource=plugin.resource)
            assert caught.value.reason is Reason.KUBELET_UNAVAILABLE
            assert caught.value.hint is not None

    run(test, folder)


def test_kubelet_that_refuses_is_told_in_its_words(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        kubelet.misbehave(Misbehaviour.REFUSE, times=1)
        plugin = Plugin(devices(1))
        async with plugin.server(kubelet) as server:
            with pytest.raises(UnavailableError, match="UNKNOWN refused on demand") as caught:
                await register(kubelet.socket, endpoint=server.endpoint, resource=plugin.resource)
            assert caught.value.reason is Reason.KUBELET_REFUSED
        async with plugin.registered(kubelet):
            assert kubelet.capacity(MIB_RESOURCE) == 1

    run(test, folder)


def test_kubelet_that_hangs_is_left(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        kubelet.misbehave(Misbehaviour.HANG)
        plugin = Plugin(devices(1))
        async with plugin.server(kubelet) as server:
            with pytest.raises(UnavailableError, match=r"no answer within 0\.2 s") as caught:
                await register(
                    kubelet.socket,
                    endpoint=server.endpoint,
                    resource=plugin.resource,
                    timeout_s=0.2,
                )
            assert caught.value.reason is Reason.KUBELET_UNAVAILABLE

    run(test, folder)


def test_folder_that_is_not_there_takes_no_socket(folder: Path) -> None:
    async def test() -> None:
        kubelet = new_kubelet(folder / "nowhere")
        with pytest.raises(UnavailableError, match="no such folder"):
            async with Plugin(devices(1)).server(kubelet):
                raise AssertionError

    asyncio.run(test())


def test_path_too_long_for_a_socket_is_a_mistake_of_settings(folder: Path) -> None:
    async def test() -> None:
        kubelet = new_kubelet(folder / ("x" * 90))
        with pytest.raises(MisconfiguredError, match="longer than 107 bytes"):
            async with Plugin(devices(1)).server(kubelet):
                raise AssertionError

    asyncio.run(test())


def test_device_of_nobody_fails_the_pod_with_our_message(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(4))
        async with plugin.registered(kubelet):
            plugin.devices = devices(1)  # it has forgotten what it told
            admission = await kubelet.admit("pod", one(3))
        assert re.fullmatch(
            "Pod was rejected: Allocate failed due to rpc error: code = InvalidArgument "
            "desc = device '[12]' is none of this plugin's, which is unexpected",
            admission.message or "",
        )

    run(test, folder)


@pytest.mark.parametrize("method", ["Allocate", "GetPreferredAllocation", "ListAndWatch"])
def test_garbage_fails_one_call_and_not_the_next(folder: Path, method: str) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(4))
        async with plugin.registered(kubelet) as server:
            path = kubelet.plugins / server.endpoint
            async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
                call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
                call = channel.unary_unary(f"/v1beta1.DevicePlugin/{method}")
                with pytest.raises(grpc.aio.AioRpcError):
                    await call(b"\xff\xff\xff")
            assert (await kubelet.admit("pod", one(2))).message is None

    run(test, folder)


def test_method_of_nobody_is_refused(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with Plugin(devices(4)).registered(kubelet) as server:
            path = kubelet.plugins / server.endpoint
            async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
                call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
                call = channel.unary_unary("/v1beta1.DevicePlugin/Deallocate")
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    run(test, folder)


# --- what is lost and found again ---


def test_end_of_the_list_is_noticed_and_mended_by_another_registration(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(5))
        async with plugin.registered(kubelet) as server:
            assert server.is_streaming
            assert not server.stream_ended.is_set()
            await kubelet.cut_streams()
            await until(server.stream_ended)
            assert kubelet.allocatable(MIB_RESOURCE) == 0
            assert kubelet.capacity(MIB_RESOURCE) == 5
            server.stream_ended.clear()
            await register(kubelet.socket, endpoint=server.endpoint, resource=plugin.resource)
            await kubelet.until_listed(MIB_RESOURCE, allocatable=5)
            assert server.is_streaming

    run(test, folder)


def test_end_of_the_kubelet_is_noticed(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with Plugin(devices(5)).registered(kubelet) as server:
            await kubelet.stop()
            await until(server.stream_ended)
            assert not server.is_streaming
            assert server.is_bound  # sockets stay until the kubelet starts
            await kubelet.start()
            assert not server.is_bound

    run(test, folder)


def test_list_that_is_cut_after_its_first_message_is_noticed(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(5))
        kubelet.misbehave(Misbehaviour.CUT, times=1)
        async with plugin.server(kubelet) as server:
            await register(kubelet.socket, endpoint=server.endpoint, resource=plugin.resource)
            await until(server.stream_ended)

    run(test, folder)


def test_successor_loses_its_list_when_the_one_before_ends(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(5))
        async with contextlib.AsyncExitStack() as stack:
            before = await stack.enter_async_context(plugin.registered(kubelet))
            async with plugin.registered(kubelet) as server:
                assert server.endpoint != before.endpoint
                await stack.aclose()
                await until(server.stream_ended)
                await kubelet.until_listed(MIB_RESOURCE, allocatable=0)
                admission = await kubelet.admit("pod", one(1))
                assert admission.message is not None
                await register(kubelet.socket, endpoint=server.endpoint, resource=plugin.resource)
                await kubelet.until_listed(MIB_RESOURCE, allocatable=5)

    run(test, folder)


def test_farewell_takes_the_devices_away_even_from_a_kubelet_that_lost_sight_of_us(
    folder: Path,
) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(5))
        async with plugin.registered(kubelet) as server:
            dead = kubelet.plugins / "dead.sock"
            dead.touch()
            await _register_nobody(kubelet, plugin.resource)
            await server.farewell()
            await kubelet.until_listed(MIB_RESOURCE, allocatable=0)
            assert not server.is_streaming
            assert not server.stream_ended.is_set()

    run(test, folder)


async def _register_nobody(kubelet: StandInKubelet, resource: Resource) -> None:
    """Register a socket where nobody listens: whoever was registered is forgotten."""
    async with Plugin(devices(1)).server(kubelet) as server:
        path = kubelet.plugins / server.endpoint
        kept = path.with_name("dead.sock")
        kept.unlink(missing_ok=True)
        kept.hardlink_to(path)
    with pytest.raises(UnavailableError, match="failed to dial device plugin"):
        await register(kubelet.socket, endpoint="dead.sock", resource=resource)


def test_farewell_ends_without_a_kubelet(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with Plugin(devices(5)).server(kubelet) as server:
            await server.farewell()

    run(test, folder)


def test_socket_is_removed_at_the_end_and_nobody_elses(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with Plugin(devices(5)).server(kubelet) as first:
            assert first.is_bound
        assert not (kubelet.plugins / first.endpoint).exists()
        async with Plugin(devices(5)).server(kubelet) as second:
            path = kubelet.plugins / second.endpoint
            path.unlink()
            path.write_text("of somebody else")
        assert path.read_text() == "of somebody else"

    run(test, folder)


# --- what is given ---


def test_new_list_replaces_the_one_before(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with Plugin(devices(5)).registered(kubelet) as server:
            first = server.list_sent_at
            server.update(devices(5, is_healthy=False))
            await kubelet.until_listed(MIB_RESOURCE, allocatable=0)
            assert kubelet.capacity(MIB_RESOURCE) == 5
            server.update(devices(7))
            await kubelet.until_listed(MIB_RESOURCE, allocatable=7)
            assert first is not None
            assert server.list_sent_at is not None
            assert server.list_sent_at > first

    run(test, folder)


def test_container_is_given_the_device_and_the_folder_of_the_socket(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with Plugin(devices(5)).registered(kubelet):
            admission = await kubelet.admit("pod", one(2))
        assert admission.message is None
        given = admission.containers["main"]
        assert [device.container_path for device in given.devices] == [
            "/dev/sgx_enclave",
            "/dev/sgx/enclave",
        ]
        assert {device.host_path for device in given.devices} == {"/dev/sgx_enclave"}
        assert {device.permissions for device in given.devices} == {"rw"}
        (mount,) = given.mounts
        assert (mount.container_path, mount.read_only) == ("/var/run/aesmd", True)
        assert dict(given.envs) == {}

    run(test, folder)


def test_preferred_devices_are_those_of_one_numa_node(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(listed({0: 4, 1: 8}))
        async with plugin.registered(kubelet):
            admission = await kubelet.admit("pod", one(6))
        held = admission.devices["main"][MIB_RESOURCE]
        assert held <= {"4", "5", "6", "7", "8", "9", "a", "b"}

    run(test, folder)


def test_requests_with_more_bytes_than_grpc_takes_by_itself_are_answered(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        seen: list[int] = []

        def allocate(wishes: Sequence[Sequence[str]]) -> Sequence[ContainerAnswer]:
            seen.extend(len(wish) for wish in wishes)
            return [ContainerAnswer()]

        async with PluginServer(
            kubelet.plugins,
            Resource("a.dev/b", wants_preference=False),
            devices=devices(1),
            allocate=allocate,
            prefer=lambda *_: (),
        ) as server:
            path = kubelet.plugins / server.endpoint
            async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
                call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
                call = channel.unary_unary("/v1beta1.DevicePlugin/Allocate")
                wish = ContainerAllocateRequest(devices_ids=["x" * 63] * 70_000)
                request = AllocateRequest(container_requests=[wish]).SerializeToString()
                assert len(request) > 4 * 1024 * 1024
                await call(request, timeout=20)
        assert seen == [70_000]

    run(test, folder)


@pytest.mark.parametrize(
    ("count", "is_taken"), [(262_144, True), (262_388, True), (262_389, False)]
)
def test_list_of_a_large_node_is_taken_up_to_the_byte(
    folder: Path, count: int, *, is_taken: bool
) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        plugin = Plugin(devices(count))
        async with plugin.server(kubelet) as server:
            await register(kubelet.socket, endpoint=server.endpoint, resource=plugin.resource)
            if is_taken:
                await kubelet.until_listed(MIB_RESOURCE, allocatable=count, timeout_s=20)
                assert server.is_streaming
                assert kubelet.ends == ()
            else:
                await until(server.stream_ended)
                assert kubelet.allocatable(MIB_RESOURCE) == 0
                assert "ResourceExhausted" in kubelet.ends[0]
                assert "4194309 vs. 4194304" in kubelet.ends[0]

    run(test, folder)
