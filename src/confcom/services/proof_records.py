# SPDX-License-Identifier: Apache-2.0
"""What a daemon writes down when it has verified one of the quotes that it handed out."""

import structlog

from confcom.runtime.metrics import Metrics
from confcom.runtime.proof_metrics import NO_REASON, ProofMetrics
from confcom.services.quote_checks import Finding, Verdict


class ProofRecords:
    """Events and metrics of findings.

    Args:
        log: where events go.
        metrics: of the daemon.
        names: of those that are about findings.
        subject: what events are about, such as ``own_quote``.
    """

    def __init__(
        self,
        log: structlog.stdlib.BoundLogger,
        metrics: Metrics,
        names: ProofMetrics,
        *,
        subject: str,
    ) -> None:
        self._log = log
        self._metrics = metrics
        self._names = names
        self._subject = subject

    def tell(self, finding: Finding) -> None:
        """Write down what the verification of a quote came to."""
        metrics, names, verified = self._metrics, self._names, finding.verified
        metrics.add(names.verifications, finding.verdict.value, finding.reason or NO_REASON)
        if finding.verdict is not Verdict.UNKNOWN:
            metrics.forget(names.tcb_status)
        if verified is None:
            what = "refused" if finding.verdict is Verdict.REFUSED else "unverified"
            event = f"{self._subject}.{what}"
            self._log.warning(event, reason=finding.reason, why=finding.message)
            return
        expires = int(min(verified.next_updates.values()).timestamp())
        metrics.set(names.verified_at, value=verified.clock.now)
        metrics.set(names.tcb_status, verified.tcb.status.value, value=1)
        metrics.set(names.advisories, value=len(verified.tcb.advisory_ids))
        metrics.set(names.certificate_expiry, value=verified.pck.certificate.not_after)
        metrics.set(names.collateral_expiry, value=expires)
        self._log.info(
            f"{self._subject}.verified",
            tcb_status=verified.tcb.status.value,
            advisories=list(verified.tcb.advisory_ids),
            simulated=verified.is_simulated,
        )
