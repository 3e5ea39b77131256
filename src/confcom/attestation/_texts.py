# SPDX-License-Identifier: Apache-2.0
"""Recognition of texts: JSON by the members of its object, PEM by its labels."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from confcom.dcap import (
    Certificate,
    Collateral,
    Crl,
    EnclaveIdentity,
    EvaluationNumbers,
    TcbInfo,
    parse_pem_chain,
    split_envelope,
)
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import ascii_text

_JSON: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BLANKS: Final = b" \t\r\n"
_LABEL: Final = re.compile(rb"-----BEGIN ([^-\r\n]{1,64})-----")
# How services send issuer chains in headers.
_PERCENT_ENCODED: Final = b"-----BEGIN%20"
_MOST_SHOWN: Final = 6

Parsed = TcbInfo | EnclaveIdentity | EvaluationNumbers


@dataclass(frozen=True, slots=True)
class Document:
    """A document that Intel signs.

    Attributes:
        parsed: its content.
        signature: 64 bytes, not verified; None where only the inner object was given.
    """

    parsed: Parsed
    signature: bytes | None


TextContent = Document | Collateral | tuple[Certificate, ...] | Crl

_PARSERS: Final[Mapping[str, Callable[[bytes], Parsed]]] = {
    "tcbInfo": TcbInfo.from_bytes,
    "enclaveIdentity": EnclaveIdentity.from_bytes,
    "tcbEvaluationDataNumbers": EvaluationNumbers.from_bytes,
}
# Members by which the inner objects are known, the most telling ones.
_INNER: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (frozenset({"fmspc", "tcbLevels"}), "tcbInfo"),
    (frozenset({"mrsigner", "tcbLevels"}), "enclaveIdentity"),
    (frozenset({"tcbEvalNumbers"}), "tcbEvaluationDataNumbers"),
)
_BUNDLE: Final = frozenset({"tcb_info", "qe_identity"})


def read_text(data: bytes) -> TextContent | None:
    """Return what a JSON or PEM text holds; None for anything else.

    Raises:
        MalformedError: JSON or PEM of another kind (reason ``unrecognised_input``), or broken in
            a way that its parser names.
    """
    if data.lstrip(_BLANKS).startswith((b"{", b"[")) and _is_utf8(data):
        return _read_json(data)
    text = ascii_text(data)
    if text is not None and text.lstrip(_BLANKS).startswith(_PERCENT_ENCODED):
        text = unquote_to_bytes(text)
    if text is not None and (labels := {label.decode() for label in _LABEL.findall(text)}):
        return _read_pem(text, labels)
    return None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _read_json(data: bytes) -> TextContent:
    if data.lstrip(_BLANKS).startswith(b"["):
        raise _unknown(data, "a JSON array")
    try:
        members = frozenset(_JSON.decode(data))
    except (msgspec.DecodeError, RecursionError) as exc:
        raise _unknown(data, f"broken JSON: {exc}") from exc
    if members >= _BUNDLE:
        return Collateral.from_json(data)
    for member, parse in _PARSERS.items():
        if member in members:
            envelope = split_envelope(data, member)
            return Document(parse(envelope.content), envelope.signature)
    for telling, member in _INNER:
        if members >= telling:
            return Document(_PARSERS[member](data.strip(_BLANKS)), None)
    shown = ", ".join(sorted(members)[:_MOST_SHOWN]) or "none"
    raise _unknown(data, f"a JSON object with the members {shown}")


def _read_pem(text: bytes, labels: set[str]) -> TextContent:
    if labels == {"CERTIFICATE"}:
        return parse_pem_chain(text)
    if labels == {"X509 CRL"}:
        return Crl.from_bytes(text)
    if any("PRIVATE KEY" in label for label in labels):
        raise _unknown(text, "a private key")
    raise _unknown(text, f"PEM of {', '.join(sorted(labels))}")


def _unknown(data: bytes, words: str) -> MalformedError:
    return MalformedError(
        Reason.UNRECOGNISED_INPUT,
        f"cannot recognise input of {len(data)} bytes: it looks like {words}",
    )
