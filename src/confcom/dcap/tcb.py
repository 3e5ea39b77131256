# SPDX-License-Identifier: Apache-2.0
"""TCB evaluation: which level a platform, its TDX module and its quoting enclave stand on.

Source: Intel PCS REST specification, "Get TCB Info", algorithm of TCB status evaluation; Intel
TDX DCAP, relaunch rule for TD reports 1.5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import ge
from typing import Final

from confcom.dcap.identity import EnclaveIdentity
from confcom.dcap.pck import PckExtension
from confcom.dcap.tcb_info import (
    IdentityLevel,
    TcbInfo,
    TcbLevel,
    TcbStatus,
    TdxModule,
    TdxModuleIdentity,
)
from confcom.dcap.td_report import TdReport
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason
from confcom.sgx import ReportBody

MODULE_COMPONENTS: Final = 2
"""TDX components 0 and 1 are the module's own; module identities replace them."""

_NO_ATTRIBUTES: Final = bytes(8)
_S = TcbStatus
_REVOKED: Final = _S.REVOKED  # fetched once: refuse_revoked runs for every quote
_WITH_OLD_COMPONENT: Final = {
    _S.UP_TO_DATE: _S.OUT_OF_DATE,
    _S.SW_HARDENING_NEEDED: _S.OUT_OF_DATE,
    _S.CONFIGURATION_NEEDED: _S.OUT_OF_DATE_CONFIGURATION_NEEDED,
    _S.CONFIGURATION_AND_SW_HARDENING_NEEDED: _S.OUT_OF_DATE_CONFIGURATION_NEEDED,
    _S.OUT_OF_DATE: _S.OUT_OF_DATE,
    _S.OUT_OF_DATE_CONFIGURATION_NEEDED: _S.OUT_OF_DATE_CONFIGURATION_NEEDED,
}
_OLD: Final = frozenset({_S.OUT_OF_DATE, _S.OUT_OF_DATE_CONFIGURATION_NEEDED})
_CURRENT: Final = frozenset(_WITH_OLD_COMPONENT) - _OLD
_CONFIGURATION: Final = frozenset(
    {
        _S.CONFIGURATION_NEEDED,
        _S.CONFIGURATION_AND_SW_HARDENING_NEEDED,
        _S.OUT_OF_DATE_CONFIGURATION_NEEDED,
    }
)


@dataclass(frozen=True, slots=True)
class TcbVerdict:
    """What the TCB of a quote is worth.

    Attributes:
        status: of the quote.
        advisory_ids: sorted, each once.
        date: the earliest tcbDate of the levels chosen, Unix seconds.
        evaluation_data_number: the smaller of TCB Info's and QE identity's.
        launch_status: TD reports 1.5: status at launch.
        current_status: TD reports 1.5: status of what runs now.
        platform_level: level chosen for the platform (at launch).
        qe_level: level chosen for the quoting enclave.
        module_level: level chosen for the TDX module (at launch), if it has an identity.
    """

    status: TcbStatus
    advisory_ids: tuple[str, ...]
    date: int
    evaluation_data_number: int
    launch_status: TcbStatus | None
    current_status: TcbStatus | None
    platform_level: TcbLevel
    qe_level: IdentityLevel
    module_level: IdentityLevel | None


def evaluate(
    pck: PckExtension,
    tcb_info: TcbInfo,
    qe_identity: EnclaveIdentity,
    qe_level: IdentityLevel,
    body: ReportBody | TdReport,
) -> TcbVerdict:
    """Choose the levels, converge their statuses, apply the relaunch rule.

    1. Platform level: the highest that all SVNs reach.
    2. TDX module level: the highest that the module's SVN reaches.
    3. Revoked anywhere is Revoked (see `refuse_revoked`); an old component makes the
       platform's status old.
    4. TD reports 1.5: both at launch and now; a TD that was launched on an old TCB and runs on
       a current one should be launched again.

    Raises:
        NotAuthenticError: reasons ``tcb_not_supported``, ``tdx_module_mismatch``.
    """
    number = min(tcb_info.evaluation_data_number, qe_identity.evaluation_data_number)
    svn = body.tee_tcb_svn if isinstance(body, TdReport) else None
    status, platform, module = _status_at(pck, tcb_info, qe_level, svn)
    launch = current = None
    if isinstance(body, TdReport) and body.tee_tcb_svn2 is not None:
        launch = status
        current, _, _ = _status_at(pck, tcb_info, qe_level, body.tee_tcb_svn2)
        status = relaunch(launch, current)
    chosen: tuple[TcbLevel | IdentityLevel, ...] = (
        (platform, qe_level) if module is None else (platform, qe_level, module)
    )
    return TcbVerdict(
        status,
        tuple(sorted({advisory for level in chosen for advisory in level.advisory_ids})),
        min(level.date for level in chosen),
        number,
        launch,
        current,
        platform,
        qe_level,
        module,
    )


def refuse_revoked(verdict: TcbVerdict, pck: PckExtension) -> None:
    """Refuse a TCB that is revoked, at launch or now; nothing can allow it.

    Raises:
        NotAuthenticError: reason ``tcb_revoked``.
    """
    if verdict.status is not _REVOKED:
        return
    parts = {
        "its platform level": verdict.platform_level.status,
        "its quoting enclave": verdict.qe_level.status,
        "its TDX module": verdict.module_level and verdict.module_level.status,
        "what runs now": verdict.current_status,
    }
    revoked = next(part for part, status in parts.items() if status is _S.REVOKED)
    raise NotAuthenticError(
        Reason.TCB_REVOKED,
        f"TCB of platform {pck.fmspc.hex().upper()} is revoked: {revoked}",
        hint="no setting accepts it: its keys may be known; update the platform",
    )


def choose_platform_level(
    pck: PckExtension, levels: Iterable[TcbLevel], svn: bytes | None
) -> TcbLevel | None:
    """Return the first level, of levels sorted from high to low, that all SVNs reach.

    Args:
        pck: SVNs of the platform.
        levels: sorted from high to low.
        svn: TEE_TCB_SVN of a TD (16 bytes), None for an enclave.
    """
    start = MODULE_COMPONENTS if svn is not None and svn[1] else 0
    for level in levels:
        if (
            pck.pce_svn >= level.pce_svn
            and all(map(ge, pck.sgx_svns, level.sgx))
            and (svn is None or level.tdx is None or all(map(ge, svn[start:], level.tdx[start:])))
        ):
            return level
    return None


def choose_identity_level(levels: Iterable[IdentityLevel], isv_svn: int) -> IdentityLevel | None:
    """Return the first level, of levels sorted from high to low, that an SVN reaches."""
    for level in levels:
        if level.isv_svn <= isv_svn:
            return level
    return None


def find_module(tcb_info: TcbInfo, svn: bytes) -> TdxModule | TdxModuleIdentity | None:
    """Return what TCB Info knows of the TDX module of a TEE_TCB_SVN, or None."""
    if not svn[1]:
        return tcb_info.tdx_module
    name = f"TDX_{svn[1]:02X}"
    for identity in tcb_info.module_identities:
        if identity.id.upper() == name:
            return identity
    return None


def check_module(tcb_info: TcbInfo, body: TdReport) -> None:
    """Check signer and attributes of the TDX module at launch.

    Raises:
        NotAuthenticError: reason ``tdx_module_mismatch``.
    """
    module = find_module(tcb_info, body.tee_tcb_svn)
    if module is None:
        raise NotAuthenticError(
            Reason.TDX_MODULE_MISMATCH,
            f"TCB Info has no identity TDX_{body.tee_tcb_svn[1]:02X} for the TDX module",
            hint="the TCB Info may be older than the module; fetch it again",
        )
    if body.mr_signer_seam != module.mr_signer:
        raise NotAuthenticError(
            Reason.TDX_MODULE_MISMATCH,
            f"TDX module is signed by {body.mr_signer_seam.hex()}, "
            f"expected {module.mr_signer.hex()}",
        )
    if body.seam_attributes != _NO_ATTRIBUTES or module.attributes != _NO_ATTRIBUTES:
        raise NotAuthenticError(
            Reason.TDX_MODULE_MISMATCH,
            f"TDX module has attributes {body.seam_attributes.hex()}, "
            f"expected {module.attributes.hex()} (a debug module sets some)",
        )


def converge(platform: TcbStatus, components: Iterable[TcbStatus]) -> TcbStatus:
    """Return the status of a platform together with those of its enclaves and modules."""
    statuses = frozenset(components)
    if _S.REVOKED in statuses or platform is _S.REVOKED:
        return _S.REVOKED
    if _S.OUT_OF_DATE in statuses:
        return _WITH_OLD_COMPONENT[platform]
    return platform


def relaunch(launch: TcbStatus, current: TcbStatus) -> TcbStatus:
    """Return the status of a TD from those at its launch and now."""
    if _S.REVOKED in {launch, current}:
        return _S.REVOKED
    if launch in _OLD and current in _CURRENT:
        if launch in _CONFIGURATION or current in _CONFIGURATION:
            return _S.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
        return _S.TD_RELAUNCH_ADVISED
    return launch


def _status_at(
    pck: PckExtension, tcb_info: TcbInfo, qe_level: IdentityLevel, svn: bytes | None
) -> tuple[TcbStatus, TcbLevel, IdentityLevel | None]:
    platform = choose_platform_level(pck, tcb_info.levels, svn)
    if platform is None:
        raise NotAuthenticError(
            Reason.TCB_NOT_SUPPORTED,
            f"TCB of platform {pck.fmspc.hex().upper()} is below every level of its TCB Info",
            hint="confcom evidence explain names the components; update the platform's firmware",
        )
    module = None
    if svn is not None and svn[1]:
        module = _module_level(tcb_info, svn)
    status = converge(
        platform.status, (qe_level.status, *(() if module is None else (module.status,)))
    )
    return status, platform, module


def _module_level(tcb_info: TcbInfo, svn: bytes) -> IdentityLevel:
    module = find_module(tcb_info, svn)
    if not isinstance(module, TdxModuleIdentity):
        raise NotAuthenticError(
            Reason.TDX_MODULE_MISMATCH,
            f"TCB Info has no identity TDX_{svn[1]:02X} for the TDX module",
        )
    level = choose_identity_level(module.levels, svn[0])
    if level is None:
        raise NotAuthenticError(
            Reason.TCB_NOT_SUPPORTED,
            f"TDX module {module.id} has SVN {svn[0]}, below every level of its identity "
            f"(lowest is {module.levels[-1].isv_svn})",
            hint="update the TDX module",
        )
    return level
