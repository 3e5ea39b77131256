# SPDX-License-Identifier: Apache-2.0
"""What the dcap back end tells whoever wires it up, for logs, metrics and health."""

from dataclasses import dataclass
from enum import StrEnum


class DcapEventName(StrEnum):
    """What happened."""

    CHILD_STARTED = "quoting_child.started"
    """A child has loaded the libraries."""
    CHILD_LOST = "quoting_child.lost"
    """A child crashed, hung, grew or did not start; another is started after a pause."""
    CHILD_GIVEN_UP = "quoting_child.given_up"
    """Too many were lost: clients are refused until one more try succeeds."""
    KEY_READY = "quoting_key.initialised"
    """The attestation key is ready, the first time in a child or again after it was not."""
    KEY_CHANGED = "quoting_key.target_changed"
    """The quoting enclave has another target info than before; clients must make new REPORTs."""
    KEY_FAILED = "quoting_key.failed"
    """The attestation key cannot be made ready; it is tried again."""
    PROVIDER_FAILED = "certificate_provider.failed"
    """The provider of certificates gives none; each quote asks it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DcapEvent:
    """One decision of the back end.

    Attributes:
        name: what happened.
        pid: process id of the child, or None where none was started.
        why: what was wrong, or None.
        delay_s: seconds until the next try, or None.
    """

    name: DcapEventName
    pid: int | None = None
    why: str | None = None
    delay_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DcapStatus:
    """How the back end is.

    Attributes:
        is_ready: whether the attestation key was made ready in the child that runs.
        is_given_up: whether clients are refused without waiting for a child.
        pid: process id of the child, or None.
        starts: children started so far.
        why: what was wrong last, or None.
    """

    is_ready: bool = False
    is_given_up: bool = False
    pid: int | None = None
    starts: int = 0
    why: str | None = None
