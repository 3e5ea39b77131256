# SPDX-License-Identifier: Apache-2.0
"""Checks of the way that quotes take: environment, daemon, configuration, certificate services."""

from collections.abc import Iterator, Sequence
from typing import Final, assert_never

from confcom.adapters.machine import (
    NOT_ASKED,
    CertificateService,
    DeviceState,
    Machine,
    Place,
    ServiceState,
)
from confcom.adapters.provider_conf import ConfFile, FileState
from confcom.protocols.quoting_conf import AesmdConf, Note, QcnlConf, Weight
from confcom.reasons import Reason
from confcom.services.doctor.model import Level, Told, fine
from confcom.services.doctor.ways import (
    PROVISION,
    Way,
    is_td,
    way_of,
    why_no_daemon,
    why_no_quoting_enclave,
)

_NO: Final = frozenset({"", "0", "false", "no", "off"})
_SHOWN: Final = 16


def tell_opt_in(machine: Machine) -> Iterator[Told]:
    """Say what SGX_AESM_ADDR of this environment means."""
    value = machine.opt_in
    if value is None:
        yield fine("SGX_AESM_ADDR is not set: Intel's libraries make quotes in process")
    elif value.strip().lower() in _NO:
        shown = "empty" if not value else ascii(value[:_SHOWN])
        yield Told(
            Level.WARNING,
            f"SGX_AESM_ADDR is set, to {shown}, and that means out of process",
            Reason.QUOTING_MODE,
            "only whether it is set counts, whatever its value",
            "to make quotes in process remove it from the environment; to ask the daemon set it "
            "to 1, so that nobody misreads it",
        )
    else:
        yield fine("SGX_AESM_ADDR is set: Intel's libraries ask the daemon for quotes")


def tell_way(machine: Machine) -> Iterator[Told]:
    """Say which way an application in this container would take; nothing on a node."""
    if machine.place is Place.NODE or is_td(machine):
        return
    way = way_of(machine)
    if way is Way.OUT_OF_PROCESS and machine.device(PROVISION).state is DeviceState.PRESENT:
        yield Told(
            Level.WARNING,
            "both ways are asked for at once: quotes of the daemon, and the provision device",
            Reason.QUOTING_MODE,
            "quotes come from the daemon, while the application could certify keys itself",
            "drop the request for the provision device, or remove SGX_AESM_ADDR",
        )
    elif way is Way.NONE:
        yield fine("no library for quotes is installed: the application asks the socket itself")
    else:
        yield fine(f"an application of Intel's libraries would get its quotes {way.value}")


def tell_daemon(machine: Machine) -> Iterator[Told]:
    """Say how the AESM socket answers."""
    daemon = machine.daemon
    if daemon.error is None:
        keys = f"{daemon.keys} attestation key{'' if daemon.keys == 1 else 's'}"
        enclave = "" if daemon.mr_enclave is None else f", QE {daemon.mr_enclave.hex()[:16]}…"
        yield fine(f"{daemon.socket} answers: {keys}{enclave}")
        return
    unneeded = why_no_daemon(machine)
    if unneeded is not None:
        yield fine(f"no daemon answers, and none is needed: {unneeded}")
        return
    level = Level.WARNING if daemon.state == NOT_ASKED else Level.PROBLEM
    state = daemon.state.replace("_", " ")
    yield Told(level, daemon.error.message, daemon.error.reason, state, daemon.error.hint)


def tell_aesmd_conf(machine: Machine) -> Iterator[Told]:
    """Say what is wrong with the configuration of Intel's quoting service."""
    found = machine.conf.aesmd
    if found.state is FileState.FOUND:
        yield from _notes(str(found.path), found.conf.notes)
    else:
        yield _unread(found, machine, "the defaults are fine")


def tell_qcnl_conf(machine: Machine) -> Iterator[Told]:
    """Say what is wrong with the configuration of Intel's certificate provider."""
    found = machine.conf.qcnl
    if found.state is FileState.FOUND:
        yield from _notes(str(found.path), found.conf.notes)
    else:
        yield _unread(found, machine, f"the default is {found.conf.pccs_url}")


def tell_azure_conf(machine: Machine) -> Iterator[Told]:
    """Say what is wrong with the variables of Azure's client; nothing where there are none."""
    conf = machine.conf.azure
    if conf.is_given and not conf.notes:
        yield fine("the variables of Azure's client can be used")
    for note in conf.notes:
        yield _noted("environment", note.weight, str(note))


def tell_collateral(machine: Machine) -> Iterator[Told]:
    """Say where a daemon on this node would have what verifies its own quotes."""
    if machine.place is not Place.NODE:
        return
    choice = machine.collateral
    named = ", ".join(choice.sources.value)
    origin = f"said in {choice.sources.origin}" if choice.sources.is_given else "the default"
    proxy = "" if choice.proxy.value is None else f", through {choice.proxy.value}"
    yield fine(f"a daemon verifies its own quotes by {named} ({origin}){proxy}")
    for whose, note in choice.notes:
        yield _noted(machine.conf.places[whose], note.weight, str(note))


def tell_services(machine: Machine) -> Iterator[Told]:
    """Say whether the services answer that the certificate provider would ask."""
    unneeded = why_no_quoting_enclave(machine)
    if machine.place is Place.APPLICATION and unneeded is not None:
        yield fine(f"no certificate service is needed: {unneeded}")
        return
    if not machine.services:
        yield fine("no certificate service is configured")
    for service in machine.services:
        yield _service(service, machine)


def _service(service: CertificateService, machine: Machine) -> Told:
    where = f"{service.setting} {service.address}"
    match service.state:
        case ServiceState.SKIPPED:
            return fine(f"{where} was not asked: offline")
        case ServiceState.ANSWERS if service.status is not None and service.status >= 500:
            return Told(
                Level.WARNING,
                f"{where} answers with HTTP status {service.status}",
                Reason.SOURCE_ANSWER,
                "the service, or what is in front of it, has trouble of its own",
                "look at the service's log",
            )
        case ServiceState.ANSWERS:
            return fine(f"{where} answers, with HTTP status {service.status}")
        case ServiceState.UNTRUSTED:
            return Told(
                Level.PROBLEM,
                f"{where}: its TLS certificate is not trusted: {service.why}",
                Reason.SOURCE_UNREACHABLE,
                "the certificate provider refuses the service for the same reason",
                "add the service's CA to the certificates of this system",
            )
        case ServiceState.NO_HTTP:
            return Told(
                Level.PROBLEM,
                f"{where} takes the connection, and does not speak HTTP: {service.why}",
                Reason.SOURCE_ANSWER,
                "another service listens there, or http and https are mixed up",
                "correct scheme and port of the address",
            )
        case ServiceState.UNREACHABLE:
            return _unreachable(where, service, machine)
        case _:
            assert_never(service.state)


def _unreachable(where: str, service: CertificateService, machine: Machine) -> Told:
    message = f"{where} cannot be reached: {service.why}"
    if machine.proxies:
        return Told(
            Level.WARNING,
            message,
            Reason.SOURCE_UNREACHABLE,
            f"it was tried directly, while {', '.join(machine.proxies)} names a proxy that the "
            "certificate provider would use",
            "try the address through the proxy",
        )
    # Where the daemon has its key ready, its certificates are there for now.
    return Told(
        Level.WARNING if machine.daemon.answers else Level.PROBLEM,
        message,
        Reason.SOURCE_UNREACHABLE,
        "the platform's certificate cannot be fetched; quotes fail once none is kept any more",
        "check address, network and firewall; a pod without the host's network may not reach "
        "169.254.169.254",
    )


def _notes(path: str, notes: Sequence[Note]) -> Iterator[Told]:
    if not notes:
        yield fine(f"{path} can be used")
    for note in notes:
        yield _noted(path, note.weight, str(note))


def _noted(where: str, weight: Weight, words: str) -> Told:
    is_mistake = weight is Weight.MISTAKE
    return Told(
        Level.WARNING,
        f"{where}: {words}",
        Reason.SETTINGS_INVALID,
        "a default stands in for it" if is_mistake else None,
        "correct it" if is_mistake else "remove it, or leave it if it is meant",
    )


def _unread(
    found: ConfFile[AesmdConf] | ConfFile[QcnlConf], machine: Machine, default: str
) -> Told:
    if found.state is FileState.MISSING and found.named_by is None:
        return fine(f"there is no {found.path}; {default}")
    named = "" if found.named_by is None else f", which {found.named_by} names"
    what = "does not exist" if found.state is FileState.MISSING else f"cannot be read: {found.why}"
    return Told(
        Level.WARNING,
        f"{found.path}{named} {what}",
        Reason.SETTINGS_INVALID,
        "defaults stand in for all of it, unless another user may read it",
        f"let user {machine.uid} read the file, or name another one",
    )
