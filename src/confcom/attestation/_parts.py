# SPDX-License-Identifier: Apache-2.0
"""The ladders of a quote: of its platform, its TDX module and its quoting enclave."""

from collections.abc import Iterator, Sequence
from typing import Final

from confcom.attestation._ladder import Component, Ladder, Rung
from confcom.dcap import IdentityLevel, TcbDiagnosis, TcbLevel, TdReport
from confcom.sgx import ReportBody

PCE: Final = Component("PCE SVN")
MODULE: Final = Component("TDX module SVN")
QUOTING_ENCLAVE: Final = Component("quoting enclave ISVSVN")
CURRENT: Final = " (as it runs now)"
_MODULE_COMPONENTS: Final = 2


def ladders(diagnosis: TcbDiagnosis) -> Iterator[Ladder]:
    """Yield the ladders that decide a status, the platform's first.

    A TD report 1.5 has two sets of SVNs: of the launch of the TD and of the module that runs
    now. Parts whose numbers differ between them get a second ladder. They are left out where the
    body of the quote is not verified.
    """
    body = diagnosis.quote.body
    if isinstance(body, TdReport) and diagnosis.is_body_verified:
        at_launch = tuple(_td_ladders(diagnosis, body.tee_tcb_svn, ""))
        yield from at_launch
        if body.tee_tcb_svn2 is not None:
            numbers = {(ladder.part, ladder.found) for ladder in at_launch}
            for ladder in _td_ladders(diagnosis, body.tee_tcb_svn2, CURRENT):
                if (ladder.part.removesuffix(CURRENT), ladder.found) not in numbers:
                    yield ladder
    elif not isinstance(body, TdReport):
        yield _platform_ladder(diagnosis, b"", "platform")
    qe_report = ReportBody.from_bytes(diagnosis.quote.signature.qe_report)
    levels = diagnosis.qe_identity.levels
    yield _identity_ladder("quoting enclave", QUOTING_ENCLAVE, qe_report.isv_svn, levels)


def _td_ladders(diagnosis: TcbDiagnosis, svn: bytes, suffix: str) -> Iterator[Ladder]:
    yield _platform_ladder(diagnosis, svn, f"platform{suffix}")
    minor, major = svn[0], svn[1]
    for module in diagnosis.tcb_info.module_identities if major else ():
        if module.id.upper() == f"TDX_{major:02X}":
            yield _identity_ladder(f"{module.id}{suffix}", MODULE, minor, module.levels)


def _platform_ladder(diagnosis: TcbDiagnosis, svn: bytes, part: str) -> Ladder:
    info, extension = diagnosis.tcb_info, diagnosis.pck.extension
    first = _MODULE_COMPONENTS if svn[1:2] > b"\0" else 0
    components = [
        *(
            Component(f"SGX TCB component {number}", one.category or "", one.type or "")
            for number, one in enumerate(info.components, 1)
        ),
        PCE,
        *(
            Component(f"TDX TCB component {number}", one.category or "", one.type or "")
            for number, one in list(enumerate(info.tdx_components, 1))[first : len(svn)]
        ),
    ]
    return Ladder(
        part=part,
        components=tuple(components),
        found=(*extension.sgx_svns, extension.pce_svn, *svn[first:]),
        rungs=tuple(_platform_rung(level, first) for level in info.levels),
    )


def _platform_rung(level: TcbLevel, first: int) -> Rung:
    values = (*level.sgx, level.pce_svn, *(level.tdx or ())[first:])
    return Rung(values, level.status, level.date, frozenset(level.advisory_ids))


def _identity_ladder(
    part: str, component: Component, found: int, levels: Sequence[IdentityLevel]
) -> Ladder:
    return Ladder(
        part=part,
        components=(component,),
        found=(found,),
        rungs=tuple(
            Rung((level.isv_svn,), level.status, level.date, frozenset(level.advisory_ids))
            for level in levels
        ),
    )
