# SPDX-License-Identifier: Apache-2.0
"""What one run judges quotes with: root, time, reference values, collateral, caches."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from confcom.attestation import (
    AttestationResult,
    Endorsements,
    Evidence,
    ReferenceValues,
    judge,
)
from confcom.cli.collateral_options import CollateralFinder, CollateralPlan, collateral_options
from confcom.cli.evidence_options import (
    read_reference_values,
    read_root_pem,
    read_time,
    root_of,
    trust_options,
)
from confcom.cli.session import Session
from confcom.dcap import Caches, Collateral, Quote, TcbDiagnosis, diagnose

F = TypeVar("F", bound=Callable[..., Any])

_KEPT: Final = 4096


def verification_options(function: F) -> F:
    """Add what verification needs: options for collateral and for trust."""
    return collateral_options(trust_options(function))


class Plan(NamedTuple):
    """How quotes are judged; plain data, so that worker processes can be given it.

    Attributes:
        collateral: where collateral comes from; holds the time and whether the root may be one
            of simulated platforms.
        root_pem: the trusted root; None for Intel's.
        reference: what is demanded.
    """

    collateral: CollateralPlan
    root_pem: bytes | None
    reference: ReferenceValues

    def with_collateral(self, name: str) -> "Plan":
        """Return the same plan with collateral from elsewhere."""
        return self._replace(collateral=self.collateral._replace(names=(name,)))

    @property
    def clock_allowance(self) -> timedelta:
        """How far in the future a document may begin; nothing if the time was given."""
        if self.collateral.at is not None:
            return timedelta(0)
        return timedelta(seconds=self.collateral.settings.clock_allowance_s)


def make_plan(session: Session, flags: Mapping[str, Any]) -> Plan:
    """Return how quotes are judged.

    Args:
        session: its settings say where collateral comes from.
        flags: values of the options of this module and of reference values, by their names.

    Raises:
        UsageError: a file cannot be read, or ``--at`` is no time.
        MisconfiguredError: mistakes in settings or reference values.
        MalformedError: a file is empty or too large.
    """
    reference = read_reference_values(flags.get("reference"), flags)
    return Plan(
        collateral=CollateralPlan(
            session.settings.collateral,
            tuple(flags["collateral"]),
            allow_simulated=bool(flags["allow_simulated"]),
            at=read_time(flags["at"]),
            grace=reference.collateral_grace,
        ),
        root_pem=read_root_pem(flags["root"]),
        reference=reference,
    )


class Judge:
    """Judges quotes one after the other with caches of its own.

    Args:
        plan: how.
        warn: told what somebody should look at.

    Raises:
        MalformedError: the root is none, or a bundle is not a bundle.
        UsageError: a file cannot be read.
    """

    def __init__(self, plan: Plan, *, warn: Callable[[str], None] = lambda _: None) -> None:
        self.root = root_of(plan.root_pem)
        self._plan = plan
        self._finder = CollateralFinder(plan.collateral, self.root, warn=warn)
        self._found: dict[bytes, Collateral] = {}
        self._caches = Caches()

    def now(self) -> datetime:
        """Return the time to use as now."""
        return self._plan.collateral.at or datetime.now(UTC)

    def judge(self, data: bytes) -> AttestationResult:
        """Return the result for evidence."""
        return judge(
            data,
            endorse=lambda evidence: Endorsements(self._find(evidence.quote)),
            reference=self._plan.reference,
            at=self.now(),
            root=self.root,
            allow_simulated=self._plan.collateral.allow_simulated,
            caches=self._caches,
            clock_allowance=self._plan.clock_allowance,
        )

    def diagnose(self, evidence: Evidence) -> TcbDiagnosis:
        """Return how the TCB of an authentic quote is rated.

        Raises:
            ConfcomError: the quote is not authentic for another reason than its TCB.
        """
        return diagnose(
            evidence.quote,
            self._find(evidence.quote),
            at=self.now(),
            root=self.root,
            allow_simulated=self._plan.collateral.allow_simulated,
            clock_allowance=self._plan.clock_allowance,
            grace=self._plan.reference.collateral_grace,
        )

    def looked_in(self) -> tuple[str, ...]:
        """Return where collateral was looked for, in order."""
        return self._plan.collateral.places()

    def _find(self, quote: Quote) -> Collateral:
        # Quotes of one platform carry the same chain, which would be parsed again each time.
        chain = quote.signature.certification.data
        key = hashlib.sha256(bytes([quote.is_tdx]) + chain).digest()
        found = self._found.get(key)
        if found is None:
            found = self._finder.find(quote)
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[key] = found
        return found
