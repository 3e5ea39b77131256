# SPDX-License-Identifier: Apache-2.0
"""Layouts of device nodes: what containers are given, what they are never given, what is none."""

import pytest

from confcom.epc.device_nodes import Entry, EntryKind, NodeLayout, find_device_nodes

ENCLAVE = Entry(kind=EntryKind.CHARACTER, major=10, minor=125, mode=0o666)
PROVISION = Entry(kind=EntryKind.CHARACTER, major=10, minor=126, mode=0o660, gid=117)


def _link(target: str) -> Entry:
    return Entry(kind=EntryKind.SYMLINK, target=target)


def test_nodes_of_the_kernel_are_given_under_their_own_paths() -> None:
    nodes = find_device_nodes({"sgx_enclave": ENCLAVE, "sgx_provision": PROVISION})
    assert nodes.layout is NodeLayout.IN_KERNEL
    assert nodes.enclave is not None
    assert nodes.enclave.container_paths == ("/dev/sgx_enclave",)
    assert nodes.provision is not None
    assert nodes.provision.container_paths == ("/dev/sgx_provision",)
    assert nodes.provision.entry.gid == 117
    assert nodes.problems == ()


def test_nodes_of_the_old_driver_are_given_under_their_own_paths() -> None:
    nodes = find_device_nodes({"sgx/enclave": ENCLAVE, "sgx/provision": PROVISION})
    assert nodes.layout is NodeLayout.DCAP_DIR
    assert nodes.enclave is not None
    assert nodes.enclave.host_path == "/dev/sgx/enclave"
    assert nodes.enclave.container_paths == ("/dev/sgx/enclave",)
    assert nodes.problems == ()


def test_both_paths_are_given_where_it_is_asked_for() -> None:
    new = find_device_nodes({"sgx_enclave": ENCLAVE}, under_both=True).enclave
    old = find_device_nodes({"sgx/enclave": ENCLAVE}, under_both=True).enclave
    assert new is not None
    assert new.container_paths == ("/dev/sgx_enclave", "/dev/sgx/enclave")
    assert old is not None
    assert old.container_paths == ("/dev/sgx/enclave", "/dev/sgx_enclave")


@pytest.mark.parametrize(
    "target", ["../sgx_enclave", "/dev/sgx_enclave", "../../dev/sgx_enclave", ".././sgx_enclave"]
)
def test_link_to_the_node_is_a_second_path_of_it(target: str) -> None:
    nodes = find_device_nodes({"sgx_enclave": ENCLAVE, "sgx/enclave": _link(target)})
    assert nodes.enclave is not None
    assert nodes.enclave.host_path == "/dev/sgx_enclave"
    assert nodes.enclave.container_paths == ("/dev/sgx_enclave", "/dev/sgx/enclave")


@pytest.mark.parametrize("target", ["", "null", "../null", "sgx_enclave", "/sgx_enclave", "/"])
def test_link_to_something_else_is_no_path_of_the_node(target: str) -> None:
    nodes = find_device_nodes({"sgx_enclave": ENCLAVE, "sgx/enclave": _link(target)})
    assert nodes.enclave is not None
    assert nodes.enclave.container_paths == ("/dev/sgx_enclave",)


def test_links_with_the_newer_names_lead_to_the_old_nodes() -> None:
    nodes = find_device_nodes(
        {
            "sgx_enclave": _link("sgx/enclave"),
            "sgx_provision": _link("sgx/provision"),
            "sgx/enclave": ENCLAVE,
            "sgx/provision": PROVISION,
        }
    )
    assert nodes.layout is NodeLayout.DCAP_DIR
    assert nodes.enclave is not None
    assert nodes.enclave.container_paths == ("/dev/sgx/enclave", "/dev/sgx_enclave")
    assert nodes.problems == ()


def test_legacy_driver_has_no_node_to_provision() -> None:
    nodes = find_device_nodes({"isgx": ENCLAVE})
    assert nodes.layout is NodeLayout.ISGX
    assert nodes.enclave is not None
    assert nodes.enclave.container_paths == ("/dev/isgx",)
    assert nodes.provision is None
    assert nodes.problems == ()


def test_node_of_virtual_machines_is_never_given() -> None:
    nodes = find_device_nodes({"sgx_vepc": ENCLAVE})
    assert nodes.layout is None
    assert nodes.enclave is None
    assert nodes.never_exposed == ("/dev/sgx_vepc",)


def test_other_devices_are_not_looked_at() -> None:
    nodes = find_device_nodes({"null": ENCLAVE, "sgx_other": ENCLAVE, "sgx/vepc": ENCLAVE})
    assert nodes == find_device_nodes({})


@pytest.mark.parametrize(
    "kind", [EntryKind.FILE, EntryKind.DIRECTORY, EntryKind.BLOCK, EntryKind.OTHER]
)
@pytest.mark.parametrize("path", ["sgx_enclave", "sgx/enclave", "isgx"])
def test_impostor_is_not_given_but_told(path: str, kind: EntryKind) -> None:
    nodes = find_device_nodes({path: Entry(kind=kind, mode=0o666)})
    assert nodes.layout is None
    assert nodes.enclave is None
    assert nodes.problems == (f"/dev/{path} is a {kind}, not a character device",)


def test_impostor_hides_no_real_node_of_another_layout() -> None:
    nodes = find_device_nodes({"sgx_enclave": Entry(kind=EntryKind.FILE), "sgx/enclave": ENCLAVE})
    assert nodes.layout is NodeLayout.DCAP_DIR
    assert nodes.problems[0] == "/dev/sgx_enclave is a file, not a character device"


def test_link_alone_is_no_node() -> None:
    nodes = find_device_nodes({"sgx_enclave": _link("sgx/enclave")})
    assert nodes.layout is None
    assert nodes.enclave is None


def test_missing_node_to_provision_is_told() -> None:
    nodes = find_device_nodes({"sgx_enclave": ENCLAVE})
    assert nodes.provision is None
    assert nodes.problems == ("/dev/sgx_provision is missing: no container can certify a key",)


def test_node_of_another_layout_does_not_stand_in() -> None:
    nodes = find_device_nodes({"sgx_enclave": ENCLAVE, "sgx/provision": PROVISION})
    assert nodes.provision is None


def test_node_to_provision_alone_is_told() -> None:
    nodes = find_device_nodes({"sgx_provision": PROVISION})
    assert nodes.layout is None
    assert nodes.provision is None
    assert nodes.problems == ("/dev/sgx_provision is there without a node for enclaves",)
