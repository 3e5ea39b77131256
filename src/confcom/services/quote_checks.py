# SPDX-License-Identifier: Apache-2.0
"""Proof that the quotes we hand out are worth something: some of them are verified afterwards."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Self

from confcom.dcap import VerifiedQuote
from confcom.errors import ConfcomError, UnavailableError


class Verdict(StrEnum):
    """What a verification of our own quote came to."""

    AUTHENTIC = "authentic"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """What it takes could not be had, or nothing was verified yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The last verification.

    Attributes:
        verdict: what it came to.
        at: when; None before the first.
        reason: of a refusal, or why it is unknown.
        message: in words.
        verified: the quote, where it is authentic.
    """

    verdict: Verdict = Verdict.UNKNOWN
    at: datetime | None = None
    reason: str | None = None
    message: str = "no quote was verified yet"
    verified: VerifiedQuote | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as plain data in camelCase."""
        document: dict[str, object] = {
            "verdict": self.verdict.value,
            "at": None if self.at is None else _text(self.at),
            "reason": self.reason,
            "message": self.message,
        }
        verified = self.verified
        if verified is not None:
            document["platform"] = {
                "fmspc": verified.pck.extension.fmspc.hex(),
                "tcbStatus": verified.tcb.status.value,
                "advisoryIds": sorted(verified.tcb.advisory_ids),
                "tcbDate": _text(_moment(verified.tcb.date)),
                "evaluationDataNumber": verified.tcb.evaluation_data_number,
                "certificateExpires": _text(_moment(verified.pck.certificate.not_after)),
                "collateralExpires": _text(min(verified.next_updates.values())),
                "simulated": verified.is_simulated,
            }
        return document


class QuoteChecker:
    """Verifies the first quote served and each n-th after it; use as an async context manager.

    One at a time, in a thread; of the quotes that come meanwhile the last one is next. A client
    never waits for it.

    Args:
        verify: verifies a quote; may use the network.
        every: which quotes are verified: each n-th; at least 1.
        tell: told of every finding.
        stop: told where verifying fails by a mistake of ours, which the end of the context
            raises: a daemon whose proof of health has ended must not go on as if it had one.
    """

    def __init__(
        self,
        verify: Callable[[bytes], VerifiedQuote],
        *,
        every: int,
        tell: Callable[[Finding], None],
        stop: Callable[[], object],
    ) -> None:
        self._verify = verify
        self._every = every
        self._tell = tell
        self._stop = stop
        self._offered = 0
        self._next: bytes | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.finding = Finding()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work())
        self._task.add_done_callback(lambda _task: self._stop())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def offer(self, quote: bytes) -> None:
        """Count a quote that was served, and verify it if it is its turn."""
        if self._offered % self._every == 0:
            self._next = quote
            self._wake.set()
        self._offered += 1

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            quote, self._next = self._next, None
            if quote is not None:
                self.finding = await asyncio.to_thread(self._look, quote)
                self._tell(self.finding)

    def _look(self, quote: bytes) -> Finding:
        now = datetime.now(UTC)
        try:
            verified = self._verify(quote)
        except UnavailableError as exc:
            return Finding(at=now, reason=exc.reason.value, message=exc.message)
        except ConfcomError as exc:
            return Finding(
                verdict=Verdict.REFUSED, at=now, reason=exc.reason.value, message=exc.message
            )
        return Finding(
            verdict=Verdict.AUTHENTIC, at=now, message="the quote is authentic", verified=verified
        )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
