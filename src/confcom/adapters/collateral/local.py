# SPDX-License-Identifier: Apache-2.0
"""Sources that need no network: bundle files and directories of raw answers.

Nothing here loads a network library, so that offline verification starts quickly.
"""

from pathlib import Path
from typing import Protocol

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.bundle import BundleSource, read_bundles
from confcom.adapters.collateral.directory import DirectorySource
from confcom.adapters.collateral.files import MAX_BUNDLE_BYTES, named, read_bounded
from confcom.adapters.collateral.requests import CollateralRequest
from confcom.dcap import Collateral
from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason


class LocalSource(Protocol):
    """Gives documents without waiting; what it gives is not verified."""

    @property
    def name(self) -> str:
        """Path, for messages."""

    def read(self, request: CollateralRequest) -> Answer:
        """Return a document.

        Raises:
            ConfcomError: it is not to be had.
        """


def open_local(path: Path) -> DirectorySource | BundleSource:
    """Return the source that a path names: a directory, or a bundle file.

    Raises:
        UsageError: there is no such path, or it cannot be read (``input_unreadable``).
        MalformedError: the file is not a bundle.
    """
    if path.is_dir():
        return DirectorySource(path)
    return BundleSource(read_bundle_file(path), str(path))


def read_bundle_file(path: Path) -> tuple[Collateral, ...]:
    """Return the bundles in a file.

    Raises:
        UsageError: there is no such file, or it cannot be read (``input_unreadable``).
        MalformedError: it is not a bundle, or too large.
    """
    data = read_bounded(path, most=MAX_BUNDLE_BYTES)
    if data is None:
        raise UsageError(
            Reason.INPUT_UNREADABLE,
            f"cannot read collateral from {path}: there is no such file or directory",
            hint="--collateral takes a bundle file, a directory, or an address https://…",
        )
    try:
        return read_bundles(data)
    except MalformedError as exc:
        raise named(exc, path, data) from exc
