# SPDX-License-Identifier: Apache-2.0
"""What tests of several commands need."""

from collections.abc import Iterator

import pytest
from tests.rights import without_rights_of_root


@pytest.fixture
def _without_rights_of_root() -> Iterator[None]:
    """Take away what lets root read and write every file."""
    with without_rights_of_root():
        yield
