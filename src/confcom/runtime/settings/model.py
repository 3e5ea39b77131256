# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF009 - `setting` only makes a dataclass field
"""The settings of the program ``confcom``: one frozen model with a group for each concern.

Everything a person needs to know about a setting stands here once: the reference page, the
messages about mistakes and the flags are made from it.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from confcom.runtime.settings.spec import setting


class LogLevel(StrEnum):
    """The least urgent events that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How one event is written."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class ApiVersion(StrEnum):
    """Version of the certification API of PCS and PCCS."""

    V4 = "v4"
    V3 = "v3"


class TcbUpdate(StrEnum):
    """Which of Intel's two TCB publications is asked for."""

    STANDARD = "standard"
    EARLY = "early"


class OutputFormat(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class ColorMode(StrEnum):
    """When results are coloured."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def check_url(text: str) -> str | None:
    """Return what is wrong with the address of a web service, or None."""
    scheme, separator, rest = text.partition("://")
    host, _, path = rest.partition("/")
    if not separator or scheme.lower() not in {"http", "https"}:
        return "expected an address that starts with https:// or http://"
    if "@" in rest:
        return "credentials do not belong into an address; keep them in a file"
    if not host or host.startswith(":") or any(char.isspace() for char in text):
        return "expected a host name after https:// or http://"
    return "expected an address without ? and #" if {"?", "#"} & {*path, *host} else None


def check_source(text: str) -> str | None:
    """Return what is wrong with the name of a collateral source, or None."""
    kind, separator, rest = text.partition(":")
    if kind == "file":
        return None if rest else "expected a folder or bundle after file:"
    if kind not in {"pcs", "pccs", "azure"}:
        return "expected pcs, pccs, azure, pcs:URL, pccs:URL, azure:URL or file:PATH"
    return check_url(rest) if separator else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What the program says about its own doing, on standard error."""

    level: LogLevel = setting(
        LogLevel.WARNING,
        "The least urgent events that are written. A command's result is not an event, so "
        "the default shows only what somebody should look at.",
    )
    format: LogFormat = setting(
        LogFormat.AUTO,
        "`json` is one object a line, `text` is for reading; `auto` is `text` on a terminal "
        "and `json` elsewhere.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """Hosts and API versions of Azure's collateral services; national clouds have others."""

    global_url: str = setting(
        "https://global.acccache.azure.net",
        "The public cache, reachable from everywhere.",
        check=check_url,
    )
    global_api_version: str = setting(
        "2018-10-01-preview", "The `api-version` sent to the public cache."
    )
    client_id: str = setting(
        "production_client", "The `clientid` that the public cache asks for; any name works."
    )
    region: str | None = setting(
        None, "Azure region of the regional cache, such as `westeurope`. Unset: it is not asked."
    )
    regional_url: str = setting(
        "https://{region}.thim.azure.net",
        "The regional cache, which has TDX documents; `{region}` becomes the region.",
        check=check_url,
    )
    regional_api_version: str = setting(
        "2018-10-01-preview", "The `api-version` sent to the regional cache."
    )
    host_agent_url: str = setting(
        "http://169.254.169.254/metadata/THIM",
        "The host agent, inside Azure virtual machines only; link-local, so plain HTTP.",
        check=check_url,
    )
    host_agent_api_version: str = setting(
        "2021-07-22-preview", "The `api-version` sent to the host agent."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralSettings:
    """Where collateral comes from: TCB Info, identities, revocation lists and their chains."""

    sources: tuple[str, ...] = setting(
        ("pcs",),
        "Sources in the order in which they are asked: `pcs` (Intel), `pccs` (a caching "
        "service, by default on this machine), `azure`, each with `:URL` for another host, or "
        "`file:PATH` (a folder of raw answers or a bundle).",
        check=check_source,
    )
    cache_dir: Path = setting(
        Path("/var/cache/confcom"),
        "Folder of the documents kept between runs. They are verified again when read.",
        default_text="`/var/cache/confcom` for root, otherwise `$XDG_CACHE_HOME/confcom` or "
        "`~/.cache/confcom`",
    )
    api_version: ApiVersion = setting(
        ApiVersion.V4,
        "Version of the certification API. `v3` has no TDX and is for old caching services.",
    )
    timeout_s: float = setting(
        10.0,
        "Longest time for one request, connection included.",
        unit="seconds",
        minimum=0.1,
        maximum=600,
    )
    retries: int = setting(
        3,
        "How often a failed request is repeated before the next source is asked; the pauses "
        "grow, with jitter, and obey Retry-After.",
        unit="requests",
        minimum=0,
        maximum=20,
    )
    proxy: str | None = setting(
        None, "HTTP proxy for all sources. Unset: none is used.", check=check_url
    )
    proxy_credentials_file: Path | None = setting(
        None, "File with `user:password` for the proxy, in one line."
    )
    ca_file: Path | None = setting(
        None,
        "PEM file of the authorities trusted for TLS instead of the system's, for a caching "
        "service with a private certificate.",
    )
    max_age_s: int = setting(
        86_400,
        "A kept document older than this is asked for again, even when it is still valid; "
        "0 asks every time. A day notices new TCB Info soon without burdening the service.",
        unit="seconds",
        minimum=0,
        maximum=31_536_000,
    )
    offline: bool = setting(False, "Never use the network: only `file:` sources and the cache.")
    pcs_url: str = setting(
        "https://api.trustedservices.intel.com",
        "Host of Intel's Provisioning Certification Service, or of a mirror.",
        check=check_url,
    )
    pcs_root_crl_url: str = setting(
        "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
        "Where the revocation list of Intel's root is.",
        check=check_url,
    )
    pccs_url: str = setting(
        "https://localhost:8081", "Host of the source `pccs` when it has no URL.", check=check_url
    )
    update: TcbUpdate = setting(
        TcbUpdate.STANDARD,
        "Which publication of TCB Info and identities is asked for. `early` is the newest; "
        "`standard` follows months later, when fleets have had time to update.",
    )
    allow_rollback: bool = setting(
        False,
        "Accept a document older than the one kept. Needed once after going from `early` back "
        "to `standard`; otherwise it lets a source hide a recovery.",
    )
    clock_allowance_s: int = setting(
        300,
        "How far this machine's clock may be behind the one that dated a document.",
        unit="seconds",
        minimum=0,
        maximum=86_400,
    )
    azure: AzureSettings = AzureSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """How results look."""

    format: OutputFormat = setting(
        OutputFormat.TABLE, "Format of results for commands that offer it; the flag `--output`."
    )
    color: ColorMode = setting(
        ColorMode.AUTO,
        "Colour in tables. `auto` colours on a terminal unless `NO_COLOR` or `TERM=dumb` is set.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSettings:
    """Whom evidence is checked against. Only flags decide, so that it shows in the command."""

    root: tuple[Path, ...] = setting(
        (),
        "PEM files of root certificates trusted instead of Intel's.",
        flag_only=True,
    )
    allow_simulated: bool = setting(
        False, "Accept evidence under a simulated root that is also named.", flag_only=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the program."""

    log: LogSettings = LogSettings()
    collateral: CollateralSettings = CollateralSettings()
    output: OutputSettings = OutputSettings()
    trust: TrustSettings = TrustSettings()
