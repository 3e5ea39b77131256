# SPDX-License-Identifier: Apache-2.0
"""When to try again: the one place where waiting between attempts is decided."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom

_RANDOM = SystemRandom()


def pick_between(low: float, high: float) -> float:
    """Return a value between two, so that clients that failed together do not return together."""
    return _RANDOM.uniform(low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and after what pause an attempt is repeated.

    Attributes:
        attempts: attempts in all, at least 1.
        first_delay_s: longest pause before the second attempt; doubles with each further one.
        longest_delay_s: cap of that pause.
        longest_retry_after_s: the longest ``Retry-After`` that is waited for. A server that
            asks for more is left alone: the next source is tried instead.
    """

    attempts: int = 4
    first_delay_s: float = 0.5
    longest_delay_s: float = 8.0
    longest_retry_after_s: float = 30.0

    def delay(
        self,
        attempt: int,
        retry_after_s: float | None = None,
        *,
        jitter: Callable[[float, float], float] = pick_between,
    ) -> float | None:
        """Return the seconds to wait after attempt number ``attempt``, or None to give up.

        Args:
            attempt: 1 for the first.
            retry_after_s: what the server asked for, in seconds.
            jitter: picks a value between two.
        """
        if attempt >= self.attempts:
            return None
        if retry_after_s is not None:
            if retry_after_s > self.longest_retry_after_s:
                return None
            # Never earlier than asked, and not all at the same moment after it.
            return retry_after_s + jitter(0.0, min(1.0, self.first_delay_s))
        cap = min(self.longest_delay_s, self.first_delay_s * 2.0 ** (attempt - 1))
        return jitter(cap / 2, cap)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (RFC 9110, clause 10.2.3).

    Args:
        value: a count of seconds or an HTTP date.
        now: the present, for dates.

    Returns:
        Zero for a date in the past; None where the header is absent or makes no sense.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())
