# SPDX-License-Identifier: Apache-2.0
"""Read raw values of settings from a TOML file, from the environment and from flags."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from confcom.runtime.settings.mistakes import Layer, Mistake, Origin, nearest
from confcom.runtime.settings.spec import ENVIRONMENT_PREFIX, Key
from confcom.runtime.text import printable

FILE_VERSION = 1
MAX_FILE_BYTES = 1024 * 1024
CONFIG_VARIABLE = "CONFCOM_CONFIG"
# Variables with our prefix that are not settings: which file to read, switches of the tests.
RESERVED_VARIABLES = frozenset({CONFIG_VARIABLE, "CONFCOM_VECTORS"})
RESERVED_PREFIXES = ("CONFCOM_REQUIRE_", "CONFCOM_CI_", "CONFCOM_TEST_", "CONFCOM_BENCH_")

# A pod gets such variables for each Service of its namespace, ours included.
_SERVICE_LINK = re.compile(
    r"CONFCOM_\w*?_?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_TABLE = re.compile(r"\s*\[\[?\s*(?P<name>[^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*(?P<name>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""")


class Given(NamedTuple):
    """A raw value for a known key."""

    path: str
    raw: object
    origin: Origin


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
    yield from _from_toml(data, whole, keys, frozenset(groups))


def _from_toml(
    data: bytes, whole: Origin, keys: Mapping[str, Key], groups: frozenset[str]
) -> Iterator[Given | Mistake]:
    import tomllib  # noqa: PLC0415 - most runs have no file

    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as exc:
        yield Mistake(whole, f"it is not UTF-8 text: byte {exc.start} is 0x{data[exc.start]:02x}")
        return
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        yield Mistake(whole, f"it is not TOML: {printable(str(exc))}")
        return
    lines = locate(text)
    version = document.pop("version", None)
    if version is None:
        yield Mistake(whole, f"the key version is missing; write: version = {FILE_VERSION}")
    elif type(version) is not int or version != FILE_VERSION:
        origin = whole._replace(line=lines.get("version"))
        yield Mistake(origin, f"expected version {FILE_VERSION}, found {version!r:.40}")
    for path, raw in _flatten(document, groups):
        origin = whole._replace(line=_line_of(path, lines))
        if path in keys:
            yield Given(path, raw, origin)
        elif path in groups:
            yield Mistake(origin, f"{path} is a group of settings; write [{path}] above its keys")
        else:
            yield Mistake(origin, _unknown("key", path, [*keys, *sorted(groups)]))


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
        elif not _SERVICE_LINK.fullmatch(name):
            yield Mistake(origin, _unknown("variable", name, by_variable))


def _is_reserved(name: str) -> bool:
    return name in RESERVED_VARIABLES or name.startswith(RESERVED_PREFIXES)


def from_flags(flags: Iterable[Flag]) -> Iterator[Given]:
    """Read the flags that were given."""
    for flag in flags:
        if flag.value is not None:
            yield Given(flag.path, flag.value, Origin(Layer.FLAG, flag.name))


def locate(text: str) -> dict[str, int]:
    """Return the line, from 1, of each key that a TOML text assigns, by its dotted path.

    The parser of the standard library keeps no positions. This reads tables and assignments
    line by line, skips strings of several lines, and is only used to help a reader.
    """
    lines: dict[str, int] = {}
    table, inside = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if header := _TABLE.match(line):
            table = _plain(header["name"])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            name = _plain(assignment["name"])
            lines.setdefault(f"{table}.{name}" if table else name, number)
        inside = next((mark for mark in ('"""', "'''") if line.count(mark) == 1), "")
    return lines


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def _flatten(
    document: Mapping[str, object], groups: frozenset[str], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    for name, raw in document.items():
        path = prefix + name
        if isinstance(raw, dict) and path in groups:
            yield from _flatten(raw, groups, f"{path}.")
        else:
            yield path, raw


def _line_of(path: str, lines: Mapping[str, int]) -> int | None:
    if path in lines:
        return lines[path]
    deeper = [line for name, line in lines.items() if name.startswith(f"{path}.")]
    if deeper or not path:
        return min(deeper, default=None)
    return _line_of(path.rpartition(".")[0], lines)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    advice = f"; the nearest known {what} is {near}" if near else ""
    return f"unknown {what} {printable(name)}{advice}"
