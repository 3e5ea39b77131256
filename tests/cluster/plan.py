# SPDX-License-Identifier: Apache-2.0
"""What one cluster is made of, and where its files are: told to each process that works for it."""

import os
from pathlib import Path
from typing import Final, Literal

import msgspec
from tools.testcluster import build

REPOSITORY: Final = Path(__file__).parent.parent.parent
LOGS: Final = REPOSITORY / ".build" / "cluster"
"""Where logs of clusters that failed stay, one folder each."""
NODE: Final = "node-1"
ADDRESS: Final = "10.255.0.1"
"""Of the node, on its loopback device: other addresses than those of 127.0.0.0/8 are asked for."""
API_PORT: Final = 6443
SERVICE_ADDRESS: Final = "10.96.0.1"
SERVICES: Final = "10.96.0.0/16"
PODS: Final = "10.244.0.0/24"
PAUSE: Final = "test.invalid/pause:1"
BUSYBOX: Final = "test.invalid/busybox:1"
CGROUPS: Final = Path("/sys/fs/cgroup")
CGROUP_PREFIX: Final = "confcom-cluster-"

Runtime = Literal["1.6", "2.1"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster.

    Attributes:
        folder: everything of it but the logs; a short path, because sockets are in it.
        logs: of each part, and of the pods.
        cgroup: name of the parent of its pods' cgroups, in each hierarchy; says who keeps it.
        runtime: the containerd: Debian's, or the newer one with CDI and NRI.
    """

    folder: str
    logs: str
    cgroup: str = ""
    runtime: Runtime = "1.6"

    @property
    def root(self) -> Path:
        """The folder as a path."""
        return Path(self.folder)

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.root / "pki"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd listens."""
        return self.root / "containerd.sock"

    @property
    def api_socket(self) -> Path:
        """Where somebody inside listens, and passes on what is said to the API server."""
        return self.root / "api.sock"

    @property
    def log_folder(self) -> Path:
        """The logs as a path."""
        return Path(self.logs)

    def kubeconfig(self, user: str) -> Path:
        """Return the file by which a user of the cluster finds it from inside."""
        return self.root / f"{user}.kubeconfig"

    def kept_by(self, pid: int) -> "Plan":
        """Return the plan with the name of a cgroup that goes stale with its keeper."""
        own = self.root.name.removeprefix(CGROUP_PREFIX)
        return msgspec.structs.replace(self, cgroup=f"{CGROUP_PREFIX}{pid}-{own}")

    def write(self) -> Path:
        """Write the plan into its folder."""
        file = self.root / "plan.json"
        file.write_bytes(msgspec.json.encode(self))
        return file


def read(file: Path) -> Plan:
    """Return a plan that was written."""
    return msgspec.json.decode(file.read_bytes(), type=Plan)


def programs() -> dict[str, Path]:
    """Return the folder of each part that ``make testcluster`` has built."""
    return {part.name: part.folder for part in build.PARTS}


def environment(plan: Plan) -> dict[str, str]:
    """Return the environment of a program that runs inside: programs found, and the way in."""
    built = programs()
    newer = [str(built["containerd"])] if plan.runtime == "2.1" else []
    path = [*newer, str(built["kubernetes"]), str(built["kwok"]), os.environ.get("PATH", "")]
    return {
        **os.environ,
        "PATH": ":".join([*path, "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
        "KUBECONFIG": str(plan.kubeconfig("admin")),
    }
