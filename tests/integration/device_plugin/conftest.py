# SPDX-License-Identifier: Apache-2.0
"""A folder whose name is short: paths of sockets have 107 bytes at most."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return the folder that stands in for the kubelet's own."""
    with TemporaryDirectory(prefix="d") as name:
        yield Path(name)
