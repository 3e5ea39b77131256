# SPDX-License-Identifier: Apache-2.0
"""The device plugin as a process, beside a kubelet that goes, comes back and misbehaves."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.requirements import missing

from confcom.testing.kubelet import StandInKubelet
from confcom.testing.kubelet_pods import StandInContainer

NAME = "kubernetes.azure.com/sgx_epc_mem_in_MiB"
LIMIT_S = 15.0

pytestmark = pytest.mark.timeout(60)


class Plugin:
    """A plugin that runs.

    Args:
        process: of it.
        folder: with its status socket and its events.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.process = process
        self._folder = folder

    async def get(self, path: str = "/status") -> tuple[int, bytes]:
        """Return status code and body of an answer on the status socket."""
        reader, writer = await asyncio.open_unix_connection(self._folder / "s")
        writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), body

    async def status(self) -> dict[str, Any]:
        """Return the status document."""
        document: dict[str, Any] = json.loads((await self.get())[1])
        return document

    @property
    def events(self) -> list[str]:
        """Names of the events so far."""
        lines = (self._folder / "events").read_text("utf-8").splitlines()
        return [json.loads(line)["event"] for line in lines]


@contextlib.asynccontextmanager
async def running(folder: Path, kubelet: StandInKubelet, *options: str) -> AsyncIterator[Plugin]:
    """Run a plugin on simulated memory."""
    command = [sys.executable, "-m", "confcom", "serve", "device-plugin", "--simulate"]
    command += ["--kubelet-folder", str(kubelet.plugins), "--status", str(folder / "s")]
    command += ["--aesm-folder", str(folder / "aesm"), "--drain", "2", *options]
    with (
        (folder / "events").open("ab") as events,
        subprocess.Popen(command, stderr=events) as process,  # noqa: ASYNC220 one start blocks nobody
    ):
        try:
            yield Plugin(process, folder)
            assert process.poll() is None, "the plugin ended by itself"
        finally:
            process.kill()


def run(folder: Path, test: Callable[[StandInKubelet], Awaitable[None]]) -> None:
    """Run a test beside a kubelet."""

    async def both() -> None:
        async with asyncio.timeout(50), StandInKubelet(folder, dial_s=1, pause_s=0.05) as kubelet:
            await test(kubelet)

    asyncio.run(both())


async def listed(kubelet: StandInKubelet, allocatable: int = 64) -> None:
    """Wait until the kubelet counts so many devices."""
    async with asyncio.timeout(LIMIT_S):
        await kubelet.until_listed(NAME, allocatable=allocatable)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 another process makes it so
            await asyncio.sleep(0.02)


def one(count: int) -> list[StandInContainer]:
    """Return a pod of one container that asks for so many MiB."""
    return [StandInContainer("main", {NAME: count})]


def test_a_pod_is_given_device_folder_and_the_truth(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with running(folder, kubelet) as plugin:
            await listed(kubelet)
            admission = await kubelet.admit("pod", one(10))
            assert admission.message is None
            answer = admission.containers["main"]
            first = answer.devices[0]
            assert (first.container_path, first.host_path) == ("/dev/sgx_enclave", "/dev/null")
            assert {device.permissions for device in answer.devices} == {"rw"}
            assert [(one.container_path, one.read_only) for one in answer.mounts] == [
                ("/var/run/aesmd", True)
            ]
            assert (folder / "aesm").is_dir()
            assert answer.envs["CONFCOM_SIMULATED"] == "1"
            assert "SGX_AESM_ADDR" not in answer.envs
            assert "epc.allocated" in plugin.events

    run(folder, test)


def test_more_than_there_is_fails_the_pod_and_not_the_plugin(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with running(folder, kubelet) as plugin:
            await listed(kubelet)
            admission = await kubelet.admit("greedy", one(65))
            assert admission.message is not None
            assert "Requested: 65, Available: 64" in admission.message
            assert (await kubelet.admit("modest", one(64))).message is None
            assert plugin.process.poll() is None

    run(folder, test)


def test_the_list_comes_again_after_each_restart_of_the_kubelet(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with running(folder, kubelet):
            await listed(kubelet)
            for _ in range(10):
                await kubelet.restart()
                assert kubelet.allocatable(NAME) == 0
                await listed(kubelet)

    run(folder, test)


def test_a_kubelet_that_comes_late_is_waited_for(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        await kubelet.stop()
        async with running(folder, kubelet) as plugin:
            await until(lambda: "resource.register_failed" in plugin.events)
            code, body = await plugin.get("/readyz")
            assert code == 503
            assert NAME.encode() in body
            await kubelet.start()
            await listed(kubelet)
            assert (await plugin.get("/readyz"))[0] == 200

    run(folder, test)


def test_streams_that_are_cut_are_opened_again(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with running(folder, kubelet) as plugin:
            for _ in range(3):
                await listed(kubelet)
                await kubelet.cut_streams()
            await listed(kubelet)
            assert plugin.events.count("stream.ended") >= 3

    run(folder, test)


def test_a_folder_that_is_wiped_is_used_again(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        async with running(folder, kubelet):
            await listed(kubelet)
            kubelet.wipe_sockets()
            await kubelet.stop()
            await kubelet.start()
            await listed(kubelet)

    run(folder, test)


def test_a_plugin_that_was_killed_is_followed_by_the_next(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        command = running(folder, kubelet)
        plugin = await command.__aenter__()
        await listed(kubelet)
        plugin.process.kill()
        plugin.process.wait(10)
        await listed(kubelet, 0)
        async with running(folder, kubelet):
            await listed(kubelet)
        with contextlib.suppress(AssertionError):
            await command.__aexit__(None, None, None)

    run(folder, test)


def test_a_signal_ends_it_with_a_farewell_and_without_its_sockets(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        command = running(folder, kubelet)
        plugin = await command.__aenter__()
        await listed(kubelet)
        plugin.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(plugin.process.wait, 10) == 0
        assert kubelet.allocatable(NAME) == 0
        assert [path.name for path in kubelet.plugins.glob("confcom-*")] == []
        assert not (folder / "s").exists()
        with contextlib.suppress(AssertionError):
            await command.__aexit__(None, None, None)

    run(folder, test)


def test_a_device_that_vanishes_is_unhealthy_until_it_is_back(folder: Path) -> None:
    device = folder / "device"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(10, 237))
    except PermissionError:
        missing("making a device node needs CAP_MKNOD")
    device.chmod(0o666)

    async def test(kubelet: StandInKubelet) -> None:
        async with running(folder, kubelet, "--simulate-device", str(device)) as plugin:
            await listed(kubelet)
            device.rename(folder / "gone")
            await listed(kubelet, 0)
            assert (await plugin.get("/readyz"))[0] == 503
            (folder / "gone").rename(device)
            await listed(kubelet)
            device.rename(folder / "gone")
            device.touch(0o666)  # an impostor
            await listed(kubelet, 0)
            problem = (await plugin.status())["problem"]
            assert str(device) in problem

    run(folder, test)


def test_the_status_tells_what_is_there(folder: Path) -> None:
    async def test(kubelet: StandInKubelet) -> None:
        pods = str(kubelet.plugins.parent / "pod-resources" / "kubelet.sock")
        options = ("--epc", "128Mi", "--reserve", "28", "--pod-resources", pods)
        async with running(folder, kubelet, *options) as plugin:
            await listed(kubelet, 100)
            await kubelet.admit("pod", one(40))
            async with asyncio.timeout(LIMIT_S):
                while not (status := await plugin.status())["pods"]:  # noqa: ASYNC110 the same
                    await asyncio.sleep(0.1)
            assert status["simulated"] is True
            assert status["epc"]["totalMib"] == 128
            assert status["epc"]["reservedMib"] == 28
            assert status["epc"]["allocatableMib"] == 100
            assert status["epc"]["usedMib"] == 40
            assert status["epc"]["freeMib"] == 60
            text = (await plugin.get("/metrics"))[1].decode()
            assert 'confcom_epc_bytes{state="allocatable"} 104857600\n' in text
            assert "pod=" not in text

    run(folder, test)
