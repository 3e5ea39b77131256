# SPDX-License-Identifier: Apache-2.0
"""Bundle files: all that verifies the quotes of one kind of platform, or of several, in one file.

A file holds one bundle, the JSON object of `confcom.dcap.Collateral`, or an array of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.assembly import ca_of_chain
from confcom.adapters.collateral.requests import (
    STANDARD,
    CollateralRequest,
    Edition,
    PckCertificateRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    SignedRequest,
    TcbInfoRequest,
)
from confcom.dcap import Collateral, EnclaveIdentity, PckCa, TcbInfo, TeeType
from confcom.errors import MalformedError, UnavailableError
from confcom.reasons import Reason

MAX_BUNDLES: Final = 4096


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle is for, as its documents say; nothing of it is verified.

    Attributes:
        tee: SGX or TDX.
        fmspc: 6 bytes.
        ca: the intermediate whose revocation list it holds.
        tcb_info_number: evaluation data number of TCB info.
        qe_identity_number: evaluation data number of the QE identity.
    """

    tee: TeeType
    fmspc: bytes
    ca: PckCa
    tcb_info_number: int
    qe_identity_number: int


def read_bundles(data: bytes) -> tuple[Collateral, ...]:
    """Return the bundles of a file, at least one.

    Raises:
        MalformedError: not JSON, not an object or array of objects, or an object that is not a
            bundle (``collateral_format``); too many or too large (``too_large``).
    """
    if not data.lstrip(b" \t\r\n").startswith(b"["):
        return (Collateral.from_json(data),)
    try:
        parts = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise MalformedError(
            Reason.COLLATERAL_FORMAT, f"cannot parse collateral bundles: {exc}"
        ) from exc
    if not parts:
        raise MalformedError(Reason.COLLATERAL_FORMAT, "the file of collateral bundles is empty")
    if len(parts) > MAX_BUNDLES:
        raise MalformedError(
            Reason.TOO_LARGE, f"the file holds {len(parts)} bundles, limit {MAX_BUNDLES}"
        )
    return tuple(Collateral.from_json(bytes(part)) for part in parts)


def write_bundles(bundles: Sequence[Collateral]) -> bytes:
    """Return the content of a bundle file; a single bundle is not put into an array."""
    texts = [bundle.to_json() for bundle in bundles]
    if len(texts) == 1:
        return texts[0]
    return b"[\n" + b",\n".join(text.rstrip() for text in texts) + b"\n]\n"


def contents_of(bundle: Collateral) -> Contents:
    """Return what a bundle is for.

    Raises:
        MalformedError: a document in it does not parse.
    """
    info = TcbInfo.from_bytes(bundle.tcb_info)
    identity = EnclaveIdentity.from_bytes(bundle.qe_identity)
    return Contents(
        TeeType[info.id],
        info.fmspc,
        ca_of_chain(bundle.pck_crl_issuer_chain),
        info.evaluation_data_number,
        identity.evaluation_data_number,
    )


def envelope(member: bytes, inner: bytes, signature: bytes) -> bytes:
    """Return a signed JSON document as services send it.

    Args:
        member: name of the inner object, such as ``tcbInfo``.
        inner: the exact bytes that are signed.
        signature: 128 hex digits.
    """
    return b'{"%b":%b,"signature":"%b"}' % (member, inner, signature)


def answers_of(
    bundle: Collateral, held: Contents, source: str, edition: Edition = STANDARD
) -> dict[SignedRequest, Answer]:
    """Return the four documents of a bundle as answers to what would have asked for them.

    Args:
        bundle: the bundle.
        held: what it is for.
        source: path, for messages.
        edition: under which TCB info and QE identity are filed.
    """

    def answer(body: bytes, chain: bytes | None) -> Answer:
        return Answer(body=body, issuer_chain=chain, source=source)

    info = envelope(b"tcbInfo", bundle.tcb_info, bundle.tcb_info_signature)
    identity = envelope(b"enclaveIdentity", bundle.qe_identity, bundle.qe_identity_signature)
    return {
        RootCaCrlRequest(): answer(bundle.root_ca_crl, None),
        PckCrlRequest(held.ca): answer(bundle.pck_crl, bundle.pck_crl_issuer_chain),
        TcbInfoRequest(held.tee, held.fmspc, edition): answer(info, bundle.tcb_info_issuer_chain),
        QeIdentityRequest(held.tee, edition): answer(identity, bundle.qe_identity_issuer_chain),
    }


class BundleSource:
    """Documents in bundles."""

    def __init__(self, bundles: Sequence[Collateral], name: str) -> None:
        self._held = [(contents_of(bundle), bundle) for bundle in bundles]
        self._name = name

    @property
    def name(self) -> str:
        """Path of the file."""
        return self._name

    def read(self, request: CollateralRequest) -> Answer:
        """Return a document; it is not verified.

        Raises:
            UnavailableError: it is not there (``collateral_missing``).
        """
        for held, bundle in self._held:
            found = self._find(request, bundle, held)
            if found is not None:
                return found
        raise UnavailableError(
            Reason.COLLATERAL_MISSING,
            f"cannot find {request} in file {self._name}, which is for {self._platforms()}",
            hint="export a bundle for this platform: confcom collateral export --fmspc FMSPC FILE",
        )

    def _find(
        self, request: CollateralRequest, bundle: Collateral, held: Contents
    ) -> Answer | None:
        match request:
            case TcbInfoRequest(edition=edition):
                has_edition = edition.number in {None, held.tcb_info_number}
            case QeIdentityRequest(edition=edition):
                has_edition = edition.number in {None, held.qe_identity_number}
            case PckCertificateRequest():
                return self._pck_chain(bundle)
            case _:
                has_edition, edition = True, STANDARD
        if not has_edition:
            return None
        answers = answers_of(bundle, held, self._name, edition)
        return next((answer for asked, answer in answers.items() if asked == request), None)

    def _pck_chain(self, bundle: Collateral) -> Answer | None:
        # No request tells whose chain it is; among several, none is better than a wrong one.
        chain = bundle.pck_certificate_chain
        if chain is None or len(self._held) > 1:
            return None
        return Answer(body=chain, issuer_chain=None, source=self._name)

    def _platforms(self) -> str:
        names = [f"{held.tee.name} {held.fmspc.hex().upper()}" for held, _ in self._held]
        return ", ".join(names[:8]) + (" and others" if len(names) > 8 else "")
