# SPDX-License-Identifier: Apache-2.0
"""An author's key, made once."""

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from confcom.testing.sigstruct import new_author_key


@pytest.fixture(scope="session")
def author_key() -> RSAPrivateKey:
    return new_author_key()
