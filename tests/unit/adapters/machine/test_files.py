# SPDX-License-Identifier: Apache-2.0
"""Devices and libraries are found as the dynamic linker finds them, and are not loaded."""

from pathlib import Path

import pytest
from tests import machines
from tests.machines import FOLDER

from confcom.adapters.machine import Device, DeviceState, SharedFile
from confcom.adapters.machine.files import find_file, read_device
from confcom.adapters.rooted import Root

NAME = "libsgx_dcap_ql.so.1"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    machines.build(tmp_path)
    return Root(tmp_path)


def test_a_device_that_is_missing_or_no_device(root: Root) -> None:
    assert read_device(root, "/dev/sgx_enclave") == Device()
    (root.folder / "dev" / "sgx_enclave").write_bytes(b"")
    found = read_device(root, "/dev/sgx_enclave")
    assert (found.state, found.refusal) == (DeviceState.OTHER, None)
    (root.folder / "dev" / "loop").symlink_to("loop")
    assert read_device(root, "/dev/loop") == Device()


def test_a_device_is_opened_and_described() -> None:
    found = read_device(Root(), "/dev/null")
    assert found.state is DeviceState.PRESENT
    assert found.mode == Path("/dev/null").stat().st_mode & 0o7777
    assert found.group is not None
    assert found.refusal is None


def test_the_group_has_the_name_that_the_machine_gives_it(root: Root) -> None:
    path = root.folder / "dev" / "sgx_enclave"
    path.write_bytes(b"")
    gid = path.stat().st_gid
    groups = root.folder / "etc" / "group"
    groups.write_text(f"first:x:{gid}:\nsecond:x:{gid}:\n")
    assert read_device(root, "/dev/sgx_enclave").group == "first"
    groups.write_text("no group file\n")
    assert read_device(root, "/dev/sgx_enclave").group == str(gid)
    groups.unlink()
    assert read_device(root, "/dev/sgx_enclave").group == str(gid)


def test_a_library_has_the_version_of_the_file_behind_its_links(root: Root) -> None:
    found = find_file(root, NAME, {})
    assert found.is_there
    assert found.version == "1.22.100.3"
    assert found.target == FOLDER / "libsgx_dcap_ql.so.1.22.100.3"
    assert found.others == ()


def test_a_library_without_a_number_has_no_version(root: Root) -> None:
    found = find_file(root, "libsgx_qe3_logic.so", {})
    assert found.is_there
    assert found.version is None


def test_a_library_that_is_nowhere(root: Root) -> None:
    assert find_file(root, "libsgx_none.so.1", {}) == SharedFile()


def test_a_link_that_leads_nowhere_is_found_broken(root: Root) -> None:
    (root.folder / FOLDER.relative_to("/") / "libsgx_dcap_ql.so.1.22.100.3").unlink()
    found = find_file(root, NAME, {})
    assert found.path is not None
    assert not found.is_there
    circle = root.folder / FOLDER.relative_to("/") / "libcircle.so.1"
    circle.symlink_to("libcircle.so.1")
    assert find_file(root, "libcircle.so.1", {}) == SharedFile()


def test_a_folder_is_no_library(root: Root) -> None:
    (root.folder / FOLDER.relative_to("/") / "libdir.so.1").mkdir()
    assert not find_file(root, "libdir.so.1", {}).is_there


def test_the_variable_goes_first_and_the_other_one_is_named(root: Root) -> None:
    own = root.folder / "opt" / "intel"
    own.mkdir(parents=True)
    (own / "libsgx_dcap_ql.so.2.0").write_bytes(b"")
    (own / NAME).symlink_to("libsgx_dcap_ql.so.2.0")
    found = find_file(root, NAME, {"LD_LIBRARY_PATH": ":relative:/opt/intel;/none"})
    assert found.path == Path("/opt/intel", NAME)
    assert found.version == "2.0"
    assert found.others == (FOLDER / "libsgx_dcap_ql.so.1.22.100.3",)


def test_a_path_of_a_thousand_folders_is_looked_at_in_part(root: Root) -> None:
    path = ":".join(["/none"] * 1000 + ["/last"])
    (root.folder / "last").mkdir()
    (root.folder / "last" / "libonly.so.1").write_bytes(b"")
    assert find_file(root, "libonly.so.1", {"LD_LIBRARY_PATH": path}) == SharedFile()
    assert find_file(root, "libonly.so.1", {"LD_LIBRARY_PATH": "/last"}).is_there
    assert find_file(root, NAME, {"LD_LIBRARY_PATH": "/a\0b"}).is_there
