# SPDX-License-Identifier: Apache-2.0
"""How a stand-in for a collateral service misbehaves on demand."""

import threading
from dataclasses import dataclass
from enum import StrEnum


class Misbehaviour(StrEnum):
    """What can go wrong. Stale and rolled back documents are other documents, not faults."""

    STALL = "stall"
    """Takes the request and says nothing."""
    DRIP = "drip"
    """Sends the body one byte at a time, with pauses."""
    CUT = "cut"
    """Closes the connection in the middle of the body."""
    OVERSIZED = "oversized"
    """Declares and sends a body of 8 MiB."""
    ENDLESS = "endless"
    """Sends a body without declared length that does not end (64 MiB at most)."""
    COMPRESSED = "compressed"
    """Compresses the body although nobody asked for it."""
    WRONG_TYPE = "wrong-type"
    """Labels the right body with a wrong Content-Type."""
    WEB_PAGE = "web-page"
    """Answers with a web page and status 200."""
    REDIRECT = "redirect"
    """Redirects to another path of the same host."""
    REDIRECT_LOOP = "redirect-loop"
    """Redirects to the same path again and again."""
    REDIRECT_ELSEWHERE = "redirect-elsewhere"
    """Redirects to another host."""
    STATUS = "status"
    """Answers with a status of choice, with or without Retry-After."""
    BAD_SIGNATURE = "bad-signature"
    """Changes one bit of the document's signature."""
    CRL_AS_HEX = "crl-as-hex"
    """Writes revocation lists as hex text."""
    CRL_AS_PEM = "crl-as-pem"
    """Writes revocation lists as PEM."""
    CHAIN_UNTERMINATED = "chain-unterminated"
    """Leaves out the last line end (``%0A``) of the issuer chain."""
    NO_CHAIN = "no-chain"
    """Leaves out the issuer chain."""
    OLD_HEADERS = "old-headers"
    """Uses the header names of version 3 in version 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour, for some requests.

    Attributes:
        kind: what goes wrong.
        path_contains: part of the request target of the requests it concerns.
        times: for how many of them, or None for all.
        status: for `Misbehaviour.STATUS`.
        retry_after: value of the header Retry-After, or None to leave it out.
        elsewhere: for `Misbehaviour.REDIRECT_ELSEWHERE`: scheme, host and port.
    """

    kind: Misbehaviour
    path_contains: str = ""
    times: int | None = None
    status: int = 503
    retry_after: str | None = None
    elsewhere: str = "http://127.0.0.2:1"


class Faults:
    """The faults that are in force; safe to change while the server runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._left.append((fault, fault.times))

    def clear(self) -> None:
        """Behave."""
        with self._lock:
            self._left.clear()

    def take(self, target: str) -> dict[Misbehaviour, Fault]:
        """Return the faults for one request, and count it against them."""
        taken: dict[Misbehaviour, Fault] = {}
        with self._lock:
            remaining: list[tuple[Fault, int | None]] = []
            for fault, left in self._left:
                if fault.path_contains in target and fault.kind not in taken:
                    taken[fault.kind] = fault
                    left = None if left is None else left - 1
                if left != 0:
                    remaining.append((fault, left))
            self._left = remaining
        return taken
