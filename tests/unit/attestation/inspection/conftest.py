# SPDX-License-Identifier: Apache-2.0
"""A simulated platform and its authority, made once."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from confcom.simulation import Platform, SimulatedAuthority, make_authority

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Simulated(NamedTuple):
    """What a test makes documents with."""

    authority: SimulatedAuthority
    platform: Platform


@pytest.fixture(scope="session")
def simulated() -> Simulated:
    authority = make_authority(at=AT)
    return Simulated(authority, authority.add_platform(at=AT))
