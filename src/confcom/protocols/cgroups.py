# SPDX-License-Identifier: Apache-2.0
"""Which pod and container the lines of ``/proc/PID/cgroup`` name.

Sources: cgroups(7); kubelet ``cm/cgroup_manager_linux.go`` (names of slices), containerd and CRI-O
(names of scopes), seen on nodes with either driver and either version of cgroups.

Who may make a cgroup may give it any name, and users and containers can be given a part of the
tree to themselves. So a path counts only if everything above the container is as the kubelet makes
it, from the root of the tree on, and the outermost pod is the one. What a path has below the
container is the container's own business and is not looked at.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from confcom.protocols.peers import POD_UID

MAX_CGROUP_BYTES: Final = 64 * 1024
"""Longest file that is read; real ones have a few hundred bytes."""
MAX_CGROUP_LINES: Final = 128
"""Most lines; a kernel has one for each hierarchy, about fifteen."""
DEFAULT_ROOTS: Final = ("", "kubelet")
"""Where kubelets keep their pods: at the root, or as kind has it."""

_UID: Final = f"(?P<pod>{POD_UID})"
_ESCAPED_UID: Final = f"(?P<pod>{POD_UID.replace('-[', '_[').replace(')-', ')_')})"
_ID: Final = r"(?P<container>[0-9a-f]{64})"
_SCOPE: Final = rf"(?:cri-containerd|crio|docker)-{_ID}\.scope"
_CLASS: Final = "(?:besteffort/|burstable/)?"
_POD: Final = rf"pod{_UID}/(?:crio-)?{_ID}"
_START: Final = re.compile(rb"/(?:\.\./){0,64}")
# Where the container runtime's driver is not the kubelet's, runc takes the systemd form for a name.
_RUNTIME: Final = (
    r"(?:system\.slice/(?:containerd|crio|k3s|k3s-agent|rke2-server|rke2-agent)\.service/)?"
)


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod.

    Attributes:
        pod_uid: UUID with dashes, or 32 digits for a static pod.
        container_id: 64 hexadecimal digits, as the runtime names it.
    """

    pod_uid: str
    container_id: str


def parse_cgroup(data: bytes, *, roots: Sequence[str] = DEFAULT_ROOTS) -> Container | None:
    """Return the container that a process is in, or None where that cannot be told.

    Lines that name no pod say nothing (a process may be in a pod for one controller of version 1
    and at the root for another). Lines that name two containers contradict one another.

    Args:
        data: content of ``/proc/PID/cgroup``, version 1, 2 or both; paths may begin with ``/..``,
            as seen from another cgroup namespace.
        roots: the kubelet's setting ``cgroupRoot``, one or several to choose from.
    """
    lines = data.split(b"\n", MAX_CGROUP_LINES + 1)
    if len(data) > MAX_CGROUP_BYTES or len(lines) > MAX_CGROUP_LINES:
        return None
    paths = {parts[2] for line in lines if len(parts := line.split(b":", 2)) == 3}
    found = {container for path in paths if (container := _of_path(path, tuple(roots)))}
    return found.pop() if len(found) == 1 else None


def _of_path(path: bytes, roots: tuple[str, ...]) -> Container | None:
    start = _START.match(path)
    if start is None:
        return None
    has_left = start.end() > 1  # the path begins above our own part of the tree
    for pattern in _patterns(roots, has_left=has_left):
        match = pattern.match(path, start.end())
        if match is not None:
            pod, container = match["pod"].decode(), match["container"].decode()
            return Container(pod.replace("_", "-"), container)
    return None


@lru_cache(maxsize=16)
def _patterns(roots: tuple[str, ...], *, has_left: bool) -> tuple[re.Pattern[bytes], ...]:
    split = [[part for part in root.split("/") if part] for root in roots]
    forms = [form for root in split for form in (*_cgroupfs(root), *_systemd(root))]
    if has_left:
        forms += [form for root in split for form in _inner(root)]
    # Either the path ends with the container, or it goes on below it.
    return tuple(re.compile(f"{form}(?=/|\\Z)".encode()) for form in forms)


def _cgroupfs(root: Sequence[str]) -> tuple[str, ...]:
    folder = "".join(f"{re.escape(part)}/" for part in root)
    return (rf"{folder}kubepods/{_CLASS}{_POD}",)


def _systemd(root: Sequence[str]) -> tuple[str, ...]:
    # The kubelet's name of a slice holds those of all above it, with dashes between.
    parts = _slice_parts(root)
    above = "".join(rf"{'-'.join(parts[: count + 1])}\.slice/" for count in range(len(parts)))
    forms = []
    for of_class, of_pod in _slices(root):
        forms.append(rf"{above}{of_class}{of_pod}/{_SCOPE}")
        forms.append(rf"{_RUNTIME}{of_pod}:(?:cri-containerd|crio):{_ID}")
    return tuple(forms)


def _inner(root: Sequence[str]) -> tuple[str, ...]:
    """Return forms as seen from inside another pod of the node, which lack the first folders."""
    forms = [f"{_CLASS}{_POD}"]
    for of_class, of_pod in _slices(root):
        below_kubepods = of_class.partition("/")[2]
        forms.append(rf"(?:{below_kubepods})?{of_pod}/{_SCOPE}")
    return tuple(forms)


def _slices(root: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the folders of each class of pods, and the slice of a pod in it."""
    top = "-".join([*_slice_parts(root), "kubepods"])
    pod = rf"-pod{_ESCAPED_UID}\.slice"
    return (
        (rf"{top}\.slice/", rf"{top}{pod}"),
        (rf"{top}\.slice/{top}-besteffort\.slice/", rf"{top}-besteffort{pod}"),
        (rf"{top}\.slice/{top}-burstable\.slice/", rf"{top}-burstable{pod}"),
    )


def _slice_parts(root: Sequence[str]) -> list[str]:
    return [re.escape(part.removesuffix(".slice").replace("-", "_")) for part in root]
