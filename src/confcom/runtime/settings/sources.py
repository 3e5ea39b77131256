# SPDX-License-Identifier: Apache-2.0
"""Read raw values of settings from a TOML file, from the environment and from flags."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from confcom.runtime.settings.mistakes import Given, Layer, Mistake, Origin, unknown
from confcom.runtime.settings.spec import ENVIRONMENT_PREFIX, Key
from confcom.runtime.text import printable

MAX_FILE_BYTES = 1024 * 1024
CONFIG_VARIABLE = "CONFCOM_CONFIG"
# Variables with our prefix that are not settings: which file to read, switches of the tests.
RESERVED_VARIABLES = frozenset({CONFIG_VARIABLE, "CONFCOM_VECTORS"})
RESERVED_PREFIXES = ("CONFCOM_REQUIRE_", "CONFCOM_CI_", "CONFCOM_TEST_", "CONFCOM_BENCH_")

# A pod gets such variables for each Service of its namespace, ours included.
_SERVICE_LINK = (
    r"CONFCOM_\w*?_?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


class Flag(NamedTuple):
    """A value given on the command line.

    Attributes:
        path: dotted path of the key.
        name: the flag as the user wrote it, such as ``--timeout``.
        value: text, or what the command line parser made of it; None when it was not given.
    """

    path: str
    name: str
    value: object


def from_file(
    path: Path, *, required: bool, keys: Mapping[str, Key], groups: Iterable[str]
) -> Iterator[Given | Mistake]:
    """Read a settings file.

    Args:
        path: the TOML file, at most 1 MiB; its key ``version`` must be 1.
        required: whether a file that is not there is a mistake.
        keys: every known key.
        groups: dotted path of every known group.
    """
    whole = Origin(Layer.FILE, printable(str(path)))
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        if required:
            yield Mistake(whole, "there is no such file")
        return
    except OSError as exc:
        yield Mistake(whole, f"cannot read it: {exc.strerror}")
        return
    if len(data) > MAX_FILE_BYTES:
        yield Mistake(whole, f"it is larger than {MAX_FILE_BYTES} bytes")
        return
    from confcom.runtime.settings import toml  # noqa: PLC0415 - most runs have no file

    yield from toml.read(data, whole, keys, frozenset(groups))


def from_environment(
    environ: Mapping[str, str], keys: Mapping[str, Key]
) -> Iterator[Given | Mistake]:
    """Read the variables with our prefix; what Kubernetes adds for our Services is passed over."""
    by_variable = {key.variable: key for key in keys.values()}
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or _is_reserved(name):
            continue
        origin = Origin(Layer.ENVIRONMENT, printable(name))
        if name in by_variable:
            yield Given(by_variable[name].path, environ[name], origin)
        elif not re.fullmatch(_SERVICE_LINK, name):
            yield Mistake(origin, unknown("variable", name, by_variable))


def _is_reserved(name: str) -> bool:
    return name in RESERVED_VARIABLES or name.startswith(RESERVED_PREFIXES)


def from_flags(flags: Iterable[Flag]) -> Iterator[Given]:
    """Read the flags that were given."""
    for flag in flags:
        if flag.value is not None:
            yield Given(flag.path, flag.value, Origin(Layer.FLAG, flag.name))
