# SPDX-License-Identifier: Apache-2.0
"""Collateral: all that a quote is verified with, as received and not yet verified."""

import json
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Final, Self

from confcom.dcap import _json as js
from confcom.dcap._json import MAX_DOCUMENT_BYTES, DocumentError
from confcom.errors import MalformedError
from confcom.reasons import Reason

MAX_BUNDLE_BYTES: Final = 8 * MAX_DOCUMENT_BYTES
_DER_MEMBERS: Final = frozenset({"root_ca_crl", "pck_crl"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """Collateral for one kind of platform.

    Attributes:
        root_ca_crl: revocation list of the root; DER, PEM or hex text of DER.
        pck_crl: revocation list of the PCK CA, likewise.
        pck_crl_issuer_chain: PEM.
        tcb_info: exact signed bytes of the inner object.
        tcb_info_signature: 128 hex digits.
        tcb_info_issuer_chain: PEM.
        qe_identity: exact signed bytes of the inner object.
        qe_identity_signature: 128 hex digits.
        qe_identity_issuer_chain: PEM.
        pck_certificate_chain: PEM, for quotes that do not carry it.
        digest: SHA-256 over all of them; two collaterals with the same digest are the same.
    """

    root_ca_crl: bytes = field(repr=False)
    pck_crl: bytes = field(repr=False)
    pck_crl_issuer_chain: bytes = field(repr=False)
    tcb_info: bytes = field(repr=False)
    tcb_info_signature: bytes = field(repr=False)
    tcb_info_issuer_chain: bytes = field(repr=False)
    qe_identity: bytes = field(repr=False)
    qe_identity_signature: bytes = field(repr=False)
    qe_identity_issuer_chain: bytes = field(repr=False)
    pck_certificate_chain: bytes | None = field(default=None, repr=False)
    digest: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the digest once; the content cannot change."""
        digest = sha256()
        for name in MEMBERS:
            value = getattr(self, name)
            digest.update(b"-" if value is None else b"%d:%b" % (len(value), value))
        object.__setattr__(self, "digest", digest.digest())

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read a bundle: one JSON object of strings, revocation lists as hex of DER.

        Only the envelope is checked here; each item is checked when it is used.

        Raises:
            MalformedError: reasons ``collateral_format``, ``too_large``.
        """
        document = js.load(data, "collateral bundle", limit=MAX_BUNDLE_BYTES)
        members: dict[str, bytes | None] = {}
        try:
            for name in MEMBERS:
                if name == "pck_certificate_chain" and document.get(name) is None:
                    continue
                members[name] = js.text(document, name).encode("utf-8")
        except (DocumentError, UnicodeEncodeError) as exc:
            raise MalformedError(
                Reason.COLLATERAL_FORMAT,
                f"cannot use collateral bundle: {exc}",
                hint="a bundle is what confcom collateral export writes",
            ) from exc
        return cls(**members)  # type: ignore[arg-type]

    def to_json(self) -> bytes:
        """Return the bundle form: the lists as hex of DER, all else as text.

        Raises:
            MalformedError: a document is no text (reason ``collateral_format``).
        """
        members = {}
        for name in MEMBERS:
            value = getattr(self, name)
            if value is None:
                continue
            is_der = name in _DER_MEMBERS and value[:1] == b"\x30" and not value.isascii()
            try:
                members[name] = value.hex() if is_der else value.decode("utf-8")
            except UnicodeDecodeError as exc:
                raise MalformedError(
                    Reason.COLLATERAL_FORMAT, f"cannot write {name} into a bundle: it is no text"
                ) from exc
        return json.dumps(members, indent=1, ensure_ascii=False).encode() + b"\n"


MEMBERS: Final = tuple(entry.name for entry in fields(Collateral) if entry.init)
