# SPDX-License-Identifier: Apache-2.0
"""Paths of cgroups: those that nodes have, and those that somebody would like to be taken for."""

import pytest

from confcom.protocols.cgroups import (
    MAX_CGROUP_BYTES,
    MAX_CGROUP_LINES,
    Container,
    parse_cgroup,
)

POD = "2c48913c-b29f-11e7-9350-020968147796"
SLICE = POD.replace("-", "_")
STATIC = "8daa50c3a64c9ff60bb9eab7b44b56fd"
ID = "9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961"
OTHER_POD = "72f7f152-440c-66ac-9084-e0fc1d8a910c"
OTHER_ID = "b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2"
BURSTABLE = f"kubepods-burstable-pod{SLICE}.slice"
BEST_EFFORT = f"kubepods-besteffort-pod{SLICE}.slice"


def _v2(path: str) -> bytes:
    return f"0::{path}\n".encode()


@pytest.mark.parametrize(
    "path",
    [
        # cgroupfs driver
        f"/kubepods/pod{POD}/{ID}",
        f"/kubepods/burstable/pod{POD}/{ID}",
        f"/kubepods/besteffort/pod{POD}/{ID}",
        f"/kubepods/besteffort/pod{POD}/crio-{ID}",
        f"/kubelet/kubepods/burstable/pod{POD}/{ID}",
        # systemd driver
        f"/kubepods.slice/kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-besteffort.slice/{BEST_EFFORT}/crio-{ID}.scope",
        f"/kubepods.slice/kubepods-besteffort.slice/{BEST_EFFORT}/crio-{ID}.scope/container",
        f"/kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/docker-{ID}.scope",
        "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
        f"kubelet-{BURSTABLE}/cri-containerd-{ID}.scope",
        # kubelet with the systemd driver, runtime with the other one
        f"/{BURSTABLE}:cri-containerd:{ID}",
        f"/system.slice/containerd.service/{BURSTABLE}:cri-containerd:{ID}",
        f"/system.slice/k3s.service/kubepods-pod{SLICE}.slice:cri-containerd:{ID}",
        # from another cgroup namespace: of a service, of a pod of another class, of the same class
        f"/../../kubepods/burstable/pod{POD}/{ID}",
        f"/../../kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/cri-containerd-{ID}.scope",
        f"/../../../burstable/pod{POD}/{ID}",
        f"/../../pod{POD}/{ID}",
        f"/../../{BEST_EFFORT}/cri-containerd-{ID}.scope",
        f"/../../../kubepods-burstable.slice/{BURSTABLE}/crio-{ID}.scope",
        f"/../../../kubelet-kubepods-burstable.slice/kubelet-{BURSTABLE}/cri-containerd-{ID}.scope",
        # the container has made cgroups of its own
        f"/kubepods/burstable/pod{POD}/{ID}/init.scope",
        f"/{BURSTABLE}:cri-containerd:{ID}/a:b",
    ],
)
def test_a_container_of_a_pod_is_recognised(path: str) -> None:
    assert parse_cgroup(_v2(path)) == Container(POD, ID)


@pytest.mark.parametrize(
    "path",
    [
        f"/kubepods/burstable/pod{STATIC}/{ID}",
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/"
        f"cri-containerd-{ID}.scope",
    ],
)
def test_the_digest_of_a_static_pod_is_its_uid(path: str) -> None:
    assert parse_cgroup(_v2(path)) == Container(STATIC, ID)


FORGED = f"kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/cri-containerd-{ID}.scope"


@pytest.mark.parametrize(
    "path",
    [
        # made by a user, or by a service, in the part of the tree that is theirs
        f"/user.slice/user-1000.slice/user@1000.service/{FORGED}",
        f"/user.slice/user-1000.slice/user@1000.service/kubepods/burstable/pod{POD}/{ID}",
        f"/user.slice/user-1000.slice/user@1000.service/{BURSTABLE}:cri-containerd:{ID}",
        f"/system.slice/another.service/{FORGED}",
        f"/system.slice/another.service/{BURSTABLE}:cri-containerd:{ID}",
        f"/system.slice/containerd.service/{FORGED}",
        f"/../../user.slice/user-1000.slice/{FORGED}",
        f"/../../user.slice/pod{POD}/{ID}",
        # made by a container that is in no pod
        f"/docker/{OTHER_ID}/kubepods/burstable/pod{POD}/{ID}",
        f"/machine.slice/libpod-{OTHER_ID}.scope/{FORGED}",
        # short forms without a sign that something was left out: below our own cgroup
        f"/pod{POD}/{ID}",
        f"/burstable/pod{POD}/{ID}",
        f"/{BURSTABLE}/cri-containerd-{ID}.scope",
        f"/kubepods-burstable.slice/{BURSTABLE}/cri-containerd-{ID}.scope",
        # ".." that does not lead
        f"/kubepods/../kubepods/burstable/pod{POD}/{ID}",
        f"/user.slice/../kubepods/burstable/pod{POD}/{ID}",
        f"/x/../../pod{POD}/{ID}",
        f"/...//pod{POD}/{ID}",
        "/" + "../" * 65 + f"pod{POD}/{ID}",
        # class of one, slice of another
        f"/kubepods.slice/kubepods-burstable.slice/{BEST_EFFORT}/cri-containerd-{ID}.scope",
        f"/kubepods.slice/{BURSTABLE}/cri-containerd-{ID}.scope",
        f"/kubelet.slice/kubelet-kubepods.slice/{BURSTABLE}/cri-containerd-{ID}.scope",
        f"/kubepods/guaranteed/pod{POD}/{ID}",
        # not a container
        "/",
        "/..",
        "/init.scope",
        "/user.slice/user-0.slice/session-1.scope",
        f"/docker/{ID}",
        f"/kubepods/burstable/pod{POD}",
        f"/kubepods/burstable/pod{POD}/",
        f"/kubepods/burstable/pod{POD}/kata_{ID}",
        f"/kubepods/burstable/pod{POD}/crio-conmon-{ID}",
        f"/kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/crio-conmon-{ID}.scope",
        f"/kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/{ID}",
        f"/kubepods/burstable/pod{POD}/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/cri-containerd-{ID}.service",
        f"/kubepods.slice/kubepods-burstable.slice/{BURSTABLE}/cri-containerd-{ID}.scope.mount",
        f"/../cri-containerd-{ID}.scope",
        # removed
        f"/kubepods/burstable/pod{POD}/{ID} (deleted)",
        # nearly
        f"/kubepods/burstable/pod{POD.upper()}/{ID}",
        f"/kubepods/burstable/pod{SLICE}/{ID}",
        f"/kubepods/burstable/pod{POD[:-1]}/{ID}",
        f"/kubepods/burstable/pod{POD}0/{ID}",
        f"/kubepods/burstable/pod{POD}/{ID[:-1]}",
        f"/kubepods/burstable/pod{POD}/{ID}0",
        f"/kubepods/burstable/pod{POD}/{ID.upper()}",
        f"/kubepods/burstable//pod{POD}/{ID}",
        f"kubepods/burstable/pod{POD}/{ID}",
        f"/xkubepods/burstable/pod{POD}/{ID}",
        f"/kubepods-burstable-pod{POD}.slice:cri-containerd:{ID}",
        f"/kubepodsXslice/kubepods-burstable.slice/{BURSTABLE}/cri-containerd-{ID}.scope",
    ],
)
def test_anything_else_stays_unknown(path: str) -> None:
    assert parse_cgroup(_v2(path)) is None


def test_a_pod_inside_a_pod_is_the_outer_one() -> None:
    inner = f"/kubepods/burstable/pod{OTHER_POD}/{OTHER_ID}"
    outer = f"/kubepods/besteffort/pod{POD}/{ID}"
    assert parse_cgroup(_v2(outer + inner)) == Container(POD, ID)
    assert parse_cgroup(_v2(f"{outer}/{FORGED}")) == Container(POD, ID)


def test_lines_of_version_1_agree_or_say_nothing() -> None:
    path = f"/kubepods/burstable/pod{POD}/{ID}"
    lines = (
        f"12:cpu,cpuacct:{path}\n11:memory:{path}\n10:rdma:/\n2:misc:/system.slice/x.service\n"
        f"1:name=systemd:/system.slice/containerd.service{path}\n0::/\n"
    )
    assert parse_cgroup(lines.encode()) == Container(POD, ID)


@pytest.mark.parametrize(
    "other",
    [
        f"/kubepods/burstable/pod{OTHER_POD}/{ID}",
        f"/kubepods/burstable/pod{POD}/{OTHER_ID}",
        f"/{BURSTABLE.replace('burstable', 'besteffort')}:crio:{OTHER_ID}",
    ],
)
def test_lines_that_contradict_one_another_name_nobody(other: str) -> None:
    lines = f"2:memory:/kubepods/burstable/pod{POD}/{ID}\n1:pids:{other}\n"
    assert parse_cgroup(lines.encode()) is None


def test_the_kubelet_can_have_its_own_root() -> None:
    places = {
        "/n2": f"/n2/kubepods/burstable/pod{POD}/{ID}",
        "n2": f"/n2.slice/n2-kubepods.slice/n2-kubepods-pod{SLICE}.slice/crio-{ID}.scope",
        "/a/b-c/": "/a.slice/a-b_c.slice/a-b_c-kubepods.slice/a-b_c-kubepods-burstable.slice/"
        f"a-b_c-{BURSTABLE}/cri-containerd-{ID}.scope",
        "docker.x": f"/docker.x/kubepods/pod{POD}/{ID}",
    }
    for root, path in places.items():
        assert parse_cgroup(_v2(path), roots=(root,)) == Container(POD, ID)
        assert parse_cgroup(_v2(path)) is None
        assert parse_cgroup(_v2(path.replace("/n2", "/n3")), roots=("docker+x",)) is None
    assert parse_cgroup(_v2(f"/dockeryx/kubepods/pod{POD}/{ID}"), roots=("docker.x",)) is None
    assert parse_cgroup(_v2(f"/kubepods/pod{POD}/{ID}"), roots=("n2",)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n\n",
        b":",
        b"::",
        b"0::",
        f"/kubepods/burstable/pod{POD}/{ID}".encode(),
        f"0:/kubepods/burstable/pod{POD}/{ID}".encode(),
        f"0::\0/kubepods/burstable/pod{POD}/{ID}".encode(),
        f"0::/kubepods/burstable/pod{POD}\n/{ID}".encode(),
        f"0::/kubepods/burstable/pod{POD}/{ID}\r\n".encode(),
        b"0::/" + b"\xff" * 1000,
        b"0::/" + b"../" * 20_000,
        b"0::/" + b"kubepods/" * 7_000,
    ],
)
def test_hostile_lines_are_unknown(data: bytes) -> None:
    assert parse_cgroup(data) is None


def test_a_name_in_no_encoding_below_the_container_does_not_matter() -> None:
    line = f"0::/kubepods/burstable/pod{POD}/{ID}/".encode() + b"\xff\x00\x80\n"
    assert parse_cgroup(line) == Container(POD, ID)


def test_what_is_read_is_bounded() -> None:
    line = _v2(f"/kubepods/burstable/pod{POD}/{ID}")
    most_lines = line + b"1:x:/\n" * (MAX_CGROUP_LINES - 2)
    assert parse_cgroup(most_lines) == Container(POD, ID)
    assert parse_cgroup(most_lines + b"1:x:/\n") is None
    longest = line + b"1:x:/" + b"y" * (MAX_CGROUP_BYTES - len(line) - 5)
    assert parse_cgroup(longest) == Container(POD, ID)
    assert parse_cgroup(longest + b"y") is None
