# SPDX-License-Identifier: Apache-2.0
"""What a test needs and a machine may lack: skipped on a laptop, failed where all has to be."""

import os
from typing import Final, NoReturn

import pytest

# Read once: the settings of the person who runs the suite are taken away from each test.
IS_REQUIRED: Final = os.environ.get("CONFCOM_REQUIRE_INTEGRATION") == "1"


def missing(what: str, *, is_required: bool = IS_REQUIRED) -> NoReturn:
    """End the test: failed where everything has to be there, skipped elsewhere."""
    if is_required:
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
