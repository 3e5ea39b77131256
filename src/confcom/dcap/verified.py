# SPDX-License-Identifier: Apache-2.0
"""What verification returns, and the names of its steps."""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from confcom.dcap.caches import VerifiedChain, VerifiedCollateral
from confcom.dcap.identity import EnclaveIdentity
from confcom.dcap.pck import PckCertificate
from confcom.dcap.quote import Quote
from confcom.dcap.roots import TrustedRoot
from confcom.dcap.tcb import TcbVerdict
from confcom.dcap.tcb_info import TcbInfo
from confcom.dcap.validity import Clock
from confcom.errors import NotAuthenticError

SEAL: Final = object()
"""Known to `verify` alone."""


class VerificationStep(StrEnum):
    """The steps of `verify`, in their order."""

    QUOTE = "quote"
    ROOT = "root"
    ROOT_CRL = "root_crl"
    TCB_INFO = "tcb_info"
    QE_IDENTITY = "qe_identity"
    PCK_CRL = "pck_crl"
    PCK_CHAIN = "pck_chain"
    PLATFORM = "platform"
    QE_REPORT = "qe_report"
    QUOTE_SIGNATURE = "quote_signature"
    TCB = "tcb"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedQuote:
    """A quote that is authentic. Only `verify` makes one; it is not yet acceptable to anyone.

    Attributes:
        quote: the quote.
        tcb: what its TCB is worth.
        root: root of trust used.
        clock: time of verification.
    """

    quote: Quote
    tcb: TcbVerdict
    root: TrustedRoot
    clock: Clock
    _collateral: VerifiedCollateral = field(repr=False)
    _chain: VerifiedChain = field(repr=False)
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse to be made by anyone else."""
        if seal is not SEAL:
            raise TypeError("only confcom.dcap.verify makes a VerifiedQuote")

    @property
    def pck(self) -> PckCertificate:
        """The PCK certificate of its platform."""
        return self._chain.pck

    @property
    def tcb_info(self) -> TcbInfo:
        """The TCB Info used."""
        return self._collateral.tcb_info

    @property
    def qe_identity(self) -> EnclaveIdentity:
        """The identity of the quoting enclave used."""
        return self._collateral.qe_identity

    @property
    def is_simulated(self) -> bool:
        """Whether the platform is software, under a simulated root."""
        return self.root.is_simulated

    @property
    def verified_at(self) -> datetime:
        """The time of verification."""
        return _datetime(self.clock.now)

    @property
    def valid_from(self) -> datetime:
        """The latest beginning of all that was used."""
        return _datetime(max(self._collateral.validity.first, self._chain.validity.first))

    @property
    def valid_until(self) -> datetime:
        """The earliest end of all that was used, with the grace that was given."""
        collateral, chain = self._collateral.validity, self._chain.validity
        return _datetime(
            min(collateral.last, chain.last, collateral.last_document + self.clock.grace)
        )

    @property
    def document_dates(self) -> Mapping[str, datetime]:
        """When each document was issued: tcb_info, qe_identity, pck_crl, root_ca_crl."""
        return {
            "tcb_info": _datetime(self.tcb_info.issue_date),
            "qe_identity": _datetime(self.qe_identity.issue_date),
            "pck_crl": _datetime(self._collateral.pck_crl.this_update),
            "root_ca_crl": _datetime(self._collateral.root_ca_crl.this_update),
        }

    @property
    def next_updates(self) -> Mapping[str, datetime]:
        """When each document expires, by the same names."""
        return {
            "tcb_info": _datetime(self.tcb_info.next_update),
            "qe_identity": _datetime(self.qe_identity.next_update),
            "pck_crl": _datetime(self._collateral.pck_crl.next_update),
            "root_ca_crl": _datetime(self._collateral.root_ca_crl.next_update),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbDiagnosis:
    """What is known of the TCB of a quote that is authentic but for its TCB, for explanations.

    ``refusal`` says why the TCB cannot be accepted; ``tcb`` is None where it is on no level.
    """

    quote: Quote
    pck: PckCertificate
    tcb_info: TcbInfo
    qe_identity: EnclaveIdentity
    tcb: TcbVerdict | None
    refusal: NotAuthenticError | None

    @property
    def is_body_verified(self) -> bool:
        """Whether the signature of the quote was checked, so that header and body count."""
        return self.refusal is None or self.refusal.step != VerificationStep.QE_REPORT.value


def _datetime(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
