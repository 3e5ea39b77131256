# SPDX-License-Identifier: Apache-2.0
"""Values about peers, names of pod folders, lines about processes."""

import pytest

from confcom.protocols.peers import (
    Certainty,
    Peer,
    PodFolder,
    ProcessStat,
    is_namespace,
    parse_pidfd_info,
    parse_pod_folder,
    parse_stat,
)

UID = "2c48913c-b29f-11e7-9350-020968147796"
STATIC = "8daa50c3a64c9ff60bb9eab7b44b56fd"
STAT = (
    b"1985 (%s) %s 1 1985 1985 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 %s 9 9 18446744073709551615\n"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"prod_app-0_{UID}", PodFolder("prod", "app-0", UID)),
        (f"kube-system_kube-proxy.x_{UID}", PodFolder("kube-system", "kube-proxy.x", UID)),
        (f"kube-system_etcd-node_{STATIC}", PodFolder("kube-system", "etcd-node", STATIC)),
        (f"{'n' * 63}_{'p' * 253}_{UID}", PodFolder("n" * 63, "p" * 253, UID)),
    ],
)
def test_the_name_of_a_pod_folder_is_read(name: str, expected: PodFolder) -> None:
    assert parse_pod_folder(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_",
        "__",
        UID,
        f"_{UID}",
        f"__{UID}",
        f"prod_{UID}",
        f"prod__{UID}",
        f"_app_{UID}",
        f"prod_app_x_{UID}",
        f"prod_app_{UID}_",
        f"prod_app_{UID}\n",
        f"prod_app_{UID.upper()}",
        f"prod_app_{UID[:-1]}",
        f"prod_app_{UID.replace('-', '_')}",
        f"Prod_app_{UID}",
        f"-prod_app_{UID}",
        f"prod-_app_{UID}",
        f"prod.x_app_{UID}",
        f"prod_../app_{UID}",
        f"prod_-app_{UID}",
        f"{'n' * 64}_app_{UID}",
        f"prod_{'p' * 254}_{UID}",
        f"pröd_app_{UID}",
        f"prod_app\udcff_{UID}",
    ],
)
def test_other_folders_are_about_no_pod(name: str) -> None:
    assert parse_pod_folder(name) is None


@pytest.mark.parametrize("text", ["", "A", "a_b", "a.b", "-a", "a-", "a" * 64, "a\n", "*"])
def test_what_is_no_dns_label_is_no_namespace(text: str) -> None:
    assert not is_namespace(text)


def test_a_dns_label_is_a_namespace() -> None:
    assert is_namespace("kube-system")


@pytest.mark.parametrize("state", [b"R", b"S", b"D", b"T", b"t", b"I"])
def test_start_time_is_read_whatever_the_command_is_called(state: bytes) -> None:
    for command in (b"app", b"", b"a b) Z 1 (c", b"x) R 1\n", b") " * 7, b"\xff\x00"):
        assert parse_stat(STAT % (command, state, b"77")) == ProcessStat(77, has_ended=False)


@pytest.mark.parametrize("state", [b"Z", b"X", b"x"])
def test_a_process_without_its_first_thread_has_ended(state: bytes) -> None:
    found = parse_stat(STAT % (b"app) S (", state, b"77"))
    assert found == ProcessStat(77, has_ended=True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"1985",
        b"1985 (app) S 1 2 3\n",
        b"1985 app S" + b" 1" * 40,
        b"x (app) S" + b" 1" * 40,
        STAT % (b"app", b"7", b"77"),
        STAT % (b"app", b"SS", b"77"),
        STAT % (b"app", b"S", b"-77"),
        STAT % (b"app", b"S", b"x"),
        STAT % (b"app", b"S", b"7" * 21),
        STAT % (b"app", b"S", b"7" * 5000),
        (STAT % (b"app", b"S", b"77")).split(b" 9 9")[0],
    ],
)
def test_other_lines_are_no_stat(data: bytes) -> None:
    assert parse_stat(data) is None


def test_a_pidfd_names_its_process() -> None:
    text = b"pos:\t0\nflags:\t02000002\nmnt_id:\t4\nino:\t131831\nPid:\t1985\nNSpid:\t1985\t3\n"
    assert parse_pidfd_info(text) == 1985


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"pos:\t0\nflags:\t02\n",
        b"Pid:\t-1\n",
        b"Pid:\t0\n",
        b"Pid:\t\n",
        b"Pid:\t7x\n",
        b"Pid: 7\n",
        b"NSPid:\t7\n",
        b"Pid:\t" + b"7" * 5000 + b"\n",
    ],
)
def test_a_pidfd_of_nobody_names_nobody(data: bytes) -> None:
    assert parse_pidfd_info(data) is None


@pytest.mark.parametrize("certainty", [Certainty.UNPINNED, Certainty.UNKNOWN])
def test_nothing_rests_on_a_pod_that_is_not_certain(certainty: Certainty) -> None:
    peer = Peer(uid=7, pod_uid=UID, pod_namespace="prod", pod_name="app", certainty=certainty)
    assert peer.certain_namespace is None
    assert peer.account == "uid:7"


def test_a_pod_that_is_certain_has_its_own_account() -> None:
    peer = Peer(uid=7, pod_uid=UID, pod_namespace="prod", certainty=Certainty.PINNED)
    assert peer.certain_namespace == "prod"
    assert peer.account == f"pod:{UID}"


def test_a_process_in_no_pod_is_accounted_to_its_user() -> None:
    assert Peer(uid=0, certainty=Certainty.PINNED).account == "uid:0"
    assert Peer(certainty=Certainty.PINNED).account == "uid:unknown"


def test_a_peer_of_whom_nothing_is_known_says_so() -> None:
    assert Peer().certainty is Certainty.UNKNOWN
