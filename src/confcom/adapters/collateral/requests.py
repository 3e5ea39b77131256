# SPDX-License-Identifier: Apache-2.0
"""What can be asked of a source of collateral: one small value for each kind of document.

A request is hashable and is the key of every cache; its ``name`` is the file name that caches
and directories of raw answers use. Sources: Intel PCS REST specification, versions 3 and 4.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from confcom.dcap import PckCa, TeeType
from confcom.errors import UsageError
from confcom.reasons import Reason

FMSPC_BYTES: Final = 6
MAX_EVALUATION_NUMBER: Final = 2**31 - 1
QE_ID_BYTES: Final = 16
MAX_PCE_SVN: Final = 0xFFFF


class Update(StrEnum):
    """Which of the living evaluation data numbers a service picks when none is named.

    ``standard`` lags behind a TCB recovery so that operators can update; ``early`` does not.
    """

    STANDARD = "standard"
    EARLY = "early"


@dataclass(frozen=True, slots=True)
class Edition:
    """Which edition of TCB info and QE identity is wanted.

    Attributes:
        update: the service's choice, where no number is named.
        number: an evaluation data number, or None.
    """

    update: Update = Update.STANDARD
    number: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Edition":
        """Read ``standard``, ``early`` or an evaluation data number.

        Raises:
            UsageError: anything else.
        """
        if text in {Update.STANDARD, Update.EARLY}:
            return cls(Update(text))
        if text.isascii() and text.isdigit() and 0 < len(text) <= len(str(MAX_EVALUATION_NUMBER)):
            number = int(text)
            if 0 < number <= MAX_EVALUATION_NUMBER:
                return cls(number=number)
        raise UsageError(
            Reason.USAGE,
            f"edition {text!r} is neither standard, early nor an evaluation data number",
        )

    @property
    def suffix(self) -> str:
        """What the edition adds to a file name; nothing for ``standard``."""
        if self.number is not None:
            return f"-{self.number}"
        return "" if self.update is Update.STANDARD else f"-{self.update}"

    def __str__(self) -> str:
        return f"evaluation data number {self.number}" if self.number is not None else self.update


STANDARD: Final = Edition()


@dataclass(frozen=True, slots=True)
class TcbInfoRequest:
    """TCB info of one kind of platform.

    Attributes:
        tee: SGX or TDX.
        fmspc: 6 bytes.
        edition: which edition.
    """

    tee: TeeType
    fmspc: bytes
    edition: Edition = STANDARD

    def __post_init__(self) -> None:
        _expect_size("FMSPC", self.fmspc, FMSPC_BYTES)

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return f"tcb-info-{self.tee.name.lower()}-{self.fmspc.hex()}{self.edition.suffix}"

    def __str__(self) -> str:
        return f"{self.tee.name} TCB info of FMSPC {self.fmspc.hex().upper()}"


@dataclass(frozen=True, slots=True)
class QeIdentityRequest:
    """Identity of the quoting enclave of SGX or TDX."""

    tee: TeeType
    edition: Edition = STANDARD

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return f"qe-identity-{self.tee.name.lower()}{self.edition.suffix}"

    def __str__(self) -> str:
        return f"{self.tee.name} QE identity"


@dataclass(frozen=True, slots=True)
class PckCrlRequest:
    """Revocation list of one of the two intermediates."""

    ca: PckCa

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return f"pck-crl-{self.ca}"

    def __str__(self) -> str:
        return f"PCK CRL of the {self.ca} CA"


@dataclass(frozen=True, slots=True)
class RootCaCrlRequest:
    """Revocation list of the root."""

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return "root-ca-crl"

    def __str__(self) -> str:
        return "root CA CRL"


@dataclass(frozen=True, slots=True)
class EvaluationNumbersRequest:
    """List of the living evaluation data numbers."""

    tee: TeeType

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return f"evaluation-numbers-{self.tee.name.lower()}"

    def __str__(self) -> str:
        return f"{self.tee.name} evaluation data numbers"


@dataclass(frozen=True, slots=True)
class PckCertificateRequest:
    """PCK certificate of one platform at one TCB, for quotes that do not carry it.

    Attributes:
        qe_id: 16 bytes, the QE id of the quote header.
        cpu_svn: 16 bytes, raw.
        pce_svn: 0 to 65535.
        pce_id: 2 bytes as in memory.
        encrypted_ppid: 384 bytes (RSA-3072-OAEP), or None where the quote has none.
    """

    qe_id: bytes
    cpu_svn: bytes
    pce_svn: int
    pce_id: bytes
    encrypted_ppid: bytes | None = None

    def __post_init__(self) -> None:
        _expect_size("QE id", self.qe_id, QE_ID_BYTES)
        _expect_size("CPUSVN", self.cpu_svn, 16)
        _expect_size("PCE id", self.pce_id, 2)
        if not 0 <= self.pce_svn <= MAX_PCE_SVN:
            raise UsageError(
                Reason.USAGE,
                f"cannot ask for collateral: PCESVN {self.pce_svn} is not 0 to {MAX_PCE_SVN}",
            )
        if self.encrypted_ppid is not None:
            _expect_size("encrypted PPID", self.encrypted_ppid, 384)

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return (
            f"pck-certificate-{self.qe_id.hex()}-{self.cpu_svn.hex()}"
            f"-{self.pce_svn}-{self.pce_id.hex()}"
        )

    def __str__(self) -> str:
        return f"PCK certificate of QE id {self.qe_id.hex()}"


@dataclass(frozen=True, slots=True)
class FmspcsRequest:
    """List of all FMSPCs that the service knows; nothing signs it."""

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return "fmspcs"

    def __str__(self) -> str:
        return "list of FMSPCs"


SignedRequest = (
    TcbInfoRequest | QeIdentityRequest | PckCrlRequest | RootCaCrlRequest | EvaluationNumbersRequest
)
"""Requests whose answers bear a signature of their own, and a date after which they expire."""

CollateralRequest = SignedRequest | PckCertificateRequest | FmspcsRequest
"""Anything that a source can be asked for."""


_EDITION: Final = r"(?:-(early|[1-9][0-9]{0,9}))?"
_TEE: Final = r"(sgx|tdx)"
_NAMES: Final = re.compile(
    rf"tcb-info-{_TEE}-([0-9a-f]{{12}}){_EDITION}"
    rf"|qe-identity-{_TEE}{_EDITION}"
    rf"|evaluation-numbers-{_TEE}"
    r"|pck-crl-(platform|processor)"
    r"|(root-ca-crl)"
    r"|pck-certificate-([0-9a-f]{32})-([0-9a-f]{32})-(0|[1-9][0-9]{0,4})-([0-9a-f]{4})"
    r"|(fmspcs)",
    re.ASCII,
)


def request_of_name(name: str) -> CollateralRequest | None:
    """Return the request whose name this is, or None if it is none's.

    The encrypted PPID of a request for a PCK certificate is not part of its name.
    """
    found = _NAMES.fullmatch(name)
    if found is None:
        return None
    try:
        return _request_of_parts(found.groups())
    except UsageError:
        return None  # a number beyond its bounds


def _request_of_parts(parts: tuple[str | None, ...]) -> CollateralRequest:
    match parts:
        case (str() as tee, str() as fmspc, edition, *_):
            return TcbInfoRequest(_tee(tee), bytes.fromhex(fmspc), _edition(edition))
        case (_, _, _, str() as tee, edition, *_):
            return QeIdentityRequest(_tee(tee), _edition(edition))
        case (_, _, _, _, _, str() as tee, *_):
            return EvaluationNumbersRequest(_tee(tee))
        case (*_, str() as ca, _, _, _, _, _, _):
            return PckCrlRequest(PckCa(ca))
        case (*_, str(), _, _, _, _, _):
            return RootCaCrlRequest()
        case (*_, str() as qe_id, str() as cpu_svn, str() as pce_svn, str() as pce_id, _):
            return PckCertificateRequest(
                bytes.fromhex(qe_id), bytes.fromhex(cpu_svn), int(pce_svn), bytes.fromhex(pce_id)
            )
        case _:
            return FmspcsRequest()


def _tee(text: str) -> TeeType:
    return TeeType[text.upper()]


def _edition(text: str | None) -> Edition:
    return STANDARD if text is None else Edition.parse(text)


def _expect_size(what: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise UsageError(
            Reason.USAGE, f"cannot ask for collateral: {what} has {size} bytes, {len(value)} given"
        )
