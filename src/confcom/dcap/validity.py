# SPDX-License-Identifier: Apache-2.0
"""When certificates, lists and documents may be used: from and until, both ends inclusive."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import floor

from confcom.dcap.certificates import Certificate
from confcom.dcap.crl import Crl
from confcom.dcap.identity import EnclaveIdentity
from confcom.dcap.tcb_info import TcbInfo
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason


@dataclass(frozen=True, slots=True)
class Period:
    """One object's dates in Unix seconds, and the reason to give when they have passed."""

    what: str
    first: int
    last: int
    late: Reason

    @classmethod
    def of_certificate(cls, certificate: Certificate) -> "Period":
        """Return the dates of a certificate."""
        return cls(
            f'certificate "{certificate.subject_cn}"',
            certificate.not_before,
            certificate.not_after,
            Reason.CERT_EXPIRED,
        )

    @classmethod
    def of_crl(cls, crl: Crl) -> "Period":
        """Return the dates of a revocation list."""
        return cls(
            f'revocation list of "{crl.issuer_cn}"',
            crl.this_update,
            crl.next_update,
            Reason.CRL_EXPIRED,
        )

    @classmethod
    def of_document(cls, document: TcbInfo | EnclaveIdentity) -> "Period":
        """Return the dates of a signed document."""
        what = "TCB Info" if isinstance(document, TcbInfo) else "QE identity"
        return cls(what, document.issue_date, document.next_update, Reason.COLLATERAL_EXPIRED)


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of a verification, in Unix seconds.

    Attributes:
        now: taken once.
        allowance: how far in the future a beginning may lie.
        grace: for how long documents are used after their nextUpdate (baseline mode).
    """

    now: int
    allowance: int = 0
    grace: int = 0

    @classmethod
    def at(cls, at: datetime, *, allowance: timedelta, grace: timedelta) -> "Clock":
        """Return the clock for a time with time zone.

        Raises:
            ValueError: no time zone, or a negative span; a mistake of the calling code.
        """
        if at.tzinfo is None:
            raise ValueError("time of verification has no time zone")
        if allowance.days < 0 or grace.days < 0:  # the sign of a span is that of its days
            raise ValueError("clock allowance and grace cannot be negative")
        return cls(floor(at.timestamp()), _seconds(allowance), _seconds(grace))


@dataclass(frozen=True, slots=True)
class Validity:
    """The periods of several objects, compared at once.

    Attributes:
        periods: in the order in which they are reported.
        first: the latest beginning.
        last: the earliest end of what grace does not extend.
        last_document: the earliest end of documents, which grace extends.
    """

    periods: tuple[Period, ...]
    first: int = field(init=False)
    last: int = field(init=False)
    last_document: int = field(init=False)

    def __post_init__(self) -> None:
        """Compute the common period once."""
        object.__setattr__(self, "first", max(period.first for period in self.periods))
        object.__setattr__(self, "last", _earliest(self.periods, is_document=False))
        object.__setattr__(self, "last_document", _earliest(self.periods, is_document=True))

    def check(self, clock: Clock) -> None:
        """Check that all objects may be used.

        Raises:
            NotAuthenticError: reasons ``not_yet_valid``, ``cert_expired``, ``crl_expired``,
                ``collateral_expired``.
        """
        if (
            self.first - clock.allowance <= clock.now <= self.last
            and clock.now <= self.last_document + clock.grace
        ):
            return
        # One of them must object; if none did, this would raise StopIteration, not accept.
        raise next(
            error for period in self.periods if (error := _objection(period, clock)) is not None
        )

    @property
    def last_use(self) -> int:
        """The end of what grace does not extend: after it nothing here can be used."""
        return self.last


_NEVER = 2**62


def _seconds(span: timedelta) -> int:
    return span.days * 86_400 + span.seconds


def _earliest(periods: Iterable[Period], *, is_document: bool) -> int:
    return min(
        (
            period.last
            for period in periods
            if (period.late is Reason.COLLATERAL_EXPIRED) is is_document
        ),
        default=_NEVER,
    )


def _objection(period: Period, clock: Clock) -> NotAuthenticError | None:
    if clock.now < period.first - clock.allowance:
        return NotAuthenticError(
            Reason.NOT_YET_VALID,
            f"{period.what} is valid from {text(period.first)}, "
            f"which is after the time of verification, {text(clock.now)}",
            hint="check the clock of this machine, or the time given with --at",
        )
    grace = clock.grace if period.late is Reason.COLLATERAL_EXPIRED else 0
    if clock.now > period.last + grace:
        return NotAuthenticError(
            period.late,
            f"{period.what} was valid until {text(period.last)}, "
            f"which is before the time of verification, {text(clock.now)}",
            hint=_HINTS[period.late],
        )
    return None


_HINTS = {
    Reason.CERT_EXPIRED: "fetch newer certificates; recorded evidence is verified with --at",
    Reason.CRL_EXPIRED: "fetch newer collateral; recorded evidence is verified with --at",
    Reason.COLLATERAL_EXPIRED: "fetch newer collateral; recorded evidence is verified with --at",
}


def text(seconds: int) -> str:
    """Return Unix seconds as a date people read; years beyond 9999 as seconds."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"
