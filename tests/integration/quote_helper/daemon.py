# SPDX-License-Identifier: Apache-2.0
"""The quote helper as a process, and what its clients and operators ask it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confcom.protocols.aesm import DEFAULT_KEY_ID, AesmCode, write_frame
from confcom.protocols.pb.aesm_pb2 import Request, Response
from confcom.sgx import TargetInfo
from confcom.simulation import Enclave

ENCLAVE: Final = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)


@contextmanager
def running(
    folder: Path,
    *options: str,
    platform: tuple[str, ...] = ("--pki", "demo"),
    hears: Sequence[bytes] = (),
) -> Iterator["subprocess.Popen[str]"]:
    """Run the daemon until its manager hears that it is ready, and more, and end it."""
    options = (*platform, *options)
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = f"notify-{time.monotonic_ns()}"
    with ready:
        ready.bind(name)
        ready.settimeout(20)
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "confcom", "serve", "quote-helper"),
                *("--backend", "simulated", "--socket", "aesm.socket", *options),
            ],
            env=os.environ | {"NOTIFY_SOCKET": str(Path(name).resolve())},
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        ) as process:
            try:
                for state in (b"READY=1", *hears):
                    assert ready.recv(100) == state
                yield process
            finally:
                process.kill()


def call(request: Request) -> Response:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect("aesm.socket")
        client.sendall(write_frame(request.SerializeToString()))
        data = b""
        while part := client.recv(65536):
            data += part
    return Response.FromString(data[4:])


def quote() -> bytes:
    """Return a quote, asked for as Gramine does; an AssertionError names the code of a refusal."""
    request = Request()
    request.init_quote_ex.att_key_id = DEFAULT_KEY_ID.to_bytes()
    request.init_quote_ex.b_pub_key_id = True
    request.init_quote_ex.buf_size = 32
    target = TargetInfo.from_bytes(call(request).init_quote_ex.target_info)
    request = Request()
    request.get_quote_ex.att_key_id = DEFAULT_KEY_ID.to_bytes()
    request.get_quote_ex.report = ENCLAVE.ereport(target, b"\x07" * 64).to_bytes()
    request.get_quote_ex.buf_size = 8192
    reply = call(request).get_quote_ex
    assert reply.error_code == AesmCode.SUCCESS, f"refused with {reply.error_code}"
    return bytes(reply.quote)


def ended(process: "subprocess.Popen[str]") -> list[dict[str, object]]:
    _, err = process.communicate(timeout=20)
    return [json.loads(line) for line in err.splitlines()]


def ask_http(path: str, target: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(path)
        client.sendall(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        data = b""
        while part := client.recv(65536):
            data += part
    return data.partition(b"\r\n\r\n")[2]
