# SPDX-License-Identifier: Apache-2.0
"""EPC as countable devices: their names, how many, and the size of the message that lists them.

The kubelet refuses a list of more than 4,194,304 bytes and keeps silent about it, so the size is
known before anything is sent. Identifiers are numbers in base 64: 262,144 of them fit.

Source: kubernetes/kubelet ``pkg/apis/deviceplugin/v1beta1``; sizes as of protobuf's encoding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from confcom.errors import MalformedError
from confcom.reasons import Reason

MAX_LIST_BYTES: Final = 4 * 1024 * 1024
"""What the kubelet's gRPC library accepts, this many bytes included."""
MIB_RESOURCE: Final = "kubernetes.azure.com/sgx_epc_mem_in_MiB"
ENCLAVE_RESOURCE: Final = "sgx.intel.com/enclave"
PROVISION_RESOURCE: Final = "sgx.intel.com/provision"
HEALTHY: Final = "Healthy"
UNHEALTHY: Final = "Unhealthy"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_MOST_DIGITS: Final = 8


class Mode(StrEnum):
    """How EPC is accounted for on a node; one name for one memory."""

    MIB_DEVICES = "mib-devices"
    INTEL = "intel"


def device_id(index: int) -> str:
    """Return the identifier of a device: its number in base 64, without leading zeros."""
    digits = _DIGITS[index & 63]
    while index := index >> 6:
        digits = _DIGITS[index & 63] + digits
    return digits


def device_index(identifier: str) -> int:
    """Return the number of a device.

    Raises:
        MalformedError: no identifier of ours (``device_request``).
    """
    index = 0
    is_ours = 0 < len(identifier) <= _MOST_DIGITS and set(identifier) <= _VALUES.keys()
    if is_ours:
        for digit in identifier:
            index = index << 6 | _VALUES[digit]
    if not is_ours or device_id(index) != identifier:
        raise MalformedError(
            Reason.DEVICE_REQUEST, f"device {identifier[:40]!a} is none of this plugin's"
        )
    return index


def device_bytes(id_length: int, *, health: str = HEALTHY, node: int | None = None) -> int:
    """Return the encoded size of one device in a list, its own length and tag included.

    Args:
        id_length: characters of its identifier.
        health: as sent; an empty one takes no room.
        node: its NUMA node, or None where no topology is told.
    """
    size = _text_bytes(id_length) + _text_bytes(len(health))
    if node is not None:
        inner = 0 if node == 0 else 1 + _varint_bytes(node)
        size += _nested_bytes(_nested_bytes(inner))
    return _nested_bytes(size)


def list_bytes(counts: Mapping[int | None, int], *, health: str = HEALTHY) -> int:
    """Return the encoded size of a list of devices, numbered from 0 on.

    Args:
        counts: devices of each NUMA node in the order of their numbers; one entry under None
            where no topology is told.
        health: of all of them.
    """
    total, first = 0, 0
    for node, count in counts.items():
        for length, many in _lengths(first, first + count):
            total += many * device_bytes(length, health=health, node=node)
        first += count
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """The devices of one resource.

    Attributes:
        resource: its name.
        counts: devices of each NUMA node, or one entry under None.
        wanted: how many there would be if the list had room for all.
        problems: what was given up for the size of the list.
    """

    resource: str
    counts: Mapping[int | None, int]
    wanted: int
    problems: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many devices are offered."""
        return sum(self.counts.values())

    @property
    def has_topology(self) -> bool:
        """Whether the kubelet is told NUMA nodes."""
        return None not in self.counts and bool(self.counts)

    @property
    def message_bytes(self) -> int:
        """Size of the list while all are healthy."""
        return list_bytes(self.counts)

    @property
    def unhealthy_word(self) -> str:
        """What to send for an unhealthy device: empty where the usual word has no room.

        The kubelet takes everything but ``Healthy`` for unhealthy.
        """
        size = list_bytes(self.counts, health=UNHEALTHY)
        return UNHEALTHY if size <= MAX_LIST_BYTES else ""

    def devices(self) -> Iterator[tuple[str, int | None]]:
        """Yield identifier and NUMA node of each device, in the order of their numbers."""
        index = 0
        for node, count in self.counts.items():
            for _ in range(count):
                yield device_id(index), node
                index += 1

    def node_of(self, index: int) -> int | None:
        """Return the NUMA node of a device by its number.

        Raises:
            MalformedError: there is no such device (``device_request``).
        """
        before = 0
        for node, count in self.counts.items():
            before += count
            if index < before:
                return node
        raise MalformedError(
            Reason.DEVICE_REQUEST, f"device {device_id(index)!r} is none of this plugin's"
        )


def plan_mib_devices(
    total_mib: int,
    mib_per_node: Mapping[int, int],
    *,
    resource: str = MIB_RESOURCE,
    reserve_mib: int = 0,
    wants_topology: bool = False,
    limit_bytes: int = MAX_LIST_BYTES,
) -> DevicePlan:
    """Return one device for each MiB, as many as the kubelet takes.

    When the list is too large topology is given up first, then devices.

    Args:
        total_mib: of the node, floored after summing.
        mib_per_node: by NUMA node, each floored; empty where nobody said.
        resource: name of the resource.
        reserve_mib: kept for enclaves outside of Kubernetes.
        wants_topology: whether NUMA nodes are to be told.
        limit_bytes: largest list.
    """
    problems: list[str] = []
    if wants_topology and not mib_per_node:
        problems.append("NUMA nodes of the EPC are not known on this node")
    if wants_topology and mib_per_node:
        counts = _without(mib_per_node, reserve_mib)
        if list_bytes(counts) <= limit_bytes:
            return DevicePlan(resource=resource, counts=counts, wanted=sum(counts.values()))
        problems.append("the list of devices with NUMA nodes is too large for the kubelet")
    wanted = max(0, total_mib - reserve_mib)
    count = _most_that_fit(wanted, limit_bytes)
    if count < wanted:
        problems.append(
            f"{wanted - count} of {wanted} MiB are not offered, the list of devices would be too "
            "large for the kubelet; mode intel has no such limit"
        )
    return DevicePlan(
        resource=resource, counts={None: count}, wanted=wanted, problems=tuple(problems)
    )


def _without(mib_per_node: Mapping[int, int], reserve_mib: int) -> dict[int | None, int]:
    """Take the reserve from whoever has most left, so that no node is emptied before another."""
    low, high = 0, max(mib_per_node.values())
    while low < high:  # the highest level down to which the nodes yield the reserve
        level = (low + high + 1) // 2
        if sum(max(0, size - level) for size in mib_per_node.values()) >= reserve_mib:
            low = level
        else:
            high = level - 1
    left: dict[int | None, int] = {node: min(size, low) for node, size in mib_per_node.items()}
    too_much = sum(mib_per_node.values()) - sum(left.values()) - reserve_mib
    for node, size in mib_per_node.items():
        if size > low and too_much > 0:
            left[node] = low + 1
            too_much -= 1
    return left


def _most_that_fit(wanted: int, limit_bytes: int) -> int:
    low, high = 0, wanted
    while low < high:
        middle = (low + high + 1) // 2
        if list_bytes({None: middle}) <= limit_bytes:
            low = middle
        else:
            high = middle - 1
    return low


def _lengths(first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield lengths of the identifiers from ``first`` to before ``end``, and how many there are."""
    length, start, stop = 1, 0, 64
    while start < end:
        many = min(end, stop) - max(first, start)
        if many > 0:
            yield length, many
        length, start, stop = length + 1, stop, stop * 64


def _varint_bytes(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)


def _nested_bytes(size: int) -> int:
    return 1 + _varint_bytes(size) + size


def _text_bytes(length: int) -> int:
    return _nested_bytes(length) if length else 0
