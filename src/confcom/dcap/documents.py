# SPDX-License-Identifier: Apache-2.0
"""Signed documents of Intel's service: an inner JSON object and a signature over its bytes.

The bytes that were received are what is signed; they are cut out of the answer, never parsed and
written again. Source: Intel PCS REST specification, version 4, "Get TCB Info", "Get Identity".
"""

import binascii
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature

from confcom.dcap._ecdsa import der_signature
from confcom.dcap._json import MAX_DOCUMENT_BYTES
from confcom.dcap.certificates import ECDSA_SHA256, Certificate
from confcom.errors import MalformedError, NotAuthenticError
from confcom.reasons import Reason

SIGNATURE_DIGITS: Final = 128
_WHAT: Final = {
    "tcbInfo": "TCB Info",
    "enclaveIdentity": "enclave identity",
    "tcbEvaluationDataNumbers": "list of TCB evaluation data numbers",
}


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """The exact bytes of an inner object, and the 64 bytes r ‖ s of the signature over them."""

    content: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def split_envelope(body: bytes, member: str) -> SignedDocument:
    """Cut the inner object and the signature out of an answer of Intel's service.

    Args:
        body: ``{"<member>":{…},"signature":"<hex>"}``, at most 1 MiB.
        member: ``tcbInfo``, ``enclaveIdentity`` or ``tcbEvaluationDataNumbers``.

    Raises:
        MalformedError: reasons ``collateral_format``, ``too_large``.
    """
    import msgspec  # noqa: PLC0415 - a tenth of the start of a command that reads bundles only

    what = _WHAT[member]
    if len(body) > MAX_DOCUMENT_BYTES:
        raise MalformedError(
            Reason.TOO_LARGE,
            f"{what} has {len(body)} bytes, more than the limit of {MAX_DOCUMENT_BYTES}",
        )
    try:
        envelope = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        content = bytes(envelope[member])
        signature = read_signature(msgspec.json.decode(envelope["signature"], type=str).encode())
    except KeyError as exc:
        raise MalformedError(
            Reason.COLLATERAL_FORMAT, f"{what} answer has no member {exc.args[0]}"
        ) from exc
    except (msgspec.DecodeError, RecursionError, ValueError) as exc:
        raise MalformedError(
            Reason.COLLATERAL_FORMAT, f"cannot parse {what} answer: {str(exc)[:200]}"
        ) from exc
    return SignedDocument(content, signature)


def read_signature(digits: bytes) -> bytes:
    """Return the 64 bytes of 128 hex digits.

    Raises:
        ValueError: anything else.
    """
    if len(digits) != SIGNATURE_DIGITS:
        raise ValueError(f"signature is not {SIGNATURE_DIGITS} hex digits")
    return binascii.unhexlify(digits)


def verify_document(
    document: SignedDocument, signer: Certificate, *, what: str, reason: Reason
) -> None:
    """Check the signature over the bytes as they were received.

    Raises:
        NotAuthenticError: with the given reason.
    """
    encoded = der_signature(document.signature)
    if encoded is None:
        raise NotAuthenticError(reason, f"signature of {what} has a number out of range")
    try:
        signer.public_key.verify(encoded, document.content, ECDSA_SHA256)
    except InvalidSignature as exc:
        raise NotAuthenticError(
            reason,
            f'signature of {what} was not made by "{signer.subject_cn}" over these bytes',
            hint="the document was changed, even if only its spaces were; fetch it again",
        ) from exc
