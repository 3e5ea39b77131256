# SPDX-License-Identifier: Apache-2.0
"""Where the recorded cases are; they are not part of the repository.

``CONFCOM_VECTORS`` names the folder, relative to the repository when not absolute. Without them
tests are skipped with one line, unless ``CONFCOM_REQUIRE_VECTORS=1`` makes that a failure.
"""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parent.parent
# Read once: tests that change the environment still find the cases.
_ROOT = (_REPOSITORY / os.environ.get("CONFCOM_VECTORS", "../shared/vectors")).resolve()


def root() -> Path:
    """Returns the folder of all recorded cases, which may not exist."""
    return _ROOT


def find(part: str) -> Path | None:
    """Returns the folder of one part, such as ``dcap``, or None if it is absent."""
    folder = root() / part
    return folder if folder.is_dir() else None


def require(part: str) -> Path:
    """Returns the folder of one part; ends the calling test, or module at its top, without it.

    Raises:
        pytest.fail.Exception: if it is absent and ``CONFCOM_REQUIRE_VECTORS=1``.
        pytest.skip.Exception: if it is absent otherwise.
    """
    folder = find(part)
    if folder is not None:
        return folder
    message = f"no recorded cases in {root() / part}; set CONFCOM_VECTORS"
    if os.environ.get("CONFCOM_REQUIRE_VECTORS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message, allow_module_level=True)
