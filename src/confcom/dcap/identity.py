# SPDX-License-Identifier: Apache-2.0
"""Enclave identities, version 2 (Intel PCS REST specification, "Get Quoting Enclave Identity")."""

from dataclasses import dataclass, field
from typing import Final, Self

from confcom.dcap import _json as js
from confcom.dcap._json import DocumentError, Object
from confcom.dcap.tcb_info import IdentityLevel, read_identity_levels
from confcom.errors import MalformedError
from confcom.reasons import Reason

__all__ = ["EnclaveIdentity", "IdentityLevel"]

_UINT32: Final = 2**32 - 1
_IDS: Final = frozenset({"QE", "TD_QE", "QVE", "QAE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveIdentity:
    """Which enclave may be the quoting enclave; times are Unix seconds.

    Hex of the document is bytes in memory order, as they stand in a report: ``misc_select`` and
    mask 4 bytes, ``attributes`` and mask 16 bytes, ``mr_signer`` 32 bytes.
    """

    id: str
    version: int
    issue_date: int
    next_update: int
    evaluation_data_number: int
    misc_select: bytes
    misc_select_mask: bytes
    attributes: bytes
    attributes_mask: bytes
    mr_signer: bytes
    isv_prod_id: int
    levels: tuple[IdentityLevel, ...] = field(repr=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse the inner object.

        Raises:
            MalformedError: reasons ``collateral_format``, ``too_large``.
        """
        document = js.load(data, "enclave identity")
        try:
            return cls(**_fields(document))  # type: ignore[arg-type]
        except DocumentError as exc:
            raise MalformedError(
                Reason.COLLATERAL_FORMAT, f"cannot use enclave identity: {exc}"
            ) from exc


def _fields(document: Object) -> dict[str, object]:
    version = js.integer(document, "version", _UINT32)
    if version != 2:
        raise DocumentError(f"version {version} is not supported; 2 is")
    id_ = js.text(document, "id")
    if id_ not in _IDS:
        raise DocumentError(f"id {id_[:20]!r} is not known")
    return {
        "id": id_,
        "version": version,
        "issue_date": js.date(document, "issueDate"),
        "next_update": js.date(document, "nextUpdate"),
        "evaluation_data_number": js.integer(document, "tcbEvaluationDataNumber", _UINT32),
        "misc_select": js.raw(document, "miscselect", 4),
        "misc_select_mask": js.raw(document, "miscselectMask", 4),
        "attributes": js.raw(document, "attributes", 16),
        "attributes_mask": js.raw(document, "attributesMask", 16),
        "mr_signer": js.raw(document, "mrsigner", 32),
        "isv_prod_id": js.integer(document, "isvprodid", 65535),
        "levels": read_identity_levels(document, 65535),
    }
