# SPDX-License-Identifier: Apache-2.0
"""The settings file: TOML, with the line of every key for messages."""

import re
import tomllib
from collections.abc import Iterator, Mapping

from confcom.runtime.settings.mistakes import Given, Mistake, Origin, unknown
from confcom.runtime.settings.spec import Key
from confcom.runtime.text import printable

FILE_VERSION = 1

_TABLE = re.compile(r"\s*\[\[?\s*(?P<name>[^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*(?P<name>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""")


def read(
    data: bytes, whole: Origin, keys: Mapping[str, Key], groups: frozenset[str]
) -> Iterator[Given | Mistake]:
    """Read the text of a settings file.

    Args:
        data: the whole file.
        whole: the file as an origin without line.
        keys: every known key.
        groups: dotted path of every known group.
    """
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
            yield Mistake(origin, unknown("key", path, [*keys, *sorted(groups)]))


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
