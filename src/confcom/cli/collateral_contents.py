# SPDX-License-Identifier: Apache-2.0
"""What is in the cache, in a bundle or in a directory, document by document, each verified."""

from collections.abc import Iterator
from pathlib import Path

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.checks import Checker
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.items import (
    Group,
    Item,
    group_of_cache,
    groups_of_path,
    missing_requests,
)
from confcom.cli.collateral_setup import CollateralSetup
from confcom.cli.collateral_tables import Row
from confcom.errors import ConfcomError, UnavailableError
from confcom.reasons import Reason

_PCK_CHAIN = "pck-certificate-chain"


def rows_of_cache(setup: CollateralSetup) -> list[Row]:
    """Return a row for each answer in the cache of the root."""
    group = group_of_cache(DiskCache(setup.cache_path))
    return list(_rows(group, setup.checker, setup.now().timestamp()))


def rows_of_path(setup: CollateralSetup, path: Path) -> list[Row]:
    """Return a row for each document of a bundle or directory, and for each that is missing.

    Raises:
        UsageError: it cannot be read.
        MalformedError: the file is not a bundle.
        UnavailableError: the directory holds no document (``collateral_missing``).
    """
    now = setup.now().timestamp()
    rows: dict[tuple[str, object], Row] = {}
    for group in groups_of_path(path):
        for row in (*_rows(group, setup.checker, now), *_missing(group, path)):
            body = None if row.document is None else row.document.answer.body
            rows.setdefault((row.name, body or row.error), row)
    return list(rows.values())


def _rows(group: Group, checker: Checker, now: float) -> Iterator[Row]:
    for item in group.items:
        yield _row(item, group, checker, now)
    if group.pck_certificate_chain is not None:
        yield _chain_row(group.pck_certificate_chain, checker, now)


def _row(item: Item, group: Group, checker: Checker, now: float) -> Row:
    name, answer = item.request.name, item.answer
    if not isinstance(answer, Answer):
        return Row(name, None, error=answer)
    fetched_at = int(now) if item.fetched_at is None else item.fetched_at
    row = Row(name, answer.source, fetched_at=item.fetched_at)
    try:
        document = checker.check_kept(
            item.request, answer, root_ca_crl=group.root_ca_crl, fetched_at=fetched_at
        )
    except ConfcomError as exc:
        return row._replace(error=exc)
    try:
        checker.check(item.request, answer, root_ca_crl=group.root_ca_crl, now=now)
    except ConfcomError as exc:
        return row._replace(document=document, error=exc)
    return row._replace(document=document)


def _chain_row(chain: bytes, checker: Checker, now: float) -> Row:
    try:
        checker.check_pck_chain(chain, now)
    except ConfcomError as exc:
        return Row(_PCK_CHAIN, None, error=exc)
    return Row(_PCK_CHAIN, None)


def _missing(group: Group, path: Path) -> Iterator[Row]:
    for words in missing_requests(group):
        error = UnavailableError(
            Reason.COLLATERAL_MISSING, f"cannot verify quotes with {path}: it lacks the {words}"
        )
        yield Row(words.lower().replace(" ", "-"), None, error=error)
