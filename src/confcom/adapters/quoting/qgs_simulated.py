# SPDX-License-Identifier: Apache-2.0
"""The simulated back end for TDs: a platform in software signs, and checks every MAC all the same.

The MAC of a TDREPORT is made with a secret of the platform, as on hardware, so that only TDs of
the same simulated platform get quotes.
"""

from datetime import UTC, datetime
from typing import Final

from confcom.dcap import PckCa, QuoteVersion, SignedDocument, TeeType, verify
from confcom.errors import ConfcomError
from confcom.protocols.qgs import (
    Answer,
    CollateralDocuments,
    DescribePlatform,
    FetchCollateral,
    MakeTdQuote,
    Operation,
    PlatformInfo,
    Refusal,
    TdQuote,
)
from confcom.simulation import Platform, SimulatedAuthority, TrustDomain, render_envelope

TDX_KEY_ID: Final = bytes.fromhex("e86c046e8cc44d958173fc43c1fa4f3f")
"""UUID of the attestation key that TDs ask for by default."""
_COLLATERAL_VERSION: Final = (3, 1)  # revocation lists in DER
_OWN: Final = TrustDomain(mr_td=bytes(48))
_NUL: Final = b"\0"


class SimulatedTdBackend:
    """Quotes of a simulated platform, for TDREPORTs of TDs in software.

    Args:
        platform: whose quoting enclave for TDs signs.
        authority: that certified it; the first quote is verified under its root.
        version: of quotes, 4 or 5.
    """

    def __init__(
        self,
        platform: Platform,
        authority: SimulatedAuthority,
        *,
        version: QuoteVersion = QuoteVersion.V4,
    ) -> None:
        self._platform = platform
        self._authority = authority
        self._version = version

    async def start(self) -> None:
        """Verify a quote of our own, as a verifier would.

        Raises:
            NotAuthenticError: the platform's quotes do not verify, for example because its
                certificate has been revoked or has expired.
            UsageError: quotes of TDs have no such version.
        """
        now = datetime.now(UTC)
        report = self._platform.td_report(_OWN, bytes(64))
        verify(
            self._platform.quote_tdx(report, version=self._version),
            self._authority.collateral(self._platform, at=now, tee=TeeType.TDX),
            at=now,
            root=self._authority.trusted_root,
            allow_simulated=True,
        )

    async def stop(self) -> None:
        """Do nothing: there is nothing to let go of."""

    async def ask(self, operation: Operation) -> Answer:
        """Answer a question; a TDREPORT of another platform is refused."""
        match operation:
            case MakeTdQuote(report, key_ids):
                return self._sign(report, key_ids)
            case FetchCollateral(fmspc, ca):
                return self._collateral(fmspc, PckCa(ca.value))
            case DescribePlatform():
                return PlatformInfo(
                    tdqe_svn=self._platform.td_quoting_enclave.enclave.isv_svn,
                    pce_svn=self._platform.extension.pce_svn,
                    platform_id=self._platform.qe_id,
                    cpu_svn=self._platform.extension.cpu_svn,
                )

    def _sign(self, report: bytes, key_ids: tuple[bytes, ...]) -> Answer:
        if key_ids and TDX_KEY_ID not in key_ids:
            wanted = ", ".join(key_id.hex() for key_id in key_ids[:2])
            return Refusal(
                f"{len(key_ids)} attestation keys named ({wanted}), none is {TDX_KEY_ID.hex()}"
            )
        try:
            quote = self._platform.quote_tdx(report, version=self._version)
        except ConfcomError as exc:
            return Refusal(exc.message)
        return TdQuote(quote, TDX_KEY_ID if key_ids else b"")

    def _collateral(self, fmspc: bytes, ca: PckCa) -> Answer:
        own = self._platform
        if (fmspc, ca) != (own.fmspc, own.ca):
            return Refusal(
                f"collateral asked for FMSPC {fmspc.hex()} of the {ca} CA, this platform has "
                f"{own.fmspc.hex()} of the {own.ca} CA"
            )
        issued = self._authority.collateral(own, at=datetime.now(UTC), tee=TeeType.TDX)
        major, minor = _COLLATERAL_VERSION
        return CollateralDocuments(
            major_version=major,
            minor_version=minor,
            pck_crl_issuer_chain=issued.pck_crl_issuer_chain + _NUL,
            root_ca_crl=issued.root_ca_crl,
            pck_crl=issued.pck_crl,
            tcb_info_issuer_chain=issued.tcb_info_issuer_chain + _NUL,
            tcb_info=_envelope("tcbInfo", issued.tcb_info, issued.tcb_info_signature),
            qe_identity_issuer_chain=issued.qe_identity_issuer_chain + _NUL,
            qe_identity=_envelope(
                "enclaveIdentity", issued.qe_identity, issued.qe_identity_signature
            ),
        )


def _envelope(member: str, content: bytes, signature: bytes) -> bytes:
    """Return a document as Intel's service publishes it, and as a string of C."""
    document = SignedDocument(content, bytes.fromhex(signature.decode("ascii")))
    return render_envelope(member, document) + _NUL
