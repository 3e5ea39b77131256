# SPDX-License-Identifier: Apache-2.0
"""What an operator does about a TCB that is not up to date."""

from collections.abc import Iterator, Sequence
from typing import Final

from confcom.attestation._ladder import Component
from confcom.attestation._parts import CURRENT, MODULE, PCE, QUOTING_ENCLAVE
from confcom.attestation.explanation import PartExplanation
from confcom.dcap import QuoteVersion, TcbDiagnosis, TcbStatus

_CONFIGURE: Final = (
    "change the configuration in the BIOS as the advisories say (often: hyper-threading off), "
    "then reboot"
)
_UPDATE_PCE: Final = "update the PCE of the host (package libsgx-ae-pce)"
_UPDATE_QE: Final = (
    "update the quoting enclave where quotes are made, on the host or in the image of a container "
    "that makes its own (package libsgx-ae-qe3, for TDs libsgx-ae-tdqe), then restart the quote "
    "service"
)
_UPDATE_MODULE: Final = "update the TDX module of the host, then launch the TD again"
_LOAD_MICROCODE: Final = "load newer microcode from the operating system, then reboot"
_UPDATE_LOADER: Final = "update SEAMLDR, the loader of the TDX module, on the host, then reboot"
_UPDATE_FIRMWARE: Final = "update the BIOS of the host, which brings microcode, then reboot"
_RENEW: Final = (
    "after that let the platform get a new PCK certificate (refresh the PCCS, restart the quote "
    "service): with the old one quotes keep the old status"
)
_RELAUNCH: Final = (
    "launch the TD again: its host has been updated since, but a TD keeps the TCB of its launch"
)
_CERTIFIED: Final = frozenset(
    {_CONFIGURE, _UPDATE_PCE, _LOAD_MICROCODE, _UPDATE_LOADER, _UPDATE_FIRMWARE}
)
"""What changes a platform's certificate; TDX module and quoting enclave are not in it."""
_HARDEN: Final = (
    "no level is better than {status}: build the workload with the mitigations for {advisories}, "
    "then accept the status with --allow-tcb-status {status}"
)
_DEAD_END: Final = (
    "no level of the document for {part} is better than {status}: no update helps, only newer "
    "collateral can change that"
)
_SOFTWARE: Final = frozenset(
    {TcbStatus.SW_HARDENING_NEEDED, TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED}
)
_RELAUNCH_STATUSES: Final = {
    TcbStatus.TD_RELAUNCH_ADVISED,
    TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
}


def action_for(component: Component, *, is_configuration: bool) -> str:
    """Return what the operator does about a component that is short."""
    by_component = {PCE: _UPDATE_PCE, MODULE: _UPDATE_MODULE, QUOTING_ENCLAVE: _UPDATE_QE}
    if is_configuration:
        return _CONFIGURE
    if component in by_component:
        return by_component[component]
    kind = component.type.upper()
    if "TDX MODULE" in kind:
        return _UPDATE_MODULE
    if "SEAMLDR" in kind:
        return _UPDATE_LOADER
    if "LATE MICROCODE" in kind:
        return _LOAD_MICROCODE
    return _UPDATE_FIRMWARE


def actions_for(
    diagnosis: TcbDiagnosis, status: TcbStatus | None, parts: Sequence[PartExplanation]
) -> Iterator[str]:
    """Yield what the operator does, in order; the same advice may come twice."""
    if status in _RELAUNCH_STATUSES:
        yield _RELAUNCH
    if (stale := _stale_certificate(diagnosis, parts)) is not None:
        yield stale
    names = {part.part for part in parts}
    shortfalls = [
        shortfall.action
        for part in parts
        if not (status in _RELAUNCH_STATUSES and part.part + CURRENT in names)
        for shortfall in part.shortfalls
    ]
    yield from shortfalls
    if not _CERTIFIED.isdisjoint(shortfalls):
        yield _RENEW
    yield from (_last_step(part) for part in parts if part.target is not TcbStatus.UP_TO_DATE)


def _last_step(part: PartExplanation) -> str:
    if part.target not in _SOFTWARE:
        return _DEAD_END.format(part=part.part, status=part.target)
    advisories = ", ".join(part.steps[-1].advisory_ids) or "the advisories of the level"
    return _HARDEN.format(status=part.target, advisories=advisories)


def _stale_certificate(diagnosis: TcbDiagnosis, parts: Sequence[PartExplanation]) -> str | None:
    header, known = diagnosis.quote.header, diagnosis.pck.extension.pce_svn
    wanted = [
        shortfall.wanted
        for part in parts
        for shortfall in part.shortfalls
        if shortfall.component == str(PCE)
    ]
    if header.version is not QuoteVersion.V3 or not diagnosis.is_body_verified:
        return None
    if not wanted or header.pce_svn < max(wanted):
        return None
    return (
        f"the platform has PCE SVN {header.pce_svn}, its PCK certificate says {known}: the "
        "platform was updated, its certificate was not; refresh the PCCS and restart the quote "
        "service"
    )
