# SPDX-License-Identifier: Apache-2.0
"""A daemon that has a PID namespace of its own cannot tell who asks, and says so."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.requirements import missing

_READ = """
import dataclasses, json, socket, sys
from confcom.adapters.peers import PeerReader
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen(1)
    print("listening", flush=True)
    connection, _ = listener.accept()
    print(json.dumps(dataclasses.asdict(PeerReader().read(connection))), flush=True)
"""


def _namespace() -> list[str]:
    """Return the command that starts another in a PID namespace of its own."""
    unshare = shutil.which("unshare")
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = [unshare or "unshare", *rights, "--pid", "--fork", "--kill-child"]
    if unshare is None or subprocess.run([*command, "true"], check=False, timeout=5).returncode:
        missing("nobody here may make a PID namespace")
    return command


@pytest.mark.timeout(30)
def test_a_peer_outside_our_pid_namespace_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "s"
    command = [*_namespace(), sys.executable, "-c", _READ, os.fspath(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "listening\n"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(path))
            peer = json.loads(daemon.stdout.readline())
    assert peer["pid"] is None
    assert peer["certainty"] == "unknown"
    assert (peer["container_id"], peer["pod_uid"]) == (None, None)
    if os.geteuid() == 0:
        assert peer["uid"] == 0
