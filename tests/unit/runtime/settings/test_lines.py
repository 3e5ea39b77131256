# SPDX-License-Identifier: Apache-2.0
"""Lines of keys in a TOML file, for messages."""

import tomllib

from confcom.runtime.settings.toml import locate

TEXT = '''\
version = 1            # line 1
log.level = "info"

[ collateral ] # a table
"retries" = 3
note = """
retries = 99
[not.a.table]
"""
sources = [
    "pcs",   # x = y
]
[collateral . 'azure']
region='westeurope'
azure.deep = 1
'''


def test_finds_tables_dotted_and_quoted_keys() -> None:
    tomllib.loads(TEXT)
    assert locate(TEXT) == {
        "version": 1,
        "log.level": 2,
        "collateral": 4,
        "collateral.retries": 5,
        "collateral.note": 6,
        "collateral.sources": 10,
        "collateral.azure": 13,
        "collateral.azure.region": 14,
        "collateral.azure.azure.deep": 15,
    }
