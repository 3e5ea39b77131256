# SPDX-License-Identifier: Apache-2.0
"""The cluster for tests: nothing leaves it, and nothing of it stays, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.cluster import node, plan
from tests.cluster.cluster import Cluster, new_plan
from tests.cluster.parts import ClusterError
from tests.requirements import missing

LIMIT_S = 30.0
FOLDERS = Path(tempfile.gettempdir())
SYSCTLS = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")

HOLDING = """
import time
from tests.cluster.cluster import Cluster
with Cluster() as cluster:
    print(cluster.plan.folder, flush=True)
    time.sleep(600)
"""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def programs() -> None:
    """Need what `make testcluster` builds."""
    try:
        made = new_plan("1.6")
    except ClusterError as exc:
        missing(str(exc))
    made.log_folder.rmdir()
    for path in sorted(made.root.rglob("*"), reverse=True):
        path.unlink()
    made.root.rmdir()


def traces() -> dict[str, object]:
    """What a cluster could leave behind."""
    mounts = Path("/proc/self/mounts").read_text("utf-8").splitlines()
    return {
        "cgroups": node.cgroups(),
        "folders": sorted(FOLDERS.glob(f"{plan.CGROUP_PREFIX}*")),
        "interfaces": sorted(Path("/sys/class/net").iterdir()),
        "mounts": [line for line in mounts if plan.CGROUP_PREFIX in line],
        "processes": sorted(_processes()),
        "sysctls": [Path("/proc/sys", name).read_text("ascii") for name in SYSCTLS],
    }


def _processes() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        line = b" ".join(words).decode(errors="replace")
        if plan.CGROUP_PREFIX in line or "tests.cluster.keeper" in line:
            found.append(line[:120])
    return found


def test_no_packet_finds_a_way_out() -> None:
    with Cluster() as cluster:
        for address in ("192.0.2.1", "8.8.8.8", "2001:db8::1"):
            found = cluster.run("ip", "route", "get", address)
            assert found.returncode != 0
            assert "unreachable" in found.stderr
        links = cluster.run("ip", "-brief", "link").stdout.split("\n")
        names = {line.split()[0].partition("@")[0] for line in links if line}
        assert {name for name in names if not name.startswith("veth")} <= {"lo", "cni0"}


def test_nothing_stays_of_one_that_was_stopped() -> None:
    before = traces()
    with Cluster():
        assert traces() != before
    assert traces() == before


def test_nothing_stays_of_one_whose_tests_were_killed() -> None:
    before = traces()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True, cwd=plan.REPOSITORY
    ) as tests:
        assert tests.stdout is not None
        folder = tests.stdout.readline().strip()
        assert folder
        assert Path(folder).is_dir()
        os.kill(tests.pid, signal.SIGKILL)
    ends = time.monotonic() + LIMIT_S
    while traces() != before and time.monotonic() < ends:
        time.sleep(0.2)
    assert traces() == before
