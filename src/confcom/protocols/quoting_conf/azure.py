# SPDX-License-Identifier: Apache-2.0
"""The environment of Azure's DCAP client, the certificate provider ``libdcap_quoteprov.so``.

Source: microsoft/Azure-DCAP-Client, ``src``. It has no file: all its settings are variables whose
names begin with ``AZDCAP_``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from confcom.protocols.quoting_conf.notes import (
    Note,
    Notebook,
    WebAddress,
    parse_address,
    shown_name,
)

PREFIX: Final = "AZDCAP_"
_PRIMARY: Final = WebAddress(
    "http",
    "169.254.169.254",
    80,
    "/metadata/THIM/sgx/certification",
    "http://169.254.169.254/metadata/THIM/sgx/certification",
)
_SECONDARY: Final = WebAddress(
    "https",
    "global.acccache.azure.net",
    443,
    "/sgx/certification",
    "https://global.acccache.azure.net/sgx/certification",
)
_LONGEST_EXPIRY_S: Final = 86_400
_LOG_LEVELS: Final = ("INFO", "WARNING", "ERROR")
_TAKEN_AS_THEY_ARE: Final = frozenset(
    {
        "AZDCAP_CACHE",
        "AZDCAP_CLIENT_ID",
        "AZDCAP_DISABLE_ONDEMAND",
        "AZDCAP_WRITE_LOGS_TO_FILE",
    }
)
_PRIMARY_NAME: Final = "AZDCAP_PRIMARY_BASE_CERT_URL"
_SECONDARY_NAME: Final = "AZDCAP_SECONDARY_BASE_CERT_URL"
BASE_NAME: Final = "AZDCAP_BASE_CERT_URL"
BASE_TDX_NAME: Final = "AZDCAP_BASE_CERT_URL_TDX"
_VERSION_NAME: Final = "AZDCAP_COLLATERAL_VERSION"
_VERSION_TDX_NAME: Final = "AZDCAP_COLLATERAL_VERSION_TDX"
_REGION_NAME: Final = "AZDCAP_REGION_URL"
_ADDRESSES: Final = (_PRIMARY_NAME, _SECONDARY_NAME, BASE_NAME, BASE_TDX_NAME)
_VERSIONS: Final = {_VERSION_NAME: ("v3", "v4"), _VERSION_TDX_NAME: ("v4",)}
_VERSION: Final = "v4"
_BYPASS: Final = "AZDCAP_BYPASS_BASE_URL"
_EXPIRY: Final = "AZDCAP_CACHE_EXPIRY_IN_SECONDS"
_LOG_LEVEL: Final = "AZDCAP_DEBUG_LOG_LEVEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureConf:
    """What the environment says; the client's defaults where it says nothing.

    Attributes:
        primary: the agent of the host, asked first.
        secondary: asked where agent and cache have no answer.
        bypasses_agent: whether the agent is left out.
        base: asked for what verifies quotes of enclaves; None where it is not given.
        base_tdx: likewise for quotes of TDs.
        version: of the interface that serves what verifies quotes of enclaves.
        version_tdx: likewise for quotes of TDs.
        is_given: whether any of the client's variables is set.
        notes: mistakes, and what has no meaning for our daemon.
    """

    primary: WebAddress = _PRIMARY
    secondary: WebAddress = _SECONDARY
    bypasses_agent: bool = False
    base: WebAddress | None = None
    base_tdx: WebAddress | None = None
    version: str = _VERSION
    version_tdx: str = _VERSION
    is_given: bool = False
    notes: tuple[Note, ...] = ()


def read_azure_conf(environ: Mapping[str, str]) -> AzureConf:
    """Read the client's variables; what is wrong with them is in the notes, all of it.

    Args:
        environ: an environment; only names that begin with ``AZDCAP_`` are looked at.
    """
    notebook = Notebook()
    given = {name: environ[name] for name in sorted(environ) if name.startswith(PREFIX)}
    addresses: dict[str, WebAddress] = {}
    versions: dict[str, str] = {}
    for name, value in given.items():
        if name in _ADDRESSES:
            address = parse_address(value)
            if address is not None:
                addresses[name] = address
            elif value:  # an empty one stands for the default
                notebook.mistake(f"{name} is no http or https address")
        elif name in _VERSIONS:
            _take_version(name, value, versions, notebook)
        elif name == _EXPIRY:
            _check_expiry(value, notebook)
        elif name == _LOG_LEVEL and value not in _LOG_LEVELS:
            notebook.mistake(f"{name} is none of {', '.join(_LOG_LEVELS)}, so nothing is logged")
        elif name == _REGION_NAME:
            notebook.warn(f"{name} has no meaning here: nobody is asked for the region")
        elif name not in _TAKEN_AS_THEY_ARE and name not in {_BYPASS, _LOG_LEVEL}:
            notebook.warn(f"{shown_name(name)} is no variable that Azure's client knows")
    for version, base in ((_VERSION_NAME, BASE_NAME), (_VERSION_TDX_NAME, BASE_TDX_NAME)):
        if version in versions and base not in addresses:
            notebook.warn(f"{version} has no meaning here without {base}")
    return AzureConf(
        primary=addresses.get(_PRIMARY_NAME, _PRIMARY),
        secondary=addresses.get(_SECONDARY_NAME, _SECONDARY),
        bypasses_agent=given.get(_BYPASS, "false") != "false",
        base=addresses.get(BASE_NAME),
        base_tdx=addresses.get(BASE_TDX_NAME),
        version=versions.get(_VERSION_NAME, _VERSION),
        version_tdx=versions.get(_VERSION_TDX_NAME, _VERSION),
        is_given=bool(given),
        notes=notebook.notes(),
    )


def _take_version(name: str, value: str, found: dict[str, str], notebook: Notebook) -> None:
    possible = _VERSIONS[name]
    if value in possible:
        found[name] = value
    elif value:
        notebook.mistake(f"{name} is not {' or '.join(possible)}, so it is {_VERSION}")


def _check_expiry(value: str, notebook: Notebook) -> None:
    is_number = value.isascii() and value.isdigit() and len(value) < 12
    if not is_number or int(value) > _LONGEST_EXPIRY_S:
        notebook.mistake(f"{_EXPIRY} is no whole number from 0 to {_LONGEST_EXPIRY_S}")
