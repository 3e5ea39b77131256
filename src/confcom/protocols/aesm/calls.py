# SPDX-License-Identifier: Apache-2.0
"""What a quoting back end is asked and answers: values between the protocol and the world."""

from dataclasses import dataclass, field

from confcom.protocols.aesm.codes import AesmCode


@dataclass(frozen=True, slots=True)
class InitKey:
    """Make the attestation key ready; answered with `KeyInfo`."""


@dataclass(frozen=True, slots=True)
class GetQuoteSize:
    """Say how long a quote is; answered with `QuoteSize`."""


@dataclass(frozen=True, slots=True)
class MakeQuote:
    """Sign a REPORT; answered with `SignedQuote`.

    A back end that knows how long its quote will be refuses a shorter buffer with ``PARAMETER``
    before it looks at the REPORT, as Intel's does; the server refuses what comes out too long.

    Attributes:
        report: 432 bytes.
        qe_report_info: 960 bytes with ``qe_report`` zero, or None.
        buf_size: bytes of the client's buffer; never to be handed to the quoting enclave.
    """

    report: bytes = field(repr=False)
    qe_report_info: bytes | None = field(repr=False)
    buf_size: int


Operation = InitKey | GetQuoteSize | MakeQuote


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """An attestation key that is ready.

    Attributes:
        target_info: 512 bytes, TARGETINFO of the quoting enclave.
        public_key_id: 32 bytes, SHA-256(attestation key ‖ authentication data).
    """

    target_info: bytes = field(repr=False)
    public_key_id: bytes


@dataclass(frozen=True, slots=True)
class QuoteSize:
    """Bytes of the quotes to come."""

    size: int


@dataclass(frozen=True, slots=True)
class SignedQuote:
    """A quote of its own length, and the QE report info with its REPORT, if one was sent."""

    quote: bytes = field(repr=False)
    qe_report_info: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer.

    Attributes:
        code: what the client is told.
        why: what the log is told.
    """

    code: AesmCode
    why: str


Answer = KeyInfo | QuoteSize | SignedQuote | Refusal
