# SPDX-License-Identifier: Apache-2.0
"""Put a verified document on disk, unless what is there is newer."""

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.disk_cache import CachedAnswer, DiskCache
from confcom.adapters.collateral.document import Document, refuse_rollback
from confcom.errors import ConfcomError, UnavailableError


def keep(
    cache: DiskCache,
    document: Document,
    *,
    checker: Checker,
    root_ca_crl: Answer | None,
    allow_rollback: bool,
) -> bool:
    """Write a document into the cache.

    Args:
        cache: where to.
        document: verified.
        checker: verifies what is there, which counts only if it is authentic.
        root_ca_crl: the list that tells whether signers are revoked.
        allow_rollback: write it even if what is there is newer.

    Returns:
        Whether it was written; False if another writer took too long.

    Raises:
        UnavailableError: what is there is newer (``collateral_rollback``).
        UsageError: the cache cannot be written.
    """
    refusal: list[UnavailableError] = []

    def may_replace(found: CachedAnswer) -> bool:
        if allow_rollback:
            return True
        try:
            kept = checker.check_kept(
                document.request,
                found.answer,
                root_ca_crl=root_ca_crl,
                fetched_at=found.fetched_at,
            )
        except ConfcomError:
            return True  # not authentic: as good as absent
        try:
            refuse_rollback(kept, document)
        except UnavailableError as exc:
            refusal.append(exc)
            return False
        return True

    written = cache.write(
        document.request,
        document.answer,
        fetched_at=document.fetched_at,
        may_replace=may_replace,
    )
    if refusal:
        raise refusal[0]
    return written
