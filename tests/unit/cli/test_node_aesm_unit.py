# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm unit``: what systemd makes of it, and what stands in none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from confcom.cli.main import main
from confcom.cli.node_aesm_unit_text import (
    STATUS_SOCKET,
    UNIT_NAME,
    UnitOptions,
    is_hidden,
    render_unit,
)
from confcom.cli.serve_quote_helper import STATUS_SOCKET as SERVED_STATUS
from confcom.cli.serve_quote_helper import quote_helper
from confcom.cli.session import Session
from confcom.errors import UsageError
from confcom.reasons import ExitCode

PROGRAM = shutil.which("true") or "/usr/bin/true"
BACKENDS: dict[str, dict[str, Any]] = {
    "dcap": {},
    "dcap-other-library": {"backend": "dcap", "library": "libsgx_dcap_ql.so.1"},
    "dcap-no-groups": {"backend": "dcap", "device_groups": ()},
    "upstream": {"upstream": "/run/old-aesmd/aesm.socket"},
    "simulated": {"pki": "/var/lib/confcom/demo"},
    "simulated-own": {"backend": "simulated"},
    "elsewhere": {"backend": "simulated", "pki": "/srv/demo", "socket": "/srv/aesmd/aesm.socket"},
}
LISTS = {
    "After",
    "AmbientCapabilities",
    "CapabilityBoundingSet",
    "DeviceAllow",
    "RestartPreventExitStatus",
    "RestrictAddressFamilies",
    "SupplementaryGroups",
    "SystemCallFilter",
}
"""Settings that may be given more than once, or hold several values."""
ONCE = {
    "Unit": {"Description", "Wants", "Conflicts", "StartLimitIntervalSec"},
    "Service": {
        *("Type", "ExecStart", "Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec"),
        *("KillMode", "OOMPolicy", "UnsetEnvironment", "User", "UMask", "RuntimeDirectory"),
        *("RuntimeDirectoryMode", "RuntimeDirectoryPreserve", "ReadWritePaths", "CacheDirectory"),
        *("StateDirectory", "StateDirectoryMode", "CacheDirectoryMode", "Environment"),
        *("ProtectSystem", "ProtectHome", "PrivateTmp"),
        *("PrivateDevices", "MemoryDenyWriteExecute", "DevicePolicy", "LimitNOFILE", "LimitCORE"),
        *("TasksMax", "MemoryMax", "NoNewPrivileges", "PrivateNetwork", "RestrictNamespaces"),
        *("RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "ProtectClock"),
        *("ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules"),
        *("ProtectKernelTunables", "RemoveIPC", "SystemCallArchitectures"),
        *("SystemCallErrorNumber", "WatchdogSec"),
    },
    "Install": {"WantedBy"},
}
"""Settings of systemd 247 and later (systemd.directives(7)) that a unit of ours may have."""


def render(case: str, **more: Any) -> str:  # noqa: ANN401 fields of several types
    fields = {"backend": case, "program": PROGRAM, "socket": "/var/run/aesmd/aesm.socket"}
    return render_unit(UnitOptions(**(fields | BACKENDS[case] | more)))


def parse(text: str) -> dict[str, dict[str, list[str]]]:
    """Read a unit as systemd does, as far as ours need it: no continuation lines, no specifiers."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] | None = None
    assert text.isascii()
    assert text.endswith("\n")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        assert line == line.strip()
        assert not line.endswith("\\")
        if line.startswith("["):
            name = line.strip("[]")
            assert name not in sections
            section = sections.setdefault(name, {})
            continue
        key, equals, value = line.partition("=")
        assert equals
        assert section is not None
        assert "%" not in value
        section.setdefault(key, []).append(value)
    return sections


@pytest.mark.parametrize("case", BACKENDS)
def test_every_setting_is_known_and_given_once(case: str) -> None:
    sections = parse(render(case))
    assert list(sections) == ["Unit", "Service", "Install"]
    for name, settings in sections.items():
        assert set(settings) <= ONCE[name] | LISTS
        repeated = {key for key, values in settings.items() if len(values) > 1}
        assert repeated <= LISTS


@pytest.mark.parametrize("case", BACKENDS)
def test_systemd_takes_it_without_a_word(case: str, tmp_path: Path) -> None:
    unit = tmp_path / UNIT_NAME
    unit.write_text(render(case), encoding="ascii")
    parse(unit.read_text(encoding="ascii"))  # all that is possible where systemd is not installed
    if (program := shutil.which("systemd-analyze")) is None:
        return
    done = subprocess.run(
        [program, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in (done.stderr + done.stdout).splitlines() if UNIT_NAME in line]
    assert (done.returncode, said) == (0, [])


def test_checks_above_find_mistakes(tmp_path: Path) -> None:
    text = render("dcap").replace("KillMode=mixed", "KillModes=mixed")
    settings = parse(text)["Service"]
    assert set(settings) - ONCE["Service"] - LISTS == {"KillModes"}
    if (program := shutil.which("systemd-analyze")) is None:
        return
    unit = tmp_path / UNIT_NAME
    unit.write_text(text, encoding="ascii")
    done = subprocess.run(
        [program, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "KillModes" in done.stderr


@pytest.mark.parametrize("case", BACKENDS)
def test_the_command_that_it_starts_exists(case: str) -> None:
    (command,) = parse(render(case))["Service"]["ExecStart"]
    words = command.split()
    assert words[1:3] == ["serve", "quote-helper"]
    ctx = quote_helper.make_context("quote-helper", words[3:], obj=Session())
    assert ctx.params["backend"] == case.split("-")[0].replace("elsewhere", "simulated")
    assert ctx.params["drain_s"] == 5.0
    assert str(STATUS_SOCKET) == SERVED_STATUS
    assert ctx.params["path"] == BACKENDS[case].get("socket", "/var/run/aesmd/aesm.socket")


@pytest.mark.parametrize("case", BACKENDS)
def test_no_unit_gives_more_than_is_needed(case: str) -> None:
    service = parse(render(case))["Service"]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == [""]
    assert service["ProtectSystem"] == ["strict"]
    assert service["UnsetEnvironment"] == ["SGX_AESM_ADDR"]
    assert service["User"] == ["confcom"]
    assert "DynamicUser" not in service  # see the comment in the unit
    assert "PrivateUsers" not in service  # would hide who asks
    assert "ProtectProc" not in service
    assert int(service["LimitNOFILE"][0]) > 1024 + 100  # bound of the listener, and its own


def test_only_hardware_needs_devices() -> None:
    hardware = parse(render("dcap"))["Service"]
    assert hardware["DevicePolicy"] == ["closed"]
    assert hardware["DeviceAllow"] == ["/dev/sgx_enclave rw", "/dev/sgx_provision rw"]
    assert hardware["SupplementaryGroups"] == ["sgx sgx_prv"]
    assert not {"PrivateDevices", "MemoryDenyWriteExecute"} & set(hardware)
    assert "SupplementaryGroups" not in parse(render("dcap-no-groups"))["Service"]
    for case in ("upstream", "simulated"):
        service = parse(render(case))["Service"]
        assert service["PrivateDevices"] == service["MemoryDenyWriteExecute"] == ["yes"]
        assert not {"DeviceAllow", "SupplementaryGroups"} & set(service)


def test_only_a_simulated_platform_needs_no_network() -> None:
    for case in ("dcap", "upstream"):  # both verify quotes of theirs
        sections = parse(render(case))
        service = sections["Service"]
        assert service["RestrictAddressFamilies"] == ["AF_UNIX AF_INET AF_INET6"]
        assert "PrivateNetwork" not in service
        (folder,) = service["CacheDirectory"]
        assert service["Environment"] == [f"XDG_CACHE_HOME=/var/cache/{folder}"]
        assert "network-online.target" in sections["Unit"]["After"]
    sections = parse(render("simulated"))
    assert sections["Service"]["PrivateNetwork"] == ["yes"]
    assert sections["Service"]["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert "CacheDirectory" not in sections["Service"]
    assert "Wants" not in sections["Unit"]


def test_platform_of_its_own_has_a_place() -> None:
    assert parse(render("simulated-own"))["Service"]["StateDirectory"] == ["confcom"]
    assert "StateDirectory" not in parse(render("simulated"))["Service"]


@pytest.mark.parametrize("socket", ["/var/run/aesmd/aesm.socket", "/run/aesmd/aesm.socket"])
def test_folders_below_run_are_made_and_stay(socket: str) -> None:
    sections = parse(render("dcap", socket=socket))
    service = sections["Service"]
    assert service["RuntimeDirectory"] == ["aesmd confcom"]
    assert service["RuntimeDirectoryMode"] == ["0755"]
    assert service["RuntimeDirectoryPreserve"] == ["yes"]
    assert "ReadWritePaths" not in service
    assert f"--status {STATUS_SOCKET}" in service["ExecStart"][0]
    assert sections["Unit"]["Conflicts"] == ["aesmd.service"]


def test_daemon_at_another_place_leaves_the_usual_one_alone() -> None:
    sections = parse(render("dcap", socket="/run/other/aesm.socket"))
    assert sections["Service"]["RuntimeDirectory"] == ["other"]
    assert "--status" not in sections["Service"]["ExecStart"][0]
    assert "Conflicts" not in sections["Unit"]


def test_folder_elsewhere_is_opened_for_writing() -> None:
    sections = parse(render("elsewhere"))
    assert sections["Service"]["ReadWritePaths"] == ["/srv/aesmd"]
    assert "RuntimeDirectory" not in sections["Service"]
    assert "Conflicts" not in sections["Unit"]


def test_intels_daemon_may_run_behind_ours() -> None:
    assert "Conflicts" not in parse(render("upstream"))["Unit"]


@pytest.mark.parametrize(("drain_s", "stop_s"), [(0, 15), (5, 20), (7.2, 23), (300, 315)])
def test_stopping_is_given_longer_than_draining(drain_s: float, stop_s: int) -> None:
    service = parse(render("simulated", drain_s=drain_s))["Service"]
    assert service["TimeoutStopSec"] == [str(stop_s)]
    assert f"--drain {drain_s:g}" in service["ExecStart"][0]


@pytest.mark.parametrize("backend", ["dcap", "upstream", "simulated"])
def test_a_daemon_that_hangs_is_replaced(backend: str) -> None:
    service = parse(render(backend))["Service"]
    assert (service["Type"], service["WatchdogSec"]) == (["notify"], ["30"])
    assert service["Restart"] == ["always"]


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "Robert'); DROP"},
        {"user": ""},
        {"user": "a\nExecStartPre=/bin/sh"},
        {"user": "x" * 33},
        {"device_groups": ("sgx", "sgx prv")},
        {"device_groups": ("",)},
        {"program": "confcom"},
        {"program": "/opt/con fcom"},
        {"program": "/opt/confcom\n[Install]"},
        {"program": "/opt/$HOME/confcom"},
        {"program": "/opt/100%/confcom"},
        {"program": "/home/me/.venv/bin/confcom"},
        {"program": "/opt/../home/me/confcom"},
        {"socket": "aesm.socket"},
        {"socket": "/aesm.socket"},
        {"socket": "/run/aesm.socket"},
        {"socket": "/var/run/aesm.socket"},
        {"socket": "/tmp/aesmd/aesm.socket"},  # noqa: S108 that is what is refused
        {"socket": "/run/user/1000/aesmd/aesm.socket"},
        {"library": "libsgx;reboot"},
        {"library": "/root/libsgx_qe3_logic.so"},
        {"library": "../libsgx_qe3_logic.so"},
        {"upstream": "/run/aesmd/aesm.socket"},
        {"upstream": "old.socket"},
        {"pki": "demo"},
        {"pki": "/root/demo"},
    ],
)
def test_what_would_not_work_in_a_unit_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^cannot make a unit: "):
        render("dcap", **fields)


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("/home", True),
        ("/home/me/confcom", True),
        ("/root/confcom", True),
        ("/var/tmp/x", True),  # noqa: S108 only looked at
        ("/run/user/0/x", True),
        ("/homes/confcom", False),
        ("/opt/confcom", False),
        ("/run/aesmd", False),
    ],
)
def test_homes_and_temporary_files_are_hidden(path: str, hidden: bool) -> None:
    assert is_hidden(path) is hidden


def test_it_is_printed_as_it_is_or_in_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["node", "aesm", "unit", "--program", PROGRAM]
    assert main(command) == ExitCode.YES
    out, err = capsys.readouterr()
    assert (out, err) == (render("dcap"), "")
    assert main([*command, "--output", "json"]) == ExitCode.YES
    document = json.loads(capsys.readouterr().out)
    assert document == {"schemaVersion": 1, "name": UNIT_NAME, "text": out}
    assert main([*command, "--output", "yaml"]) == ExitCode.YES
    assert YAML(typ="safe").load(capsys.readouterr().out) == document


def test_options_reach_the_unit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "quotes.service"
    command = ["node", "aesm", "unit", "--program", PROGRAM, "--out", str(file)]
    command += ["--backend", "simulated", "--pki", "/srv/demo", "--user", "quotes", "--drain", "9"]
    assert main([*command, "--socket", "/run/quotes/aesm.socket"]) == ExitCode.YES
    out, err = capsys.readouterr()
    assert out == ""
    assert "daemon-reload" in err
    service = parse(file.read_text(encoding="ascii"))["Service"]
    assert service["User"] == ["quotes"]
    assert service["RuntimeDirectory"] == ["quotes"]
    assert "--pki /srv/demo" in service["ExecStart"][0]
    assert main([*command, "--quiet"]) == ExitCode.YES
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "options",
    [
        ["--backend", "upstream"],
        ["--backend", "dcap", "--pki", "/srv/demo"],
        ["--backend", "simulated", "--pki", "/srv/demo", "--library", "x.so"],
        ["--upstream", "/run/old/aesm.socket"],
        ["--backend", "upstream", "--upstream", "/var/run/aesmd/aesm.socket"],
        ["--backend", "other"],
        ["--drain", "301"],
        ["--drain", "nan"],
        ["--user", "no body"],
        ["--out", "/nowhere/quotes.service"],
    ],
)
def test_mistakes_are_explained(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["node", "aesm", "unit", "--program", PROGRAM, *options])
    out, err = capsys.readouterr()
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith("error: ")


@pytest.mark.parametrize("name", ["confcom", "python", "no-such-program"])
def test_own_program_is_used_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    own = Path(sys.executable).parent / name
    is_usable = name == "confcom" and own.exists() and not is_hidden(str(own))
    monkeypatch.setattr(sys, "argv", [str(own)])
    assert main(["node", "aesm", "unit"]) == ExitCode.YES
    out, err = capsys.readouterr()
    wanted = str(own) if is_usable else "/usr/bin/confcom"
    assert f"ExecStart={wanted} serve quote-helper" in out
    assert ("--program" in err) is not is_usable
