# SPDX-License-Identifier: Apache-2.0
"""Ladders of TCB levels: where a part stands, what it is aimed at, what is short."""

from confcom.attestation._ladder import STATUS_RANK, Component, Ladder, Rung
from confcom.dcap import TcbStatus

UP, SW = TcbStatus.UP_TO_DATE, TcbStatus.SW_HARDENING_NEEDED
CONF, BOTH = TcbStatus.CONFIGURATION_NEEDED, TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED
OUT, OUT_CONF = TcbStatus.OUT_OF_DATE, TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED


def rung(values: tuple[int, ...], status: TcbStatus, *advisories: str) -> Rung:
    return Rung(values, status, 1_747_180_800, frozenset(advisories))


# As served for a family of server processors: the third component is a configuration.
RUNGS = (
    rung((16, 13, 1), SW, "A"),
    rung((16, 13, 0), BOTH, "A", "B"),
    rung((15, 13, 1), OUT, "A", "C"),
    rung((15, 13, 0), OUT_CONF, "A", "B", "C"),
    rung((14, 13, 1), OUT, "A", "C", "D"),
    rung((14, 11, 0), OUT_CONF, "A", "B", "C", "D"),
)


def ladder(*found: int, rungs: tuple[Rung, ...] = RUNGS) -> Ladder:
    components = tuple(Component(f"component {number}") for number in range(len(found)))
    return Ladder(part="platform", components=components, found=found, rungs=rungs)


def test_every_status_has_a_rank() -> None:
    assert set(STATUS_RANK) == set(TcbStatus)


def test_stands_on_first_level_that_asks_for_no_more() -> None:
    assert ladder(16, 13, 1).standing is RUNGS[0]
    assert ladder(99, 99, 99).standing is RUNGS[0]
    assert ladder(16, 13, 0).standing is RUNGS[1]
    assert ladder(16, 12, 1).standing is RUNGS[5]
    assert ladder(13, 13, 1).standing is None


def test_aims_at_best_status() -> None:
    assert ladder(14, 13, 1).target is RUNGS[0]
    assert ladder(14, 13, 1).short_of(RUNGS[0]) == (0,)
    assert ladder(1, 1, 0).short_of(RUNGS[0]) == (0, 1, 2)


def test_aims_at_level_with_least_way() -> None:
    rungs = (rung((9, 9), UP), rung((8, 2), UP), rung((1, 1), OUT))
    assert ladder(8, 1, rungs=rungs).target is rungs[1]
    assert ladder(9, 1, rungs=rungs).target is rungs[1]
    assert ladder(9, 9, rungs=rungs).target is rungs[0]


def test_steps_lead_from_standing_to_target_without_detours() -> None:
    assert ladder(14, 13, 1).steps() == (RUNGS[4], RUNGS[2], RUNGS[0])
    assert ladder(14, 12, 0).steps() == (RUNGS[5], RUNGS[4], RUNGS[2], RUNGS[0])
    assert ladder(16, 13, 1).steps() == (RUNGS[0],)


def test_steps_below_all_levels_begin_at_the_nearest() -> None:
    assert ladder(1, 1, 1).nearest is RUNGS[5]
    assert ladder(1, 1, 1).steps() == (RUNGS[5], RUNGS[4], RUNGS[2], RUNGS[0])
    assert ladder(13, 13, 1).nearest is RUNGS[4]
    assert ladder(13, 13, 1).steps() == (RUNGS[4], RUNGS[2], RUNGS[0])


def test_steps_to_target_that_is_no_higher_leave_out_what_is_between() -> None:
    rungs = (rung((5, 0), OUT), rung((4, 9), UP), rung((4, 1), OUT))
    assert ladder(5, 1, rungs=rungs).standing is rungs[0]
    assert ladder(5, 1, rungs=rungs).steps() == (rungs[0], rungs[1])


def test_recognises_configuration_by_pairs_of_levels() -> None:
    assert ladder(16, 13, 1).configuration_components() == {2}


def test_version_that_brings_a_better_status_is_no_configuration() -> None:
    rungs = (rung((2, 0), UP), rung((1, 0), SW), rung((0, 0), OUT))
    assert ladder(0, 0, rungs=rungs).configuration_components() == frozenset()
    assert (
        ladder(0, 0, rungs=(rung((2, 0), CONF), rung((1, 0), UP))).configuration_components()
        == frozenset()
    )
    assert (
        ladder(0, 0, rungs=(rung((2, 2), UP), rung((1, 1), CONF))).configuration_components()
        == frozenset()
    )


def test_component_shows_what_the_document_says_of_it() -> None:
    assert str(Component("PCE SVN")) == "PCE SVN"
    assert str(Component("component 4", "BIOS")) == "component 4 (BIOS)"
    full = Component("component 1", "OS/VMM", "TDX Module")
    assert str(full) == "component 1 (OS/VMM, TDX Module)"


def test_rung_shows_its_day() -> None:
    assert RUNGS[0].day == "2025-05-14"
