# SPDX-License-Identifier: Apache-2.0
"""A quoting back end that has one quote: for stand-ins of AESM daemons and recorded cases."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from confcom.protocols.aesm import (
    AesmCode,
    Answer,
    GetQuoteSize,
    InitKey,
    KeyInfo,
    MakeQuote,
    Operation,
    QeReportInfo,
    QuoteSize,
    Refusal,
    SignedQuote,
)
from confcom.simulation import Enclave

_BODY: Final = slice(48, 432)
_BODY_BYTES: Final = 384


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedQuotes:
    """Gives the same quote whenever it is asked to sign the REPORT that the quote is of.

    Attributes:
        target_info: 512 bytes.
        public_key_id: 32 bytes.
        quote: the whole quote; bytes 48 to 431 are the body of the only REPORT it is given for.
        quoting_enclave: makes the REPORT of QE report infos; without it they go back as received.
    """

    target_info: bytes = field(repr=False)
    public_key_id: bytes
    quote: bytes = field(repr=False)
    quoting_enclave: Enclave | None = None

    def __call__(self, operation: Operation) -> Answer:
        """Answer a question of the protocol."""
        match operation:
            case InitKey():
                return KeyInfo(self.target_info, self.public_key_id)
            case GetQuoteSize():
                return QuoteSize(len(self.quote))
            case MakeQuote(report, info, buf_size):
                return self._sign(report, info, buf_size)

    def _sign(self, report: bytes, info: bytes | None, buf_size: int) -> Answer:
        if buf_size < len(self.quote):
            return Refusal(AesmCode.PARAMETER, "buffer is shorter than the quote")
        if report[:_BODY_BYTES] != self.quote[_BODY]:
            return Refusal(AesmCode.INVALID_REPORT, "REPORT is not the one of the quote")
        return SignedQuote(self.quote, None if info is None else self._vouch(info))

    def _vouch(self, info: bytes) -> bytes:
        if self.quoting_enclave is None:
            return info
        asked = QeReportInfo.from_bytes(info)
        data = sha256(asked.nonce + self.quote).digest() + bytes(32)
        report = self.quoting_enclave.ereport(asked.target_info, data)
        return QeReportInfo(asked.nonce, asked.target_info, report.to_bytes()).to_bytes()
