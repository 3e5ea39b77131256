# SPDX-License-Identifier: Apache-2.0
"""All documents of a bundle file, a directory or a cache, one by one and in groups.

A group is what is verified together: documents and the root CA CRL that goes with them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.bundle import answers_of, contents_of
from confcom.adapters.collateral.directory import DirectorySource, request_of_file
from confcom.adapters.collateral.disk_cache import DiskCache
from confcom.adapters.collateral.local import read_bundle_file
from confcom.adapters.collateral.requests import (
    STANDARD,
    CollateralRequest,
    Edition,
    FmspcsRequest,
    PckCrlRequest,
    QeIdentityRequest,
    RootCaCrlRequest,
    TcbInfoRequest,
    request_of_name,
)
from confcom.dcap import Collateral
from confcom.errors import ConfcomError, UnavailableError
from confcom.reasons import Reason


class Item(NamedTuple):
    """One document as it lies there.

    Attributes:
        request: what it answers.
        answer: the document, or what keeps it from being read.
        fetched_at: Unix seconds, or None where nobody knows.
    """

    request: CollateralRequest
    answer: Answer | ConfcomError
    fetched_at: int | None = None


class Group(NamedTuple):
    """Documents that are verified together.

    Attributes:
        items: the documents, each request once.
        pck_certificate_chain: PEM that a bundle carries for quotes without it, or None.
    """

    items: tuple[Item, ...]
    pck_certificate_chain: bytes | None = None

    @property
    def root_ca_crl(self) -> Answer | None:
        """The list of the root, or None if it is not there."""
        for item in self.items:
            if isinstance(item.request, RootCaCrlRequest) and isinstance(item.answer, Answer):
                return item.answer
        return None


def groups_of_path(path: Path, edition: Edition = STANDARD) -> list[Group]:
    """Return the documents of a bundle file (a group for each bundle) or of a directory (one).

    Args:
        path: file or directory.
        edition: under which TCB info and QE identity of a bundle are filed.

    Raises:
        UsageError: it cannot be read.
        MalformedError: the file is not a bundle.
        UnavailableError: the directory holds no document (``collateral_missing``).
    """
    if path.is_dir():
        return [_group_of_directory(path)]
    return [_group_of_bundle(bundle, str(path), edition) for bundle in read_bundle_file(path)]


def group_of_cache(cache: DiskCache) -> Group:
    """Return the documents of a cache."""
    items: list[Item] = []
    for entry in cache.entries():
        request = request_of_name(entry.name)
        if request is not None and not isinstance(request, FmspcsRequest):
            items.append(Item(request, entry.answer, entry.fetched_at))
    return Group(tuple(items))


def missing_requests(group: Group) -> Iterator[str]:
    """Yield in words what a group lacks to verify the quotes of its platforms."""
    requests = {item.request for item in group.items}
    if RootCaCrlRequest() not in requests:
        yield "root CA CRL"
    if not _has(requests, PckCrlRequest):
        yield "PCK CRL"
    infos = [request for request in requests if isinstance(request, TcbInfoRequest)]
    if not infos:
        yield "TCB info"
    for identity in sorted({QeIdentityRequest(info.tee, info.edition) for info in infos}, key=str):
        if identity not in requests:
            yield str(identity)


def _group_of_bundle(bundle: Collateral, name: str, edition: Edition) -> Group:
    held = contents_of(bundle)
    answers = answers_of(bundle, held, name, edition)
    items = tuple(Item(request, answer) for request, answer in answers.items())
    return Group(items, bundle.pck_certificate_chain)


def _group_of_directory(path: Path) -> Group:
    source = DirectorySource(path)
    items: list[Item] = []
    for name in sorted(entry.name for entry in path.iterdir()):
        request = request_of_file(name)
        if request is not None and not isinstance(request, FmspcsRequest):
            items.append(Item(request, _read(source, request)))
    if not items:
        raise UnavailableError(
            Reason.COLLATERAL_MISSING,
            f"directory {path} holds no collateral",
            hint="files have names such as tcb-info-sgx-00606a000000.json and root-ca-crl.crl",
        )
    return Group(tuple(items))


def _read(source: DirectorySource, request: CollateralRequest) -> Answer | ConfcomError:
    try:
        return source.read(request)
    except ConfcomError as exc:
        return exc


def _has(requests: Iterable[CollateralRequest], kind: type[CollateralRequest]) -> bool:
    return any(isinstance(request, kind) for request in requests)
