# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/settings.md from the settings model.

``python -m tools.settings_reference`` writes the page; a test compares page and model.
"""

import math
import sys
from enum import StrEnum
from pathlib import Path
from types import GenericAlias
from typing import Final, get_args

from confcom.runtime.settings import Settings
from confcom.runtime.settings.spec import Key, groups_of, keys_of

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "settings.md"

INTRODUCTION: Final = """\
# Settings

<!-- written by `python -m tools.settings_reference`; edit src/confcom/runtime/settings/model.py -->

A value comes from the first of these that has one:

1. a flag of the command, where the command offers it;
2. the environment: `CONFCOM_`, then the key in capitals with `__` for each dot;
3. the settings file: the one named by `--config`, else by `CONFCOM_CONFIG`, else
   `/etc/confcom/confcom.toml` if it is there;
4. the default.

The file is TOML and starts with its version:

```toml
version = 1

[collateral]
sources = ["pccs:https://pccs.example:8081", "pcs"]
timeout_s = 10
```

In the environment a list is written with commas, truth as `true` or `false`, and an empty value
unsets a setting that may be unset. An unknown key or variable is a mistake; variables that
Kubernetes adds for Services are passed over, and so are `CONFCOM_VECTORS` and those that start with
`CONFCOM_REQUIRE_`, `CONFCOM_CI_`, `CONFCOM_TEST_` or `CONFCOM_BENCH_`, which belong to the tests.
All mistakes are reported at once, each with its origin, and the program ends with exit code 5
([settings_invalid](reasons/settings_invalid.md)).

Secrets are never settings: the keys that end in `_file` name files that hold them.

`confcom config show --origin` prints the values in force and where each comes from.
"""


def page() -> str:
    """Returns the whole page."""
    parts = [INTRODUCTION]
    keys = keys_of(Settings)
    for group, model in groups_of(Settings).items():
        parts.append(f"\n## `{group}`\n\n{_first_paragraph(model)}\n")
        own = (key for path, key in keys.items() if path.rpartition(".")[0] == group)
        parts.extend(map(_entry, own))
    return "".join(parts)


def _first_paragraph(model: type) -> str:
    return (model.__doc__ or "").strip().partition("\n\n")[0]


def _entry(key: Key) -> str:
    facts = [f"Type: {_type(key)}", f"Default: {_default(key)}"]
    if key.spec.flag_only:
        facts.append(f"Only as flag: `{key.flag}`")
    else:
        facts.append(f"Variable: `{key.variable}`")
    lines = "".join(f"- {fact}\n" for fact in facts)
    return f"\n### `{key.path}`\n\n{key.spec.doc}\n\n{lines}"


def _type(key: Key) -> str:
    if isinstance(key.type, GenericAlias):
        (item,) = {member for member in get_args(key.type) if member is not Ellipsis}
        return "list of paths" if item is Path else "list of text"
    if issubclass(key.type, StrEnum):
        return "one of " + ", ".join(f"`{member.value}`" for member in key.type)
    name = {bool: "true or false", int: "whole number", float: "number", str: "text"}.get(
        key.type, "path"
    )
    low, high = key.spec.bounds
    if math.isfinite(low):
        name += f" of {key.spec.unit} from {low:g} to {high:.10g}"
    return name


def _default(key: Key) -> str:
    if key.spec.default_text:
        return key.spec.default_text
    match key.default:
        case None:
            return "unset"
        case bool():
            return f"`{str(key.default).lower()}`"
        case tuple():
            return ", ".join(f"`{item}`" for item in key.default) or "empty"
        case float():
            return f"`{key.default:g}`"
        case _:
            return f"`{key.default}`"


def main() -> int:
    """Writes the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}: {len(keys_of(Settings))} settings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
