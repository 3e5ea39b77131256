# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.cluster.inside PLAN``: the first process of a cluster's namespaces.

It waits for the children that others leave; all processes end with it. Its child sets up the node,
starts the parts, says ``ready`` on standard output, and stops the parts when standard input ends.
"""

import asyncio
import os
import sys
import traceback
from pathlib import Path
from typing import Final

from tests.cluster import node, plan, relay
from tests.cluster.parts import ClusterError, Parts

_LOOK_S: Final = 0.5


def main() -> int:
    """Be the first process; return the exit status of the child that does the work."""
    worker = os.fork()
    if worker == 0:
        # What the child is given is closed with it: the first process holds nothing open.
        os._exit(_work(plan.read(Path(sys.argv[1]))))
    os.close(0)
    os.close(1)
    while True:
        ended, status = os.wait()
        if ended == worker:
            return os.waitstatus_to_exitcode(status)


def _work(of: plan.Plan) -> int:
    parts = Parts(of)
    try:
        node.prepare(of)
        parts.start()
        return asyncio.run(_serve(of, parts))
    except Exception:  # noqa: BLE001 the log of the harness is the only place to say it
        traceback.print_exc()
        return 1
    finally:
        parts.stop()


async def _serve(of: plan.Plan, parts: Parts) -> int:
    told = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, told.set)
    async with await relay.to_address(of.api_socket, plan.ADDRESS, plan.API_PORT):
        os.write(1, b"ready\n")
        while not told.is_set():
            if name := parts.ended():
                raise ClusterError(f"{name} ended by itself")
            try:
                await asyncio.wait_for(told.wait(), _LOOK_S)
            except TimeoutError:
                continue
    return 0


if __name__ == "__main__":
    sys.exit(main())
