# SPDX-License-Identifier: Apache-2.0
"""Whose TD is quoted next: the quotas and fair turns of the AESM socket, for those who ask QGS."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from confcom.adapters.quoting.qgs_places import Caller
from confcom.adapters.quoting.turns import FairTurns
from confcom.protocols.qgs import Answer, Operation, Refusal
from confcom.protocols.quotas import Limits

TdTurns = FairTurns[Operation, Caller, Answer]


@dataclass(frozen=True, slots=True)
class Busy(Refusal):
    """Why there was no turn; clients are told what every refusal tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TdTurnOptions:
    """Bounds of what waits for the back end.

    Attributes:
        limits: quotas of callers, and how many requests may wait.
        at_once: requests that the back end works on at the same time.
        wait_s: how long a request may wait for its turn, seconds.
        answer_s: time that the back end then has for an answer, seconds.
    """

    limits: Limits = field(default_factory=Limits)
    at_once: int = 8
    wait_s: float = 5.0
    answer_s: float = 14.0


def td_turns(
    ask: Callable[[Operation, Caller], Awaitable[Answer]], options: TdTurnOptions
) -> TdTurns:
    """Return turns in which a back end is asked; one that gives no answer in time refuses.

    Args:
        ask: the back end; its foreseeable failures are answers, and whatever else it raises
            fails one request only.
        options: bounds.
    """

    async def ask_in_time(operation: Operation, caller: Caller) -> Answer:
        try:
            async with asyncio.timeout(options.answer_s):
                return await ask(operation, caller)
        except TimeoutError:
            return Refusal(f"the back end gave no answer within {options.answer_s:g} s")

    return FairTurns(
        ask_in_time,
        refusal=Busy,
        limits=options.limits,
        at_once=options.at_once,
        wait_s=options.wait_s,
    )
