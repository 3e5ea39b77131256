# SPDX-License-Identifier: Apache-2.0
"""Devices are unique, lists have the size that is computed, and nothing is given twice."""

import contextlib
import json

from hypothesis import assume, given
from hypothesis import strategies as st

from confcom.epc.allocation import prefer
from confcom.epc.cpuid import Registers, SgxCpu, read_cpu
from confcom.epc.device_nodes import KNOWN, DeviceNodes, Entry, EntryKind
from confcom.epc.facts import (
    MISC_DEVICES,
    MODULES,
    SGX_FLAGS,
    CpuidAnswers,
    NodeFacts,
    take_inventory,
)
from confcom.epc.facts_json import facts_from_json, facts_to_json
from confcom.epc.inventory import Origin, answer_of_cpu, answer_of_sysfs, take_stock
from confcom.epc.misc_cgroup import parse_capacity, parse_use
from confcom.epc.resources import (
    HEALTHY,
    UNHEALTHY,
    DevicePlan,
    device_id,
    device_index,
    list_bytes,
    plan_mib_devices,
)
from confcom.errors import MalformedError
from confcom.protocols.pb.deviceplugin_v1beta1_pb2 import (
    Device,
    ListAndWatchResponse,
    NUMANode,
    TopologyInfo,
)

nodes = st.one_of(st.integers(0, 300), st.integers(0, 2**31))
sizes = st.one_of(st.integers(0, 130), st.integers(3_900, 4_300))
per_node = st.dictionaries(nodes, sizes, max_size=4)
healths = st.sampled_from([HEALTHY, UNHEALTHY, ""])
registers = st.builds(Registers, *[st.integers(0, 2**32 - 1)] * 4)


@st.composite
def plans(draw: st.DrawFn) -> DevicePlan:
    """A plan, often one that had too little room."""
    mib = draw(per_node)
    return plan_mib_devices(
        sum(mib.values()) + draw(st.integers(0, 4)),
        mib,
        reserve_mib=draw(st.integers(0, 200)),
        wants_topology=draw(st.booleans()),
        limit_bytes=draw(st.integers(0, 100_000)),
    )


def _message(plan: DevicePlan, health: str) -> ListAndWatchResponse:
    message = ListAndWatchResponse()
    for identifier, node in plan.devices():
        topology = None if node is None else TopologyInfo(nodes=[NUMANode(ID=node)])
        message.devices.append(Device(ID=identifier, health=health, topology=topology))
    return message


@given(plans(), healths)
def test_computed_size_is_the_encoded_one(plan: DevicePlan, health: str) -> None:
    assert list_bytes(plan.counts, health=health) == _message(plan, health).ByteSize()


@given(plans())
def test_identifiers_are_unique_and_say_their_number(plan: DevicePlan) -> None:
    devices = list(plan.devices())
    assert len(devices) == plan.total
    assert [device_index(identifier) for identifier, _ in devices] == list(range(plan.total))
    assert [plan.node_of(index) for index in range(plan.total)] == [node for _, node in devices]


@given(st.integers(0, 64**8 - 1))
def test_identifier_is_stable(index: int) -> None:
    identifier = device_id(index)
    assert device_index(identifier) == index
    assert len(identifier) <= 8


@given(st.text(max_size=12))
def test_every_identifier_that_is_understood_is_ours(identifier: str) -> None:
    try:
        index = device_index(identifier)
    except MalformedError:
        return
    assert device_id(index) == identifier


@given(
    per_node, st.integers(0, 500_000), st.integers(0, 5_000), st.booleans(), st.integers(0, 2**22)
)
def test_list_never_exceeds_the_limit(
    mib: dict[int, int], total: int, reserve: int, wants_topology: bool, limit: int
) -> None:
    plan = plan_mib_devices(
        max(total, sum(mib.values())),
        mib,
        reserve_mib=reserve,
        wants_topology=wants_topology,
        limit_bytes=limit,
    )
    assert plan.message_bytes <= limit
    # Some or all unhealthy: never larger than all of the longer word.
    assert max(plan.message_bytes, list_bytes(plan.counts, health=plan.unhealthy_word)) <= 2**22
    assert plan.total <= plan.wanted
    assert plan.total == plan.wanted or plan.problems


@given(per_node.filter(bool), st.integers(0, 20_000))
def test_reserve_is_kept_to_the_mib(mib: dict[int, int], reserve: int) -> None:
    total = sum(mib.values())
    plan = plan_mib_devices(total, mib, reserve_mib=reserve, wants_topology=True)
    assert plan.total == max(0, total - reserve)
    assert all(0 <= count <= mib[node] for node, count in plan.counts.items() if node is not None)
    left = [plan.counts[node] for node in mib if plan.counts[node] < mib[node]]
    # Who gave something has as much left as anybody, to one.
    assert not left or max(plan.counts.values()) - min(left) <= 1


@given(
    st.frozensets(st.integers(0, 60), max_size=40),
    st.frozensets(st.integers(0, 60), max_size=10),
    st.integers(0, 50),
    st.integers(1, 20),
)
def test_preferred_devices_are_distinct_and_of_the_asked_number(
    available: frozenset[int], held: frozenset[int], size: int, per: int
) -> None:
    everything = available | held
    assume(len(held) <= size <= len(everything))
    chosen = prefer(available, held, size, node_of=lambda index: index // per)
    assert len(set(chosen)) == len(chosen) == size
    assert held <= set(chosen) <= everything
    assert list(chosen) == sorted(chosen)


@given(
    st.frozensets(st.integers(0, 60), min_size=1, max_size=40),
    st.integers(1, 40),
    st.integers(1, 20),
)
def test_one_node_is_used_where_one_suffices(
    available: frozenset[int], size: int, per: int
) -> None:
    rooms = [sum(index // per == node for index in available) for node in range(61) if available]
    assume(size <= len(available))
    chosen = {
        index // per for index in prefer(available, frozenset(), size, node_of=lambda i: i // per)
    }
    assert (len(chosen) == 1) == (max(rooms) >= size)
    fewest, left = 0, size
    for room in sorted(rooms, reverse=True):
        fewest, left = fewest + (left > 0), left - room
    assert len(chosen) == fewest


@given(st.dictionaries(st.integers(0, 7), st.text(max_size=20), max_size=4), st.integers(0, 2**40))
def test_garbled_files_leave_nothing_to_offer(files: dict[int, str], size: int) -> None:
    cpu = SgxCpu(vendor="GenuineIntel", max_basic_leaf=0x1B, has_sgx=True, has_flc=True)
    answers = [answer_of_sysfs(files), answer_of_cpu(cpu, Origin.CPUID)]
    inventory = take_stock(answers, cpu=cpu, nodes=DeviceNodes())
    garbled = [text for text in files.values() if not text.removesuffix("\n").isdecimal()]
    if garbled:
        assert inventory.total_bytes == 0
        assert inventory.origin is None
        assert inventory.problems


@given(st.dictionaries(st.tuples(st.sampled_from([0, 7, 0x12]), st.integers(0, 12)), registers))
def test_any_registers_make_a_processor(leaves: dict[tuple[int, int], Registers]) -> None:
    cpu = read_cpu(lambda leaf, subleaf: leaves.get((leaf, subleaf), Registers(0, 0, 0, 0)))
    assert cpu.vendor.isprintable()
    assert len(cpu.sections) <= 8
    assert cpu.total_bytes == 0 or cpu.has_sgx1


@given(st.lists(st.sampled_from(["sgx_epc 5", "sgx_epc max", "sev 1", "sgx_epc", "x", ""])))
def test_misc_files_are_read_or_refused(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        capacity = parse_capacity(text)
    except MalformedError:
        assert {"sgx_epc max", "sgx_epc"} & set(lines) or lines.count("sgx_epc 5") > 1
    else:
        assert (capacity == 5) == ("sgx_epc 5" in lines)
        assert parse_use(maximum=text).max_bytes == capacity


leaves = st.dictionaries(
    st.tuples(st.sampled_from([0, 7, 0x12]), st.integers(0, 12)), registers
).filter(lambda found: not found or (0, 0) in found)
answers = st.builds(CpuidAnswers, leaves=leaves, problem=st.none() | st.text())
entries = st.builds(
    Entry,
    kind=st.sampled_from(EntryKind),
    major=st.integers(0, 2**12),
    minor=st.integers(0, 2**20),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 1),
    gid=st.integers(0, 2**32 - 1),
    target=st.text(),
)
facts = st.builds(
    NodeFacts,
    system=st.text(),
    release=st.text(),
    machine=st.text(),
    online_cpus=st.none() | st.text(),
    cpu_flags=st.none() | st.lists(st.sampled_from(SGX_FLAGS), unique=True).map(tuple),
    total_bytes=st.dictionaries(
        st.integers(0, 1023), st.text() | st.integers(0, 2**40).map("{}\n".format), max_size=4
    ),
    total_bytes_problem=st.none() | st.text(),
    instruction=answers,
    cpuid_file=answers,
    entries=st.dictionaries(st.sampled_from(KNOWN), entries),
    modules=st.dictionaries(st.sampled_from(MODULES), st.none() | st.text()),
    misc_devices=st.lists(st.sampled_from(MISC_DEVICES), unique=True).map(tuple),
    has_plugin_folder=st.booleans(),
    has_kubelet_socket=st.booleans(),
)


@given(facts)
def test_facts_file_says_what_the_node_says(node: NodeFacts) -> None:
    read = facts_from_json(json.dumps(facts_to_json(node)).encode())
    assert read == node
    assert take_inventory(read) == take_inventory(node)
    assert read.driver == node.driver


@given(st.binary(max_size=200))
def test_any_document_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        take_inventory(facts_from_json(data))
