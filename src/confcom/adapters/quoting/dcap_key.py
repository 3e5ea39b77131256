# SPDX-License-Identifier: Apache-2.0
"""What is known of the attestation key: whether it is ready, and for which target. No clock."""

import math
from collections.abc import Callable

from confcom.adapters.quoting.dcap_answers import to_refusal
from confcom.adapters.quoting.dcap_events import DcapEvent, DcapEventName
from confcom.adapters.quoting.dcap_messages import Failed, KeyReady, Reply
from confcom.adapters.quoting.dcap_process import ChildLostError


class KeyState:
    """The attestation key over the lives of all children.

    Args:
        retry_s: seconds until a key that could not be made ready is tried again.
        changed_s: seconds for which the target info counts as just changed.
        observe: told of every event.

    Attributes:
        is_ready: whether the key was made ready in the child that runs.
        target_info: 512 bytes, the last that was seen, or None.
        why: why it is not ready, or None.
        next_try_s: when to try again, where it is not ready.
    """

    def __init__(
        self, *, retry_s: float, changed_s: float, observe: Callable[[DcapEvent], None]
    ) -> None:
        self._retry_s = retry_s
        self._keep_s = changed_s
        self._observe = observe
        self._changed_at_s = -math.inf
        self.is_ready = False
        self.target_info: bytes | None = None
        self.why: str | None = None
        self.next_try_s = 0.0

    def lose(self) -> None:
        """Forget that it is ready: the child is gone."""
        self.is_ready = False

    def has_just_changed(self, now: float) -> bool:
        """Whether clients may still come with REPORTs for another target than the present one."""
        return now - self._changed_at_s < self._keep_s

    def note(self, reply: Reply, *, pid: int, now: float) -> None:
        """Remember what making the key ready has given.

        Args:
            reply: of the child.
            pid: its process id.
            now: seconds of a monotonic clock.

        Raises:
            ChildLostError: the reply is to something else.
        """
        match reply:
            case KeyReady(target_info=target_info):
                self._take(target_info, pid, now)
            case Failed():
                self.is_ready, self.why = False, to_refusal(reply).why
                self.next_try_s = now + self._retry_s
                name = DcapEventName.KEY_FAILED
                self._observe(DcapEvent(name=name, pid=pid, why=self.why, delay_s=self._retry_s))
            case _:
                raise ChildLostError(f"quoting child: {type(reply).__name__} in answer to init")

    def _take(self, target_info: bytes, pid: int, now: float) -> None:
        if self.target_info not in (None, target_info):
            self._changed_at_s = now
            self._observe(DcapEvent(name=DcapEventName.KEY_CHANGED, pid=pid))
        self.target_info = target_info
        if not self.is_ready:
            self.is_ready, self.why = True, None
            self._observe(DcapEvent(name=DcapEventName.KEY_READY, pid=pid))
