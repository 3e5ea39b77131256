# SPDX-License-Identifier: Apache-2.0
"""``Cluster``: a cluster for as long as a block of code runs, and what to ask of it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tools.testcluster import build

from tests.cluster import plan
from tests.cluster.parts import ClusterError
from tests.cluster.plan import Plan, Runtime

_STOP_S: Final = 40.0
_ASK_S: Final = 120.0
_TAIL: Final = 15


class Cluster:
    """A cluster of one node; its files and logs are there while it is.

    Logs stay when the block ends by an exception, or when the cluster did; the message says where.

    Args:
        runtime: which containerd.

    Attributes:
        plan: where everything is.
        keeper: the process that holds it and clears up.
        first: process id of the first process inside, as seen from here.
        port: of the API server, on the loopback device of this machine.
    """

    def __init__(self, runtime: Runtime = "1.6") -> None:
        self.plan = new_plan(runtime)
        self.first = 0
        self.port = 0
        self.keeper = start_keeper(self.plan, stdin=subprocess.PIPE)

    def __enter__(self) -> Self:
        try:
            self.first, self.port = wait_ready(self.keeper, self.plan)
        except BaseException:
            self._stop(word="")
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        status = self._stop(word="stop\n")
        if kind is None and status == 0:
            shutil.rmtree(self.plan.log_folder, ignore_errors=True)
            return
        text = f"logs of the cluster: {self.plan.log_folder}"
        if error is None:
            raise ClusterError(f"the cluster ended by itself; {text}\n{tails(self.plan)}")
        error.add_note(text)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's way in, from outside."""
        return self.plan.root / "kubeconfig"

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_s: float = _ASK_S) -> str:
        """Run kubectl outside, and return what it prints.

        Raises:
            ClusterError: it failed; the message is kubectl's.
        """
        done = subprocess.run(
            [plan.programs()["kubernetes"] / "kubectl", *arguments],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def run(self, *command: str, timeout_s: float = _ASK_S) -> subprocess.CompletedProcess[str]:
        """Run a command on the node: in all namespaces of the cluster."""
        return subprocess.run(
            [*entering(self.first), *command],
            env=plan.environment(self.plan),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def _stop(self, word: str) -> int:
        assert self.keeper.stdin is not None
        with suppress(BrokenPipeError):
            self.keeper.stdin.write(word)
            self.keeper.stdin.close()
        try:
            return self.keeper.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.keeper.kill()
            return self.keeper.wait()
        finally:
            if self.keeper.stdout is not None:
                self.keeper.stdout.close()


def new_plan(runtime: Runtime) -> Plan:
    """Make the folders of a new cluster.

    Raises:
        ClusterError: programs are missing, or the rights to make namespaces.
    """
    if missing := build.missing():
        raise ClusterError(f"not there: {', '.join(missing)}; run: make testcluster")
    if os.geteuid() != 0:
        raise ClusterError("a cluster needs root: it mounts, and makes namespaces and cgroups")
    folder = Path(tempfile.mkdtemp(prefix=plan.CGROUP_PREFIX, dir="/tmp"))
    logs = plan.LOGS / folder.name
    logs.mkdir(parents=True)
    made = Plan(folder=str(folder), logs=str(logs), runtime=runtime)
    made.write()
    return made


def start_keeper(of: Plan, *, stdin: int, arguments: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """Start the process that holds a cluster, apart from this one's session."""
    with (of.log_folder / "keeper.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.keeper", str(of.root / "plan.json"), *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=plan.REPOSITORY,
            start_new_session=True,
        )


def wait_ready(keeper: "subprocess.Popen[str]", of: Plan) -> tuple[int, int]:
    """Return the first process inside and the port of the API server, once the node is ready.

    Raises:
        ClusterError: it does not come up; the message has the ends of the logs.
    """
    assert keeper.stdout is not None
    words = keeper.stdout.readline().split()
    if len(words) != 3:
        where = f"logs: {of.log_folder}"
        raise ClusterError(f"the cluster did not come up; {where}\n{tails(of)}")
    return int(words[1]), int(words[2])


def entering(first: int) -> list[str]:
    """Return the beginning of a command line that runs the rest of it inside."""
    spaces = ("--mount", "--net", "--pid", "--uts", "--ipc")
    return ["nsenter", f"--target={first}", *spaces, f"--wdns={Path.cwd()}", "--"]


def tails(of: Plan) -> str:
    """Return the last lines of each log."""
    parts = []
    for log in sorted(of.log_folder.glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        if log.name != "audit.log" and lines:
            parts.append(f"--- {log.name}\n" + "\n".join(lines[-_TAIL:]))
    return "\n".join(parts)
