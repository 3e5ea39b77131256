# SPDX-License-Identifier: Apache-2.0
"""From what went wrong with each source to the one error that a person reads."""

from collections.abc import Sequence
from typing import Final

from confcom.adapters.collateral.document import Document, time_text
from confcom.adapters.collateral.requests import CollateralRequest
from confcom.errors import (
    ConfcomError,
    MalformedError,
    NotAuthenticError,
    UnavailableError,
)
from confcom.reasons import Reason

FILE_HINT: Final = "give the collateral as a file: --collateral FILE"
# What a person can act upon comes first: a network to mend, an answer to doubt, a file to find.
_TELLING: Final = (
    Reason.SOURCE_UNREACHABLE,
    Reason.SOURCE_ANSWER,
    Reason.COLLATERAL_ROLLBACK,
    Reason.SOURCE_REFUSED,
    Reason.COLLATERAL_MISSING,
)

# Not the source is wrong, but what the user named.
_OWN_HINT: Final = frozenset(
    {Reason.SIMULATED_ROOT, Reason.UNTRUSTED_ROOT, Reason.NOT_YET_VALID, Reason.COLLATERAL_EXPIRED}
)


def as_unavailable(
    request: CollateralRequest, source: str, error: ConfcomError
) -> UnavailableError:
    """Return what a source's failure means: material is missing, whatever the source did wrong.

    Args:
        request: what was asked for.
        source: host or path.
        error: its failure; an answer that is malformed or not authentic says nothing about the
            evidence that is to be verified.
    """
    if isinstance(error, UnavailableError):
        return error
    if isinstance(error, MalformedError | NotAuthenticError):
        return UnavailableError(
            Reason.SOURCE_ANSWER,
            f"cannot use {request} from {source}: {error.message}",
            hint=error.hint if error.reason in _OWN_HINT else f"ask another source, or {FILE_HINT}",
        )
    return UnavailableError(
        Reason.SOURCE_UNREACHABLE,
        f"cannot get {request} from {source}: {error.message}",
        hint=error.hint,
    )


def combine(request: CollateralRequest, failures: Sequence[UnavailableError]) -> UnavailableError:
    """Return one error for the failures of all sources, in the order in which they were asked."""
    if not failures:
        return UnavailableError(
            Reason.COLLATERAL_MISSING,
            f"cannot find {request}: no source may be asked, and none is kept from before",
            hint=f"go online once, or {FILE_HINT}",
        )
    if len(failures) == 1:
        return failures[0]
    telling = min(failures, key=lambda error: _rank(error.reason))
    return UnavailableError(
        telling.reason, "; ".join(error.message for error in failures), hint=telling.hint
    )


def ended(document: Document) -> UnavailableError:
    """Return the error that the document at hand has ended, and nobody may be asked for another."""
    return UnavailableError(
        Reason.COLLATERAL_MISSING,
        f"cannot use the {document.request} of the cache: it was valid until "
        f"{time_text(document.next_update)}",
        hint=f"renew it with network: confcom collateral fetch; or {FILE_HINT}",
    )


def first_of_ours(group: ExceptionGroup[ConfcomError]) -> ConfcomError:
    """Return the first single error in a group."""
    inner = group.exceptions[0]
    return first_of_ours(inner) if isinstance(inner, ExceptionGroup) else inner


def _rank(reason: Reason) -> int:
    return _TELLING.index(reason) if reason in _TELLING else len(_TELLING)


def pck_missing(error: UnavailableError) -> UnavailableError:
    """Return the error that a quote's certificate chain must come from outside but does not."""
    return UnavailableError(
        Reason.PCK_MISSING,
        f"the quote does not carry its PCK certificate chain: {error.message}",
        hint="give a bundle that has pck_certificate_chain: --collateral FILE",
    )
