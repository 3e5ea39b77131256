# SPDX-License-Identifier: Apache-2.0
"""What daemons count of the quotes that they hand out and then verify: their proof of health."""

from dataclasses import dataclass

from confcom.dcap import TcbStatus
from confcom.reasons import Reason
from confcom.runtime.metrics import Metric, MetricKind

NO_REASON = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofMetrics:
    """Names of the metrics, each of them with the prefix of its daemon."""

    verifications: str
    verified_at: str
    tcb_status: str
    advisories: str
    certificate_expiry: str
    collateral_expiry: str

    @classmethod
    def named(cls, prefix: str) -> "ProofMetrics":
        """Return the names that begin with a prefix, such as ``confcom_quote_helper``."""
        return cls(
            verifications=f"{prefix}_verifications_total",
            verified_at=f"{prefix}_verification_timestamp_seconds",
            tcb_status=f"{prefix}_platform_tcb_status_info",
            advisories=f"{prefix}_platform_advisories",
            certificate_expiry=f"{prefix}_platform_certificate_expiry_timestamp_seconds",
            collateral_expiry=f"{prefix}_platform_collateral_expiry_timestamp_seconds",
        )

    def rows(self, of: str) -> tuple[Metric, ...]:
        """Return the rows of a daemon's table, about quotes of enclaves or of TDs."""
        return (
            Metric(
                name=self.verifications,
                kind=MetricKind.COUNTER,
                doc=f"Served quotes of {of} that were verified afterwards, by verdict and reason.",
                labels={
                    "verdict": ("authentic", "refused", "unknown"),
                    "reason": (*(reason.value for reason in Reason), NO_REASON),
                },
            ),
            Metric(
                name=self.verified_at,
                kind=MetricKind.GAUGE,
                doc=f"When one of the served quotes of {of} was last found authentic, Unix time.",
            ),
            Metric(
                name=self.tcb_status,
                kind=MetricKind.GAUGE,
                doc=f"1 under the TCB status of this platform as quotes of {of} last showed it.",
                labels={"status": tuple(status.value for status in TcbStatus)},
            ),
            Metric(
                name=self.advisories,
                kind=MetricKind.GAUGE,
                doc=f"Security advisories that the TCB of this platform leaves open for {of}.",
            ),
            Metric(
                name=self.certificate_expiry,
                kind=MetricKind.GAUGE,
                doc=f"When the PCK certificate in quotes of {of} expires, Unix time.",
            ),
            Metric(
                name=self.collateral_expiry,
                kind=MetricKind.GAUGE,
                doc="When the first document used in the last verification for "
                f"{of} expires, Unix time.",
            ),
        )
