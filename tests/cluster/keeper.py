# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.keeper PLAN``: holds one cluster, and clears up after it.

It runs apart from the tests, in a session of its own, so that what kills them leaves it alone.
Standard input is the line to them: ``stop`` on it ends the cluster in order, its end without that
word (the tests were killed) ends it at once. On standard output it says ``ready`` and then, in the
same line, the first process of the cluster's namespaces and the port of the API server.
With ``--detached`` there is no such line, and SIGTERM ends the cluster. Were the keeper itself
killed, the namespaces would end with it, too.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.cluster import files, node, plan, relay

_STOP_S: Final = 20.0
# The first of the namespaces ends with unshare, which ends with the keeper.
_NAMESPACES: Final = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("--uts", "--ipc", "--"),
)


class _Line:
    """What the tests say."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.is_orderly = False

    def stop(self) -> None:
        """End in order."""
        self.is_orderly = True
        self.ended.set()

    def read(self) -> None:
        """Take what is on standard input."""
        if "stop" in sys.stdin.readline():
            self.stop()
        else:
            self.ended.set()


def main() -> int:
    """Keep the cluster until it is to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.keeper")
    parser.add_argument("plan", type=Path)
    parser.add_argument("--detached", action="store_true", help="until SIGTERM")
    arguments = parser.parse_args()
    of = plan.read(arguments.plan).kept_by(os.getpid())
    of.write()
    node.remove_stale_cgroups()
    made = node.make_places()
    try:
        return asyncio.run(_keep(of, is_detached=arguments.detached))
    finally:
        for path in node.remove_cgroups(of.cgroup):
            sys.stderr.write(f"still there: {path}\n")
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()
        shutil.rmtree(of.root, ignore_errors=True)


async def _keep(of: plan.Plan, *, is_detached: bool) -> int:
    line = _Line()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, line.stop)
    if not is_detached:
        loop.add_reader(0, line.read)
    node.make_cgroups(of.cgroup)
    files.write_all(of)
    async with _namespaces(of, line) as inside:
        assert inside.stdout is not None
        ready = asyncio.ensure_future(inside.stdout.readline())
        told = asyncio.ensure_future(line.ended.wait())
        await asyncio.wait({ready, told}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            return 1
        if not ready.result():
            return await inside.wait()
        server, port = await relay.from_port(of.api_socket)
        address = f"https://127.0.0.1:{port}"
        way = files.kubeconfig(of, "admin", address)
        (of.root / "kubeconfig").write_text(way, encoding="utf-8")
        os.write(1, f"ready {_first_process(inside.pid)} {port}\n".encode())
        ended = asyncio.ensure_future(inside.wait())
        async with server:
            await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
    return 0 if line.ended.is_set() else 1


@asynccontextmanager
async def _namespaces(of: plan.Plan, line: _Line) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start what runs inside; when this ends, nothing of it runs any more."""
    with (of.log_folder / "harness.log").open("ab") as log:
        inside = await asyncio.create_subprocess_exec(
            *_NAMESPACES,
            *(sys.executable, "-m", "tests.cluster.inside", str(of.root / "plan.json")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=plan.REPOSITORY,
        )
    try:
        yield inside
        if line.is_orderly and inside.stdin is not None:
            inside.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(inside.wait(), _STOP_S)
    finally:
        if inside.returncode is None:
            inside.kill()
            await inside.wait()


def _first_process(unshare: int) -> int:
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text(encoding="ascii")
    return int(children.split()[0])


if __name__ == "__main__":
    sys.exit(main())
