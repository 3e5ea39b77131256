# SPDX-License-Identifier: Apache-2.0
"""How much EPC is believed to be there, and when nobody is believed."""

import pytest

from confcom.epc.cpuid import MIB, Section, SgxCpu
from confcom.epc.device_nodes import DeviceNodes
from confcom.epc.inventory import (
    Answer,
    Inventory,
    Origin,
    answer_of_cpu,
    answer_of_sysfs,
    parse_total_bytes,
    take_stock,
)
from confcom.errors import MalformedError
from confcom.reasons import Reason

NODES = DeviceNodes()


def _cpu(size: int, *warnings: str) -> SgxCpu:
    return SgxCpu(
        vendor="GenuineIntel",
        max_basic_leaf=0x1B,
        has_sgx=True,
        has_flc=True,
        has_sgx1=True,
        sections=(Section(base=2**32, size=size, property=1),),
        warnings=warnings,
    )


def _stock(*answers: Answer, cpu: SgxCpu | None = None, nodes: DeviceNodes = NODES) -> Inventory:
    return take_stock(answers, cpu=cpu, nodes=nodes)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0\n", 0), ("8589934592\n", 8589934592), ("93", 93), (f"{2**52}\n", 2**52)],
)
def test_number_of_bytes_is_read(text: str, number: int) -> None:
    assert parse_total_bytes(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "n/a\n",
        "-1\n",
        "+1\n",
        " 1\n",
        "1 \n",
        "1\n\n",
        "1_0\n",
        "0x10\n",
        "1.0\n",
        "1e3\n",
        "\u0661\n",
        "\u00b2\n",
        "8589934592 kB\n",
        "1\0\n",
        f"{2**52 + 1}\n",
        "9" * 17,
        "9" * 10_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="not a number of bytes") as caught:
        parse_total_bytes(text)
    assert caught.value.reason is Reason.NODE_FACTS_FORMAT
    assert len(caught.value.message) < 300


def test_sum_is_floored_and_each_node_by_itself() -> None:
    sizes = {0: 3 * MIB + MIB // 2, 1: MIB + MIB // 2}
    inventory = _stock(answer_of_sysfs({node: f"{size}\n" for node, size in sizes.items()}))
    assert inventory.per_node == sizes
    assert inventory.total_mib == 5
    assert inventory.mib_per_node == {0: 3, 1: 1}


def test_no_files_are_no_answer_and_no_mistake() -> None:
    assert answer_of_sysfs({}) == Answer(origin=Origin.SYSFS)


@pytest.mark.parametrize("files", [{0: "n/a\n"}, {0: "1048576\n", 1: ""}, {0: "x", 1: "1048576\n"}])
def test_one_garbled_file_leaves_nothing_of_the_answer(files: dict[int, str]) -> None:
    answer = answer_of_sysfs(files)
    assert answer.is_garbled
    assert answer.total_bytes is None
    assert answer.per_node == {}


def test_garbled_answer_is_not_replaced_by_another() -> None:
    cpu = _cpu(64 * MIB)
    inventory = _stock(answer_of_cpu(cpu, Origin.CPUID), answer_of_sysfs({0: "n/a\n"}), cpu=cpu)
    assert inventory.total_bytes == 0
    assert inventory.origin is None
    assert inventory.per_node == {}
    assert inventory.problems == ("sysfs: sgx_total_bytes is 'n/a', not a number of bytes",)


def test_processor_is_believed_where_the_kernel_is_silent() -> None:
    cpu = _cpu(64 * MIB)
    inventory = _stock(answer_of_cpu(cpu, Origin.CPUID), answer_of_sysfs({}), cpu=cpu)
    assert (inventory.total_bytes, inventory.origin) == (64 * MIB, Origin.CPUID)
    assert inventory.problems == ()


def test_answers_are_in_the_order_of_belief() -> None:
    cpu = _cpu(64 * MIB)
    answers = [answer_of_cpu(cpu, Origin.CPUID_FILE), answer_of_cpu(cpu, Origin.CPUID)]
    inventory = _stock(*answers, answer_of_sysfs({0: f"{64 * MIB}\n"}), cpu=cpu)
    assert [answer.origin for answer in inventory.answers] == list(Origin)
    assert inventory.origin is Origin.SYSFS
    assert inventory.problems == ()


def test_disagreement_is_told_and_the_kernel_believed() -> None:
    cpu = _cpu(128 * MIB)
    inventory = _stock(answer_of_sysfs({0: f"{MIB}\n"}), answer_of_cpu(cpu, Origin.CPUID), cpu=cpu)
    assert inventory.total_bytes == MIB
    assert inventory.problems == (
        "sources disagree about the EPC: sysfs 1048576 bytes, cpuid 134217728 bytes",
    )


def test_nobody_says_anything() -> None:
    inventory = _stock()
    assert inventory.total_bytes == 0
    assert inventory.origin is None
    assert inventory.cpu is None


def test_source_that_could_not_be_asked_does_not_silence_the_next() -> None:
    failed = Answer(origin=Origin.CPUID, problem="no memory may be executed")
    cpu = _cpu(MIB)
    inventory = _stock(failed, answer_of_cpu(cpu, Origin.CPUID_FILE), cpu=cpu)
    assert inventory.origin is Origin.CPUID_FILE
    assert inventory.problems == ("cpuid: no memory may be executed",)


def test_zero_is_an_answer() -> None:
    cpu = _cpu(64 * MIB)
    inventory = _stock(answer_of_sysfs({0: "0\n"}), answer_of_cpu(cpu, Origin.CPUID), cpu=cpu)
    assert (inventory.total_bytes, inventory.origin) == (0, Origin.SYSFS)


def test_problems_of_processor_and_nodes_are_kept() -> None:
    cpu = _cpu(MIB, "odd")
    nodes = DeviceNodes(problems=("missing",))
    assert _stock(cpu=cpu, nodes=nodes).problems == ("odd", "missing")
