# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster``: a cluster for a person, or for as long as one command runs.

``up`` starts one and prints how to reach it, ``down`` ends it; ``run -- COMMAND`` starts one, runs
the command on its node with KUBECONFIG set, and ends it.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from tests.cluster import plan
from tests.cluster.cluster import Cluster, entering, new_plan, start_keeper, wait_ready
from tests.cluster.parts import ClusterError

_STATE: Final = plan.LOGS / "up.json"
_STOP_S: Final = 40.0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The cluster that is up.

    Attributes:
        keeper: process id of who holds it.
        started: when that process started, clock ticks since the machine did.
        folder: with its files.
        logs: of its parts.
    """

    keeper: int
    started: int
    folder: str
    logs: str


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster")
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("up", "run"):
        action = actions.add_parser(name)
        action.add_argument("--runtime", choices=("1.6", "2.1"), default="1.6")
        if name == "run":
            action.add_argument("command", nargs="+")
    actions.add_parser("down")
    given = parser.parse_args()
    try:
        if given.action == "up":
            return _up(given.runtime)
        return _down() if given.action == "down" else _run(given.runtime, given.command)
    except ClusterError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 4


def _up(runtime: plan.Runtime) -> int:
    if (state := _state()) is not None:
        raise ClusterError(f"there is one already, in {state.folder}; end it: make cluster-down")
    made = new_plan(runtime)
    keeper = start_keeper(made, stdin=subprocess.DEVNULL, arguments=["--detached"])
    first, _port = wait_ready(keeper, made)
    started = _started(keeper.pid)
    if started is None:
        raise ClusterError(f"the cluster ended at once; logs: {made.log_folder}")
    state = State(keeper=keeper.pid, started=started, folder=made.folder, logs=made.logs)
    _STATE.write_bytes(msgspec.json.encode(state))
    kubectl = plan.programs()["kubernetes"] / "kubectl"
    sys.stdout.write(
        f"export KUBECONFIG={made.root / 'kubeconfig'}\n"
        f"{kubectl} get nodes\n"
        f"on the node: {' '.join(entering(first))} COMMAND\n"
    )
    return 0


def _down() -> int:
    state = _state()
    if state is None:
        raise ClusterError("no cluster is up")
    os.kill(state.keeper, signal.SIGTERM)
    ends = time.monotonic() + _STOP_S
    while _started(state.keeper) == state.started:
        if time.monotonic() > ends:
            raise ClusterError(f"process {state.keeper} does not end; logs: {state.logs}")
        time.sleep(0.1)
    shutil.rmtree(state.logs, ignore_errors=True)
    _STATE.unlink(missing_ok=True)
    return 0


def _run(runtime: plan.Runtime, command: list[str]) -> int:
    with Cluster(runtime) as cluster:
        whole = [*entering(cluster.first), *command]
        return subprocess.run(whole, env=plan.environment(cluster.plan), check=False).returncode


def _state() -> State | None:
    """Return the cluster that is up, or None; what is said of one that ended is removed."""
    if not _STATE.exists():
        return None
    state = msgspec.json.decode(_STATE.read_bytes(), type=State)
    if _started(state.keeper) == state.started:
        return state
    _STATE.unlink()
    return None


def _started(pid: int) -> int | None:
    """Return when a process started, or None where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


if __name__ == "__main__":
    sys.exit(main())
