# SPDX-License-Identifier: Apache-2.0
"""The TOML form of reference values: ``version = 1`` and one line a key."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

VERSION: Final = 1
MAX_FILE_BYTES: Final = 1024 * 1024


def decode(data: bytes, name: str, keys: Sequence[str], mistakes: list[str]) -> dict[str, object]:
    """Return the known keys of a reference file with their values as TOML has them.

    Args:
        data: contents of the file, UTF-8, at most 1 MiB.
        name: of the file, for messages.
        keys: those that are known.
        mistakes: gets one line for each mistake.
    """
    if len(data) > MAX_FILE_BYTES:
        mistakes.append(f"{name}: {len(data)} bytes, more than the limit of {MAX_FILE_BYTES}")
        return {}
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError as exc:
        mistakes.append(f"{name}: not UTF-8 text (byte {exc.start})")
        return {}
    except (ValueError, RecursionError) as exc:
        mistakes.append(f"{name}: not TOML: {exc}")
        return {}
    version = table.pop("version", None)
    if type(version) is not int or version != VERSION:
        found = "no version" if version is None else f"version = {ascii(version)[:40]}"
        mistakes.append(f"{name}: version = {VERSION} expected, {found} found")
    for key in sorted(table.keys() - set(keys)):
        near = get_close_matches(key.replace("-", "_"), keys, n=1)
        advice = f"; did you mean {near[0]}?" if near else ""
        mistakes.append(f"{name}: unknown key {ascii(key)[:60]}{advice}")
    return {key: table[key] for key in keys if key in table}
