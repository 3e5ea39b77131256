# SPDX-License-Identifier: Apache-2.0
"""The simulated back end: a platform in software signs, and every MAC is checked all the same."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from confcom.dcap import Quote, verify
from confcom.errors import ConfcomError
from confcom.protocols.aesm.calls import (
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.protocols.aesm.codes import AesmCode
from confcom.protocols.aesm.structures import DEFAULT_KEY_ID, QeReportInfo
from confcom.simulation import Enclave, Platform, SimulatedAuthority

_OWN: Final = Enclave(mr_enclave=bytes(32), mr_signer=bytes(32))


class SimulatedBackend:
    """Quotes of a simulated platform, for REPORTs of enclaves in software.

    Args:
        platform: whose quoting enclave signs.
        authority: that certified it; the first quote is verified under its root.
        accepts_unauthenticated: whether REPORTs are signed that were not made for this platform,
            such as recorded ones; whoever asks is then believed.
    """

    def __init__(
        self,
        platform: Platform,
        authority: SimulatedAuthority,
        *,
        accepts_unauthenticated: bool = False,
    ) -> None:
        self._accepts_unauthenticated = accepts_unauthenticated
        self._platform = platform
        self._authority = authority
        self._key_ids: tuple[bytes, ...] = ()
        sample = self._quote_of_own()
        signature = Quote.from_bytes(sample).signature
        self._size = QuoteSize(len(sample))
        self._key = KeyInfo(
            platform.qe_target_info.to_bytes(),
            sha256(signature.attestation_key + signature.auth_data).digest(),
        )

    @property
    def key_ids(self) -> Sequence[bytes]:
        """What is offered once `start` has proved it: the key id that all clients ask for."""
        return self._key_ids

    async def start(self) -> None:
        """Verify a quote of our own, as a verifier would.

        Raises:
            NotAuthenticError: the platform's quotes do not verify, for example because its
                certificate has been revoked or has expired.
        """
        now = datetime.now(UTC)
        verify(
            self._quote_of_own(),
            self._authority.collateral(self._platform, at=now),
            at=now,
            root=self._authority.trusted_root,
            allow_simulated=True,
        )
        self._key_ids = (DEFAULT_KEY_ID.to_bytes(),)

    async def stop(self) -> None:
        """Offer nothing more."""
        self._key_ids = ()

    def ask(self, operation: Operation) -> Answer:
        """Answer a question at once; a REPORT whose MAC does not fit is refused with 47."""
        match operation:
            case InitKey():
                return self._key
            case GetQuoteSize():
                return self._size
            case MakeQuote(buf_size=size) if size < self._size.size:
                return Refusal(
                    AesmCode.PARAMETER, f"buffer of {size} bytes, {self._size.size} needed"
                )
            case MakeQuote(report, info, _):
                try:
                    quote = self._platform.quote_sgx(
                        report, check_mac=not self._accepts_unauthenticated
                    )
                    made = None if info is None else self._vouch(info, quote)
                except ConfcomError as exc:
                    return Refusal(AesmCode.INVALID_REPORT, exc.message)
                return SignedQuote(quote, made)

    def _quote_of_own(self) -> bytes:
        report = _OWN.ereport(self._platform.qe_target_info, bytes(64))
        return self._platform.quote_sgx(report)

    def _vouch(self, info: bytes, quote: bytes) -> bytes:
        """Return QE report info with a REPORT by the QE over nonce and quote."""
        asked = QeReportInfo.from_bytes(info)
        digest = sha256(asked.nonce + quote).digest()
        qe = self._platform.quoting_enclave.enclave
        report = qe.ereport(asked.target_info, digest + bytes(32))
        return QeReportInfo(asked.nonce, asked.target_info, report.to_bytes()).to_bytes()
