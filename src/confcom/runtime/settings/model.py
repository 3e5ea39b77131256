# SPDX-License-Identifier: Apache-2.0
"""The settings of the program ``confcom``: one frozen model with a group for each concern.

The groups are named tuples, not dataclasses, because every command makes them when it starts
and named tuples are made nine times faster.

Everything a person needs to know about a setting stands here once: the reference page, the
messages about mistakes and the flags are made from it.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

from confcom.runtime.settings.spec import Spec


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


SERVICES = ("pcs", "pccs", "azure", "azure-regional", "azure-agent")


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


def check_region(text: str) -> str | None:
    """Return what is wrong with the name of a cloud region, or None."""
    # It becomes part of a host name: nothing but a label may pass.
    plain = text.isascii() and text.isalnum() and text == text.lower()
    return None if plain else "expected small letters and digits"


def check_source(text: str) -> str | None:
    """Return what is wrong with the name of a collateral source, or None."""
    kind, separator, rest = text.partition(":")
    if kind == "file":
        return None if rest else "expected a folder or bundle after file:"
    if kind not in SERVICES:
        return f"expected {', '.join(SERVICES)}, one of them with :URL, or file:PATH"
    return check_url(rest) if separator else None


class LogSettings(NamedTuple):
    """What the program says about its own doing, on standard error."""

    level: Annotated[
        LogLevel,
        Spec(
            "The least urgent events that are written. A command's result is not an event, so "
            "the default shows only what somebody should look at."
        ),
    ] = LogLevel.WARNING
    format: Annotated[
        LogFormat,
        Spec(
            "`json` is one object a line, `text` is for reading; `auto` is `text` on a terminal "
            "and `json` elsewhere."
        ),
    ] = LogFormat.AUTO


class AzureSettings(NamedTuple):
    """Hosts and API versions of Azure's collateral services; national clouds have others."""

    global_url: Annotated[
        str, Spec("The public cache, reachable from everywhere.", check=check_url)
    ] = "https://global.acccache.azure.net"
    global_api_version: Annotated[str, Spec("The `api-version` sent to the public cache.")] = (
        "2018-10-01-preview"
    )
    client_id: Annotated[
        str, Spec("The `clientid` that the public cache asks for; any name works.")
    ] = "production_client"
    region: Annotated[
        str | None,
        Spec(
            "Azure region of the regional cache, such as `westeurope`. Unset: it is not asked.",
            check=check_region,
        ),
    ] = None
    regional_url: Annotated[
        str,
        Spec(
            "The regional cache, which has TDX documents; `{region}` becomes the region.",
            check=check_url,
        ),
    ] = "https://{region}.thim.azure.net"
    regional_api_version: Annotated[
        str | None, Spec("The `api-version` sent to the regional cache. Unset: none is sent.")
    ] = None
    host_agent_url: Annotated[
        str,
        Spec(
            "The host agent, inside Azure virtual machines only; link-local, so plain HTTP.",
            check=check_url,
        ),
    ] = "http://169.254.169.254/metadata/THIM"
    host_agent_api_version: Annotated[str, Spec("The `api-version` sent to the host agent.")] = (
        "2021-07-22-preview"
    )


class CollateralSettings(NamedTuple):
    """Where collateral comes from: TCB Info, identities, revocation lists and their chains."""

    sources: Annotated[
        tuple[str, ...],
        Spec(
            "Sources in the order in which they are asked: `pcs` (Intel), `pccs` (a caching "
            "service), `azure` (the public cache), `azure-regional`, `azure-agent` (inside Azure "
            "virtual machines), each with `:URL` for another host, or `file:PATH` (a folder of "
            "raw answers or a bundle).",
            check=check_source,
        ),
    ] = ("pcs",)
    cache_dir: Annotated[
        Path,
        Spec(
            "Folder of the documents kept between runs. They are verified again when read.",
            default_text="`/var/cache/confcom` for root, otherwise `$XDG_CACHE_HOME/confcom` or "
            "`~/.cache/confcom`",
        ),
    ] = Path("/var/cache/confcom")
    api_version: Annotated[
        ApiVersion,
        Spec("Version of the certification API. `v3` has no TDX and is for old caching services."),
    ] = ApiVersion.V4
    timeout_s: Annotated[
        float,
        Spec(
            "Longest time for one document from one source, repeated requests and pauses "
            "included; then the next source is asked.",
            unit="seconds",
            bounds=(0.1, 600),
        ),
    ] = 30.0
    retries: Annotated[
        int,
        Spec(
            "How often a failed request is repeated before the next source is asked; the pauses "
            "grow, with jitter, and obey Retry-After.",
            unit="requests",
            bounds=(0, 20),
        ),
    ] = 3
    proxy: Annotated[
        str | None, Spec("HTTP proxy for all sources. Unset: none is used.", check=check_url)
    ] = None
    proxy_credentials_file: Annotated[
        Path | None, Spec("File with `user:password` for the proxy, in one line.")
    ] = None
    ca_file: Annotated[
        Path | None,
        Spec(
            "PEM file of authorities trusted for TLS besides the system's, for a caching "
            "service with a private certificate."
        ),
    ] = None
    max_age_s: Annotated[
        int,
        Spec(
            "A kept document older than this is asked for again, even when it is still valid; "
            "0 asks every time. A day notices new TCB Info soon without burdening the service.",
            unit="seconds",
            bounds=(0, 31_536_000),
        ),
    ] = 86_400
    offline: Annotated[bool, Spec("Never use the network: only `file:` sources and the cache.")] = (
        False
    )
    pcs_url: Annotated[
        str,
        Spec(
            "Host of Intel's Provisioning Certification Service, or of a mirror.", check=check_url
        ),
    ] = "https://api.trustedservices.intel.com"
    pcs_subscription_key_file: Annotated[
        Path | None,
        Spec("File with the subscription key that Intel's service wants for PCK certificates."),
    ] = None
    pcs_root_crl_url: Annotated[
        str, Spec("Where the revocation list of Intel's root is.", check=check_url)
    ] = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
    pccs_url: Annotated[
        str, Spec("Host of the source `pccs` when it has no URL.", check=check_url)
    ] = "https://localhost:8081"
    update: Annotated[
        TcbUpdate,
        Spec(
            "Which publication of TCB Info and identities is asked for. `early` is the newest; "
            "`standard` follows months later, when fleets have had time to update."
        ),
    ] = TcbUpdate.STANDARD
    allow_rollback: Annotated[
        bool,
        Spec(
            "Accept a document older than the one kept. Needed once after going from `early` back "
            "to `standard`; otherwise it lets a source hide a recovery."
        ),
    ] = False
    clock_allowance_s: Annotated[
        int,
        Spec(
            "How far this machine's clock may be behind the one that dated a document.",
            unit="seconds",
            bounds=(0, 86_400),
        ),
    ] = 300
    azure: AzureSettings = AzureSettings()


class EvidenceSettings(NamedTuple):
    """Where evidence comes from on this machine."""

    configfs_dir: Annotated[
        Path,
        Spec(
            "Folder in which the kernel of a confidential guest shows configfs-tsm. A container "
            "may have it elsewhere."
        ),
    ] = Path("/sys/kernel/config/tsm/report")


class OutputSettings(NamedTuple):
    """How results look."""

    format: Annotated[
        OutputFormat, Spec("Format of results for commands that offer it; the flag `--output`.")
    ] = OutputFormat.TABLE
    color: Annotated[
        ColorMode,
        Spec("Colour in tables. `auto`: on a terminal, unless `NO_COLOR` or `TERM=dumb` is set."),
    ] = ColorMode.AUTO


class TrustSettings(NamedTuple):
    """Whom evidence is checked against. Only flags decide, so that it shows in the command."""

    root: Annotated[
        tuple[Path, ...],
        Spec("PEM files of root certificates trusted instead of Intel's.", flag_only=True),
    ] = ()
    allow_simulated: Annotated[
        bool, Spec("Accept evidence under a simulated root that is also named.", flag_only=True)
    ] = False


class Settings(NamedTuple):
    """All settings of the program."""

    log: LogSettings = LogSettings()
    collateral: CollateralSettings = CollateralSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    output: OutputSettings = OutputSettings()
    trust: TrustSettings = TrustSettings()
