# SPDX-License-Identifier: Apache-2.0
"""The rules of appraisal in their order: each compares one property with one demand."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from confcom.attestation._values import ANY_STATUS
from confcom.attestation.reference import ReferenceValues
from confcom.attestation.result import format_time
from confcom.dcap import TcbStatus, TcbVerdict, TdAttributes, TdReport, VerifiedQuote
from confcom.reasons import Reason
from confcom.sgx import ReportBody

Subject = TypeVar("Subject")


class Comparison(NamedTuple):
    """How one property compares with what is demanded of it."""

    passed: bool
    expected: str
    found: str


class Appraisal(NamedTuple):
    """What rules that concern both kinds of evidence look at."""

    verified: VerifiedQuote
    at: datetime


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject]):
    """One rule.

    Attributes:
        name: of the check.
        reason: of the refusal.
        label: what is compared, in the words of the field.
        compare: gives None if nothing is demanded.
        hint: the next step of whoever is refused.
    """

    name: str
    reason: Reason
    label: str
    compare: Callable[[Subject, ReferenceValues], Comparison | None]
    hint: str


_IDENTITY_HINT: Final = (
    "confirm with who built the workload which measurements are current; "
    "confcom evidence inspect shows those of the quote"
)
_UPDATE_HINT: Final = "the workload must be rebuilt or updated to a newer version"
_KSS_HINT: Final = "build the enclave with KSS and this identity, or do not demand it"

_BASELINE_STATUS: Final = {
    TcbStatus.OUT_OF_DATE: TcbStatus.UP_TO_DATE,
    TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED: TcbStatus.CONFIGURATION_NEEDED,
}
AGED_DOCUMENTS: Final = {
    "tcb_info": "TCB Info",
    "qe_identity": "QE identity",
    "pck_crl": "PCK CRL",
}
"""Documents under the maximum age; the root CA's CRL is issued once a year and left out."""


def _one_of(found: bytes, accepted: tuple[bytes, ...] | None) -> Comparison | None:
    if accepted is None:
        return None
    matches = [hmac.compare_digest(found, one) for one in accepted]
    return Comparison(any(matches), " or ".join(one.hex() for one in accepted), found.hex())


def _equal(found: bytes, expected: bytes | None) -> Comparison | None:
    return _one_of(found, None if expected is None else (expected,))


def _at_least(found: int, minimum: int | None) -> Comparison | None:
    if minimum is None:
        return None
    return Comparison(found >= minimum, f"{minimum} or higher", str(found))


def _with_kss(body: ReportBody, comparison: Comparison | None) -> Comparison | None:
    if comparison is None or body.has_kss:
        return comparison
    return Comparison(False, comparison.expected, "enclave without KSS")


def _product_id(body: ReportBody, reference: ReferenceValues) -> Comparison | None:
    if reference.product_id is None:
        return None
    return Comparison(
        body.isv_prod_id == reference.product_id, str(reference.product_id), str(body.isv_prod_id)
    )


def _service_td(body: TdReport, reference: ReferenceValues) -> Comparison | None:
    if reference.mr_service_td is None:
        return None
    if body.mr_service_td is None:
        return Comparison(False, reference.mr_service_td.hex(), "TD report 1.0, which has none")
    return _equal(body.mr_service_td, reference.mr_service_td)


def _sept_ve_disable(body: TdReport, reference: ReferenceValues) -> Comparison | None:
    if not reference.sept_ve_disable:
        return None
    is_set = bool(body.td_attributes & TdAttributes.SEPT_VE_DISABLE)
    return Comparison(is_set, "set", "set" if is_set else "not set")


def _module_version(body: TdReport, reference: ReferenceValues) -> Comparison | None:
    if reference.min_module_version is None:
        return None
    found = (body.tee_tcb_svn[1], body.tee_tcb_svn[0])
    wanted = reference.min_module_version
    return Comparison(
        found >= wanted, f"{wanted[0]}.{wanted[1]} or higher", f"{found[0]}.{found[1]}"
    )


def _debug(appraisal: Appraisal, reference: ReferenceValues) -> Comparison:
    is_debug = appraisal.verified.quote.body.is_debug
    return Comparison(
        reference.allow_debug or not is_debug,
        "debug or production" if reference.allow_debug else "production",
        "debug" if is_debug else "production",
    )


def _tcb_status(appraisal: Appraisal, reference: ReferenceValues) -> Comparison:
    verdict = appraisal.verified.tcb
    status, found = _by_baseline(verdict, reference.tcb_date_baseline)
    accepted = reference.allow_tcb_status - {TcbStatus.REVOKED}
    expected = "any but Revoked" if accepted >= ANY_STATUS else " or ".join(sorted(accepted))
    return Comparison(status in accepted, expected or "none", found)


def _by_baseline(verdict: TcbVerdict, baseline: datetime | None) -> tuple[TcbStatus, str]:
    raised = _BASELINE_STATUS.get(verdict.status)
    if raised is None or baseline is None or verdict.date < baseline.timestamp():
        return verdict.status, str(verdict.status)
    dated = datetime.fromtimestamp(verdict.date, UTC)
    return raised, f"{verdict.status} of {dated:%Y-%m-%d}, by the baseline {raised}"


def _allowed_advisories(appraisal: Appraisal, reference: ReferenceValues) -> Comparison | None:
    if reference.allow_advisory is None:
        return None
    found = appraisal.verified.tcb.advisory_ids
    return Comparison(
        reference.allow_advisory.issuperset(found),
        "only " + (", ".join(sorted(reference.allow_advisory)) or "none"),
        ", ".join(found) or "none",
    )


def _forbidden_advisories(appraisal: Appraisal, reference: ReferenceValues) -> Comparison | None:
    if reference.forbid_advisory is None:
        return None
    found = appraisal.verified.tcb.advisory_ids
    return Comparison(
        reference.forbid_advisory.isdisjoint(found),
        "none of " + ", ".join(sorted(reference.forbid_advisory)),
        ", ".join(found) or "none",
    )


def _evaluation_number(appraisal: Appraisal, reference: ReferenceValues) -> Comparison | None:
    found = appraisal.verified.tcb.evaluation_data_number
    return _at_least(found, reference.min_evaluation_number)


def _collateral_age(appraisal: Appraisal, reference: ReferenceValues) -> Comparison | None:
    most = reference.max_collateral_age
    if most is None:
        return None
    dates = appraisal.verified.document_dates
    oldest = min(AGED_DOCUMENTS, key=lambda name: dates[name])
    age = appraisal.at - dates[oldest]
    issued = format_time(dates[oldest])
    return Comparison(
        age <= most,
        f"issued at most {show_duration(most)} ago",
        f"{AGED_DOCUMENTS[oldest]} issued {show_duration(age)} ago ({issued})",
    )


def show_duration(length: timedelta) -> str:
    """Return a length of time for people: days if it is at least one, else h, m or s."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + unit
    return f"{seconds}s"


COMMON_RULES: Final[tuple[Rule[Appraisal], ...]] = (
    Rule("debug", Reason.DEBUG, "mode", _debug,
         "deploy a production build, or accept debug evidence in tests with --allow-debug"),
    Rule("tcb_status", Reason.TCB_STATUS, "TCB status", _tcb_status,
         "confcom evidence explain says what is short and how to mend it; "
         "--allow-tcb-status accepts the status as it is"),
    Rule("allowed_advisories", Reason.ADVISORY, "advisories", _allowed_advisories,
         "update the platform, or accept the advisory with --allow-advisory"),
    Rule("forbidden_advisories", Reason.ADVISORY, "advisories", _forbidden_advisories,
         "update the platform; confcom evidence explain says what is short"),
    Rule("evaluation_number", Reason.EVALUATION_NUMBER, "TCB evaluation data number",
         _evaluation_number, "fetch newer collateral, for example with update=early"),
    Rule("collateral_age", Reason.COLLATERAL_AGE, "collateral", _collateral_age,
         "fetch newer collateral with confcom collateral fetch"),
    Rule("report_data", Reason.REPORT_DATA, "REPORTDATA",
         lambda appraisal, reference: _equal(
             appraisal.verified.quote.body.report_data, reference.report_data),
         "the quote was made for another challenge or key; ask for a fresh one"),
)  # fmt: skip
"""What concerns SGX and TDX alike; these rules come before those of one TEE."""

SGX_RULES: Final[tuple[Rule[ReportBody], ...]] = (
    Rule("mr_enclave", Reason.MR_ENCLAVE, "MRENCLAVE",
         lambda body, reference: _one_of(body.mr_enclave, reference.mr_enclave), _IDENTITY_HINT),
    Rule("mr_signer", Reason.MR_SIGNER, "MRSIGNER",
         lambda body, reference: _one_of(body.mr_signer, reference.mr_signer), _IDENTITY_HINT),
    Rule("product_id", Reason.PRODUCT_ID, "product id", _product_id, _IDENTITY_HINT),
    Rule("isv_svn", Reason.ISV_SVN, "ISVSVN",
         lambda body, reference: _at_least(body.isv_svn, reference.min_isv_svn), _UPDATE_HINT),
    Rule("family_id", Reason.FAMILY_ID, "family id",
         lambda body, reference: _with_kss(
             body, _equal(body.isv_family_id, reference.family_id)), _KSS_HINT),
    Rule("ext_product_id", Reason.EXT_PRODUCT_ID, "extended product id",
         lambda body, reference: _with_kss(
             body, _equal(body.isv_ext_prod_id, reference.ext_product_id)), _KSS_HINT),
    Rule("config_id", Reason.CONFIG_ID, "CONFIGID",
         lambda body, reference: _with_kss(
             body, _equal(body.config_id, reference.config_id)), _KSS_HINT),
    Rule("config_svn", Reason.CONFIG_SVN, "CONFIGSVN",
         lambda body, reference: _with_kss(
             body, _at_least(body.config_svn, reference.min_config_svn)), _KSS_HINT),
)  # fmt: skip

TDX_RULES: Final[tuple[Rule[TdReport], ...]] = (
    Rule("mr_td", Reason.MR_TD, "MRTD",
         lambda body, reference: _one_of(body.mr_td, reference.mr_td), _IDENTITY_HINT),
    Rule("rtmr0", Reason.RTMR, "RTMR0",
         lambda body, reference: _one_of(body.rtmr0, reference.rtmr0), _IDENTITY_HINT),
    Rule("rtmr1", Reason.RTMR, "RTMR1",
         lambda body, reference: _one_of(body.rtmr1, reference.rtmr1), _IDENTITY_HINT),
    Rule("rtmr2", Reason.RTMR, "RTMR2",
         lambda body, reference: _one_of(body.rtmr2, reference.rtmr2), _IDENTITY_HINT),
    Rule("rtmr3", Reason.RTMR, "RTMR3",
         lambda body, reference: _one_of(body.rtmr3, reference.rtmr3), _IDENTITY_HINT),
    Rule("mr_config_id", Reason.MR_CONFIG_ID, "MRCONFIGID",
         lambda body, reference: _equal(body.mr_config_id, reference.mr_config_id),
         _IDENTITY_HINT),
    Rule("mr_owner", Reason.MR_OWNER, "MROWNER",
         lambda body, reference: _equal(body.mr_owner, reference.mr_owner), _IDENTITY_HINT),
    Rule("mr_owner_config", Reason.MR_OWNER_CONFIG, "MROWNERCONFIG",
         lambda body, reference: _equal(body.mr_owner_config, reference.mr_owner_config),
         _IDENTITY_HINT),
    Rule("mr_service_td", Reason.MR_SERVICE_TD, "MRSERVICETD", _service_td, _IDENTITY_HINT),
    Rule("sept_ve_disable", Reason.SEPT_VE_DISABLE, "SEPT_VE_DISABLE", _sept_ve_disable,
         "launch the TD with SEPT_VE_DISABLE set (a setting of the hypervisor)"),
    Rule("module_version", Reason.MODULE_VERSION, "TDX module version", _module_version,
         "update the TDX module of the host and launch the TD again"),
)  # fmt: skip
