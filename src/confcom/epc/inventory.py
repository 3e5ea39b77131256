# SPDX-License-Identifier: Apache-2.0
"""How much EPC a node has: what each source says, where they disagree, and what follows.

Nothing is ever guessed. The file system of the kernel (sysfs, Linux 5.17) is believed before the
processor, because it says what the driver took; the processor is asked where there is no such file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from confcom.epc.cpuid import MIB, SgxCpu
from confcom.epc.device_nodes import DeviceNodes
from confcom.errors import MalformedError
from confcom.reasons import Reason

MAX_NODE_BYTES: Final = 2**52
"""More than a processor can address."""


class Origin(StrEnum):
    """Who says how much there is, in the order in which they are believed."""

    SYSFS = "sysfs"
    CPUID = "cpuid"
    CPUID_FILE = "cpuid-file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one source says.

    Attributes:
        origin: the source.
        per_node: bytes by NUMA node; empty where the source does not know nodes.
        total_bytes: of all; None where the source says nothing, which is no mistake.
        problem: why it could not be asked or understood, or None.
        is_garbled: it is there and could not be understood; then nobody else is believed.
    """

    origin: Origin
    per_node: Mapping[int, int] = field(default_factory=dict)
    total_bytes: int | None = None
    problem: str | None = None
    is_garbled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a node has.

    Attributes:
        total_bytes: EPC that is believed to be there; 0 where there is none or where the source
            that counts could not be understood.
        origin: whose answer this is, or None.
        per_node: bytes by NUMA node, or empty where nobody said.
        answers: of all sources.
        cpu: what the processor says, or None where it could not be asked.
        nodes: device nodes.
        problems: what somebody should look at.
    """

    total_bytes: int
    origin: Origin | None
    per_node: Mapping[int, int]
    answers: tuple[Answer, ...]
    cpu: SgxCpu | None
    nodes: DeviceNodes
    problems: tuple[str, ...] = ()

    @property
    def total_mib(self) -> int:
        """Whole MiB, after summing."""
        return self.total_bytes // MIB

    @property
    def mib_per_node(self) -> Mapping[int, int]:
        """Whole MiB of each NUMA node by itself."""
        return {node: size // MIB for node, size in self.per_node.items()}


def parse_total_bytes(text: str) -> int:
    """Return the number in a file ``sgx_total_bytes``.

    Raises:
        MalformedError: it is no decimal number of bytes with a newline (``node_facts_format``).
    """
    digits = text.removesuffix("\n")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 16):
        raise _malformed(digits)
    number = int(digits)
    if number > MAX_NODE_BYTES:
        raise _malformed(digits)
    return number


def answer_of_sysfs(files: Mapping[int, str]) -> Answer:
    """Return what the files ``nodeN/x86/sgx_total_bytes`` say, by NUMA node.

    One that cannot be understood makes the whole answer a problem: a part would be a guess.
    """
    if not files:
        return Answer(origin=Origin.SYSFS)
    try:
        per_node = {node: parse_total_bytes(text) for node, text in sorted(files.items())}
    except MalformedError as exc:
        return Answer(origin=Origin.SYSFS, problem=exc.message, is_garbled=True)
    return Answer(origin=Origin.SYSFS, per_node=per_node, total_bytes=sum(per_node.values()))


def answer_of_cpu(cpu: SgxCpu, origin: Origin) -> Answer:
    """Return what a processor says; one without SGX says that there is none."""
    return Answer(origin=origin, total_bytes=cpu.total_bytes)


def take_stock(answers: Sequence[Answer], *, cpu: SgxCpu | None, nodes: DeviceNodes) -> Inventory:
    """Return what a node has.

    Args:
        answers: of the sources that were asked, at most one of each origin.
        cpu: what the processor says, or None where it could not be asked.
        nodes: device nodes.
    """
    ordered = tuple(sorted(answers, key=lambda answer: list(Origin).index(answer.origin)))
    problems = [f"{one.origin}: {one.problem}" for one in ordered if one.problem is not None]
    said = [answer for answer in ordered if answer.total_bytes is not None]
    if len({answer.total_bytes for answer in said}) > 1:
        each = ", ".join(f"{answer.origin} {answer.total_bytes} bytes" for answer in said)
        problems.append(f"sources disagree about the EPC: {each}")
    if cpu is not None:
        problems += cpu.warnings
    problems += nodes.problems
    first = next((one for one in ordered if one.is_garbled or one.total_bytes is not None), None)
    believed = None if first is None or first.is_garbled else first
    return Inventory(
        total_bytes=0 if believed is None else believed.total_bytes or 0,
        origin=None if believed is None else believed.origin,
        per_node={} if believed is None else believed.per_node,
        answers=ordered,
        cpu=cpu,
        nodes=nodes,
        problems=tuple(problems),
    )


def _malformed(digits: str) -> MalformedError:
    return MalformedError(
        Reason.NODE_FACTS_FORMAT,
        f"sgx_total_bytes is {digits[:40]!a}, not a number of bytes",
    )
