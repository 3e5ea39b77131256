# SPDX-License-Identifier: Apache-2.0
"""What containers are given, and which devices they should take."""

import pytest

from confcom.epc.allocation import (
    AllocationRules,
    ContainerAnswer,
    DeviceSpec,
    MountSpec,
    answer_for,
    prefer,
)
from confcom.epc.device_nodes import DeviceNode, Entry, EntryKind
from confcom.errors import MalformedError
from confcom.reasons import Reason

NODE = DeviceNode(
    host_path="/dev/sgx_enclave",
    container_paths=("/dev/sgx_enclave", "/dev/sgx/enclave"),
    entry=Entry(kind=EntryKind.CHARACTER, major=10, minor=125),
)
NONE: frozenset[int] = frozenset()


def _alone(_index: int) -> int | None:
    return None


def _by_hundred(index: int) -> int | None:
    return index // 100


def test_container_is_given_the_node_under_its_paths_and_the_folder_read_only() -> None:
    assert answer_for(10, AllocationRules(node=NODE)) == ContainerAnswer(
        devices=(
            DeviceSpec("/dev/sgx_enclave", "/dev/sgx_enclave", "rw"),
            DeviceSpec("/dev/sgx/enclave", "/dev/sgx_enclave", "rw"),
        ),
        mounts=(MountSpec("/var/run/aesmd", "/var/run/aesmd", is_read_only=True),),
    )


def test_nothing_is_given_unasked() -> None:
    answer = answer_for(1, AllocationRules(node=NODE, aesm_folder=None))
    assert answer.mounts == ()
    assert answer.environment == {}
    assert answer.annotations == {}
    assert answer.cdi_names == ()


def test_settings_add_variables_and_annotation() -> None:
    rules = AllocationRules(
        node=NODE, is_out_of_process=True, is_simulated=True, annotation="confcom/epc-mib"
    )
    answer = answer_for(7, rules)
    assert answer.environment == {"SGX_AESM_ADDR": "1", "CONFCOM_SIMULATED": "1"}
    assert answer.annotations == {"confcom/epc-mib": "7"}


def test_name_stands_for_the_paths() -> None:
    answer = answer_for(1, AllocationRules(node=NODE, cdi_name="confcom.example/sgx=enclave"))
    assert answer.devices == ()
    assert answer.cdi_names == ("confcom.example/sgx=enclave",)


def test_devices_of_one_node_are_preferred() -> None:
    assert prefer([5, 6, 7, 101, 102], NONE, 3, node_of=_by_hundred) == (5, 6, 7)


def test_node_with_the_least_to_spare_is_preferred() -> None:
    available = [0, 1, 2, 3, 100, 101, 102, 200, 201]
    assert prefer(available, NONE, 3, node_of=_by_hundred) == (100, 101, 102)
    assert prefer(available, NONE, 2, node_of=_by_hundred) == (200, 201)


def test_as_few_nodes_as_possible_are_used() -> None:
    available = [0, 1, 100, 200, 201, 202]
    assert prefer(available, NONE, 5, node_of=_by_hundred) == (0, 1, 200, 201, 202)


def test_devices_of_init_containers_are_used_again_and_their_node_is_filled() -> None:
    available = [1, 2, 100, 101]
    assert prefer(available, frozenset({100}), 2, node_of=_by_hundred) == (100, 101)
    assert prefer(available, frozenset({100}), 3, node_of=_by_hundred) == (1, 100, 101)


def test_devices_that_are_no_longer_available_are_kept() -> None:
    assert prefer([7], frozenset({3}), 2, node_of=_alone) == (3, 7)


def test_nothing_is_preferred_where_nothing_is_asked() -> None:
    assert prefer([1, 2], NONE, 0, node_of=_alone) == ()


def test_same_device_twice_is_one_device() -> None:
    with pytest.raises(MalformedError):
        prefer([1, 1, 1], NONE, 2, node_of=_alone)


@pytest.mark.parametrize(
    ("available", "must_include", "size"),
    [
        ([], NONE, 1),
        ([1, 2], NONE, 3),
        ([1, 2], frozenset({1, 2}), 1),
        ([1, 2], frozenset({1}), 3),
        ([1, 2], frozenset({1}), 0),
        ([1, 2], NONE, -1),
        ([1, 2], NONE, 2**31),
    ],
)
def test_what_cannot_be_preferred_is_refused(
    available: list[int], must_include: frozenset[int], size: int
) -> None:
    with pytest.raises(MalformedError, match="cannot prefer") as caught:
        prefer(available, must_include, size, node_of=_alone)
    assert caught.value.reason is Reason.DEVICE_REQUEST


def test_device_of_nobody_is_refused() -> None:
    def refuse(index: int) -> int | None:
        raise MalformedError(Reason.DEVICE_REQUEST, f"device {index} is none of this plugin's")

    with pytest.raises(MalformedError, match="none of"):
        prefer([1], NONE, 1, node_of=refuse)
