# SPDX-License-Identifier: Apache-2.0
"""What requests and children of the dcap back end may take, and how often they may fail."""

from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DcapLimits:
    """What one request and one child may take. Waiting and answering together stay under 15 s.

    Attributes:
        wait_s: seconds that a request waits for its turn, or for a child.
        answer_s: seconds for an answer, with all that the provider of certificates does
            meanwhile; then the child is killed.
        start_s: seconds until a new child has its key ready; the network may be slow.
        stop_s: seconds that a child has to end by itself.
        changed_s: seconds after a change of the target info in which a REPORT that does not verify
            is answered with 42 instead of 47: it was probably made for the old target, and clients
            begin anew on 42 only.
        memory_bytes: resident memory at which a child is replaced, between two requests.
    """

    wait_s: float = 5.0
    answer_s: float = 9.0
    start_s: float = 90.0
    stop_s: float = 1.0
    changed_s: float = 60.0
    memory_bytes: int = 512 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How patiently a child is started again.

    Attributes:
        failures: so many failures within the window open the breaker, at least 1.
        window_s: how long a failure counts.
        first_delay_s: longest pause after the first failure; doubles with each further one.
        longest_delay_s: cap of that pause.
        rest_s: how long an open breaker leaves the child alone, before one more try.
    """

    failures: int = 5
    window_s: float = 60.0
    first_delay_s: float = 0.1
    longest_delay_s: float = 10.0
    rest_s: float = 30.0
