# SPDX-License-Identifier: Apache-2.0
"""What the doctor finds on many machines: problems first."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests.machines import (
    ENCLAVE,
    FOLDER,
    PROVISION,
    TDX,
    answering,
    application,
    conf,
    device,
    library,
    node,
    silent,
)

from confcom.adapters.machine import (
    NOT_ASKED,
    CertificateService,
    Device,
    DeviceState,
    Machine,
    ServiceState,
    SharedFile,
)
from confcom.adapters.provider_conf import read_provider_conf
from confcom.adapters.rooted import Root
from confcom.protocols.quoting_conf import (
    Choice,
    CollateralChoice,
    Provider,
    parse_address,
)
from confcom.reasons import Reason
from confcom.services.doctor import QUOTING, Level, Told, examine

WRAPPER, LOGIC, ASK = "libsgx_dcap_ql.so.1", "libsgx_qe3_logic.so", "libsgx_quote_ex.so.1"
INTEL, AZURE = "libdcap_quoteprov.so.1", "libdcap_quoteprov.so"
OTHER = Path("/opt/sgx")


def _tell(machine: Machine, check: str) -> list[Told]:
    return [one.told for one in examine("quoting", QUOTING, machine).findings if one.check == check]


def _one(machine: Machine, check: str) -> Told:
    (told,) = _tell(machine, check)
    return told


def _without(machine: Machine, *names: str, **others: SharedFile) -> Machine:
    files = {name: file for name, file in machine.files.items() if name not in names}
    return dataclasses.replace(machine, files=files | others)


def _with(machine: Machine, name: str, file: SharedFile) -> Machine:
    return dataclasses.replace(machine, files={**machine.files, name: file})


def _devices(machine: Machine, **changes: Device | None) -> Machine:
    paths = {"enclave": ENCLAVE, "provision": PROVISION, "tdx": TDX}
    devices = dict(machine.devices)
    for name, changed in changes.items():
        devices.pop(paths[name], None)
        if changed is not None:
            devices[paths[name]] = changed
    return dataclasses.replace(machine, devices=devices)


def _service(state: ServiceState, status: int | None = None) -> CertificateService:
    address = parse_address("https://me:hunter2@pccs.example/v4/?k=hunter2")
    assert address is not None
    return CertificateService(
        setting="pccs_url", address=address, state=state, status=status, why="because"
    )


BROKEN = SharedFile(path=FOLDER / "broken")
NO_DEVICE = Device(state=DeviceState.OTHER, mode=0o644, group="root")

MISSING, ACCESS = Reason.DEVICE_MISSING, Reason.DEVICE_ACCESS
LIBRARY, MODE = Reason.LIBRARY_MISSING, Reason.QUOTING_MODE
SETTINGS = Reason.SETTINGS_INVALID

BAD = {
    # The socket
    "nobody answers": ("daemon.socket", "problem", Reason.QUOTING_UNREACHABLE, "cannot reach it"),
    "nobody was asked": ("daemon.socket", "warning", Reason.QUOTING_UNREACHABLE, "cannot reach"),
    # Devices
    "no enclave device": ("device.sgx_enclave", "problem", MISSING, f"there is no {ENCLAVE}"),
    "only simulated": ("device.sgx_enclave", "warning", MISSING, f"there is no {ENCLAVE}"),
    "enclave device is a file": ("device.sgx_enclave", "problem", MISSING, "is no device"),
    "enclave device is closed": ("device.sgx_enclave", "problem", ACCESS, "Permission denied"),
    "no provision device": ("device.sgx_provision", "problem", MISSING, "there is no"),
    "provision device is closed": ("device.sgx_provision", "problem", ACCESS, "1000 cannot open"),
    "provision device is open": ("device.sgx_provision", "warning", ACCESS, "0666: every user"),
    "TD device is closed": ("device.tdx_guest", "problem", ACCESS, "cannot open it"),
    # Libraries and enclaves
    "no library at all": ("library.qe3_logic", "problem", LIBRARY, "is not installed"),
    "no wrapper either": ("library.dcap_ql", "problem", LIBRARY, "is not installed"),
    "only the wrapper": ("library.qe3_logic", "warning", LIBRARY, f"only {WRAPPER}"),
    "no loader": ("library.urts", "problem", LIBRARY, "libsgx_urts.so.2 is not installed"),
    "loader leads nowhere": ("library.urts", "problem", LIBRARY, "broken leads to no file"),
    "one of two leads nowhere": ("library.qe3_logic", "problem", LIBRARY, "leads to no file"),
    "two loaders": ("library.urts", "warning", LIBRARY, "others of the name: /opt/sgx/x"),
    "no provider": ("library.provider", "warning", LIBRARY, "no certificate provider"),
    "two providers": ("library.provider", "warning", LIBRARY, "two certificate providers"),
    "no enclave": ("enclave.qe3", "problem", LIBRARY, "libsgx_qe3.signed.so is not installed"),
    "enclave leads nowhere": ("enclave.pce", "problem", LIBRARY, "leads to no file"),
    "enclave elsewhere": ("enclave.id", "warning", LIBRARY, "is not beside the quoting library"),
    # Applications
    "set to 0": ("environment.opt_in", "warning", MODE, "set, to '0', and that means out of"),
    "set to nothing": ("environment.opt_in", "warning", MODE, "set, to empty, and that means"),
    "set to off": ("environment.opt_in", "warning", MODE, "set, to 'Off ', and that means"),
    "both ways": ("environment.way", "warning", MODE, "both ways are asked for at once"),
    "no library to ask with": ("library.quote_ex", "problem", LIBRARY, "and SGX_AESM_ADDR is set"),
    "no library for anything": ("library.quote_ex", "warning", LIBRARY, f"neither {ASK} nor"),
    "in process without device": ("device.sgx_provision", "problem", MISSING, "there is no"),
    "in process without enclave": ("enclave.qe3", "problem", LIBRARY, "is not installed"),
    # Configuration
    "mistake in aesmd.conf": ("configuration.aesmd", "warning", SETTINGS, "/aesmd: line 1: exp"),
    "warning in qcnl.conf": ("configuration.qcnl", "warning", SETTINGS, "/qcnl: line 1: 'x' is"),
    "file that is named": ("configuration.qcnl", "warning", SETTINGS, "QCNL_CONF_PATH names does"),
    "variable of Azure": ("configuration.azure", "warning", SETTINGS, "environment: 'AZDCAP_X'"),
    # Collateral
    "TLS is not switched off": (
        "configuration.collateral",
        "warning",
        SETTINGS,
        "/qcnl: line 1: use_secure_cert is false, which is not obeyed for verifying our own quotes",
    ),
    "no source of ours": (
        "configuration.collateral",
        "warning",
        SETTINGS,
        "/qcnl: line 1: pccs_url cannot be used for verifying our own quotes",
    ),
    "no proxy of ours": (
        "configuration.collateral",
        "warning",
        SETTINGS,
        "/aesmd: line 2: 'aesm proxy' cannot be used for verifying our own quotes",
    ),
    # Services
    "service down": ("certificates.service", "problem", Reason.SOURCE_UNREACHABLE, "because"),
    "service down, key ready": (
        "certificates.service",
        "warning",
        Reason.SOURCE_UNREACHABLE,
        "cannot be reached",
    ),
    "service behind a proxy": (
        "certificates.service",
        "warning",
        Reason.SOURCE_UNREACHABLE,
        "cannot be reached",
    ),
    "service not trusted": (
        "certificates.service",
        "problem",
        Reason.SOURCE_UNREACHABLE,
        "is not trusted: because",
    ),
    "service is none": ("certificates.service", "problem", Reason.SOURCE_ANSWER, "not speak HTTP"),
    "service in trouble": ("certificates.service", "warning", Reason.SOURCE_ANSWER, "status 503"),
}


def _chosen(
    folder: Path, own: CollateralChoice | None = None, *, qcnl: str = "", aesmd: str = ""
) -> Machine:
    found = conf(folder, qcnl=qcnl, aesmd=aesmd)
    choice = found.choose(own or CollateralChoice(), Provider.INTEL)
    return node(folder, conf=found, collateral=choice)


def _machine(name: str, folder: Path) -> Machine:
    quiet = node(folder, daemon=silent())
    in_process = application(
        folder, opt_in=None, daemon=silent(), files={WRAPPER: library(WRAPPER)}
    )
    app = application(folder)
    td = _devices(quiet, enclave=None, provision=None, tdx=device(refusal="Permission denied"))
    machines: dict[str, Machine] = {
        "nobody answers": quiet,
        "nobody was asked": node(folder, daemon=silent(NOT_ASKED)),
        "no enclave device": _devices(quiet, enclave=None),
        "only simulated": _devices(node(folder), enclave=None),
        "enclave device is a file": _devices(quiet, enclave=NO_DEVICE),
        "enclave device is closed": _devices(app, enclave=device(refusal="Permission denied")),
        "no provision device": _devices(quiet, provision=None),
        "provision device is closed": _devices(
            quiet, provision=device(0o660, "sgx_prv", "Permission denied")
        ),
        "provision device is open": _devices(node(folder), provision=device(0o666)),
        "TD device is closed": td,
        "no library at all": _without(quiet, LOGIC, WRAPPER),
        "no wrapper either": _without(quiet, LOGIC, WRAPPER),
        "only the wrapper": _without(quiet, LOGIC),
        "no loader": _without(quiet, "libsgx_urts.so.2"),
        "loader leads nowhere": _with(quiet, "libsgx_urts.so.2", BROKEN),
        "one of two leads nowhere": _with(quiet, LOGIC, BROKEN),
        "two loaders": _with(
            quiet,
            "libsgx_urts.so.2",
            dataclasses.replace(library("libsgx_urts.so.2"), others=(OTHER / "x",)),
        ),
        "no provider": _without(quiet, INTEL),
        "two providers": _with(node(folder), AZURE, library(AZURE, version="1.12")),
        "no enclave": _without(quiet, "libsgx_qe3.signed.so"),
        "enclave leads nowhere": _with(quiet, "libsgx_pce.signed.so", BROKEN),
        "enclave elsewhere": _with(
            quiet,
            "libsgx_id_enclave.signed.so",
            library("libsgx_id_enclave.signed.so", folder=OTHER, version=None),
        ),
        "set to 0": application(folder, opt_in="0"),
        "set to nothing": application(folder, opt_in=""),
        "set to off": node(folder, opt_in="Off "),
        "both ways": _devices(app, provision=device(0o660)),
        "no library to ask with": _without(app, ASK),
        "no library for anything": _without(app, ASK, WRAPPER),
        "in process without device": in_process,
        "in process without enclave": in_process,
        "mistake in aesmd.conf": node(folder, conf=conf(folder, aesmd="nonsense")),
        "warning in qcnl.conf": node(
            folder, conf=conf(folder, qcnl='{"x": "hunter2", "retry_delay": 1}')
        ),
        "variable of Azure": node(folder, conf=conf(folder, {"AZDCAP_X": "hunter2"})),
        "TLS is not switched off": _chosen(
            folder, qcnl='{"pccs_url": "https://pccs.example", "use_secure_cert": false}'
        ),
        "no source of ours": _chosen(
            folder, qcnl='{"pccs_url": "https://me:hunter2@pccs.example"}'
        ),
        "no proxy of ours": _chosen(
            folder, aesmd="proxy type = manual\naesm proxy = http://me:hunter2@proxy.example:911\n"
        ),
        "service down": dataclasses.replace(quiet, services=(_service(ServiceState.UNREACHABLE),)),
        "service down, key ready": node(folder, services=(_service(ServiceState.UNREACHABLE),)),
        "service behind a proxy": dataclasses.replace(
            quiet, services=(_service(ServiceState.UNREACHABLE),), proxies=("https_proxy",)
        ),
        "service not trusted": node(folder, services=(_service(ServiceState.UNTRUSTED),)),
        "service is none": node(folder, services=(_service(ServiceState.NO_HTTP),)),
        "service in trouble": node(folder, services=(_service(ServiceState.ANSWERS, 503),)),
    }
    if name == "file that is named":
        named = read_provider_conf({"QCNL_CONF_PATH": "/none"}, root=Root(folder))
        return node(folder, conf=named)
    return machines[name]


@pytest.mark.parametrize("name", BAD)
def test_finds_what_is_wrong(tmp_path: Path, name: str) -> None:
    check, level, reason, message = BAD[name]
    if check == "configuration.collateral":  # what is chosen all the same is said as well
        told = _tell(_machine(name, tmp_path), check)[-1]
    else:
        told = _one(_machine(name, tmp_path), check)
    assert (told.level, told.reason) == (Level(level), reason)
    assert message in told.message
    assert told.cure


@pytest.mark.parametrize("name", BAD)
def test_every_line_of_every_machine_is_complete(tmp_path: Path, name: str) -> None:
    section = examine("quoting", QUOTING, _machine(name, tmp_path))
    for finding in section.findings:
        told = finding.told
        assert (told.reason is None) == (told.level is Level.OK), told
        assert told.level is Level.OK or told.cure, told
        assert not told.message.endswith("."), told
        assert "hunter2" not in str(finding.to_json()), told
    assert len({finding.check for finding in section.findings}) >= len(QUOTING) - 2


FINE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "answers": ("node", {}, "daemon.socket", "answers: 1 attestation key, QE e5e5e5e5e5e5e5e5…"),
    "not set": ("node", {}, "environment.opt_in", "SGX_AESM_ADDR is not set"),
    "set": ("app", {}, "environment.opt_in", "SGX_AESM_ADDR is set: Intel's libraries ask"),
    "way out": ("app", {}, "environment.way", "would get its quotes out of process"),
    "version": ("node", {}, "library.urts", "libsgx_urts.so.2, version 1.22.100.3"),
    "no version": ("node", {}, "library.qe3_logic", "/libsgx_qe3_logic.so"),
    "device": ("node", {}, "device.sgx_provision", "mode 0660, group sgx_prv; user 1000 can"),
    "no TD": ("node", {}, "device.tdx_guest", "this is no TD"),
    "provider": ("node", {}, "library.provider", "libdcap_quoteprov.so.1, version"),
    "enclave": ("node", {}, "enclave.qe3", "libsgx_qe3.signed.so"),
    "no file": ("node", {}, "configuration.aesmd", "there is no /aesmd; the defaults are fine"),
    "default": ("node", {}, "configuration.qcnl", "the default is https://localhost:8081/"),
    "no service": ("node", {}, "certificates.service", "no certificate service is configured"),
    "not asked": (
        "node",
        {"services": (_service(ServiceState.SKIPPED),)},
        "certificates.service",
        "pccs_url https://pccs.example/v4/ was not asked: offline",
    ),
    "reached": (
        "node",
        {"services": (_service(ServiceState.ANSWERS, 404),)},
        "certificates.service",
        "answers, with HTTP status 404",
    ),
    "asks the daemon": ("app", {}, "certificates.service", "the daemon of the node makes the"),
    "needs no device": ("app", {}, "device.sgx_provision", "and none needed: the daemon of the"),
    "has a device that it need not open": (
        "app",
        {
            "opt_in": None,
            "files": {ASK: library(ASK)},
            "devices": {ENCLAVE: device(), PROVISION: device(0o660, "sgx_prv", "no")},
        },
        "device.sgx_provision",
        "user 1000 has no need to open it",
    ),
    "needs no enclave": ("app", {}, "enclave.pce", "not needed: the daemon of the node"),
    "in process": (
        "app",
        {"opt_in": None, "daemon": silent("hung")},
        "daemon.socket",
        "none is needed: this application makes its quotes in process",
    ),
    "way in": ("app", {"opt_in": None}, "environment.way", "would get its quotes in process"),
    "way of Open Enclave": (
        "app",
        {"opt_in": None, "files": {ASK: library(ASK)}},
        "environment.way",
        "would get its quotes out of process",
    ),
    "way of Gramine": (
        "app",
        {"opt_in": None, "files": {}},
        "environment.way",
        "the application asks the socket itself",
    ),
    "daemon has its own": (
        "node",
        {"files": {}},
        "library.urts",
        "not needed: the daemon that answers has its own",
    ),
    "one library is enough": (
        "node",
        {"daemon": silent(), "files": {LOGIC: library(LOGIC)}},
        "library.dcap_ql",
        "libsgx_qe3_logic.so is enough",
    ),
    "wrapper of an application": ("app", {}, "library.qe3_logic", "not needed: the daemon of the"),
    "applications bring it": ("node", {"files": {}}, "library.quote_ex", "applications bring it"),
    "TD": (
        "node",
        {"daemon": silent(), "devices": {TDX: device()}},
        "daemon.socket",
        "none is needed: this is a TD",
    ),
    "TD without SGX": (
        "node",
        {"daemon": silent(), "devices": {TDX: device()}},
        "device.sgx_enclave",
        "this is a TD, which needs none",
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_says_what_is_well(tmp_path: Path, name: str) -> None:
    place, changes, check, message = FINE[name]
    told = _one({"node": node, "app": application}[place](tmp_path, **changes), check)
    assert told.level is Level.OK
    assert message in told.message


def test_a_node_and_an_application_that_are_well_have_no_other_line(tmp_path: Path) -> None:
    for machine in (node(tmp_path), application(tmp_path)):
        section = examine("quoting", QUOTING, machine)
        assert section.count(Level.OK) == len(section.findings)


def test_a_td_needs_nothing_of_sgx(tmp_path: Path) -> None:
    machine = node(tmp_path, daemon=silent(), files={}, devices={TDX: device()})
    section = examine("quoting", QUOTING, machine)
    assert section.count(Level.PROBLEM) == 0


def test_each_note_of_a_file_is_a_line_of_its_own(tmp_path: Path) -> None:
    files = conf(tmp_path, aesmd="a\nb\nproxy type = direct\n", qcnl="{")
    told = _tell(node(tmp_path, conf=files), "configuration.aesmd")
    assert [one.message.partition(": ")[2][:7] for one in told] == ["line 1:", "line 2:", "line 3:"]
    (first, _) = _tell(node(tmp_path, conf=files), "configuration.qcnl")
    assert "the provider uses nothing of the file" in first.message


def test_a_sound_file_can_be_used(tmp_path: Path) -> None:
    files = conf(tmp_path, {"AZDCAP_CLIENT_ID": "x"}, qcnl='{"retry_delay": 1}')
    machine = node(tmp_path, conf=files)
    assert _one(machine, "configuration.qcnl").message == "/qcnl can be used"
    assert "can be used" in _one(machine, "configuration.azure").message


def test_says_what_verifies_quotes_of_a_daemon_and_who_has_said_so(tmp_path: Path) -> None:
    check = "configuration.collateral"
    assert _one(node(tmp_path), check).message == (
        "a daemon verifies its own quotes by pcs (the default)"
    )
    qcnl = '{"collateral_service": "https://pccs.example/"}'
    aesmd = "proxy type = manual\naesm proxy = http://proxy.example:911\n"
    assert _one(_chosen(tmp_path, qcnl=qcnl, aesmd=aesmd), check).message == (
        "a daemon verifies its own quotes by pccs:https://pccs.example (said in /qcnl line 1 "
        "(collateral_service)), through http://proxy.example:911"
    )
    own = CollateralChoice(sources=Choice(("file:x",), "env CONFCOM_COLLATERAL__SOURCES"))
    assert _one(_chosen(tmp_path, own, qcnl=qcnl, aesmd=aesmd), check).message == (
        "a daemon verifies its own quotes by file:x (said in env CONFCOM_COLLATERAL__SOURCES)"
    )
    assert _tell(application(tmp_path), check) == []


def test_a_broken_library_that_is_not_needed_is_no_problem(tmp_path: Path) -> None:
    machine = _with(node(tmp_path, daemon=answering()), "libsgx_urts.so.2", BROKEN)
    assert _one(machine, "library.urts").level is Level.WARNING


def test_names_of_checks_are_distinct_and_documented() -> None:
    names = [check.name for check in QUOTING]
    assert len(set(names)) == len(names)
    page = Path(__file__).parents[4] / "docs" / "reference" / "doctor.md"
    text = page.read_text(encoding="utf-8")
    for check in QUOTING:
        assert f"| `{check.name}` | {check.about} |\n" in text
