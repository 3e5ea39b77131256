# SPDX-License-Identifier: Apache-2.0
"""Nodes laid out in a folder: what is read of them, and what is not."""

import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.rights import without_rights_of_root

from confcom.adapters.sgx_node import NodeRoots, Running, read_facts, read_node
from confcom.epc.cpuid import MIB, Query, Registers
from confcom.epc.device_nodes import Entry, EntryKind, NodeLayout
from confcom.epc.facts import DriverKind, NodeFacts
from confcom.epc.inventory import Origin

LEAVES = {
    (0, 0): Registers(0x1B, 0x756E6547, 0x6C65746E, 0x49656E69),
    (7, 0): Registers(0, 1 << 2, 1 << 30, 0),
    (0x12, 0): Registers(3, 0, 0, 0x2F1F),
    (0x12, 1): Registers(0xB6, 0, 0x2E7, 0),
    (0x12, 2): Registers(0x30180001, 0, 0x04000001, 0),
}
ELSEWHERE = Running(system="Linux", release="6.1.0", machine="x86_64")
NODE = "devices/system/node"


@contextmanager
def _processor() -> Iterator[Query]:
    yield lambda leaf, subleaf: LEAVES.get((leaf, subleaf), Registers(0, 0, 0, 0))


def _forbidden() -> AbstractContextManager[Query]:
    raise PermissionError(13, "no memory may be executed: Permission denied")


ANSWERING = Running(system="Linux", release="6.1.0", machine="x86_64", processor=_processor)
REFUSING = Running(system="Linux", release="6.1.0", machine="x86_64", processor=_forbidden)


@pytest.fixture
def roots(tmp_path: Path) -> NodeRoots:
    return NodeRoots(
        sys=tmp_path / "sys",
        dev=tmp_path / "dev",
        proc=tmp_path / "proc",
        plugins=tmp_path / "plugins",
    )


def _lay(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def _lay_node(roots: NodeRoots, node: object, text: str) -> Path:
    return _lay(roots.sys / NODE / f"node{node}" / "x86/sgx_total_bytes", text)


def _facts(roots: NodeRoots) -> NodeFacts:
    return read_facts(roots, running=ELSEWHERE)


def test_empty_folders_say_nothing_and_are_no_mistake(roots: NodeRoots) -> None:
    inventory = read_node(roots, running=ELSEWHERE)
    assert inventory.total_bytes == 0
    assert inventory.origin is None
    assert inventory.cpu is None
    assert inventory.problems == ("cpuid-file: No such file or directory",)
    assert _facts(roots).driver is None


def test_files_of_the_kernel_are_read_by_node(roots: NodeRoots) -> None:
    _lay_node(roots, 0, f"{64 * MIB}\n")
    _lay_node(roots, 10, f"{32 * MIB}\n")
    inventory = read_node(roots, running=ANSWERING)
    assert inventory.per_node == {0: 64 * MIB, 10: 32 * MIB}
    assert inventory.origin is Origin.SYSFS
    assert inventory.problems == (
        "sources disagree about the EPC: sysfs 100663296 bytes, cpuid 67108864 bytes",
    )


@pytest.mark.parametrize("name", ["01", "-1", "x", "", "0x0", "1.0", "\u0661", "10000"])
def test_folders_of_other_names_are_no_nodes(roots: NodeRoots, name: str) -> None:
    _lay_node(roots, name, f"{MIB}\n")
    assert _facts(roots).total_bytes == {}


def test_node_without_epc_is_none(roots: NodeRoots) -> None:
    _lay_node(roots, 0, f"{MIB}\n")
    _lay(roots.sys / NODE / "node1/cpulist", "2-3\n")
    _lay(roots.sys / NODE / "online", "0-1\n")
    _lay(roots.sys / NODE / "node2", "a file where a folder should be")
    assert _facts(roots).total_bytes == {0: f"{MIB}\n"}


@pytest.mark.parametrize("text", ["n/a\n", "", "\udcff\udcfe\n", "9" * 1_000_000])
def test_garbled_file_leaves_nothing(roots: NodeRoots, text: str) -> None:
    _lay_node(roots, 0, f"{MIB}\n")
    _lay_node(roots, 1, text)
    inventory = read_node(roots, running=ANSWERING)
    assert inventory.total_bytes == 0
    assert inventory.origin is None
    assert "sysfs: sgx_total_bytes is" in inventory.problems[0]


def test_file_that_may_not_be_read_leaves_nothing(roots: NodeRoots) -> None:
    _lay_node(roots, 0, f"{MIB}\n")
    _lay_node(roots, 1, f"{MIB}\n").chmod(0)
    with without_rights_of_root():
        inventory = read_node(roots, running=ANSWERING)
    assert inventory.total_bytes == 0
    assert inventory.problems[0] == (
        "sysfs: cannot read x86/sgx_total_bytes of node 1: Permission denied"
    )


def test_folder_in_place_of_the_file_leaves_nothing(roots: NodeRoots) -> None:
    (roots.sys / NODE / "node0/x86/sgx_total_bytes").mkdir(parents=True)
    assert read_node(roots, running=ANSWERING).total_bytes == 0


def test_more_nodes_than_linux_can_have_are_not_cut_to_fit(roots: NodeRoots) -> None:
    for node in range(1025):
        (roots.sys / NODE / f"node{node}").mkdir(parents=True)
    assert _facts(roots).total_bytes_problem == "there are 1025 NUMA nodes, more than 1024"


def test_processor_is_asked_where_the_kernel_is_silent(roots: NodeRoots) -> None:
    facts = read_facts(roots, running=ANSWERING)
    assert facts.instruction.leaves == LEAVES | {(0x12, 3): Registers(0, 0, 0, 0)}
    inventory = read_node(roots, running=ANSWERING)
    assert (inventory.total_bytes, inventory.origin) == (64 * MIB, Origin.CPUID)
    assert inventory.problems == ()


def test_processor_that_may_not_be_asked_is_told(roots: NodeRoots) -> None:
    inventory = read_node(roots, running=REFUSING)
    assert inventory.cpu is None
    assert inventory.problems == (
        "cpuid: no memory may be executed: Permission denied",
        "cpuid-file: No such file or directory",
    )


def test_file_of_the_first_processor_that_runs_is_asked(roots: NodeRoots) -> None:
    _lay(roots.sys / "devices/system/cpu/online", "2-3,5\n")
    # Only leaf 0 is asked of a processor whose highest leaf is 0.
    _lay(roots.dev / "cpu/2/cpuid", "\0\0\0\0GenuntelineI")
    inventory = read_node(roots, running=REFUSING)
    assert inventory.cpu is not None
    assert inventory.cpu.vendor == "GenuineIntel"
    assert inventory.origin is Origin.CPUID_FILE
    assert _facts(roots).online_cpus == "2-3,5"


@pytest.mark.parametrize("size", [0, 1, 15])
def test_file_that_answers_too_little_is_told(roots: NodeRoots, size: int) -> None:
    _lay(roots.dev / "cpu/0/cpuid", "\1" * size)
    assert _facts(roots).cpuid_file.problem == f"leaf 0x0 has {size} bytes, not 16"
    assert _facts(roots).cpuid_file.leaves == {}


def test_pipe_in_place_of_a_file_is_not_waited_for(roots: NodeRoots) -> None:
    path = roots.dev / "cpu/0/cpuid"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    os.mkfifo(_lay_node(roots, 0, "").with_name("pipe"))
    assert _facts(roots).cpuid_file.problem is not None


def test_entries_are_looked_at_and_links_not_followed(roots: NodeRoots) -> None:
    _lay(roots.dev / "sgx_enclave").chmod(0o640)
    (roots.dev / "isgx").mkdir()
    (roots.dev / "sgx").mkdir()
    (roots.dev / "sgx/enclave").symlink_to("../sgx_enclave")
    (roots.dev / "sgx_provision").symlink_to("/dev/null")
    os.mkfifo(roots.dev / "sgx_vepc")
    entries = _facts(roots).entries
    owner = {"uid": os.getuid(), "gid": os.getgid()}
    assert entries["sgx_enclave"] == Entry(
        kind=EntryKind.FILE, mode=0o640, uid=os.getuid(), gid=os.getgid()
    )
    assert entries["isgx"].kind is EntryKind.DIRECTORY
    assert entries["sgx_vepc"].kind is EntryKind.OTHER
    assert (entries["sgx/enclave"].kind, entries["sgx/enclave"].target) == (
        EntryKind.SYMLINK,
        "../sgx_enclave",
    )
    assert entries["sgx_provision"].major == 0
    assert entries["sgx_provision"].uid == owner["uid"]
    nodes = read_node(roots, running=ELSEWHERE).nodes
    assert nodes.layout is None
    assert "/dev/sgx_enclave is a file, not a character device" in nodes.problems


def test_folder_that_is_a_link_has_no_entries(roots: NodeRoots) -> None:
    roots.dev.mkdir()
    _lay(roots.dev / "elsewhere/enclave")
    (roots.dev / "sgx").symlink_to("elsewhere")
    assert _facts(roots).entries == {}


def test_real_device_has_its_numbers() -> None:
    entries = read_facts(NodeRoots(dev=Path("/dev")), running=ELSEWHERE).entries
    assert all(entry.kind is not EntryKind.CHARACTER or entry.major for entry in entries.values())


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("flags\t\t: fpu sgx sgx_lc\n", ("sgx", "sgx_lc")),
        ("flags\t\t: fpu sgx\n\nflags\t\t: sgx sgx_lc\n", ("sgx",)),
        ("flags\t\t: fpu sgxy xsgx sgx_lc2\n", ()),
        ("vmx flags\t: sgx\n", None),
        ("Features\t: fp asimd\n", None),
        ("", None),
    ],
)
def test_flags_of_the_first_processor_are_read(
    roots: NodeRoots, text: str, flags: tuple[str, ...] | None
) -> None:
    _lay(roots.proc / "cpuinfo", text)
    assert _facts(roots).cpu_flags == flags


def test_module_counts_before_what_is_built_in(roots: NodeRoots) -> None:
    (roots.sys / "class/misc/sgx_enclave").mkdir(parents=True)
    driver = _facts(roots).driver
    assert driver is not None
    assert (driver.kind, driver.version) == (DriverKind.IN_KERNEL, "6.1.0")
    assert driver.origin == "/sys/class/misc/sgx_enclave"
    _lay(roots.sys / "module/intel_sgx/version", "1.41\n")
    driver = _facts(roots).driver
    assert driver is not None
    assert (driver.kind, driver.version) == (DriverKind.DCAP, "1.41")
    assert driver.origin == "/sys/module/intel_sgx"


def test_module_may_say_no_version(roots: NodeRoots) -> None:
    (roots.sys / "module/isgx").mkdir(parents=True)
    driver = _facts(roots).driver
    assert driver is not None
    assert (driver.kind, driver.version) == (DriverKind.LEGACY, None)


@pytest.mark.parametrize("name", ["sgx", "kvm_intel", "intel_sgx2"])
def test_other_modules_are_no_driver(roots: NodeRoots, name: str) -> None:
    _lay(roots.sys / "module" / name / "version", "1.0\n")
    assert _facts(roots).driver is None


def test_folder_and_socket_of_the_kubelet_are_seen(roots: NodeRoots) -> None:
    roots.plugins.mkdir()
    _lay(roots.plugins / "kubelet.sock")
    assert (_facts(roots).has_plugin_folder, _facts(roots).has_kubelet_socket) == (True, False)
    (roots.plugins / "kubelet.sock").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(roots.plugins / "kubelet.sock"))
        assert _facts(roots).has_kubelet_socket


def test_folder_of_the_kubelet_that_may_not_be_entered_is_not_seen(roots: NodeRoots) -> None:
    inner = NodeRoots(sys=roots.sys, dev=roots.dev, plugins=roots.plugins / "inner")
    inner.plugins.mkdir(parents=True)
    roots.plugins.chmod(0)
    with without_rights_of_root():
        assert not _facts(inner).has_plugin_folder


def test_this_machine_can_be_read() -> None:
    inventory = read_node(NodeRoots(plugins=Path("/nonexistent")))
    assert inventory.total_bytes >= 0
    assert inventory.nodes.layout in {None, *NodeLayout}
