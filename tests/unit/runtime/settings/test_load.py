# SPDX-License-Identifier: Apache-2.0
"""Settings come from four places, in order, and every mistake is reported with its origin."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from confcom.errors import MisconfiguredError
from confcom.reasons import Reason
from confcom.runtime.settings import (
    ApiVersion,
    ColorMode,
    Effective,
    Flag,
    Layer,
    LogLevel,
    Settings,
    TcbUpdate,
    load,
)
from confcom.runtime.settings.load import default_cache_dir


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "confcom.toml"
    file.write_text(text, encoding="utf-8")
    return file


def loaded(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Iterable[Flag] = (),
    nowhere: Path = Path("/nonexistent/confcom.toml"),
) -> Effective:
    return load(environ=environ or {}, config=file, flags=flags, default_file=nowhere)


def refusal(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Iterable[Flag] = (),
) -> str:
    with pytest.raises(MisconfiguredError) as caught:
        loaded(file, environ=environ, flags=flags)
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert caught.value.hint
    return caught.value.message


def test_defaults_need_neither_file_nor_environment() -> None:
    effective = loaded(environ={"HOME": "/home/somebody", "XDG_CACHE_HOME": "/cache"})
    assert effective.settings.log == Settings().log
    assert effective.settings.trust == Settings().trust
    assert {origin.layer for origin in effective.origins.values()} == {Layer.DEFAULT}
    assert effective.settings.collateral.clock_allowance_s == 300


def test_file_beats_default(tmp_path: Path) -> None:
    file = write(tmp_path, "version = 1\n[collateral]\nretries = 7\nupdate = 'early'\n")
    effective = loaded(file)
    assert effective.settings.collateral.retries == 7
    assert effective.settings.collateral.update is TcbUpdate.EARLY
    assert str(effective.origins["collateral.retries"]) == f"file {file} line 3"


def test_environment_beats_file_and_flag_beats_environment(tmp_path: Path) -> None:
    file = write(tmp_path, "version = 1\n[collateral]\nretries = 7\ntimeout_s = 1\noffline = true")
    effective = loaded(
        file,
        environ={"CONFCOM_COLLATERAL__RETRIES": "8", "CONFCOM_COLLATERAL__TIMEOUT_S": "2.5"},
        flags=[Flag("collateral.retries", "--retries", "9"), Flag("log.level", "--log", None)],
    )
    assert effective.settings.collateral.retries == 9
    assert effective.settings.collateral.timeout_s == 2.5
    assert effective.settings.collateral.offline is True
    assert str(effective.origins["collateral.retries"]) == "flag --retries"
    assert str(effective.origins["collateral.timeout_s"]) == "env CONFCOM_COLLATERAL__TIMEOUT_S"
    assert str(effective.origins["log.level"]) == "default"


def test_nested_groups_are_reached_from_file_and_environment(tmp_path: Path) -> None:
    file = write(tmp_path, "version = 1\n[collateral.azure]\nregion = 'westeurope'\n")
    effective = loaded(
        file, environ={"CONFCOM_COLLATERAL__AZURE__GLOBAL_URL": "https://cache.example"}
    )
    assert effective.settings.collateral.azure.region == "westeurope"
    assert effective.settings.collateral.azure.global_url == "https://cache.example"
    assert effective.origins["collateral.azure.region"].line == 3


def test_every_kind_of_value_is_read_from_text() -> None:
    effective = loaded(
        environ={
            "CONFCOM_LOG__LEVEL": "debug",
            "CONFCOM_COLLATERAL__SOURCES": "file:/srv/answers, pccs:https://cache:8081 ,pcs",
            "CONFCOM_COLLATERAL__CACHE_DIR": "/srv/cache",
            "CONFCOM_COLLATERAL__OFFLINE": "Yes",
            "CONFCOM_COLLATERAL__ALLOW_ROLLBACK": "0",
            "CONFCOM_COLLATERAL__API_VERSION": "v3",
            "CONFCOM_COLLATERAL__MAX_AGE_S": "0",
            "CONFCOM_COLLATERAL__CA_FILE": "",
            "CONFCOM_OUTPUT__COLOR": "never",
        }
    )
    collateral = effective.settings.collateral
    assert effective.settings.log.level is LogLevel.DEBUG
    assert effective.settings.output.color is ColorMode.NEVER
    assert collateral.sources == ("file:/srv/answers", "pccs:https://cache:8081", "pcs")
    assert collateral.cache_dir == Path("/srv/cache")
    assert (collateral.offline, collateral.allow_rollback) == (True, False)
    assert collateral.api_version is ApiVersion.V3
    assert collateral.max_age_s == 0
    assert collateral.ca_file is None


def test_flags_may_bring_values_already_parsed() -> None:
    effective = loaded(
        flags=[
            Flag("trust.root", "--root", (Path("a.pem"), "b.pem")),
            Flag("trust.allow_simulated", "--allow-simulated", True),
        ]
    )
    assert effective.settings.trust.root == (Path("a.pem"), Path("b.pem"))
    assert effective.settings.trust.allow_simulated is True


def test_a_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, "version = 1\nlog.level = 'error'\n")
    effective = loaded(environ={"CONFCOM_CONFIG": str(file)})
    assert effective.settings.log.level is LogLevel.ERROR
    assert effective.origins["log.level"].line == 2


def test_the_default_file_is_read_when_it_is_there(tmp_path: Path) -> None:
    file = write(tmp_path, "version = 1\n[log]\nlevel = 'error'\n")
    assert loaded(nowhere=file).settings.log.level is LogLevel.ERROR


@pytest.mark.parametrize(
    ("is_root", "environ", "expected"),
    [
        (True, {"HOME": "/root", "XDG_CACHE_HOME": "/x"}, "/var/cache/confcom"),
        (False, {"HOME": "/home/a", "XDG_CACHE_HOME": "/x"}, "/x/confcom"),
        (False, {"HOME": "/home/a", "XDG_CACHE_HOME": "relative"}, "/home/a/.cache/confcom"),
        (False, {"HOME": "/home/a", "XDG_CACHE_HOME": ""}, "/home/a/.cache/confcom"),
        (False, {}, "/.cache/confcom"),
    ],
)
def test_cache_folder_follows_the_user(
    is_root: bool, environ: dict[str, str], expected: str
) -> None:
    assert str(default_cache_dir(environ, is_root=is_root)) == expected


# --- refusals ---


def test_all_mistakes_are_reported_at_once_with_their_origins(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "version = 1\n\n[collateral]\nretires = 3\ntimeout_s = 'soon'\n[logs]\nlevel = 'info'\n",
    )
    message = refusal(
        file,
        environ={"CONFCOM_COLLATERAL__RETRIES": "many", "CONFCOM_LOG__LEVLE": "info"},
        flags=[Flag("output.color", "--color", "sometimes")],
    )
    assert message.splitlines() == [
        "cannot use the settings, 6 mistakes:",
        f"  file {file} line 4: unknown key collateral.retires;"
        " the nearest known key is collateral.retries",
        f"  file {file} line 5: collateral.timeout_s:"
        " expected a number from 0.1 to 600 seconds, found 'soon'",
        f"  file {file} line 6: unknown key logs; the nearest known key is log",
        "  env CONFCOM_COLLATERAL__RETRIES: collateral.retries:"
        " expected a whole number from 0 to 20 requests, found 'many'",
        "  env CONFCOM_LOG__LEVLE: unknown variable CONFCOM_LOG__LEVLE;"
        " the nearest known variable is CONFCOM_LOG__LEVEL",
        "  flag --color: output.color: expected one of auto, always, never, found 'sometimes'",
    ]


def test_a_wrong_value_is_refused_even_where_a_stronger_one_replaces_it(tmp_path: Path) -> None:
    file = write(tmp_path, "version = 1\n[log]\nlevel = 'loud'\n")
    assert "found 'loud'" in refusal(file, environ={"CONFCOM_LOG__LEVEL": "info"})


def test_a_key_outside_its_group_is_found_by_its_last_part(tmp_path: Path) -> None:
    file = write(tmp_path, "version = 1\nretries = 3\n")
    assert "line 2: unknown key retries; the nearest known key is collateral.retries" in refusal(
        file
    )


@pytest.mark.parametrize(
    ("variable", "raw", "expected"),
    [
        ("COLLATERAL__RETRIES", "-1", "from 0 to 20 requests, found '-1'"),
        ("COLLATERAL__RETRIES", "21", "from 0 to 20 requests, found '21'"),
        ("COLLATERAL__RETRIES", "3.5", "expected a whole number"),
        ("COLLATERAL__RETRIES", "9" * 5000, "expected a whole number"),
        ("COLLATERAL__RETRIES", "٣", "expected a whole number"),
        ("COLLATERAL__RETRIES", "", "expected a whole number"),
        ("COLLATERAL__TIMEOUT_S", "nan", "expected a number from 0.1 to 600 seconds"),
        ("COLLATERAL__TIMEOUT_S", "inf", "expected a number"),
        ("COLLATERAL__TIMEOUT_S", "0", "expected a number"),
        ("COLLATERAL__OFFLINE", "maybe", "expected true or false, found 'maybe'"),
        ("COLLATERAL__OFFLINE", "", "expected true or false"),
        ("COLLATERAL__CACHE_DIR", "", "expected a path"),
        ("COLLATERAL__PCS_URL", "", "expected text"),
        ("COLLATERAL__PCS_URL", "ftp://host", "starts with https:// or http://"),
        ("COLLATERAL__PCS_URL", "host.example", "starts with https:// or http://"),
        ("COLLATERAL__PCS_URL", "https://", "expected a host name"),
        ("COLLATERAL__PCS_URL", "https://:8081", "expected a host name"),
        ("COLLATERAL__PCS_URL", "https://a b", "expected a host name"),
        ("COLLATERAL__PCS_URL", "https://host/?x=1", "without ? and #"),
        ("COLLATERAL__SOURCES", "psc", "expected pcs, pccs, azure"),
        ("COLLATERAL__SOURCES", "pcs,file:", "expected a folder or bundle after file:"),
        ("COLLATERAL__SOURCES", "pccs:cache", "starts with https:// or http://"),
        ("COLLATERAL__AZURE__REGION", "evil.example/", "expected small letters and digits"),
        ("LOG__LEVEL", "INFO", "expected one of debug, info, warning, error, found 'INFO'"),
        ("LOG__LEVEL", "\x1b[31mred", r"found '\x1b[31mred'"),
    ],
)
def test_refuses_environment_value(variable: str, raw: str, expected: str) -> None:
    message = refusal(environ={f"CONFCOM_{variable}": raw})
    assert f"env CONFCOM_{variable}: " in message
    assert expected in message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("collateral.retries = true", "expected a whole number"),
        ("collateral.retries = 1.0", "expected a whole number"),
        ("collateral.timeout_s = true", "expected a number"),
        ("collateral.timeout_s = []", "expected a number"),
        ("collateral.offline = 1", "expected true or false, found 1"),
        ("collateral.sources = {}", "expected a list, found a group"),
        ("collateral.sources = [1]", "expected text, found 1"),
        ("collateral.cache_dir = 5", "expected a path, found 5"),
        ('collateral.cache_dir = "a\\u0000b"', "expected a path"),
        ("log.level = 5", "expected one of debug, info, warning, error, found 5"),
        ("log = 5", "log is a group of settings; write [log] above its keys"),
        ("log.level.min = 5", "expected one of debug, info, warning, error, found a group"),
        ("zzzzzz = 5", "unknown key zzzzzz"),
        ("collateral = { retries = 'x' }", "collateral.retries: expected a whole number"),
    ],
)
def test_refuses_file_value(tmp_path: Path, line: str, expected: str) -> None:
    message = refusal(write(tmp_path, f"version = 1\n{line}\n"))
    assert "line 2: " in message
    assert expected in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the key version is missing; write: version = 1"),
        ("version = 2\n", "line 1: expected version 1, found 2"),
        ("version = true\n", "expected version 1, found True"),
        ("version = '1'\n", "expected version 1, found '1'"),
        ("version = 1\nlog = {\n", "it is not TOML: "),
        ("x = " + "[" * 100_000, "it is not TOML: "),
        ("version = 1\n" + "#" * 1024 * 1024, "it is larger than 1048576 bytes"),
    ],
)
def test_refuses_file(tmp_path: Path, text: str, expected: str) -> None:
    file = write(tmp_path, text)
    message = refusal(file)
    assert f"file {file}" in message
    assert expected in message


def test_refuses_a_file_that_is_not_text(tmp_path: Path) -> None:
    file = tmp_path / "binary.toml"
    file.write_bytes(b"version = 1\n\xff")
    assert "it is not UTF-8 text: byte 12 is 0xff" in refusal(file)


def test_refuses_a_named_file_that_is_missing_or_a_folder(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "missing.toml")
    assert "there is no such file" in refusal(environ={"CONFCOM_CONFIG": str(tmp_path / "x")})
    assert "cannot read it: Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("key", "variable"),
    [("trust.root", "TRUST__ROOT"), ("trust.allow_simulated", "TRUST__ALLOW_SIMULATED")],
)
def test_simulated_trust_comes_from_flags_only(tmp_path: Path, key: str, variable: str) -> None:
    flag = "--" + key.partition(".")[2].replace("_", "-")
    value = "true" if "allow" in key else "['a.pem']"
    expected = f"{key}: only the flag {flag} can set this"
    assert expected in refusal(write(tmp_path, f"version = 1\n{key} = {value}\n"))
    assert expected in refusal(environ={f"CONFCOM_{variable}": "true"})


def test_credentials_in_an_address_are_refused_and_not_repeated(tmp_path: Path) -> None:
    for key in ("proxy", "pcs_url", "pccs_url", "azure.global_url"):
        raw = "https://user:hunter2@proxy.example:3128"  # pragma: allowlist secret
        file = write(tmp_path, f'version = 1\ncollateral.{key} = "{raw}"\n')
        message = refusal(file)
        assert "credentials do not belong into an address" in message
        assert "hunter2" not in message
    message = refusal(environ={"CONFCOM_COLLATERAL__SOURCES": "pccs:https://u:hunter2@host"})
    assert "hunter2" not in message


def test_variables_that_kubernetes_adds_for_our_services_are_passed_over() -> None:
    loaded(
        environ={
            "CONFCOM_VERIFIER_SERVICE_HOST": "10.0.0.1",
            "CONFCOM_VERIFIER_SERVICE_PORT": "443",
            "CONFCOM_VERIFIER_SERVICE_PORT_HTTPS": "443",
            "CONFCOM_VERIFIER_PORT": "tcp://10.0.0.1:443",
            "CONFCOM_VERIFIER_PORT_443_TCP": "tcp://10.0.0.1:443",
            "CONFCOM_VERIFIER_PORT_443_TCP_ADDR": "10.0.0.1",
            "CONFCOM_SERVICE_HOST": "10.0.0.1",
            "CONFCOM_PORT": "tcp://10.0.0.1:443",
            "CONFCOM_VECTORS": "/srv/vectors",
            "CONFCOM_REQUIRE_VECTORS": "1",
            "confcom_log__level": "not ours: variables are in capitals",
            "OTHER": "x",
        }
    )


@pytest.mark.parametrize("name", ["CONFCOM_RETRIES", "CONFCOM_", "CONFCOM_LOG_LEVEL"])
def test_other_variables_with_our_prefix_are_mistakes(name: str) -> None:
    assert f"env {name}: unknown variable {name}" in refusal(environ={name: "x"})


def test_plain_values_can_be_written_as_json() -> None:
    plain = loaded(environ={"HOME": "/h"}).plain()
    assert plain["collateral.sources"] == ["pcs"]
    assert plain["collateral.proxy"] is None
    assert plain["collateral.timeout_s"] == 30.0
    assert plain["log.level"] == "warning"
    assert type(plain["log.level"]) is str
