# SPDX-License-Identifier: Apache-2.0
"""What the configuration of certificate providers means for verifying our own quotes.

The providers get certificates for the quoting enclave; Intel's and Azure's also fetch what
verifies quotes, and their addresses are those of services that our daemon can ask as well. What
an operator says in our own settings counts more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeVar

from confcom.protocols.quoting_conf.aesmd import AesmdConf, ProxyType
from confcom.protocols.quoting_conf.azure import BASE_NAME, BASE_TDX_NAME, AzureConf
from confcom.protocols.quoting_conf.notes import Note, Notebook, WebAddress
from confcom.protocols.quoting_conf.qcnl import QcnlConf

T = TypeVar("T")

DEFAULT: Final = "default"
"""The origin of what nobody has said."""
_INTEL_HOST: Final = "api.trustedservices.intel.com"
_KINDS: Final[Mapping[str, str]] = {
    _INTEL_HOST: "pcs",
    "global.acccache.azure.net": "azure",
    "169.254.169.254": "azure-agent",
}
_REGIONAL_HOST: Final = re.compile(r"[a-z0-9-]+\.thim\.azure\.[a-z]+")
_BASE: Final = re.compile(r"(?:/[!-~]*)?/sgx/certification")
_VERSIONED: Final = re.compile(r"(?:/[!-~]*)?/sgx/certification/v[34]")
_UPDATES: Final = ("standard", "early")


class Provider(StrEnum):
    """Whose certificate provider the quoting library loads."""

    INTEL = "intel"
    AZURE = "azure"


class Whose(StrEnum):
    """Whose configuration something is."""

    AESMD = "aesmd"
    QCNL = "qcnl"
    AZURE = "azure"


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """A value, and who has said so.

    Attributes:
        value: what counts.
        origin: file and line, variable or flag; `DEFAULT` where nobody has said anything.
    """

    value: T
    origin: str = DEFAULT

    @property
    def is_given(self) -> bool:
        """Whether somebody has said so."""
        return self.origin != DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralChoice:
    """Where what verifies our own quotes comes from.

    Attributes:
        sources: names of sources as our own setting has them, asked in this order.
        proxy: HTTP proxy for all of them, or None; never with credentials.
        update: which publication of TCB info is asked for, ``standard`` or ``early``.
        notes: what cannot be used or is not obeyed, and in whose configuration.
    """

    sources: Choice[tuple[str, ...]] = Choice(("pcs",))
    proxy: Choice[str | None] = Choice(None)
    update: Choice[str] = Choice("standard")
    notes: tuple[tuple[Whose, Note], ...] = ()


def provider_of(
    *, has_intel: bool, has_azure: bool, has_file: bool, has_variables: bool
) -> Provider | None:
    """Return whose configuration counts, or None where nobody's does.

    Args:
        has_intel: whether Intel's provider is installed; it wins over Azure's.
        has_azure: whether Azure's is.
        has_file: whether Intel's has a configuration file.
        has_variables: whether a variable of Azure's is set.
    """
    if has_intel or (has_file and not has_azure):
        return Provider.INTEL
    return Provider.AZURE if has_azure or has_variables else None


def choose_collateral(
    own: CollateralChoice,
    provider: Provider | None,
    aesmd: AesmdConf,
    qcnl: QcnlConf,
    azure: AzureConf,
    *,
    places: Mapping[Whose, str],
) -> CollateralChoice:
    """Return what counts: our own settings, then configuration of others, then the default.

    Whoever has named sources in our own settings has decided: nothing of others counts then.
    What of others cannot be used is noted and left out.

    Args:
        own: what our own settings say.
        provider: whose configuration counts.
        aesmd: of Intel's quoting service, which has the proxy.
        qcnl: of Intel's provider.
        azure: of Azure's provider.
        places: what each configuration is called in origins.
    """
    if own.sources.is_given:
        return own
    notebooks = {whose: Notebook() for whose in Whose}
    sources, update, proxy = own.sources, own.update, own.proxy
    if provider is Provider.INTEL:
        place, notebook = places[Whose.QCNL], notebooks[Whose.QCNL]
        sources = _intels_source(qcnl, place, notebook) or sources
        if not update.is_given:
            update = _intels_update(qcnl, place, notebook) or update
    elif provider is Provider.AZURE:
        place, notebook = places[Whose.AZURE], notebooks[Whose.AZURE]
        sources = _azures_sources(azure, place, notebook) or sources
    if not proxy.is_given:
        proxy = _proxy(aesmd, places[Whose.AESMD], notebooks[Whose.AESMD]) or proxy
    return CollateralChoice(
        sources=sources,
        proxy=proxy,
        update=update,
        notes=tuple((whose, note) for whose, book in notebooks.items() for note in book.notes()),
    )


def _intels_source(
    conf: QcnlConf, place: str, notebook: Notebook
) -> Choice[tuple[str, ...]] | None:
    # The provider asks the caching service for it where no other service is named.
    key = "collateral_service" if conf.collateral_service is not None else "pccs_url"
    address = conf.collateral_service or conf.pccs_url
    line = conf.given.get(key)
    if line is None:
        return None
    problem = _problem(address, _VERSIONED, "/sgx/certification/v4")
    if problem is not None:
        notebook.mistake(f"{key} cannot be used for verifying our own quotes: {problem}", line)
        return None
    if not conf.use_secure_cert and address.scheme == "https":
        notebook.warn(
            "use_secure_cert is false, which is not obeyed for verifying our own quotes: the TLS "
            f"certificate of {key} is checked; name its authority by the setting "
            "collateral.ca_file",
            conf.given.get("use_secure_cert"),
        )
    return Choice((f"{_kind_of(address)}:{_text(address)}",), f"{place} line {line} ({key})")


def _intels_update(conf: QcnlConf, place: str, notebook: Notebook) -> Choice[str] | None:
    key = "tcb_update_type"
    line = conf.given.get(key)
    if conf.tcb_update_type is None:
        return None
    if conf.tcb_update_type not in _UPDATES:
        notebook.mistake(f"{key} is neither standard nor early", line)
        return None
    return Choice(conf.tcb_update_type, f"{place} line {line} ({key})")


def _azures_sources(
    conf: AzureConf, place: str, notebook: Notebook
) -> Choice[tuple[str, ...]] | None:
    named: dict[str, str] = {}
    for kind, name, address, version in (
        ("azure", BASE_NAME, conf.base, conf.version),
        ("azure-regional", BASE_TDX_NAME, conf.base_tdx, conf.version_tdx),
    ):
        if address is None:
            continue
        problem = _problem(address, _BASE, "/sgx/certification", is_path_needed=True)
        if problem is None:
            named[name] = f"{kind}:{_text(address)}/{version}"
        else:
            notebook.mistake(f"{name} cannot be used for verifying our own quotes: {problem}")
    if not named:
        return None
    # Azure's client has a default for quotes of enclaves, and none for those of TDs.
    sources = [*named.values()] if BASE_NAME in named else ["azure", *named.values()]
    return Choice(tuple(sources), f"{place} {', '.join(named)}")


def _proxy(conf: AesmdConf, place: str, notebook: Notebook) -> Choice[str | None] | None:
    key = "aesm proxy"
    address, line = conf.aesm_proxy, conf.given.get(key)
    if conf.proxy_type is not ProxyType.MANUAL or address is None:
        return None
    if _has_more(address) or address.path != "/":
        notebook.mistake(
            f"{key!r} cannot be used for verifying our own quotes: it has more than host and port; "
            "set collateral.proxy, and collateral.proxy_credentials_file",
            line,
        )
        return None
    return Choice(_text(address), f"{place} line {line} ({key})")


def _problem(
    address: WebAddress, path: re.Pattern[str], end: str, *, is_path_needed: bool = False
) -> str | None:
    """Return why an address cannot be a source of collateral, or None."""
    if _has_more(address):
        return "credentials and a query have no place in it"
    if address.host == _INTEL_HOST and address.scheme != "https":
        return "Intel's service is asked by https only"
    bare = address.path.rstrip("/")
    is_fine = path.fullmatch(bare) if bare else not is_path_needed
    return None if is_fine else f"its path does not end in {end}"


def _has_more(address: WebAddress) -> bool:
    return "@" in address.text or "?" in address.text


def _kind_of(address: WebAddress) -> str:
    kind = _KINDS.get(address.host)
    if kind is None:
        kind = "azure-regional" if _REGIONAL_HOST.fullmatch(address.host) else "pccs"
    return kind


def _text(address: WebAddress) -> str:
    return str(address).rstrip("/")
