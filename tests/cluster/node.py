# SPDX-License-Identifier: Apache-2.0
"""What a machine's part of a cluster needs before its programs start: addresses, folders, cgroups.

``prepare`` is for the inside: it changes the network and the mounts of the namespaces it runs in.
The functions on cgroups are for the outside, which has no namespace to end with.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.cluster.plan import ADDRESS, API_PORT, CGROUP_PREFIX, CGROUPS, SERVICE_ADDRESS, Plan

PRIVATE: Final = (
    "/run",
    "/var/lib/kubelet",
    "/var/log/pods",
    "/var/log/containers",
    "/var/lib/cni",
)
"""Folders that programs insist on: others lie over them inside."""
_SYSCTLS: Final = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet writes for the whole machine; here it reads that this is done."""
_SERVICE_TABLE: Final = f"""
table ip service {{
  chain inbound {{
    type nat hook prerouting priority dstnat;
    ip daddr {SERVICE_ADDRESS} tcp dport 443 dnat to {ADDRESS}:{API_PORT}
  }}
  chain outbound {{
    type nat hook output priority -100;
    ip daddr {SERVICE_ADDRESS} tcp dport 443 dnat to {ADDRESS}:{API_PORT}
  }}
}}
"""
_REMOVE_S: Final = 10.0


def prepare(plan: Plan) -> None:
    """Set up network and mounts of the namespaces that this process is in."""
    _run("ip", "link", "set", "lo", "up")
    for address in (ADDRESS, SERVICE_ADDRESS):
        _run("ip", "address", "add", f"{address}/32", "dev", "lo")
    _run("nft", "-f", "-", stdin=_SERVICE_TABLE)
    for place in PRIVATE:
        _cover(Path(place), plan.log_folder / "pods" if place == "/var/log/pods" else None, plan)
    _run("mount", "--make-rshared", "/var/lib/kubelet")
    for name, value in _SYSCTLS.items():
        file = plan.root / "sysctl" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n", encoding="ascii")
        _run("mount", "--bind", str(file), f"/proc/sys/{name}")


def _cover(place: Path, private: Path | None, plan: Plan) -> None:
    source = private or plan.root / "private" / place.relative_to("/")
    source.mkdir(parents=True, exist_ok=True)
    _run("mount", "--bind", str(source), str(place))


def make_places() -> list[Path]:
    """Make the folders that are to be covered where there are none; return those made."""
    made = []
    for place in PRIVATE:
        path = Path(place)
        if not path.exists():
            path.mkdir(parents=True)
            made.append(path)
    return made


def make_cgroups(name: str) -> None:
    """Make a cgroup for the pods in each hierarchy, with all processors and memory nodes."""
    for hierarchy in _hierarchies():
        folder = hierarchy / name
        folder.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (folder / file).exists() and (hierarchy / file).exists():
                (folder / file).write_text((hierarchy / file).read_text(encoding="ascii"))


def remove_cgroups(name: str) -> list[Path]:
    """Remove that cgroup and all below it, once its processes have ended; return what stays."""
    deadline = time.monotonic() + _REMOVE_S
    while left := [path for path in cgroups() if path.name == name and not _is_removed(path)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return left


def remove_stale_cgroups() -> None:
    """Remove what clusters left whose keeper was killed: nothing runs there any more."""
    for path in cgroups():
        keeper = path.name.removeprefix(CGROUP_PREFIX).partition("-")[0]
        if not Path("/proc", keeper).exists():
            _is_removed(path)


def cgroups() -> list[Path]:
    """Return the topmost cgroups of all clusters, in each hierarchy."""
    found = [sorted(hierarchy.glob(f"{CGROUP_PREFIX}*")) for hierarchy in _hierarchies()]
    return [path for paths in found for path in paths]


def _is_removed(folder: Path) -> bool:
    below = [path for path in folder.rglob("*") if path.is_dir()]
    with contextlib.suppress(OSError):
        for path in [*sorted(below, reverse=True), folder]:
            path.rmdir()
    return not folder.exists()


def _hierarchies() -> Iterator[Path]:
    if (CGROUPS / "cgroup.controllers").exists():
        yield CGROUPS
        return
    for path in sorted(CGROUPS.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield path


def _run(*command: str, stdin: str | None = None) -> None:
    subprocess.run(command, check=True, input=stdin, text=True, timeout=20)
