# SPDX-License-Identifier: Apache-2.0
"""What an AESM daemon offers, asked for in the order of clients; as JSON and for reading."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from confcom.adapters.aesm import AesmClient
from confcom.adapters.aesm_health import Call, State, timed, without_keys
from confcom.cli.node_aesm_options import SCHEMA_VERSION, call_json, milliseconds, state_cell
from confcom.cli.style import Style
from confcom.cli.table import Cell, columns, pairs, section
from confcom.errors import ConfcomError
from confcom.protocols.aesm import DEFAULT_KEY_ID, AttestationKeyId, KeyInfo
from confcom.protocols.aesm.client import (
    Exchange,
    ask_key_id_count,
    ask_key_ids,
    ask_key_info,
    ask_quote_size,
    ask_selection,
)
from confcom.protocols.aesm.structures import is_same_key
from confcom.sgx import Flags, TargetInfo, flag_names, misc_names, xfrm_names

T = TypeVar("T")

_ALGORITHMS: Final = {
    0: "EPID, unlinkable",
    1: "EPID, linkable",
    2: "ECDSA P-256",
    3: "ECDSA P-384",
}
_SIGNERS: Final = {
    DEFAULT_KEY_ID.mr_signer[:32]: "Intel, QE3",
    bytes.fromhex(
        "ec15b10787d2f84667ceb0b598ffc44a1f1cb80f670aae5df9e8fa9f6376e1f8"
    ): "Intel, EPID",
}
_WORTH_MORE: Final = frozenset({State.ANSWERS, State.REFUSES, State.BUSY, State.NO_CERTIFICATES})
"""Findings after which another call may still tell something."""


@dataclass(slots=True)
class Offer:
    """What a daemon has told, as far as it went.

    Attributes:
        calls: all that were made, in their order.
        keys: attestation key ids, 256 bytes each.
        selected: what the daemon takes where the client leaves the choice to it.
        key_info: target info and public key id of the key that is asked about.
        quote_bytes: size of quotes.
    """

    calls: list[Call[Any]] = field(default_factory=list)
    keys: tuple[bytes, ...] = ()
    selected: bytes | None = None
    key_info: KeyInfo | None = None
    quote_bytes: int | None = None

    @property
    def error(self) -> ConfcomError | None:
        """Of the first call that failed."""
        errors = (call.finding.error for call in self.calls)
        return next((error for error in errors if error is not None), None)

    @property
    def state(self) -> State:
        """How the daemon is, by the first call that failed."""
        failed = (call for call in self.calls if call.finding.error is not None)
        return next((call.finding.state for call in failed), State.ANSWERS)

    def to_json(self, path: str) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "schemaVersion": SCHEMA_VERSION,
            "socket": path,
            "state": self.state.value,
            "keys": [self._key_json(key) for key in self.keys],
            "quotingEnclave": _enclave_json(self.key_info),
            "quoteBytes": self.quote_bytes,
            "calls": [call_json(call) for call in self.calls],
        }

    def table(self, path: str, *, color: bool) -> str:
        """Return it for reading."""
        state = state_cell(self.state)
        parts = [pairs([("socket", path), ("state", state)], color=color)]
        for number, key in enumerate(self.keys, start=1):
            title = f"Attestation key {number}"
            parts.append(section(title, _texts(self._key_json(key)), color=color))
        if self.key_info is not None:
            facts = [*_enclave_rows(self.key_info)]
            parts.append(section("Quoting enclave, as the daemon says", facts, color=color))
        if self.quote_bytes is not None:
            parts.append(pairs([("size of quotes", f"{self.quote_bytes} bytes")], color=color))
        rows = [
            (call.name, state_cell(call.finding.state), f"{milliseconds(call.seconds):.3f}")
            for call in self.calls
        ]
        parts.append(columns(("CALL", "STATE", "MS"), rows, color=color))
        return "\n".join(parts)

    def _key_json(self, data: bytes) -> dict[str, object]:
        key = AttestationKeyId.from_bytes(data)
        signer = key.mr_signer[: key.mr_signer_size]
        kss = {
            "extendedProductId": key.extended_prod_id,
            "configId": key.config_id,
            "familyId": key.family_id,
        }
        return {
            "algorithm": _ALGORITHMS.get(key.algorithm_id, f"unknown ({key.algorithm_id})"),
            "algorithmId": key.algorithm_id,
            "mrSigner": signer.hex(),
            "signer": _SIGNERS.get(signer),
            "productId": key.prod_id,
            **{name: value.hex() for name, value in kss.items() if any(value)},
            "selected": self.selected is not None and is_same_key(data, self.selected),
        }


def ask_all(client: AesmClient) -> Offer:
    """Ask for everything that needs no REPORT; stop where further calls would tell nothing."""
    offer = Offer()
    count = _ask(client, offer, ask_key_id_count())
    if count == 0:
        offer.calls = [replace(offer.calls[0], finding=without_keys(client.address.path))]
    if count:
        offer.keys = _ask(client, offer, ask_key_ids(count)) or ()
    offer.selected = _ask(client, offer, ask_selection())
    key = offer.selected or next(iter(offer.keys), DEFAULT_KEY_ID.to_bytes())
    offer.key_info = _ask(client, offer, ask_key_info(key))
    size = _ask(client, offer, ask_quote_size(key))
    offer.quote_bytes = None if size is None else size.size
    return offer


def _ask(client: AesmClient, offer: Offer, exchange: Exchange[T]) -> T | None:
    if not all(call.finding.state in _WORTH_MORE for call in offer.calls):
        return None
    call = timed(client, exchange)
    offer.calls.append(call)
    return call.answer


def _enclave_json(info: KeyInfo | None) -> dict[str, object] | None:
    if info is None:
        return None
    target = TargetInfo.from_bytes(info.target_info)
    return {
        "mrEnclave": target.mr_enclave.hex(),
        "flags": f"{target.flags:016x}",
        "xfrm": f"{target.xfrm:016x}",
        "miscSelect": f"{target.misc_select:08x}",
        "configSvn": target.config_svn,
        "configId": target.config_id.hex() if any(target.config_id) else None,
        "debug": bool(target.flags & Flags.DEBUG),
        "publicKeyId": info.public_key_id.hex(),
    }


def _enclave_rows(info: KeyInfo) -> Iterator[tuple[str, str | Cell]]:
    target = TargetInfo.from_bytes(info.target_info)
    yield "MRENCLAVE", target.mr_enclave.hex()
    yield "flags", f"{target.flags:016x} ({flag_names(target.flags)})"
    yield "xfrm", f"{target.xfrm:016x} ({xfrm_names(target.xfrm)})"
    yield "MISCSELECT", f"{target.misc_select:08x} ({misc_names(target.misc_select)})"
    if target.config_svn or any(target.config_id):
        yield "CONFIGID, CONFIGSVN", f"{target.config_id.hex()}, {target.config_svn}"
    if target.flags & Flags.DEBUG:
        yield "debug", Cell("yes: verifiers refuse its quotes", Style.BAD)
    yield "public key id", info.public_key_id.hex()


def _texts(document: dict[str, object]) -> Iterator[tuple[str, str | Cell]]:
    yield "algorithm", f"{document['algorithm']}"
    yield "MRSIGNER", f"{document['mrSigner']} ({document['signer'] or 'unknown signer'})"
    yield "product id", f"{document['productId']}"
    for name in ("extendedProductId", "configId", "familyId"):
        if name in document:
            yield name, f"{document[name]}"
    yield "selected by default", "yes" if document["selected"] else "no"
