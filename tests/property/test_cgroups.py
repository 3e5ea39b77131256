# SPDX-License-Identifier: Apache-2.0
"""Whatever a process calls its cgroups, it is taken for no other pod."""

from hypothesis import given
from hypothesis import strategies as st

from confcom.protocols.cgroups import MAX_CGROUP_BYTES, Container, parse_cgroup
from confcom.protocols.peers import parse_pidfd_info, parse_pod_folder, parse_stat

_HEX = "0123456789abcdef"
_VICTIM_POD = "11111111-2222-3333-4444-555555555555"
_VICTIM_ID = "f" * 64
_PARTS = (
    "..",
    "kubepods",
    "besteffort",
    "burstable",
    f"pod{_VICTIM_POD}",
    _VICTIM_ID,
    f"crio-{_VICTIM_ID}",
    "kubepods.slice",
    "kubepods-burstable.slice",
    f"kubepods-burstable-pod{_VICTIM_POD.replace('-', '_')}.slice",
    f"kubepods-pod{_VICTIM_POD.replace('-', '_')}.slice",
    f"cri-containerd-{_VICTIM_ID}.scope",
    f"kubepods-pod{_VICTIM_POD.replace('-', '_')}.slice:cri-containerd:{_VICTIM_ID}",
    "kubelet",
    "kubelet.slice",
    "system.slice",
    "containerd.service",
    "",
)

uids = st.uuids().map(str)
identifiers = st.text(_HEX, min_size=64, max_size=64)
# A cgroup may have any name but one with a line end, a slash, or dots alone.
own_names = st.text(
    st.characters(exclude_characters="\n/\0", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name not in (".", ".."))
forged_paths = st.lists(st.one_of(st.sampled_from(_PARTS), own_names), max_size=12).map("/".join)


@st.composite
def containers(draw: st.DrawFn) -> tuple[Container, str]:
    """A container and the path that a kubelet and a runtime give it."""
    pod, identifier = draw(uids), draw(identifiers)
    escaped = pod.replace("-", "_")
    of_class = draw(st.sampled_from(["", "besteffort", "burstable"]))
    root = draw(st.sampled_from(["", "kubelet"]))
    folder, dash = (f"/{of_class}", f"-{of_class}") if of_class else ("", "")
    if draw(st.booleans()):
        runtime = draw(st.sampled_from(["", "crio-"]))
        path = f"/kubepods{folder}/pod{pod}/{runtime}{identifier}"
        path = f"/{root}{path}" if root else path
    else:
        runtime = draw(st.sampled_from(["cri-containerd", "crio", "docker"]))
        top = f"{root}-kubepods" if root else "kubepods"
        path = f"/{root}.slice" if root else ""
        path += f"/{top}.slice" + (f"/{top}{dash}.slice" if of_class else "")
        path += f"/{top}{dash}-pod{escaped}.slice/{runtime}-{identifier}.scope"
    return Container(pod, identifier), "/.." * draw(st.integers(0, 8)) + path


@given(containers(), forged_paths)
def test_what_a_container_makes_below_itself_changes_nothing(
    container: tuple[Container, str], below: str
) -> None:
    expected, path = container
    for line in (path, f"{path}/{below}"):
        assert parse_cgroup(f"0::{line}\n".encode()) == expected


@given(own_names.filter(lambda name: name not in _PARTS), forged_paths)
def test_a_path_that_begins_elsewhere_is_nobodys(first: str, rest: str) -> None:
    assert parse_cgroup(f"0::/{first}/{rest}\n".encode()) is None


@given(containers(), st.data())
def test_another_digit_is_another_container_or_none(
    container: tuple[Container, str], data: st.DataObject
) -> None:
    expected, path = container
    at = data.draw(st.integers(0, len(path) - 1))
    character = data.draw(st.characters(codec="ascii", exclude_characters=path[at] + "\n"))
    found = parse_cgroup(f"0::{path[:at]}{character}{path[at + 1 :]}\n".encode())
    assert found != expected


@given(st.lists(containers(), min_size=1, max_size=4))
def test_several_lines_name_one_container_or_none(several: list[tuple[Container, str]]) -> None:
    lines = "".join(f"{number}:x:{path}\n" for number, (_, path) in enumerate(several))
    named = {container for container, _ in several}
    assert parse_cgroup(lines.encode()) == (named.pop() if len(named) == 1 else None)


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(forged_paths, max_size=6).map(
            lambda paths: "".join(f"1:x:/{path}\n" for path in paths).encode()
        ),
    )
)
def test_any_bytes_are_read_or_unknown(data: bytes) -> None:
    found = parse_cgroup(data)
    if found is not None:
        assert found.pod_uid in data.decode(errors="replace").replace("_", "-")
        assert found.container_id.encode() in data
    assert parse_cgroup(data.ljust(MAX_CGROUP_BYTES + 1, b"\n")) is None
    parse_stat(data)
    parse_pidfd_info(data)


@given(st.text(max_size=300))
def test_any_name_of_a_folder_is_read_or_unknown(name: str) -> None:
    folder = parse_pod_folder(name)
    assert folder is None or f"{folder.namespace}_{folder.name}_{folder.uid}" == name
