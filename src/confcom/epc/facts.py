# SPDX-License-Identifier: Apache-2.0
"""What was read of a node, before anything is concluded from it.

The same facts give the same conclusions, here and on another machine: `take_inventory` is all that
looks at them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from confcom.epc.cpuid import Query, Registers, SgxCpu, read_cpu
from confcom.epc.device_nodes import Entry, find_device_nodes
from confcom.epc.inventory import (
    Answer,
    Inventory,
    Origin,
    answer_of_cpu,
    answer_of_sysfs,
    take_stock,
)

SGX_FLAGS: Final = ("sgx", "sgx_lc")
"""Words of ``/proc/cpuinfo`` that are looked for."""
DCAP_MODULE: Final = "intel_sgx"
LEGACY_MODULE: Final = "isgx"
MODULES: Final = (DCAP_MODULE, LEGACY_MODULE)
MISC_DEVICES: Final = ("sgx_enclave", "sgx_provision", "sgx_vepc")
"""Names that the driver of the kernel gives its devices."""
_ATTRIBUTES: Final = (0x12, 1)
_NOTHING: Final = Registers(0, 0, 0, 0)


class DriverKind(StrEnum):
    """Whose driver it is."""

    IN_KERNEL = "in-kernel"
    DCAP = "dcap"
    LEGACY = "isgx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The SGX driver of a node.

    Attributes:
        kind: whose.
        version: as the module says, or the release of the kernel; None where the module says none.
        origin: path that shows it.
    """

    kind: DriverKind
    version: str | None
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuidAnswers:
    """What a processor answered.

    Attributes:
        leaves: by leaf and sub-leaf, in the order of asking; empty where it could not be asked.
        problem: why it could not, or None.
    """

    leaves: Mapping[tuple[int, int], Registers] = field(default_factory=dict)
    problem: str | None = None

    def cpu(self) -> SgxCpu | None:
        """Return what the processor says; a leaf that nobody asked for reads as zero."""
        if not self.leaves:
            return None
        return read_cpu(lambda leaf, subleaf: self.leaves.get((leaf, subleaf), _NOTHING))


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What was read of a node.

    Attributes:
        system: name of the kernel, such as Linux.
        release: of the kernel.
        machine: of the kernel, such as x86_64.
        online_cpus: ranges, as the kernel writes them; None where it does not.
        cpu_flags: those of `SGX_FLAGS` that the kernel shows; None where it shows no flags.
        total_bytes: texts of the files ``nodeN/x86/sgx_total_bytes``, by NUMA node.
        total_bytes_problem: why one of them could not be read, or None.
        instruction: of the processor, asked by its instruction.
        cpuid_file: of the processor, asked through ``/dev/cpu/N/cpuid``.
        entries: below ``/dev``.
        modules: versions of the drivers' modules that are there, by name; None where one says
            none.
        misc_devices: names of the kernel's SGX devices.
        has_plugin_folder: the folder of the kubelet for device plugins is there.
        has_kubelet_socket: and its socket in it.
    """

    system: str
    release: str
    machine: str
    online_cpus: str | None = None
    cpu_flags: tuple[str, ...] | None = None
    total_bytes: Mapping[int, str] = field(default_factory=dict)
    total_bytes_problem: str | None = None
    instruction: CpuidAnswers = field(default_factory=CpuidAnswers)
    cpuid_file: CpuidAnswers = field(default_factory=CpuidAnswers)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    modules: Mapping[str, str | None] = field(default_factory=dict)
    misc_devices: tuple[str, ...] = ()
    has_plugin_folder: bool = False
    has_kubelet_socket: bool = False

    @property
    def driver(self) -> Driver | None:
        """The driver whose nodes there are; a module counts before what the kernel has built in."""
        for name, kind in ((DCAP_MODULE, DriverKind.DCAP), (LEGACY_MODULE, DriverKind.LEGACY)):
            if name in self.modules:
                return Driver(kind=kind, version=self.modules[name], origin=f"/sys/module/{name}")
        if self.misc_devices:
            return Driver(
                kind=DriverKind.IN_KERNEL,
                version=self.release,
                origin=f"/sys/class/misc/{self.misc_devices[0]}",
            )
        return None


def ask_all(query: Query) -> dict[tuple[int, int], Registers]:
    """Return every answer of a processor that something is concluded from, and its attributes."""
    leaves: dict[tuple[int, int], Registers] = {}

    def asking(leaf: int, subleaf: int) -> Registers:
        answer = leaves[leaf, subleaf] = query(leaf, subleaf)
        return answer

    if read_cpu(asking).max_enclave_log2_64 is not None:
        asking(*_ATTRIBUTES)
    return leaves


def take_inventory(facts: NodeFacts, *, under_both: bool = False) -> Inventory:
    """Return what a node has.

    Args:
        facts: of the node.
        under_both: as of `find_device_nodes`.
    """
    by_instruction, by_file = facts.instruction.cpu(), facts.cpuid_file.cpu()
    return take_stock(
        (
            _sysfs(facts),
            _processor(by_instruction, Origin.CPUID, facts.instruction.problem),
            # Most nodes have no such file, and nobody needs it where the instruction works.
            _processor(
                by_file,
                Origin.CPUID_FILE,
                facts.cpuid_file.problem if by_instruction is None else None,
            ),
        ),
        cpu=by_instruction or by_file,
        nodes=find_device_nodes(facts.entries, under_both=under_both),
    )


def _sysfs(facts: NodeFacts) -> Answer:
    if facts.total_bytes_problem is not None:
        return Answer(origin=Origin.SYSFS, problem=facts.total_bytes_problem, is_garbled=True)
    return answer_of_sysfs(facts.total_bytes)


def _processor(cpu: SgxCpu | None, origin: Origin, problem: str | None) -> Answer:
    if cpu is None:
        return Answer(origin=origin, problem=problem)
    return answer_of_cpu(cpu, origin)
