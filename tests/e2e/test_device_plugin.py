# SPDX-License-Identifier: Apache-2.0
"""The device plugin under a real kubelet, scheduler and containerd.

A node 10:237 with mode 0666 stands in for the enclave device: unlike `/dev/null` it is forbidden to
a container that was not given it.
"""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.cluster import plan
from tests.cluster.cluster import Cluster, entering
from tests.cluster.parts import ClusterError
from tests.requirements import missing

NAME = "kubernetes.azure.com/sgx_epc_mem_in_MiB"
TOTAL = 10_240
LIMIT_S = 60.0

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    try:
        made = Cluster()
    except ClusterError as exc:
        missing(str(exc))
    with made:
        yield made


@pytest.fixture(scope="module")
def device(cluster: Cluster) -> Path:
    """What stands in for the enclave device."""
    path = cluster.plan.root / "enclave"
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(10, 237))
    path.chmod(0o666)
    return path


@contextmanager
def plugin(
    cluster: Cluster, device: Path, epc: str = "10Gi"
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the plugin on the node, at the kubelet's usual places."""
    command = [sys.executable, "-P", "-m", "confcom", "serve", "device-plugin", "--simulate"]
    command += ["--epc", epc, "--simulate-device", str(device)]
    command += ["--aesm-folder", str(cluster.plan.root / "aesm")]
    with (
        (cluster.plan.log_folder / "device-plugin.log").open("ab") as log,
        subprocess.Popen(
            [*entering(cluster.first), *command],
            env=plan.environment(cluster.plan),
            stderr=log,
            stdin=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(autouse=True)
def running(cluster: Cluster, device: Path) -> Iterator[None]:
    """Let a plugin of its own serve each test."""
    with plugin(cluster, device):
        until(lambda: allocatable(cluster) == TOTAL, "the node shows the resource")
        yield


def until(condition: Callable[[], bool], what: str) -> float:
    """Wait until something is so; return how long that took, seconds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < LIMIT_S, f"waited in vain: {what}"
        time.sleep(0.1)
    return time.monotonic() - started


def allocatable(cluster: Cluster) -> int:
    """How many devices the node's status counts; written 10240 or 10Ki."""
    text = cluster.kubectl("get", "node", plan.NODE, "-o", "json")
    value = str(json.loads(text)["status"]["allocatable"].get(NAME, "0"))
    for suffix, factor in (("k", 1000), ("Ki", 1024)):
        if value.endswith(suffix):
            return int(value.removesuffix(suffix)) * factor
    return int(value)


def pod(name: str, mib: int, script: str) -> str:
    """A pod that obeys the strictest level of Pod Security and asks for memory, if any."""
    limits = {NAME: str(mib)} if mib else {}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": plan.BUSYBOX,
                    "imagePullPolicy": "Never",
                    "command": ["sh", "-c", script],
                    "resources": {"limits": limits},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
    return json.dumps(document)


def phase(cluster: Cluster, name: str) -> str:
    return cluster.kubectl("get", "pod", name, "-o", "jsonpath={.status.phase}")


def is_running(cluster: Cluster, name: str) -> bool:
    return phase(cluster, name) == "Running"


def outcome(cluster: Cluster, name: str) -> str:
    """What a pod wrote, once it has ended."""
    until(lambda: phase(cluster, name) in {"Succeeded", "Failed"}, f"pod {name} ends")
    return cluster.kubectl("logs", name)


OPEN = "exec 3<>/dev/sgx_enclave && echo opened"


def test_a_pod_is_given_the_device_and_the_folder_and_nothing_more(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "strict")
    cluster.kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    script = f"{OPEN}; touch /var/run/aesmd/x || echo read-only; env | grep CONFCOM; id -u"
    until(lambda: "default" in cluster.kubectl("-n", "strict", "get", "sa"), "an account")
    cluster.kubectl("-n", "strict", "apply", "-f", "-", stdin=pod("user", 10, script))

    def ended() -> bool:
        text = cluster.kubectl("-n", "strict", "get", "pod", "user", "-o", "json")
        return json.loads(text)["status"].get("phase") in {"Succeeded", "Failed"}

    until(ended, "the pod ends")
    lines = cluster.kubectl("-n", "strict", "logs", "user").splitlines()
    assert [line for line in lines if not line.startswith("touch:")] == [
        "opened",
        "read-only",
        "CONFCOM_SIMULATED=1",
        "1000",
    ]


def test_a_pod_that_asks_for_none_cannot_open_it(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=pod("nobody", 0, f"{OPEN} || echo refused"))
    assert "opened" not in outcome(cluster, "nobody")


def test_too_much_stays_pending(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=pod("greedy", TOTAL + 1, "true"))

    def why() -> str:
        text = cluster.kubectl("get", "pod", "greedy", "-o", "json")
        conditions = json.loads(text)["status"].get("conditions", [])
        return " ".join(one.get("message", "") for one in conditions)

    until(lambda: f"Insufficient {NAME}" in why(), "the scheduler says why")
    assert phase(cluster, "greedy") == "Pending"
    cluster.kubectl("delete", "pod", "greedy", "--wait=false")


def test_two_pods_share_and_a_third_waits(cluster: Cluster) -> None:
    half = TOTAL // 2
    for name in ("one", "other"):
        cluster.kubectl("apply", "-f", "-", stdin=pod(name, half, "sleep 60"))
    for name in ("one", "other"):
        until(partial(is_running, cluster, name), f"pod {name} runs")
    cluster.kubectl("apply", "-f", "-", stdin=pod("third", 1, "true"))
    time.sleep(2)
    assert phase(cluster, "third") == "Pending"
    cluster.kubectl("delete", "pod", "one", "other", "--grace-period=1")
    until(lambda: phase(cluster, "third") == "Succeeded", "the third pod has its turn")


def test_init_containers_hand_their_memory_on(cluster: Cluster) -> None:
    document = json.loads(pod("handing", 3, OPEN))
    first = dict(document["spec"]["containers"][0], name="first")
    document["spec"]["initContainers"] = [first]
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(document))
    assert outcome(cluster, "handing").splitlines()[-1] == "opened"


def test_a_plugin_that_is_killed_and_started_again_disturbs_no_pod(
    cluster: Cluster, device: Path
) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=pod("staying", 5, "sleep 120"))
    until(lambda: phase(cluster, "staying") == "Running", "the pod runs")
    cluster.run("pkill", "-KILL", "-f", "serve device-plugin")
    until(lambda: allocatable(cluster) == 0, "the kubelet has noticed")
    with plugin(cluster, device):
        until(lambda: allocatable(cluster) == TOTAL, "the resource is back")
        assert phase(cluster, "staying") == "Running"
        cluster.kubectl("delete", "pod", "staying", "--grace-period=1")


def test_the_largest_machine_is_offered_whole(cluster: Cluster, device: Path) -> None:
    cluster.run("pkill", "-KILL", "-f", "serve device-plugin")
    until(lambda: allocatable(cluster) == 0, "the kubelet has noticed")
    with plugin(cluster, device, "256Gi"):
        until(lambda: allocatable(cluster) == 262_144, "the kubelet takes 262,144 devices")
        cluster.kubectl("apply", "-f", "-", stdin=pod("large", 100_000, OPEN))
        assert outcome(cluster, "large").splitlines() == ["opened"]
