# SPDX-License-Identifier: Apache-2.0
"""What a source answered, and how issuer chains travel in HTTP headers.

An answer is raw and unverified. Chains come as percent-encoded PEM in a header (with or without
a line end at the end), inside the JSON of Azure's host agent, or as a file beside the body.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

MAX_CHAIN_BYTES: Final = 32 * 1024
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----"


class AnswerError(Exception):
    """An answer does not have the form that was asked for; the text says what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One document as a source gave it.

    Attributes:
        body: the document: JSON envelope, CRL (DER, PEM or hex text) or PEM certificate.
        issuer_chain: PEM, leaf first as served; None where the document has none.
        source: host name or path, for messages.
        max_age: seconds for which the source lets it be cached, or None if it did not say.
    """

    body: bytes
    issuer_chain: bytes | None
    source: str
    max_age: int | None = None


def decode_chain(value: bytes) -> bytes:
    """Return the PEM text of an issuer chain that is PEM or percent-encoded PEM.

    The result ends in a line feed, and so does each certificate in it: services differ in
    whether the last ``%0A`` is there, and two chains may be joined.

    Raises:
        AnswerError: too long, or no certificate inside.
    """
    if len(value) > 3 * MAX_CHAIN_BYTES:
        raise AnswerError(f"issuer chain has {len(value)} bytes, more than the limit")
    # PEM has no percent signs, and a plus sign in it is a digit of base64, never a blank.
    pem = unquote_to_bytes(value) if b"%" in value else value
    if len(pem) > MAX_CHAIN_BYTES:
        raise AnswerError(f"issuer chain has {len(pem)} bytes, limit {MAX_CHAIN_BYTES}")
    if _BEGIN not in pem or _END not in pem:
        raise AnswerError("issuer chain holds no PEM certificate")
    pem = pem.replace(b"\r\n", b"\n").replace(_END + _BEGIN, _END + b"\n" + _BEGIN)
    return pem if pem.endswith(b"\n") else pem + b"\n"


def describe_body(body: bytes) -> str:
    """Return in a few words what a body looks like, for messages about unexpected ones."""
    start = body[:256].lstrip().lower()
    if not body:
        return "an empty body"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page (perhaps of a proxy or of a login)"
    if start.startswith((b"{", b"[")):
        return f"{len(body)} bytes of JSON"
    if start.startswith(b"-----begin"):
        return f"{len(body)} bytes of PEM"
    return f"{len(body)} bytes that are not what was asked for"
