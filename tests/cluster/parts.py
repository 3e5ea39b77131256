# SPDX-License-Identifier: Apache-2.0
"""The programs of a cluster, started in order and stopped in the reverse one."""

import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from tests.cluster import commands
from tests.cluster.api import Api
from tests.cluster.images import write_busybox, write_pause
from tests.cluster.plan import BUSYBOX, NODE, PAUSE, Plan, environment

_START_S: Final = 120.0
_STOP_S: Final = 10.0
_POLL_S: Final = 0.05


class ClusterError(Exception):
    """A part of the cluster ended, or does not do what it is there for."""


class Parts:
    """The programs.

    Args:
        plan: says where everything is.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._environment = environment(plan)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all parts, and return once the node is ready and pods can be made.

        Raises:
            ClusterError: one ended, or this took longer than two minutes.
        """
        deadline = time.monotonic() + _START_S
        self._spawn("etcd", commands.etcd(self._plan))
        self._spawn("containerd", commands.containerd(self._plan))
        self._spawn("kube-apiserver", commands.apiserver(self._plan))
        self._wait("containerd to listen", self._plan.containerd_socket.exists, deadline)
        self._import_images(deadline)
        api = Api(self._plan)
        self._wait("the API server", lambda: api.is_fine("/readyz"), deadline)
        self._spawn("kube-controller-manager", commands.controller_manager(self._plan))
        self._spawn("kube-scheduler", commands.scheduler(self._plan))
        self._spawn("kubelet", commands.kubelet(self._plan))
        self._wait("the node to be ready", lambda: api.is_node_ready(NODE), deadline)
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait("the default service account", lambda: api.is_fine(account), deadline)

    def ended(self) -> str | None:
        """Return the name of a part that has ended, though nobody stopped it."""
        return next((name for name, part in self._running.items() if part.poll() is not None), None)

    def stop(self) -> None:
        """End all parts, the last first, and kill those that do not end in time."""
        deadline = time.monotonic() + _STOP_S
        for part in reversed(self._running.values()):
            part.terminate()
            try:
                part.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                part.kill()
                part.wait()
        self._running.clear()

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self._plan.log_folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._plan.root,
                start_new_session=True,
            )

    def _wait(self, what: str, is_there: Callable[[], bool], deadline: float) -> None:
        while not is_there():
            if name := self.ended():
                raise ClusterError(f"{name} ended while waiting for {what}")
            if time.monotonic() > deadline:
                raise ClusterError(f"waited {_START_S:.0f} s in vain for {what}")
            time.sleep(_POLL_S)

    def _import_images(self, deadline: float) -> None:
        folder = self._plan.root / "images"
        folder.mkdir()
        for archive in (write_pause(folder, PAUSE), write_busybox(folder, BUSYBOX)):
            imported = partial(self._imported, archive)
            self._wait(f"containerd to take {archive.name}", imported, deadline)

    def _imported(self, archive: Path) -> bool:
        command = ["ctr", "--address", str(self._plan.containerd_socket), "--namespace", "k8s.io"]
        with (self._plan.log_folder / "ctr.log").open("ab") as log:
            done = subprocess.run(
                [*command, "images", "import", str(archive)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                timeout=_START_S,
                check=False,
            )
        return done.returncode == 0
