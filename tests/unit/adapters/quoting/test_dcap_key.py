# SPDX-License-Identifier: Apache-2.0
"""What is known of the attestation key."""

import pytest

from confcom.adapters.quoting.dcap_events import DcapEvent
from confcom.adapters.quoting.dcap_key import KeyState
from confcom.adapters.quoting.dcap_messages import Failed, KeyReady, QuoteMade, Reply, SizeKnown
from confcom.adapters.quoting.dcap_process import ChildLostError

OLD, NEW = (KeyReady(1, mark * 512, bytes(32)) for mark in (b"o", b"n"))


class _Key(KeyState):
    def __init__(self) -> None:
        self.events: list[DcapEvent] = []
        super().__init__(retry_s=30, changed_s=60, observe=self.events.append)

    @property
    def names(self) -> list[str]:
        return [event.name.name for event in self.events]


@pytest.mark.parametrize("reply", [SizeKnown(1, 700), QuoteMade(1, b"", None)])
def test_refuses_reply_to_another_question(reply: Reply) -> None:
    with pytest.raises(ChildLostError, match="in answer to init"):
        _Key().note(reply, pid=1, now=0)


def test_failure_is_told_and_tried_again_later() -> None:
    key = _Key()
    key.note(OLD, pid=1, now=0)
    key.note(Failed(1, 0xE019, "init"), pid=1, now=10)
    assert not key.is_ready
    assert key.next_try_s == 40
    assert "certificate service" in str(key.why)
    assert key.events[-1].delay_s == 30


def test_key_that_is_ready_after_a_failure_has_nothing_to_complain_of() -> None:
    key = _Key()
    key.note(Failed(1, 0xE019, "init"), pid=1, now=10)
    key.note(OLD, pid=1, now=40)
    assert key.is_ready
    assert key.why is None
    assert key.names == ["KEY_FAILED", "KEY_READY"]


def test_first_target_is_no_change() -> None:
    key = _Key()
    assert not key.has_just_changed(0)
    key.note(OLD, pid=1, now=0)
    assert not key.has_just_changed(0)
    assert key.target_info == OLD.target_info


def test_another_target_is_a_change_for_a_while_also_over_a_lost_child() -> None:
    key = _Key()
    key.note(OLD, pid=1, now=0)
    key.lose()
    assert not key.is_ready
    key.note(NEW, pid=2, now=100)
    assert key.names == ["KEY_READY", "KEY_CHANGED", "KEY_READY"]
    assert key.has_just_changed(159)
    assert not key.has_just_changed(160)


def test_same_target_in_the_next_child_is_no_change() -> None:
    key = _Key()
    key.note(OLD, pid=1, now=0)
    key.lose()
    key.note(OLD, pid=2, now=1)
    assert not key.has_just_changed(1)
    assert key.names == ["KEY_READY", "KEY_READY"]
