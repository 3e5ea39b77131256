# SPDX-License-Identifier: Apache-2.0
"""TCB Info and quoting enclave identities that give a platform the status one asks for.

A status comes about as it does in reality: for OutOfDate, for example, the newest level asks for
more than the platform has, and the level that the platform reaches carries the status.

Source of the rules that are run backwards here: the TCB evaluation of `confcom.dcap.evaluate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from confcom.dcap.evaluation import EvaluationNumber, EvaluationNumbers
from confcom.dcap.header import TeeType
from confcom.dcap.identity import EnclaveIdentity, IdentityLevel
from confcom.dcap.tcb_info import (
    Component,
    TcbInfo,
    TcbLevel,
    TcbStatus,
    TdxModule,
    TdxModuleIdentity,
)
from confcom.errors import UsageError
from confcom.reasons import Reason
from confcom.simulation.enclave import Enclave
from confcom.simulation.intel.platform import Platform

DEFAULT_LIFETIME: Final = timedelta(days=30)

_NO_NAME: Final = Component("", "")
SGX_COMPONENTS: Final = (
    Component("BIOS", "Early Microcode Update"),
    Component("OS/VMM", "SGX Late Microcode Update"),
    Component("OS/VMM", "TXT SINIT"),
    Component("BIOS", ""),
    Component("BIOS", ""),
    Component("BIOS", ""),
    _NO_NAME,
    Component("OS/VMM", "SEAMLDR ACM"),
    *(_NO_NAME,) * 8,
)
TDX_COMPONENTS: Final = (
    Component("OS/VMM", "TDX Module"),
    Component("OS/VMM", "TDX Module"),
    Component("OS/VMM", "TDX Late Microcode Update"),
    *(_NO_NAME,) * 13,
)
SIMULATED_ADVISORY: Final = "SIMULATED-SA-00001"
_BEHIND: Final = frozenset(
    {TcbStatus.OUT_OF_DATE, TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED, TcbStatus.REVOKED}
)
_RELAUNCH: Final = {
    TcbStatus.TD_RELAUNCH_ADVISED: (TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE),
    TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED: (
        TcbStatus.CONFIGURATION_NEEDED,
        TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
    ),
}
_SVN_STATUSES: Final = frozenset({TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE, TcbStatus.REVOKED})
_ATTRIBUTES_MASK: Final = bytes.fromhex("fbffffffffffffff0000000000000000")
_OLDER: Final = timedelta(days=180)
_RECOVERY_INTERVAL_S: Final = 90 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What all documents of one issue have in common.

    Attributes:
        at: issue date, to the second.
        evaluation_data_number: raised by one with each TCB recovery.
        lifetime: until the next update.
        tcb_date: date of the newest level; by default that of the issue, at midnight.
        advisory_ids: of levels that are not UpToDate.
    """

    at: datetime
    evaluation_data_number: int
    lifetime: timedelta = DEFAULT_LIFETIME
    tcb_date: datetime | None = None
    advisory_ids: tuple[str, ...] = (SIMULATED_ADVISORY,)

    @property
    def issue_date(self) -> int:
        """Seconds since 1970, UTC."""
        return int(self.at.timestamp())

    @property
    def next_update(self) -> int:
        """Seconds since 1970, UTC."""
        return int((self.at + self.lifetime).timestamp())

    def date(self, *, is_older: bool = False) -> int:
        """Return the date of a level: of the newest, or of an older one."""
        newest = self.tcb_date or self.at.replace(hour=0, minute=0, second=0, microsecond=0)
        return int((newest - _OLDER if is_older else newest).timestamp())


def make_tcb_info(
    platform: Platform,
    tee: TeeType,
    issue: Issue,
    *,
    status: TcbStatus | None = TcbStatus.UP_TO_DATE,
    module_status: TcbStatus | None = TcbStatus.UP_TO_DATE,
    version: int = 3,
) -> TcbInfo:
    """Return TCB Info under which ``platform`` has a status.

    Args:
        platform: whose model and security versions count.
        tee: SGX or TDX.
        issue: dates and number.
        status: of the platform; None if no level fits it. The two TDRelaunch… statuses need a
            platform whose running module is newer than the one at launch.
        module_status: of the TDX module: UpToDate, OutOfDate, Revoked, or None if no level fits.
        version: 3, or 2 (SGX only).

    Raises:
        UsageError: the wish cannot be met.
    """
    is_tdx = tee is TeeType.TDX
    if version not in {2, 3} or (version == 2 and is_tdx):
        raise _refuse(f"TCB Info of version {version} does not exist for {tee.name}")
    if status in _RELAUNCH:
        if not is_tdx:
            raise _refuse(f"status {status} exists for TDX only")
        levels, module_identities = _relaunch(platform, issue, status)
    else:
        levels = _platform_levels(platform, tee, issue, status)
        module_identities = _module_identities(platform, issue, module_status) if is_tdx else ()
    return TcbInfo(
        id=tee.name,
        version=version,
        issue_date=issue.issue_date,
        next_update=issue.next_update,
        fmspc=platform.fmspc,
        pce_id=platform.extension.pce_id,
        tcb_type=0,
        evaluation_data_number=issue.evaluation_data_number,
        tdx_module=TdxModule(*_module_fields(platform)) if is_tdx else None,
        module_identities=module_identities,
        levels=levels,
        components=SGX_COMPONENTS if version == 3 else (_NO_NAME,) * 16,
        tdx_components=TDX_COMPONENTS if is_tdx else (),
    )


def make_qe_identity(
    enclave: Enclave,
    tee: TeeType,
    issue: Issue,
    *,
    status: TcbStatus | None = TcbStatus.UP_TO_DATE,
) -> EnclaveIdentity:
    """Return the identity document of a quoting enclave under which it has a status.

    Args:
        enclave: the quoting enclave.
        tee: SGX (id QE) or TDX (id TD_QE).
        issue: dates and number.
        status: UpToDate, OutOfDate, Revoked, or None if no level fits.
    """
    attributes = enclave.flags.to_bytes(8, "little") + enclave.xfrm.to_bytes(8, "little")
    return EnclaveIdentity(
        id="QE" if tee is TeeType.SGX else "TD_QE",
        version=2,
        issue_date=issue.issue_date,
        next_update=issue.next_update,
        evaluation_data_number=issue.evaluation_data_number,
        misc_select=enclave.misc_select.to_bytes(4, "little"),
        misc_select_mask=b"\xff" * 4,
        attributes=bytes(a & m for a, m in zip(attributes, _ATTRIBUTES_MASK, strict=True)),
        attributes_mask=_ATTRIBUTES_MASK,
        mr_signer=enclave.mr_signer,
        isv_prod_id=enclave.isv_prod_id,
        levels=_svn_levels(enclave.isv_svn, issue, status, "quoting enclave"),
    )


def make_evaluation_numbers(
    tee: TeeType, issue: Issue, numbers: Sequence[int]
) -> EvaluationNumbers:
    """Return a list of numbers, each dated 90 days before the next higher one."""
    dates = [issue.date() - age * _RECOVERY_INTERVAL_S for age in range(len(numbers))]
    newest_first = sorted(set(numbers), reverse=True)
    entries = tuple(
        EvaluationNumber(number, date, date)
        for number, date in zip(newest_first, dates, strict=False)
    )
    return EvaluationNumbers(tee.name, issue.issue_date, issue.next_update, entries)


def _platform_levels(
    platform: Platform, tee: TeeType, issue: Issue, status: TcbStatus | None
) -> tuple[TcbLevel, ...]:
    own = platform.extension.sgx_svns
    tdx = tuple(platform.module.tee_tcb_svn) if tee is TeeType.TDX else None
    pce_svn = platform.extension.pce_svn

    def level(sgx: Sequence[int], status: TcbStatus, *, is_older: bool) -> TcbLevel:
        advisories = () if status is TcbStatus.UP_TO_DATE else issue.advisory_ids
        date = issue.date(is_older=is_older)
        return TcbLevel(tuple(sgx), pce_svn, tdx, status, date, advisories)

    if status is None or status in _BEHIND:
        newer = level(_raised(own, 1), TcbStatus.UP_TO_DATE, is_older=False)
        return (newer,) if status is None else (newer, level(own, status, is_older=True))
    here = level(own, status, is_older=False)
    below = _raised(own, -1)
    if below == own:
        return (here,)
    return (here, level(below, TcbStatus.OUT_OF_DATE, is_older=True))


def _raised(svns: tuple[int, ...], by: int) -> tuple[int, ...]:
    """Move the two microcode components, where there is room."""
    moved = tuple(min(255, max(0, svn + by)) for svn in svns[:2]) + svns[2:]
    if by > 0 and moved == svns:
        raise _refuse("no newer level can exist: both microcode components are 255")
    return moved


def _module_identities(
    platform: Platform, issue: Issue, status: TcbStatus | None
) -> tuple[TdxModuleIdentity, ...]:
    minor, major = platform.module.tee_tcb_svn[:2]
    if major == 0:
        if status is not TcbStatus.UP_TO_DATE:
            raise _refuse("a TDX module of major version 0 has no status of its own")
        return ()
    levels = _svn_levels(minor, issue, status, "TDX module")
    identities = [TdxModuleIdentity(f"TDX_{major:02X}", *_module_fields(platform), levels)]
    running = platform.module.tee_tcb_svn2
    if running is not None and running[1] not in {0, major}:
        newest = _svn_levels(running[0], issue, TcbStatus.UP_TO_DATE, "TDX module")
        name = f"TDX_{running[1]:02X}"
        identities.append(TdxModuleIdentity(name, *_module_fields(platform), newest))
    return tuple(identities)


def _relaunch(
    platform: Platform, issue: Issue, status: TcbStatus
) -> tuple[tuple[TcbLevel, ...], tuple[TdxModuleIdentity, ...]]:
    current, launch = _RELAUNCH[status]
    old, new = platform.module.tee_tcb_svn, platform.module.tee_tcb_svn2 or b""
    levels = _platform_levels(platform, TeeType.TDX, issue, current)
    if old[1] and old[1:] == new[1:] and new[0] > old[0]:
        # The module alone is newer: its identity tells the two apart.
        return levels, _module_identities(platform, issue, TcbStatus.OUT_OF_DATE)
    if new[1:2] == old[1:2] and (new[2:] if old[1] else new) > (old[2:] if old[1] else old):
        # Bytes 0 and 1 do not count beside a module identity; equal ones keep the levels in order.
        raised = tuple((old[:2] if old[1] else new[:2]) + new[2:])
        older = issue.date(is_older=True)
        behind = replace(levels[0], status=launch, date=older, advisory_ids=issue.advisory_ids)
        identities = _module_identities(platform, issue, TcbStatus.UP_TO_DATE)
        return (replace(levels[0], tdx=raised), behind), identities
    raise _refuse(
        f"status {status} needs a running module newer than the one at launch "
        f"(TEE_TCB_SVN {old.hex()}, TEE_TCB_SVN2 {new.hex() or 'none'})",
        hint="update the module under the running TD first: Platform.with_running_module",
    )


def _svn_levels(
    svn: int, issue: Issue, status: TcbStatus | None, what: str
) -> tuple[IdentityLevel, ...]:
    if status is not None and status not in _SVN_STATUSES:
        raise _refuse(
            f"a {what} cannot have status {status}; it knows UpToDate, OutOfDate, Revoked"
        )
    if status is TcbStatus.UP_TO_DATE:
        return (IdentityLevel(svn, status, issue.date(), ()),)
    newer = IdentityLevel(svn + 1, TcbStatus.UP_TO_DATE, issue.date(), ())
    if status is None:
        return (newer,)
    return (newer, IdentityLevel(svn, status, issue.date(is_older=True), issue.advisory_ids))


def _module_fields(platform: Platform) -> tuple[bytes, bytes, bytes]:
    module = platform.module
    return module.mr_signer_seam, module.seam_attributes, b"\xff" * 8


def _refuse(message: str, hint: str | None = None) -> UsageError:
    return UsageError(Reason.USAGE, f"cannot simulate collateral: {message}", hint=hint)
