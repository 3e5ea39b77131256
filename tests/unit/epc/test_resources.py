# SPDX-License-Identifier: Apache-2.0
"""EPC as devices: names, sizes of lists, and what is given up where the list is too large."""

import pytest

from confcom.epc.resources import (
    HEALTHY,
    MAX_LIST_BYTES,
    UNHEALTHY,
    device_bytes,
    device_id,
    device_index,
    list_bytes,
    plan_mib_devices,
)
from confcom.errors import MalformedError
from confcom.reasons import Reason


@pytest.mark.parametrize(
    ("index", "identifier"),
    [
        (0, "0"),
        (9, "9"),
        (10, "a"),
        (35, "z"),
        (36, "A"),
        (62, "-"),
        (63, "_"),
        (64, "10"),
        (4095, "__"),
        (4096, "100"),
        (262_143, "___"),
        (262_144, "1000"),
    ],
)
def test_identifier_is_the_number_in_base_64(index: int, identifier: str) -> None:
    assert device_id(index) == identifier
    assert device_index(identifier) == index


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "00",
        "01",
        "0a",
        " 1",
        "1 ",
        "+",
        "/",
        "1=",
        "\u0661",
        "sgx-enclave-0x",
        "1" * 9,
        "x" * 10_000,
        "1\n",
        "\0",
        "a/b",
    ],
)
def test_identifier_of_somebody_else_is_refused(identifier: str) -> None:
    with pytest.raises(MalformedError, match="none of this plugin's") as caught:
        device_index(identifier)
    assert caught.value.reason is Reason.DEVICE_REQUEST
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("node", "more"), [(None, 0), (0, 4), (1, 6), (127, 6), (128, 7), (2**14, 8)]
)
def test_device_is_larger_by_its_topology(node: int | None, more: int) -> None:
    assert device_bytes(3, node=node) == 16 + more


def test_unhealthy_word_takes_more_room_and_none_takes_none() -> None:
    assert device_bytes(3, health=UNHEALTHY) == device_bytes(3, health=HEALTHY) + 2
    assert device_bytes(3, health="") == device_bytes(3) - 9


@pytest.mark.parametrize(
    ("count", "size"), [(262_144, 4_190_144), (262_388, 4_194_292), (262_389, 4_194_309)]
)
def test_lists_of_a_real_kubelet_have_the_size_it_saw(count: int, size: int) -> None:
    assert list_bytes({None: count}) == size


def test_empty_list_has_no_bytes() -> None:
    assert list_bytes({}) == 0
    assert list_bytes({None: 0, 0: 0}) == 0


def test_each_mib_is_a_device() -> None:
    plan = plan_mib_devices(93, {})
    assert plan.total == plan.wanted == 93
    assert plan.counts == {None: 93}
    assert not plan.has_topology
    assert plan.problems == ()
    assert plan.unhealthy_word == UNHEALTHY


def test_largest_machine_fits_without_topology() -> None:
    plan = plan_mib_devices(262_144, {0: 131_072, 1: 131_072}, wants_topology=True)
    assert plan.total == 262_144
    assert not plan.has_topology
    assert plan.problems == ("the list of devices with NUMA nodes is too large for the kubelet",)
    assert plan.unhealthy_word == ""
    assert list_bytes(plan.counts, health="") <= MAX_LIST_BYTES


def test_what_does_not_fit_is_reported_with_the_way_out() -> None:
    plan = plan_mib_devices(1024 * 1024, {})
    assert plan.total == 262_388
    assert plan.message_bytes <= MAX_LIST_BYTES
    assert plan.wanted == 1024 * 1024
    assert plan.problems == (
        "786188 of 1048576 MiB are not offered, the list of devices would be too large for the "
        "kubelet; mode intel has no such limit",
    )


def test_topology_is_told_where_it_is_wanted() -> None:
    plan = plan_mib_devices(98_303, {0: 65_536, 1: 32_767}, wants_topology=True)
    assert plan.has_topology
    assert plan.counts == {0: 65_536, 1: 32_767}
    assert plan.node_of(0) == 0
    assert plan.node_of(65_535) == 0
    assert plan.node_of(65_536) == 1


def test_topology_that_nobody_knows_is_not_made_up() -> None:
    plan = plan_mib_devices(64, {}, wants_topology=True)
    assert plan.counts == {None: 64}
    assert plan.problems == ("NUMA nodes of the EPC are not known on this node",)


@pytest.mark.parametrize(
    ("reserve", "left"),
    [
        (0, {0: 100, 1: 90, 2: 10}),
        (10, {0: 90, 1: 90, 2: 10}),
        (11, {0: 90, 1: 89, 2: 10}),
        (50, {0: 70, 1: 70, 2: 10}),
        (170, {0: 10, 1: 10, 2: 10}),
        (199, {0: 1, 1: 0, 2: 0}),
        (200, {0: 0, 1: 0, 2: 0}),
        (1_000_000, {0: 0, 1: 0, 2: 0}),
    ],
)
def test_reserve_is_taken_from_whoever_has_most(reserve: int, left: dict[int, int]) -> None:
    plan = plan_mib_devices(200, {0: 100, 1: 90, 2: 10}, reserve_mib=reserve, wants_topology=True)
    assert plan.counts == left


@pytest.mark.parametrize(("total", "reserve"), [(0, 0), (10, 10), (10, 11), (0, 5)])
def test_nothing_is_offered_where_nothing_is_left(total: int, reserve: int) -> None:
    plan = plan_mib_devices(total, {}, reserve_mib=reserve)
    assert plan.total == 0
    assert list(plan.devices()) == []
    assert plan.message_bytes == 0


def test_nothing_fits_where_there_is_no_room() -> None:
    plan = plan_mib_devices(10, {0: 10}, wants_topology=True, limit_bytes=13)
    assert plan.total == 0
    assert plan.wanted == 10
    assert len(plan.problems) == 2


@pytest.mark.parametrize("index", [3, 64, 10**9])
def test_device_that_is_not_offered_has_no_node(index: int) -> None:
    plan = plan_mib_devices(3, {0: 3}, wants_topology=True)
    with pytest.raises(MalformedError, match="none of this plugin's"):
        plan.node_of(index)
