# SPDX-License-Identifier: Apache-2.0
"""The names of sources, as settings and flags write them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from confcom.adapters.collateral.addresses import Base
from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

_INTEL_HOST: Final = "api.trustedservices.intel.com"
_AGENT_HOST: Final = "169.254.169.254"
_AZURE_GLOBAL_HOST: Final = "global.acccache.azure.net"
_AZURE_REGIONAL_HOST: Final = re.compile(r"[a-z0-9-]+\.thim\.azure\.[a-z]+")


class SourceKind(StrEnum):
    """Kinds of sources by name."""

    PCS = "pcs"
    PCCS = "pccs"
    AZURE = "azure"
    AZURE_REGIONAL = "azure-regional"
    AZURE_AGENT = "azure-agent"
    FILE = "file"


_SERVICES: Final = frozenset(kind for kind in SourceKind if kind is not SourceKind.FILE)


@dataclass(frozen=True, slots=True)
class SourceName:
    """What a source is called.

    Attributes:
        kind: its kind.
        where: address, or path for files; None for the usual address of the kind.
    """

    kind: SourceKind
    where: str | None = None

    @classmethod
    def parse(cls, text: str) -> "SourceName":
        """Read a kind, a kind with ``:URL``, ``file:PATH``, a bare URL or a bare path.

        Of a bare URL the host tells the kind; a host that is neither Intel's nor Azure's is
        taken for a PCCS, whose manners other services of data centres follow.

        Raises:
            MisconfiguredError: nothing after ``file:``, or an address that is none.
        """
        kind, colon, rest = text.partition(":")
        if rest.startswith("//") and kind not in {"https", "http", *SourceKind}:
            raise MisconfiguredError(
                Reason.SETTINGS_INVALID,
                f"cannot use {text!r} as a source of collateral: addresses begin with https://",
                hint="a file or directory is named by its path",
            )
        if text.startswith(("https://", "http://")):
            return cls(_kind_of_host(Base.parse(text)), text)
        if kind in _SERVICES:
            if colon:
                Base.parse(rest)
            return cls(SourceKind(kind), rest if colon else None)
        path = rest if kind == SourceKind.FILE and colon else text
        if not path:
            raise MisconfiguredError(
                Reason.SETTINGS_INVALID,
                f"cannot use {text!r} as a source of collateral: no path is named",
            )
        return cls(SourceKind.FILE, path)

    def __str__(self) -> str:
        if self.kind is SourceKind.FILE:
            return self.where or ""
        return self.kind.value if self.where is None else f"{self.kind}:{self.where}"

    @property
    def is_local(self) -> bool:
        """Whether it needs no network."""
        return self.kind is SourceKind.FILE


def _kind_of_host(base: Base) -> SourceKind:
    host = urlsplit(base.url).hostname or ""
    if host == _INTEL_HOST:
        return SourceKind.PCS
    if host == _AZURE_GLOBAL_HOST:
        return SourceKind.AZURE
    if host == _AGENT_HOST:
        return SourceKind.AZURE_AGENT
    return SourceKind.AZURE_REGIONAL if _AZURE_REGIONAL_HOST.fullmatch(host) else SourceKind.PCCS
