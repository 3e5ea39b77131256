# SPDX-License-Identifier: Apache-2.0
"""Machines for tests of the doctor: as values, and as folders."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from confcom.adapters.machine import Daemon, Device, DeviceState, Machine, Place, SharedFile
from confcom.adapters.provider_conf import ProviderConf, read_provider_conf
from confcom.adapters.rooted import Root
from confcom.errors import UnavailableError
from confcom.reasons import Reason

FOLDER: Final = Path("/usr/lib/x86_64-linux-gnu")
ENCLAVE, PROVISION, TDX = "/dev/sgx_enclave", "/dev/sgx_provision", "/dev/tdx_guest"
SOCKET: Final = Path("/var/run/aesmd/aesm.socket")
VERSIONED: Final = (
    "libsgx_dcap_ql.so.1",
    "libsgx_pce_logic.so.1",
    "libsgx_urts.so.2",
    "libsgx_quote_ex.so.1",
    "libdcap_quoteprov.so.1",
)
PLAIN: Final = (
    "libsgx_qe3_logic.so",
    "libsgx_qe3.signed.so",
    "libsgx_pce.signed.so",
    "libsgx_id_enclave.signed.so",
)


def device(mode: int = 0o666, group: str = "sgx", refusal: str | None = None) -> Device:
    """Return a device that is there."""
    return Device(state=DeviceState.PRESENT, mode=mode, group=group, refusal=refusal)


def library(name: str, *, folder: Path = FOLDER, version: str | None = "1.22.100.3") -> SharedFile:
    """Return a library that is there."""
    base = name.partition(".so")[0]
    target = name if version is None else f"{base}.so.{version}"
    return SharedFile(path=folder / name, target=folder / target, version=version)


def answering() -> Daemon:
    """Return a daemon that works."""
    return Daemon(socket=SOCKET, state="answers", keys=1, mr_enclave=b"\xe5" * 32)


def silent(state: str = "no_socket") -> Daemon:
    """Return a daemon that does not."""
    error = UnavailableError(Reason.QUOTING_UNREACHABLE, "cannot reach it", hint="start it")
    return Daemon(socket=SOCKET, state=state, error=error)


def conf(folder: Path, environ: Mapping[str, str] | None = None, **files: str) -> ProviderConf:
    """Return what two files, ``aesmd`` and ``qcnl``, and an environment say."""
    for name, text in files.items():
        (folder / name).write_text(text)
    return read_provider_conf(
        environ or {}, root=Root(folder), aesmd=Path("/aesmd"), qcnl=Path("/qcnl")
    )


def node(folder: Path, **changes: Any) -> Machine:  # noqa: ANN401 - what replace takes
    """Return a node on which quotes can be made in every respect, but for the changes."""
    files = {name: library(name) for name in VERSIONED}
    files |= {name: library(name, version=None) for name in PLAIN}
    whole = Machine(
        place=Place.NODE,
        uid=1000,
        devices={ENCLAVE: device(), PROVISION: device(0o660, "sgx_prv")},
        files=files,
        conf=conf(folder),
        daemon=answering(),
    )
    return dataclasses.replace(whole, **changes)


def application(folder: Path, **changes: Any) -> Machine:  # noqa: ANN401 - what replace takes
    """Return the container of an application that asks the daemon, but for the changes."""
    whole = Machine(
        place=Place.APPLICATION,
        uid=1000,
        devices={ENCLAVE: device()},
        files={name: library(name) for name in ("libsgx_dcap_ql.so.1", "libsgx_quote_ex.so.1")},
        conf=conf(folder),
        daemon=answering(),
        opt_in="1",
    )
    return dataclasses.replace(whole, **changes)


def build(root: Path) -> None:
    """Make the folders and files of a node below a folder; devices are plain files there."""
    folder = root / FOLDER.relative_to("/")
    folder.mkdir(parents=True)
    for name in VERSIONED:
        real = f"{name.partition('.so')[0]}.so.1.22.100.3"
        (folder / real).write_bytes(b"\x7fELF")
        (folder / name).symlink_to(real)
    for name in PLAIN:
        (folder / name).write_bytes(b"\x7fELF")
    for part in ("dev", "etc", "run/aesmd"):
        (root / part).mkdir(parents=True)
    (root / "var").mkdir()
    (root / "var" / "run").symlink_to("/run")
    (root / "lib").symlink_to("usr/lib")
    (root / "etc" / "group").write_text("root:x:0:\nsgx:x:107:me\nsgx_prv:x:108:\n")
