# SPDX-License-Identifier: Apache-2.0
"""What a TDX quoting back end is asked and answers: values between the protocol and the world."""

from dataclasses import dataclass, field
from enum import StrEnum


class PckCa(StrEnum):
    """Which CA issued the PCK certificates of a platform."""

    PROCESSOR = "processor"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class MakeTdQuote:
    """Sign a TDREPORT; answered with `TdQuote`.

    Attributes:
        report: 1024 bytes; whether its MAC is right is for the back end to find out.
        key_ids: UUIDs, 16 bytes each, of attestation keys that the client takes; none for any.
    """

    report: bytes = field(repr=False)
    key_ids: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchCollateral:
    """Fetch what verification of TDX quotes needs; answered with `CollateralDocuments`.

    Attributes:
        fmspc: 6 bytes.
        ca: which CA.
    """

    fmspc: bytes
    ca: PckCa


@dataclass(frozen=True, slots=True)
class DescribePlatform:
    """Say which platform this is; answered with `PlatformInfo`."""


Operation = MakeTdQuote | FetchCollateral | DescribePlatform


@dataclass(frozen=True, slots=True)
class TdQuote:
    """A quote of its own length, and which of the client's keys signed it, where it named some."""

    quote: bytes = field(repr=False)
    selected_id: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralDocuments:
    """The documents of a collateral, as their publisher made them; none is empty."""

    major_version: int
    minor_version: int
    pck_crl_issuer_chain: bytes = field(repr=False)
    root_ca_crl: bytes = field(repr=False)
    pck_crl: bytes = field(repr=False)
    tcb_info_issuer_chain: bytes = field(repr=False)
    tcb_info: bytes = field(repr=False)
    qe_identity_issuer_chain: bytes = field(repr=False)
    qe_identity: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformInfo:
    """Security versions and identity of the platform."""

    tdqe_svn: int
    pce_svn: int
    platform_id: bytes
    cpu_svn: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer; clients are told only that there is none.

    Attributes:
        why: what the log is told.
    """

    why: str


Answer = TdQuote | CollateralDocuments | PlatformInfo | Refusal
