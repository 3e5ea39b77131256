# SPDX-License-Identifier: Apache-2.0
"""Evidence (RFC 9334): what an attester presents, told apart by its first bytes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from confcom.dcap import MAX_QUOTE_BYTES, Quote
from confcom.dcap.wrappers import Wrapper, unwrap
from confcom.errors import MalformedError
from confcom.reasons import Reason


class EvidenceType(StrEnum):
    """Kinds of evidence."""

    SGX_QUOTE = "sgx-quote"
    TDX_QUOTE = "tdx-quote"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quote as it was presented.

    Attributes:
        type: what it is.
        data: its bytes, without a wrapper.
        quote: the same, parsed; parsed is not verified.
        wrapper: the header that was around it, or None.
    """

    type: EvidenceType
    data: bytes
    quote: Quote
    wrapper: Wrapper | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Recognise evidence, in a wrapper or without.

        Args:
            data: at most 64 KiB.

        Raises:
            MalformedError: no evidence of a known kind; the reasons of ``Quote.from_bytes``.
        """
        if len(data) > MAX_QUOTE_BYTES:
            raise MalformedError(
                Reason.TOO_LARGE,
                f"evidence has {len(data)} bytes, more than the limit of {MAX_QUOTE_BYTES}",
            )
        wrapper, inner = unwrap(data)
        quote = Quote.from_bytes(inner)
        kind = EvidenceType.TDX_QUOTE if quote.is_tdx else EvidenceType.SGX_QUOTE
        return cls(kind, inner, quote, wrapper)
