# SPDX-License-Identifier: Apache-2.0
"""All that is read of a node, from folders that the caller names."""

import os
import re
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confcom.adapters.sgx_node.bounded import cpuid_file, look_at_entries, mode_of, read_text
from confcom.adapters.sgx_node.instruction import cpuid_instruction
from confcom.epc.cpuid import Query
from confcom.epc.facts import (
    MISC_DEVICES,
    MODULES,
    SGX_FLAGS,
    CpuidAnswers,
    NodeFacts,
    ask_all,
    take_inventory,
)
from confcom.epc.inventory import Inventory

_MAX_VALUE_BYTES: Final = 256
_MAX_CPUINFO_BYTES: Final = 64 * 1024
"""Enough for the first processor."""
_MOST_NODES: Final = 1024
"""As many NUMA nodes as Linux can be built for."""
_NODE: Final = re.compile(r"node(0|[1-9][0-9]{0,3})")
_FLAGS_LINE: Final = re.compile(r"^flags\s*:(.*)$", re.MULTILINE)
_FIRST_CPU: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_TOTAL_BYTES: Final = "x86/sgx_total_bytes"

Processor = Callable[[], AbstractContextManager[Query]]
"""Gives, for a while, what asks a processor; OSError says why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRoots:
    """Where the folders of the node are for us."""

    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")
    plugins: Path = Path("/var/lib/kubelet/device-plugins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What is asked of the running machine, and not of a folder.

    Attributes:
        system: name of the kernel.
        release: of the kernel.
        machine: of the kernel.
        processor: asks the processor by its instruction; None where another node is meant.
    """

    system: str
    release: str
    machine: str
    processor: Processor | None = None


def running_here() -> Running:
    """Return the machine that this runs on."""
    kernel = os.uname()
    return Running(
        system=kernel.sysname,
        release=kernel.release,
        machine=kernel.machine,
        processor=lambda: cpuid_instruction(kernel.machine),
    )


def read_node(
    roots: NodeRoots, *, running: Running | None = None, under_both: bool = False
) -> Inventory:
    """Return what a node has.

    Args:
        roots: its folders.
        running: its kernel and processor; by default those that this runs on.
        under_both: as of `confcom.epc.device_nodes.find_device_nodes`.
    """
    return take_inventory(read_facts(roots, running=running), under_both=under_both)


def read_facts(roots: NodeRoots, *, running: Running | None = None) -> NodeFacts:
    """Return what there is to know of a node; what cannot be read is a fact as well.

    Args:
        roots: its folders.
        running: its kernel and processor; by default those that this runs on.
    """
    running = running_here() if running is None else running
    total_bytes, problem = _total_bytes(roots.sys)
    online = _value(roots.sys / "devices/system/cpu/online")
    first = _FIRST_CPU.match(online or "")
    path = roots.dev / "cpu" / (first[0] if first else "0") / "cpuid"
    return NodeFacts(
        system=running.system,
        release=running.release,
        machine=running.machine,
        online_cpus=online,
        cpu_flags=_flags(roots.proc / "cpuinfo"),
        total_bytes=total_bytes,
        total_bytes_problem=problem,
        instruction=_ask(running.processor),
        cpuid_file=_ask(lambda: cpuid_file(path)),
        entries=look_at_entries(roots.dev),
        modules={
            name: _value(roots.sys / "module" / name / "version")
            for name in MODULES
            if stat.S_ISDIR(mode_of(roots.sys / "module" / name))
        },
        misc_devices=tuple(
            name for name in MISC_DEVICES if mode_of(roots.sys / "class/misc" / name) != 0
        ),
        has_plugin_folder=stat.S_ISDIR(mode_of(roots.plugins)),
        has_kubelet_socket=stat.S_ISSOCK(mode_of(roots.plugins / "kubelet.sock")),
    )


def _total_bytes(sys: Path) -> tuple[dict[int, str], str | None]:
    texts: dict[int, str] = {}
    folder = sys / "devices/system/node"
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return texts, None
    nodes = sorted(int(match[1]) for name in names if (match := _NODE.fullmatch(name)))
    if len(nodes) > _MOST_NODES:
        return texts, f"there are {len(nodes)} NUMA nodes, more than {_MOST_NODES}"
    for node in nodes:
        path = folder / f"node{node}" / _TOTAL_BYTES
        try:
            texts[node] = read_text(path, limit=_MAX_VALUE_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            return {}, f"cannot read {_TOTAL_BYTES} of node {node}: {exc.strerror}"
    return texts, None


def _value(path: Path) -> str | None:
    try:
        text = read_text(path, limit=_MAX_VALUE_BYTES)
    except OSError:
        return None
    return text.strip() or None


def _flags(path: Path) -> tuple[str, ...] | None:
    try:
        text = read_text(path, limit=_MAX_CPUINFO_BYTES)
    except OSError:
        return None
    line = _FLAGS_LINE.search(text)
    if line is None:
        return None
    words = line[1].split()
    return tuple(flag for flag in SGX_FLAGS if flag in words)


def _ask(processor: Processor | None) -> CpuidAnswers:
    if processor is None:
        return CpuidAnswers()
    try:
        with processor() as query:
            return CpuidAnswers(leaves=ask_all(query))
    except OSError as exc:
        return CpuidAnswers(problem=exc.strerror or str(exc))
