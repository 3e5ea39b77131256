# SPDX-License-Identifier: Apache-2.0
"""Checks of what a quoting enclave needs: device nodes, libraries, enclave files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from confcom.adapters.machine import Device, DeviceState, Machine, Place
from confcom.reasons import Reason
from confcom.services.doctor.model import Level, Told, fine
from confcom.services.doctor.ways import (
    AESM_LIBRARY,
    ENCLAVE,
    LOGIC,
    PROVISION,
    TDX,
    WRAPPER,
    Way,
    is_td,
    way_of,
    why_no_quoting_enclave,
)

INTEL_PROVIDER: Final = "libdcap_quoteprov.so.1"
AZURE_PROVIDER: Final = "libdcap_quoteprov.so"
_OTHERS: Final = 0o006
_BOTH: Final = (LOGIC, WRAPPER)


def tell_enclave_device(machine: Machine) -> Iterator[Told]:
    """Look at the device in which enclaves are made."""
    device = machine.device(ENCLAVE)
    if device.state is DeviceState.PRESENT:
        yield _opened(ENCLAVE, device, machine.uid, "be in its group, or run as root")
    elif is_td(machine):
        yield fine(f"no {ENCLAVE}: this is a TD, which needs none")
    else:
        yield Told(
            Level.WARNING if machine.daemon.answers else Level.PROBLEM,
            _absent(ENCLAVE, device),
            Reason.DEVICE_MISSING,
            "without it no enclave runs here, other than simulated ones",
            "in a container, request SGX from the cluster; on a machine, switch SGX on in the "
            "firmware, and use a kernel from 5.11 on",
        )


def tell_provision_device(machine: Machine) -> Iterator[Told]:
    """Look at the device that lets an enclave have its platform's identity."""
    device = machine.device(PROVISION)
    unneeded = why_no_quoting_enclave(machine)
    if device.state is not DeviceState.PRESENT:
        if unneeded is not None:
            yield fine(f"no {PROVISION}, and none needed: {unneeded}")
            return
        yield Told(
            Level.PROBLEM,
            _absent(PROVISION, device),
            Reason.DEVICE_MISSING,
            "the quoting enclave cannot certify its key: applications see 0xE035",
            "request the provision device for the container that makes quotes"
            if machine.place is Place.APPLICATION
            else "use a kernel from 5.11 on, with SGX switched on in the firmware",
        )
        return
    if device.mode is not None and device.mode & _OTHERS:
        yield Told(
            Level.WARNING,
            f"{PROVISION} has mode {device.mode:04o}: every user may open it",
            Reason.DEVICE_ACCESS,
            "whoever opens it can certify keys in the name of this platform",
            f"chgrp sgx_prv {PROVISION} and chmod 0660 {PROVISION}, in a rule of udev",
        )
    elif unneeded is None or device.refusal is None:
        yield _opened(PROVISION, device, machine.uid, "be in group sgx_prv, or its own group")
    else:
        yield fine(f"{_described(PROVISION, device)}; user {machine.uid} has no need to open it")


def tell_td_device(machine: Machine) -> Iterator[Told]:
    """Look at the device of a TD."""
    device = machine.device(TDX)
    if device.state is DeviceState.PRESENT:
        yield _opened(TDX, device, machine.uid, "run as root, or as its group")
    else:
        yield fine(f"no {TDX}: this is no TD, or its kernel has no driver for it")


def tell_quoting_library(machine: Machine, name: str) -> Iterator[Told]:
    """Look at one of the two libraries that hold the quoting enclave."""
    other = next(one for one in _BOTH if one != name)
    if machine.file(name).is_there or not machine.file(other).is_there:
        yield from tell_library(machine, name)
    elif name == WRAPPER:
        yield _broken(machine, name) or fine(f"{name} is not installed; {other} is enough")
    elif why_no_quoting_enclave(machine) is not None:
        yield from tell_library(machine, name)
    else:
        yield _broken(machine, name) or Told(
            Level.WARNING,
            f"{name} is not installed, only {other}",
            Reason.LIBRARY_MISSING,
            f"our daemon loads {name} unless told otherwise; {other} takes no nonce, and releases "
            "of it differ in whether they hold the quoting enclave's code themselves",
            "install the package libsgx-qe3-logic, or start the daemon with --library",
        )


def tell_library(machine: Machine, name: str) -> Iterator[Told]:
    """Look at a library that the quoting enclave needs."""
    found = machine.file(name)
    if found.is_there:
        yield _found(machine, name)
        return
    unneeded = why_no_quoting_enclave(machine)
    if unneeded is not None:
        yield _broken(machine, name) or fine(f"{name} is not installed, and not needed: {unneeded}")
        return
    yield _broken(machine, name) or Told(
        Level.PROBLEM,
        f"{name} is not installed",
        Reason.LIBRARY_MISSING,
        "without it the quoting enclave cannot be loaded",
        f"install the package that brings {name}, or name its folder in LD_LIBRARY_PATH",
    )


def tell_aesm_library(machine: Machine) -> Iterator[Told]:
    """Look at the library with which applications ask the daemon."""
    name = AESM_LIBRARY
    if machine.file(name).is_there:
        yield _found(machine, name)
        return
    if machine.place is Place.NODE or way_of(machine) is Way.IN_PROCESS or is_td(machine):
        yield _broken(machine, name) or fine(f"{name} is not installed; applications bring it")
    elif machine.file(WRAPPER).is_there:
        yield _broken(machine, name) or Told(
            Level.PROBLEM,
            f"{name} is not installed, and SGX_AESM_ADDR is set",
            Reason.LIBRARY_MISSING,
            f"{WRAPPER} asks the daemon through it; applications see 0xE040",
            "install the package libsgx-quote-ex in the application's image",
        )
    else:
        yield _broken(machine, name) or Told(
            Level.WARNING,
            f"neither {name} nor {WRAPPER} is installed",
            Reason.LIBRARY_MISSING,
            "applications with Intel's libraries or Open Enclave get no quotes; those on Gramine, "
            "or in Rust, ask the socket themselves",
            "install the package libsgx-quote-ex in the application's image, if it needs it",
        )


def tell_provider(machine: Machine) -> Iterator[Told]:
    """Look at the library that brings the platform's certificates."""
    intel, azure = machine.file(INTEL_PROVIDER), machine.file(AZURE_PROVIDER)
    if intel.is_there and azure.is_there and intel.target != azure.target:
        yield Told(
            Level.WARNING,
            f"two certificate providers: {intel.path} and {azure.path}",
            Reason.LIBRARY_MISSING,
            f"{INTEL_PROVIDER} is taken, and the other one never asked",
            "remove the one that is not meant",
        )
    elif intel.is_there or azure.is_there:
        yield _found(machine, INTEL_PROVIDER if intel.is_there else AZURE_PROVIDER)
    elif (unneeded := why_no_quoting_enclave(machine)) is not None:
        yield fine(f"no certificate provider is installed, and none needed: {unneeded}")
    else:
        yield Told(
            Level.WARNING,
            "no certificate provider is installed",
            Reason.LIBRARY_MISSING,
            "quotes carry an encrypted platform id in place of a certificate, and verifiers have "
            "to find the certificate themselves",
            f"install Intel's default provider ({INTEL_PROVIDER}), or on Azure its client "
            f"({AZURE_PROVIDER})",
        )


def tell_enclave_file(machine: Machine, name: str) -> Iterator[Told]:
    """Look at an enclave file; the libraries look for it beside themselves."""
    found = machine.file(name)
    unneeded = why_no_quoting_enclave(machine)
    if not found.is_there:
        if unneeded is not None:
            yield fine(f"{name} is not installed, and not needed: {unneeded}")
            return
        yield _broken(machine, name) or Told(
            Level.PROBLEM,
            f"{name} is not installed",
            Reason.LIBRARY_MISSING,
            "the libraries load it at the first quote; applications see 0xE016",
            "install the package of the enclave, such as libsgx-ae-qe3, libsgx-ae-pce or "
            "libsgx-ae-id-enclave",
        )
        return
    folders = {_folder(machine.file(library).target) for library in _BOTH} - {None}
    if folders and _folder(found.target) not in folders:
        yield Told(
            Level.OK if unneeded is not None else Level.WARNING,
            f"{found.path} is not beside the quoting library",
            Reason.LIBRARY_MISSING if unneeded is None else None,
            "the libraries look for it in their own folder",
            "name it to the daemon: confcom serve quote-helper --file KIND=PATH",
        )
        return
    yield _found(machine, name)


def _folder(path: Path | None) -> Path | None:
    return None if path is None else path.parent


def _found(machine: Machine, name: str) -> Told:
    found = machine.file(name)
    version = "" if found.version is None else f", version {found.version}"
    if not found.others:
        return fine(f"{found.path}{version}")
    others = ", ".join(str(path) for path in found.others[:3])
    return Told(
        Level.WARNING,
        f"{found.path}{version}, and others of the name: {others}",
        Reason.LIBRARY_MISSING,
        "which one a program loads depends on its environment",
        "remove what is not meant",
    )


def _broken(machine: Machine, name: str) -> Told | None:
    found = machine.file(name)
    if found.path is None:
        return None
    unneeded = why_no_quoting_enclave(machine) is not None
    return Told(
        Level.WARNING if unneeded else Level.PROBLEM,
        f"{found.path} leads to no file",
        Reason.LIBRARY_MISSING,
        "a package was removed or not installed completely",
        "install the package again",
    )


def _opened(path: str, device: Device, uid: int, cure: str) -> Told:
    if device.refusal is None:
        return fine(f"{_described(path, device)}; user {uid} can open it")
    return Told(
        Level.PROBLEM,
        f"{_described(path, device)}; user {uid} cannot open it: {device.refusal}",
        Reason.DEVICE_ACCESS,
        "the user or its groups may not, or the container was not given the device",
        cure,
    )


def _described(path: str, device: Device) -> str:
    return f"{path}: mode {device.mode or 0:04o}, group {device.group}"


def _absent(path: str, device: Device) -> str:
    if device.state is DeviceState.OTHER:
        return f"{path} is no device"
    return f"there is no {path}"
