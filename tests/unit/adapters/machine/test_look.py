# SPDX-License-Identifier: Apache-2.0
"""One look at a machine that is built in a folder."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests import machines
from tests.rights import without_rights_of_root

from confcom.adapters.machine import (
    LookOptions,
    Machine,
    Place,
    ServiceState,
    look,
    provider_in_use,
)
from confcom.adapters.provider_conf import read_provider_conf
from confcom.adapters.rooted import Root
from confcom.protocols.aesm import AesmCode, Answer, Operation, Refusal
from confcom.protocols.quoting_conf import Choice, CollateralChoice, Provider
from confcom.reasons import Reason
from confcom.testing.aesm_quotes import CannedQuotes
from confcom.testing.aesm_server import AesmServer, Misbehaviour

QUOTES = CannedQuotes(
    target_info=b"\xe5" * 32 + bytes(480), public_key_id=bytes(32), quote=bytes(436)
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    # Names of UNIX sockets are short, the folders of tests are not.
    monkeypatch.chdir(tmp_path)
    machines.build(tmp_path)
    return Root(Path())


def _look(
    root: Root, environ: Mapping[str, str] | None = None, *, timeout_s: float = 0.2
) -> Machine:
    return look(LookOptions(environ=environ or {}, root=root, is_offline=True, timeout_s=timeout_s))


def _refuse(_: Operation) -> Answer:
    return Refusal(AesmCode.NETWORK, "no network")


def test_a_machine_without_a_daemon(root: Root) -> None:
    found = _look(root)
    assert found.place is Place.NODE
    assert found.daemon.state == "no_socket"
    assert not found.daemon.answers
    (root.folder / "run" / "aesmd").rmdir()
    assert _look(root).daemon.state == "no_folder"


def test_a_socket_without_permission(root: Root) -> None:
    path = root.folder / "run" / "aesmd" / "aesm.socket"
    with AesmServer(path, QUOTES):
        path.chmod(0)
        with without_rights_of_root():
            assert _look(root).daemon.state == "no_permission"


def test_a_socket_that_nobody_listens_at(root: Root) -> None:
    (root.folder / "run" / "aesmd" / "aesm.socket").write_bytes(b"")
    assert _look(root).daemon.state == "not_aesm"


@pytest.mark.parametrize(
    ("how", "state"),
    [
        (Misbehaviour.STALL, "hung"),
        (Misbehaviour.CLOSE, "closed"),
        (Misbehaviour.GARBAGE, "not_aesm"),
        (Misbehaviour.EMPTY, "not_aesm"),
        (Misbehaviour.WRONG_TYPE, "not_aesm"),
    ],
)
def test_a_daemon_that_does_not_answer(root: Root, how: Misbehaviour, state: str) -> None:
    with AesmServer(root.folder / "run" / "aesmd" / "aesm.socket", QUOTES) as server:
        server.misbehave(how)
        assert _look(root).daemon.state == state


def test_a_daemon_without_a_platform(root: Root) -> None:
    with AesmServer(root.folder / "run" / "aesmd" / "aesm.socket", QUOTES, key_ids=()):
        found = _look(root).daemon
    assert found.state == "no_platform"
    assert found.error is not None
    assert found.error.reason is Reason.QUOTING_FAILED


def test_a_daemon_that_cannot_get_certificates(root: Root) -> None:
    with AesmServer(root.folder / "run" / "aesmd" / "aesm.socket", _refuse):
        assert _look(root).daemon.state == "no_certificates"


def test_a_daemon_that_answers(root: Root) -> None:
    with AesmServer(root.folder / "run" / "aesmd" / "aesm.socket", QUOTES):
        found = _look(root, timeout_s=5.0).daemon
    assert found.answers
    assert (found.keys, found.mr_enclave) == (1, b"\xe5" * 32)


def test_a_socket_whose_links_go_in_a_circle(root: Root) -> None:
    path = root.folder / "run" / "aesmd" / "aesm.socket"
    path.symlink_to("aesm.socket")
    assert not _look(root).daemon.answers


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_a_container_is_told_by_its_marks(root: Root, mark: str) -> None:
    (root.folder / mark).write_bytes(b"")
    assert _look(root).place is Place.APPLICATION


def test_a_pod_that_looks_at_its_node_sees_a_node(root: Root) -> None:
    assert _look(root, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).place is Place.NODE
    own = look(
        LookOptions(
            environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
            is_offline=True,
            timeout_s=0.2,
            socket=root.folder.absolute() / "none",
        )
    )
    assert own.place is Place.APPLICATION


def test_a_place_that_is_given_counts(root: Root) -> None:
    options = LookOptions(environ={}, root=root, place=Place.APPLICATION, is_offline=True)
    assert look(options).place is Place.APPLICATION


def test_the_environment_is_seen(root: Root) -> None:
    found = _look(root, {"SGX_AESM_ADDR": "", "https_proxy": "http://p:1", "HTTPS_PROXY": ""})
    assert found.opt_in == ""
    assert found.proxies == ("https_proxy",)
    assert found.uid == os.geteuid()
    assert _look(root).opt_in is None


def _asked(machine: Machine) -> list[str]:
    assert all(one.state is ServiceState.SKIPPED for one in machine.services)
    return [f"{one.setting} {one.address}" for one in machine.services]


def test_intels_provider_asks_what_its_file_names(root: Root) -> None:
    assert _asked(_look(root)) == ["pccs_url https://localhost:8081/sgx/certification/v4/"]
    path = root.folder / "etc" / "sgx_default_qcnl.conf"
    path.write_text('{"pccs_url": "https://pccs/", "local_pck_url": "http://local/"}')
    assert _asked(_look(root)) == ["local_pck_url http://local/", "pccs_url https://pccs/"]
    path.write_text('{"local_cache_only": true}')
    assert _asked(_look(root)) == []


def test_azures_provider_asks_what_its_variables_name(root: Root) -> None:
    folder = root.folder / machines.FOLDER.relative_to("/")
    (folder / "libdcap_quoteprov.so.1").unlink()
    assert _asked(_look(root)) == []
    (folder / "libdcap_quoteprov.so").write_bytes(b"")
    assert _asked(_look(root)) == [
        "AZDCAP_PRIMARY_BASE_CERT_URL http://169.254.169.254/metadata/THIM/sgx/certification",
        "AZDCAP_SECONDARY_BASE_CERT_URL https://global.acccache.azure.net/sgx/certification",
    ]
    bypass = {"AZDCAP_BYPASS_BASE_URL": "1", "AZDCAP_SECONDARY_BASE_CERT_URL": "https://x/"}
    assert _asked(_look(root, bypass)) == ["AZDCAP_SECONDARY_BASE_CERT_URL https://x/"]


def test_an_enclave_file_with_a_number_goes_first(root: Root) -> None:
    folder = root.folder / machines.FOLDER.relative_to("/")
    (folder / "libsgx_qe3.signed.so.1").write_bytes(b"")
    found = _look(root).file("libsgx_qe3.signed.so")
    assert found.target == machines.FOLDER / "libsgx_qe3.signed.so.1"


def test_what_verifies_our_quotes_is_what_the_provider_in_use_is_configured_with(
    root: Root,
) -> None:
    environ = {"AZDCAP_BASE_CERT_URL": "https://cache.example/sgx/certification"}
    assert _look(root, environ).collateral == CollateralChoice()
    conf = root.folder / "etc" / "sgx_default_qcnl.conf"
    conf.write_text('{"collateral_service": "https://pccs.example/"}')
    named = _look(root, environ).collateral.sources
    origin = "/etc/sgx_default_qcnl.conf line 1 (collateral_service)"
    assert named == Choice(("pccs:https://pccs.example",), origin)
    folder = root.folder / machines.FOLDER.relative_to("/")
    (folder / "libdcap_quoteprov.so.1").rename(folder / "libdcap_quoteprov.so")
    named = _look(root, environ).collateral.sources
    assert named.value == ("azure:https://cache.example/sgx/certification/v4",)
    found = read_provider_conf(environ, root=root)
    assert provider_in_use(found, environ, root=root) is Provider.AZURE
    (folder / "libdcap_quoteprov.so").unlink()
    assert provider_in_use(found, environ, root=root) is Provider.INTEL
    conf.unlink()
    assert provider_in_use(read_provider_conf({}, root=root), {}, root=root) is None


def test_our_own_settings_decide_what_verifies_our_quotes(root: Root) -> None:
    (root.folder / "etc" / "sgx_default_qcnl.conf").write_text('{"pccs_url": "https://x/"}')
    own = CollateralChoice(sources=Choice(("pcs",), "file confcom.toml line 2"))
    options = LookOptions(environ={}, root=root, is_offline=True, timeout_s=0.2, collateral=own)
    assert look(options).collateral is own
