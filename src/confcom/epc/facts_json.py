# SPDX-License-Identifier: Apache-2.0
"""The facts of a node as a JSON document, to be looked at on another machine.

Raw answers, nothing concluded: registers, texts of files, entries of folders. Strict: unknown
members, other types and numbers that no register or device can have are refused.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from confcom.epc.cpuid import Registers
from confcom.epc.device_nodes import Entry, EntryKind
from confcom.epc.facts import CpuidAnswers, NodeFacts
from confcom.errors import MalformedError
from confcom.reasons import Reason

SCHEMA_VERSION: Final = 1
MAX_FACTS_BYTES: Final = 1024 * 1024
_MOST_LEAVES: Final = 256
_MOST_NODES: Final = 1024
_REGISTER: Final = re.compile(r"0x[0-9a-f]{8}", re.ASCII)
_NODE: Final = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Members of our own JSON: unknown ones are mistakes."""


class _Kernel(_Record, frozen=True):
    system: str
    release: str
    machine: str


class _Leaf(_Record, frozen=True):
    leaf: int
    subleaf: int
    eax: str
    ebx: str
    ecx: str
    edx: str


class _Answers(_Record, frozen=True):
    leaves: tuple[_Leaf, ...]
    problem: str | None


class _Processor(_Record, frozen=True):
    online: str | None
    flags: tuple[str, ...] | None
    instruction: _Answers
    file: _Answers


class _Memory(_Record, frozen=True):
    total_bytes: dict[str, str]
    problem: str | None


class _Entry(_Record, frozen=True):
    kind: EntryKind
    major: int
    minor: int
    mode: int
    uid: int
    gid: int
    target: str


class _Driver(_Record, frozen=True):
    modules: dict[str, str | None]
    misc_devices: tuple[str, ...]


class _Kubelet(_Record, frozen=True):
    has_plugin_folder: bool
    has_socket: bool


class _Document(_Record, frozen=True):
    schema_version: int
    kernel: _Kernel
    processor: _Processor
    memory: _Memory
    devices: dict[str, _Entry]
    driver: _Driver
    kubelet: _Kubelet


def facts_to_json(facts: NodeFacts) -> dict[str, Any]:
    """Return the document as plain data."""
    document = _Document(
        schema_version=SCHEMA_VERSION,
        kernel=_Kernel(facts.system, facts.release, facts.machine),
        processor=_Processor(
            online=facts.online_cpus,
            flags=facts.cpu_flags,
            instruction=_from_answers(facts.instruction),
            file=_from_answers(facts.cpuid_file),
        ),
        memory=_Memory(
            total_bytes={str(node): text for node, text in facts.total_bytes.items()},
            problem=facts.total_bytes_problem,
        ),
        devices={
            path: _Entry(
                entry.kind,
                entry.major,
                entry.minor,
                entry.mode,
                entry.uid,
                entry.gid,
                entry.target,
            )
            for path, entry in facts.entries.items()
        },
        driver=_Driver(dict(facts.modules), facts.misc_devices),
        kubelet=_Kubelet(facts.has_plugin_folder, facts.has_kubelet_socket),
    )
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return plain


def facts_from_json(data: bytes) -> NodeFacts:
    """Return the facts of a document.

    Args:
        data: UTF-8, at most `MAX_FACTS_BYTES`.

    Raises:
        MalformedError: it is none of version 1 (``node_facts_format``).
    """
    if len(data) > MAX_FACTS_BYTES:
        raise _malformed(f"it is larger than {MAX_FACTS_BYTES} bytes")
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise _malformed(str(exc)[:200]) from exc
    if document.schema_version != SCHEMA_VERSION:
        raise _malformed(f"schemaVersion is {document.schema_version}, not {SCHEMA_VERSION}")
    processor, memory, driver = document.processor, document.memory, document.driver
    return NodeFacts(
        system=document.kernel.system,
        release=document.kernel.release,
        machine=document.kernel.machine,
        online_cpus=processor.online,
        cpu_flags=processor.flags,
        total_bytes=_nodes(memory.total_bytes),
        total_bytes_problem=memory.problem,
        instruction=_to_answers(processor.instruction, "instruction"),
        cpuid_file=_to_answers(processor.file, "file"),
        entries={path: _to_entry(path, entry) for path, entry in document.devices.items()},
        modules=driver.modules,
        misc_devices=driver.misc_devices,
        has_plugin_folder=document.kubelet.has_plugin_folder,
        has_kubelet_socket=document.kubelet.has_socket,
    )


def _from_answers(answers: CpuidAnswers) -> _Answers:
    return _Answers(
        leaves=tuple(
            _Leaf(
                leaf,
                subleaf,
                *(f"0x{value:08x}" for value in (said.eax, said.ebx, said.ecx, said.edx)),
            )
            for (leaf, subleaf), said in answers.leaves.items()
        ),
        problem=answers.problem,
    )


def _to_answers(answers: _Answers, where: str) -> CpuidAnswers:
    if len(answers.leaves) > _MOST_LEAVES:
        raise _malformed(f"processor.{where} has {len(answers.leaves)} leaves")
    leaves: dict[tuple[int, int], Registers] = {}
    for one in answers.leaves:
        key = (_number(one.leaf, 32, "leaf"), _number(one.subleaf, 32, "subleaf"))
        if key in leaves:
            raise _malformed(f"processor.{where} has leaf {key[0]:#x}.{key[1]} twice")
        leaves[key] = Registers(*map(_register, (one.eax, one.ebx, one.ecx, one.edx)))
    if leaves and (0, 0) not in leaves:
        raise _malformed(f"processor.{where} has no leaf 0")
    return CpuidAnswers(leaves=leaves, problem=answers.problem)


def _to_entry(path: str, entry: _Entry) -> Entry:
    return Entry(
        kind=entry.kind,
        major=_number(entry.major, 32, f"major of {path[:40]!a}"),
        minor=_number(entry.minor, 32, f"minor of {path[:40]!a}"),
        mode=_number(entry.mode, 12, f"mode of {path[:40]!a}"),
        uid=_number(entry.uid, 32, f"uid of {path[:40]!a}"),
        gid=_number(entry.gid, 32, f"gid of {path[:40]!a}"),
        target=entry.target,
    )


def _nodes(texts: Mapping[str, str]) -> dict[int, str]:
    odd = next((node for node in texts if not _NODE.fullmatch(node)), None)
    if odd is not None:
        raise _malformed(f"NUMA node {odd[:40]!a} is none")
    if len(texts) > _MOST_NODES:
        raise _malformed(f"there are {len(texts)} NUMA nodes")
    return {int(node): text for node, text in texts.items()}


def _register(text: str) -> int:
    if not _REGISTER.fullmatch(text):
        raise _malformed(f"register {text[:40]!a} is not 0x and eight hexadecimal digits")
    return int(text, 16)


def _number(value: int, bits: int, what: str) -> int:
    if not 0 <= value < 1 << bits:
        raise _malformed(f"{what} is not a number of {bits} bits")
    return value


def _malformed(why: str) -> MalformedError:
    return MalformedError(Reason.NODE_FACTS_FORMAT, f"cannot parse facts of a node: {why}")
