# SPDX-License-Identifier: Apache-2.0
"""How much each peer may ask for, and whose turn it is. Pure: the time is an argument.

Two ideas do the work. A peer that asks more often than its rate is refused at once, so that it
fills no queue. What is let in waits in a line of its peer's own, and the lines are served in turn:
a peer with one request waits for one request of each other peer, never for all of them. The total
rate is a matter of serving: it makes the lines move more slowly, and alike for all.
"""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from confcom.errors import MisconfiguredError
from confcom.protocols.aesm.codes import AesmCode
from confcom.reasons import Reason

T = TypeVar("T")

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket.

    Attributes:
        per_second: tokens that come each second, more than 0; fractions are allowed.
        burst: tokens that it holds, at least 1, which are there at first.
    """

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_second) and 0 < self.per_second <= _NS):
            raise _invalid(f"rate is {self.per_second} a second, expected more than 0, at most 1e9")
        if self.burst < 1:
            raise _invalid(f"burst of a rate is {self.burst}, expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is let in and what may wait.

    Attributes:
        per_peer: how often one peer may ask; None for as often as it likes.
        total: how often all together are served; None likewise.
        waiting: requests that may wait, of all peers together.
        waiting_per_peer: requests of one peer that may wait; less than ``waiting``, so that one
            peer cannot take all places.
        peers: peers whose rate is remembered; the one seen least recently is forgotten first,
            and total rate and waiting places bound what that can be used for.
    """

    per_peer: Rate | None = None
    total: Rate | None = None
    waiting: int = 256
    waiting_per_peer: int = 128
    peers: int = 4096

    def __post_init__(self) -> None:
        if not 1 <= self.waiting_per_peer < self.waiting:
            raise _invalid(
                f"places of one peer are {self.waiting_per_peer}, "
                f"expected 1 to {self.waiting - 1}, fewer than all places together"
            )
        if self.peers < 1:
            raise _invalid(f"peers to remember are {self.peers}, expected at least 1")


class Limit(StrEnum):
    """The limit that a refused request met."""

    PEER_RATE = "peer_rate"
    PEER_WAITING = "peer_waiting"
    WAITING = "waiting"


LIMIT_WORDS: Final = MappingProxyType(
    {
        Limit.PEER_RATE: "the peer asks more often than its quota allows",
        Limit.PEER_WAITING: "the peer has as many requests waiting as one peer may",
        Limit.WAITING: "as many requests are waiting as there are places",
    }
)


@dataclass(frozen=True, slots=True)
class Busy:
    """A request that was not let in.

    Attributes:
        limit: why.
        code: what the client is told.
    """

    limit: Limit
    code: AesmCode = AesmCode.BUSY

    @property
    def why(self) -> str:
        """What the log is told."""
        return LIMIT_WORDS[self.limit]


@dataclass(frozen=True, slots=True, eq=False)
class Ticket(Generic[T]):
    """A request that waits.

    Attributes:
        account: whose it is.
        item: what the caller gave.
    """

    account: str
    item: T = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entered(Generic[T]):
    """A request that was let in.

    Attributes:
        ticket: by which it may be withdrawn.
        displaced: a request that had to leave for it and is to be refused with `Limit.WAITING`.
    """

    ticket: Ticket[T]
    displaced: Ticket[T] | None = None


class FairQueue(Generic[T]):
    """Requests that wait, in a line for each account; the lines are served in turn.

    All times are nanoseconds of one clock that does not go back.
    """

    __slots__ = ("_buckets", "_count", "_limits", "_lines", "_total")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._total = None if limits.total is None else _Bucket(limits.total)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lines: OrderedDict[str, deque[Ticket[T]]] = OrderedDict()  # whose turn it is, first
        self._count = 0

    def __len__(self) -> int:
        """Return how many requests wait."""
        return self._count

    def enter(self, account: str, item: T, at_ns: int) -> Entered[T] | Busy:
        """Let a request in, or refuse it; a request that is refused uses up nothing.

        Where all places are taken, a peer that holds fewer of them than another gets one: the
        newest request of the longest line leaves. So a flood keeps nobody out while there are
        more places than peers that ask.

        Args:
            account: whose quota is used.
            item: what `take` is to return.
            at_ns: now.
        """
        own = len(self._lines.get(account, ()))
        if own >= self._limits.waiting_per_peer:
            return Busy(Limit.PEER_WAITING)
        bucket = self._bucket(account)
        if bucket is not None and bucket.wait_ns(at_ns):
            return Busy(Limit.PEER_RATE)
        displaced = None
        if self._count >= self._limits.waiting:
            longest = max(self._lines.values(), key=len)
            if len(longest) < own + 2:
                return Busy(Limit.WAITING)
            displaced = longest[-1]
            self.withdraw(displaced)
        if bucket is not None:
            bucket.take(at_ns)
        ticket = Ticket(account, item)
        self._lines.setdefault(account, deque()).append(ticket)
        self._count += 1
        return Entered(ticket, displaced)

    def take(self, at_ns: int) -> T | None:
        """Return the request whose turn it is, or None where none may be served now."""
        if not self._lines or (self._total is not None and self._total.wait_ns(at_ns)):
            return None
        if self._total is not None:
            self._total.take(at_ns)
        account, line = self._lines.popitem(last=False)
        ticket = line.popleft()
        if line:
            self._lines[account] = line  # behind all others
        self._count -= 1
        return ticket.item

    def wait_ns(self, at_ns: int) -> int | None:
        """Return how long until `take` returns a request, or None while none waits."""
        if not self._lines:
            return None
        return 0 if self._total is None else self._total.wait_ns(at_ns)

    def withdraw(self, ticket: Ticket[T]) -> bool:
        """Remove a request whose client has left; return whether it was still waiting."""
        line = self._lines.get(ticket.account)
        if line is None or ticket not in line:
            return False
        line.remove(ticket)
        if not line:
            del self._lines[ticket.account]
        self._count -= 1
        return True

    def _bucket(self, account: str) -> "_Bucket | None":
        if self._limits.per_peer is None:
            return None
        bucket = self._buckets.get(account)
        if bucket is None:
            bucket = self._buckets[account] = _Bucket(self._limits.per_peer)
            if len(self._buckets) > self._limits.peers:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(account)
        return bucket


class _Bucket:
    """A token bucket as one number: when it will be full again (GCRA; ITU-T I.371, annex A)."""

    __slots__ = ("_full_ns", "_interval_ns", "_slack_ns")

    def __init__(self, rate: Rate) -> None:
        self._interval_ns = math.ceil(_NS / rate.per_second)
        self._slack_ns = self._interval_ns * (rate.burst - 1)
        self._full_ns: int | None = None  # it has always been full

    def wait_ns(self, at_ns: int) -> int:
        """Return how long until there is a token."""
        return 0 if self._full_ns is None else max(0, self._full_ns - self._slack_ns - at_ns)

    def take(self, at_ns: int) -> None:
        """Take a token, which is there."""
        start = at_ns if self._full_ns is None else max(self._full_ns, at_ns)
        self._full_ns = start + self._interval_ns


def _invalid(message: str) -> MisconfiguredError:
    return MisconfiguredError(
        Reason.SETTINGS_INVALID, message, hint="correct the quotas of the quote helper"
    )
