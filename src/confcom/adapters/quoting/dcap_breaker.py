# SPDX-License-Identifier: Apache-2.0
"""When a child that failed is started again: back-off, and a circuit breaker over it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from confcom.adapters.collateral.backoff import RetryPolicy, pick_between
from confcom.adapters.quoting.dcap_limits import RestartPolicy


@dataclass(slots=True)
class Breaker:
    """Counts failures; reads no clock.

    Attributes:
        policy: how patient it is.
        jitter: picks a value between two.
        is_open: whether nobody should wait for the child.
    """

    policy: RestartPolicy
    jitter: Callable[[float, float], float] = pick_between
    is_open: bool = False
    _failures: deque[float] = field(default_factory=deque)

    def failed(self, now: float, *, hopeless: bool = False) -> float:
        """Return the seconds to wait before the child is started again.

        Args:
            now: seconds of a monotonic clock.
            hopeless: the failure will not go away by itself: the breaker opens at once.
        """
        failures, policy = self._failures, self.policy
        failures.append(now)
        while now - failures[0] > policy.window_s:
            failures.popleft()
        retry = RetryPolicy(
            attempts=policy.failures,
            first_delay_s=policy.first_delay_s,
            longest_delay_s=policy.longest_delay_s,
        )
        delay = retry.delay(len(failures), jitter=self.jitter)
        if hopeless or self.is_open or delay is None:
            self.is_open = True
            return policy.rest_s
        return delay

    def recovered(self) -> None:
        """Close the breaker after the child answered again.

        Failures are forgotten only where it was open: a request that ends each new child counts.
        """
        if self.is_open:
            self.is_open = False
            self._failures.clear()
