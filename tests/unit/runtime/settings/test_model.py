# SPDX-License-Identifier: Apache-2.0
"""Every setting is documented, has a unit where it is a number, and a default that is valid."""

import math

import pytest

from confcom.runtime.settings.convert import convert
from confcom.runtime.settings.model import Settings
from confcom.runtime.settings.spec import Key, groups_of, keys_of

KEYS = keys_of(Settings)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_setting_is_documented(key: Key) -> None:
    assert key.spec.doc.endswith(".")
    assert key.spec.doc[0].isupper() or key.spec.doc[0] == "`"


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_number_has_unit_and_bounds(key: Key) -> None:
    if key.type in {int, float}:
        assert key.spec.unit
        assert all(map(math.isfinite, key.spec.bounds))
    if key.path.endswith("_s"):
        assert key.spec.unit == "seconds"


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_default_would_be_accepted_if_somebody_wrote_it(key: Key) -> None:
    if key.default is not None:
        assert convert(key, key.default) == key.default


def test_addresses_of_the_model_are_checked() -> None:
    for key in KEYS.values():
        assert key.spec.check or not key.path.endswith(("_url", "proxy"))


def test_groups_are_frozen_and_documented() -> None:
    for group in (Settings, *groups_of(Settings).values()):
        assert group.__doc__
        instance = group()
        for name in group.__annotations__:
            with pytest.raises(AttributeError):
                setattr(instance, name, None)


def test_only_trust_is_reserved_to_flags() -> None:
    assert [path for path, key in KEYS.items() if key.spec.flag_only] == [
        "trust.root",
        "trust.allow_simulated",
    ]
