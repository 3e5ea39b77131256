# SPDX-License-Identifier: Apache-2.0
"""``kubernetes/``: processors, files of the kernel, device nodes, messages and sizes.

A file is a case, and holds what is expected of it. Everything that is expected has to be answered:
a member that nothing here knows is a difference. The folders that later parts answer are not
counted here.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message

from confcom.adapters.sgx_node import NodeRoots, read_facts
from confcom.adapters.sgx_node.read import Running
from confcom.epc.cpuid import MIB, Registers, read_cpu
from confcom.epc.device_nodes import Entry, EntryKind, find_device_nodes
from confcom.epc.facts import take_inventory
from confcom.epc.inventory import Origin
from confcom.epc.misc_cgroup import parse_capacity, parse_use
from confcom.epc.resources import MAX_LIST_BYTES, device_bytes
from confcom.protocols.pb import deviceplugin_v1beta1_pb2 as pb

Case = Mapping[str, Any]
Answers = dict[str, Any]
_ZERO: Final = Registers(0, 0, 0, 0)
_NUMA_COLUMN: Final = re.compile(r"(\w+?)(?:_with_numa_node_(\d+))?")
_BASES: Final = {"decimal": 10, "base64url_digits": 64}


def compare(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each case with what differs from the expectation."""
    for part, answer in _PARTS.items():
        for path in sorted((folder / part).glob("*.json")):
            yield f"{part}/{path.stem}", list(answer(json.loads(path.read_bytes())))


def _differences(expected: Mapping[str, Any], found: Answers) -> Iterator[str]:
    for name, value in expected.items():
        if name not in found:
            yield f"{name} is expected, which nothing here answers"
        elif found[name] != value:
            yield f"{name}: expected {value!r}, found {found[name]!r}"


def _cpuid(case: Case) -> Iterator[str]:
    (listed,) = (value for value in case.values() if isinstance(value, list))
    names = ("eax", "ebx", "ecx", "edx")
    answers = {
        (int(row["leaf"], 16), row["subleaf"]): Registers(*(int(row[name], 16) for name in names))
        for row in listed
    }
    cpu = read_cpu(lambda leaf, subleaf: answers.get((leaf, subleaf), _ZERO))
    found = {
        "vendor": cpu.vendor,
        "max_basic_leaf": hex(cpu.max_basic_leaf),
        "sgx": cpu.has_sgx,
        "flc": cpu.has_flc,
        "sgx1": cpu.has_sgx1,
        "sgx2": cpu.has_sgx2,
        "max_enclave_size_log2_32bit": cpu.max_enclave_log2_32,
        "max_enclave_size_log2_64bit": cpu.max_enclave_log2_64,
        "epc_sections": [
            {"base": hex(one.base), "size": one.size, "property": one.property}
            for one in cpu.sections
        ],
        "epc_total_bytes": cpu.total_bytes,
        "epc_total_mib_floor": cpu.total_bytes // MIB,
        "usable_with_inkernel_driver": cpu.is_usable,
        "warnings": list(cpu.warnings),
    }
    yield from _differences(case["expected"], found)


def _sysfs(case: Case) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="confcom-") as name:
        root = Path(name)
        for path, text in case["files"].items():
            file = root / "sys" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        roots = NodeRoots(
            sys=root / "sys", dev=root / "dev", proc=root / "proc", plugins=root / "plugins"
        )
        running = Running(system="Linux", release="6.1", machine="x86_64")
        inventory = take_inventory(read_facts(roots, running=running))
    (answer,) = (one for one in inventory.answers if one.origin is Origin.SYSFS)
    is_said = answer.total_bytes is not None
    found = {
        "source": "sysfs" if is_said or answer.problem is not None else None,
        "error": answer.problem is not None,
        "total_bytes": answer.total_bytes,
        "total_mib_floor": inventory.total_mib,
        "per_node": {str(node): size for node, size in inventory.per_node.items()},
        "per_node_mib_floor": {str(node): mib for node, mib in inventory.mib_per_node.items()},
    }
    yield from _differences(case["expected"], found)
    if answer.problem is not None and inventory.total_bytes:
        yield f"{inventory.total_bytes} bytes are offered although they could not be understood"


def _device_nodes(case: Case) -> Iterator[str]:
    entries = {path: _entry(entry) for path, entry in case["dev"].items()}
    nodes = find_device_nodes(entries)
    enclave, provision = nodes.enclave, nodes.provision
    of_enclave = [] if enclave is None else list(enclave.container_paths)
    of_provision = [] if provision is None else list(provision.container_paths)
    found = {
        "layout": nodes.layout,
        "enclave_host_path": None if enclave is None else enclave.host_path,
        "provision_host_path": None if provision is None else provision.host_path,
        "provision_gid": None if provision is None else provision.entry.gid,
        "container_devices_enclave": of_enclave,
        "container_devices_quote_provider": of_enclave + of_provision,
        "never_expose": list(nodes.never_exposed),
    }
    yield from _differences(case["expected"], found)


def _entry(row: Mapping[str, Any]) -> Entry:
    kinds = {kind.value: kind for kind in EntryKind}
    return Entry(
        kind=kinds.get(row["type"], EntryKind.OTHER),
        major=row.get("major", 0),
        minor=row.get("minor", 0),
        mode=int(row.get("mode", "0"), 8),
        uid=row.get("uid", 0),
        gid=row.get("gid", 0),
        target=row.get("target", ""),
    )


def _misc_cgroup(case: Case) -> Iterator[str]:
    files: Mapping[str, str] = case["files"]
    capacity = parse_capacity(files.get("misc.capacity", ""))
    found: Answers = {"enforcement_available": capacity is not None, "capacity_bytes": capacity}
    for group in {path.rpartition("/")[0] for path in files} - {""}:
        use = parse_use(
            maximum=files.get(f"{group}/misc.max", ""),
            current=files.get(f"{group}/misc.current", ""),
            events=files.get(f"{group}/misc.events", ""),
        )
        found[group.rpartition("/")[2]] = {
            "max_bytes": use.max_bytes,
            "current_bytes": use.current_bytes,
            "events_max": use.times_at_max,
        }
    yield from _differences(case["expected"], found)


def _message(case: Case) -> Iterator[str]:
    kind = getattr(pb, case["message"].rpartition(".")[2], None)
    if kind is None:
        yield f"no message {case['message']}"
        return
    data = bytes.fromhex(case["hex"])
    message: Message = kind.FromString(data)
    again = message.SerializeToString(deterministic=True)
    if again != data:
        yield f"encoded as {again.hex()}"
    for path, value in case["fields"].items():
        found = _field(message, path, value)
        if found != value:
            yield f"{path}: expected {value!r}, found {found!r}"


def _field(message: Any, path: str, expected: Any) -> Any:  # noqa: ANN401 any message, any value
    if isinstance(message, pb.AllocateRequest) and path == "container_requests":
        return [list(one.devices_ids) for one in message.container_requests]
    if isinstance(message, pb.AllocateResponse) and path == "devices":
        (answer,) = message.container_responses
        return [[one.container_path, one.host_path, one.permissions] for one in answer.devices]
    if isinstance(message, pb.ListAndWatchResponse) and path == "devices":
        has_nodes = bool(expected) and isinstance(expected[0][1], int)
        return [
            [one.ID, one.topology.nodes[0].ID if has_nodes else one.health]
            for one in message.devices
        ]
    for name in path.split("."):
        message = getattr(message, name)
    return message


def _sizes(case: Case) -> Iterator[str]:
    if case["limit_bytes"] != MAX_LIST_BYTES:
        yield f"limit_bytes: expected {case['limit_bytes']}, found {MAX_LIST_BYTES}"
    for row in case["rows"]:
        for column, expected in row.items():
            if column == "devices":
                continue
            scheme = _NUMA_COLUMN.fullmatch(column)
            base = _BASES.get(scheme[1]) if scheme else None
            if scheme is None or base is None:
                yield f"{column} is expected, which nothing here answers"
                continue
            node = None if scheme[2] is None else int(scheme[2])
            size = _list_bytes(row["devices"], base, node)
            found = {"bytes": size, "accepted_by_kubelet": size <= MAX_LIST_BYTES}
            for difference in _differences(expected, found):
                yield f"{row['devices']} devices, {column}: {difference}"


def _list_bytes(count: int, base: int, node: int | None) -> int:
    total, first, length = 0, 0, 1
    while first < count:
        end = min(count, base**length)
        total += (end - first) * device_bytes(length, node=node)
        first, length = end, length + 1
    return total


_PARTS: Final[Mapping[str, Callable[[Case], Iterator[str]]]] = {
    "cgroup-misc": _misc_cgroup,
    "cpuid": _cpuid,
    "devnodes": _device_nodes,
    "proto": _message,
    "sizing": _sizes,
    "sysfs": _sysfs,
}
