# SPDX-License-Identifier: Apache-2.0
"""Ask what listens at an AESM socket whether it has a platform and a key that is ready."""

from pathlib import Path

from confcom.adapters.aesm import AesmClient
from confcom.adapters.aesm_health import Finding, State, timed, without_keys
from confcom.adapters.machine.facts import Daemon
from confcom.errors import UsageError
from confcom.protocols.aesm import DEFAULT_KEY_ID
from confcom.protocols.aesm.client import ask_key_id_count, ask_key_info
from confcom.sgx import TargetInfo


def ask_daemon(path: Path, *, timeout_s: float) -> Daemon:
    """Ask for the number of keys, then for the target info; failures are findings.

    Args:
        path: of the socket.
        timeout_s: for each of both, seconds.
    """
    try:
        client = AesmClient(path, timeout_s=timeout_s)
    except UsageError as exc:
        return Daemon(socket=path, state=State.UNREACHABLE.value, error=exc)
    limit_ms = max(1, int(timeout_s * 1000))
    count = timed(client, ask_key_id_count(timeout_ms=limit_ms))
    if count.answer is None:
        return _failed(path, count.finding)
    if not count.answer:
        return _failed(path, without_keys(path))
    info = timed(client, ask_key_info(DEFAULT_KEY_ID.to_bytes(), timeout_ms=limit_ms))
    if info.answer is None:
        return _failed(path, info.finding)
    enclave = TargetInfo.from_bytes(info.answer.target_info).mr_enclave
    return Daemon(socket=path, state=State.ANSWERS.value, keys=count.answer, mr_enclave=enclave)


def _failed(path: Path, finding: Finding) -> Daemon:
    return Daemon(socket=path, state=finding.state.value, error=finding.error)
