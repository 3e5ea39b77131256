# SPDX-License-Identifier: Apache-2.0
"""Write results to standard output as a table, JSON, YAML or JSON lines.

A result is plain data: dictionaries, lists, text, numbers, truth values and None. Its keys
appear in the order given. Only the result goes to standard output.
"""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confcom.cli.session import Session
from confcom.errors import UsageError
from confcom.reasons import Reason

# Control characters that JSON lets through but a terminal may obey.
_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}


class Output:
    """Where the result of one run goes.

    Attributes:
        format: ``table``, ``json``, ``yaml`` or ``jsonl``.
        color: whether tables are coloured.
    """

    def __init__(self, session: Session) -> None:
        self.format = session.format()
        self.color = session.colors_stdout()
        self._quiet = session.quiet

    def write(self, document: object, table: Callable[[], str]) -> None:
        """Write one result.

        Args:
            document: the result as plain data.
            table: makes the result for reading; called only when that is wanted. It colours
                as `color` says and takes care that its text is printable (`confcom.cli.table`).

        Raises:
            UsageError: standard output does not take it (output_unwritable).
        """
        match self.format:
            case "json":
                text = to_json(document)
            case "jsonl":
                text = to_json_line(document)
            case "yaml":
                text = to_yaml(document)
            case _:
                text = table()
        self.write_text(text)

    def write_text(self, text: str) -> None:
        """Write text as it is, unless the user wants quiet.

        Raises:
            UsageError: standard output does not take it (output_unwritable).
        """
        if self._quiet or sys.stdout is None:
            return
        try:
            sys.stdout.write(text)
            if self.format == "jsonl":
                sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as exc:
            raise UsageError(
                Reason.OUTPUT_UNWRITABLE,
                f"cannot write to standard output: {exc.strerror}",
                hint="make room where it goes, or send it elsewhere",
            ) from exc


def to_json(document: object) -> str:
    """Return indented JSON with a line feed at the end; text is not reduced to ASCII."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text.translate(_ESCAPED)}\n"


def to_json_line(document: object) -> str:
    """Return JSON in one line, with a line feed at its end."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{text.translate(_ESCAPED)}\n"


def to_yaml(document: object) -> str:
    """Return block-style YAML that readers of versions 1.1 and 1.2 understand alike.

    Text that either version would read as something else, such as ``yes`` or ``0644``, is
    quoted.
    """
    from confcom.cli.yaml_text import dump  # noqa: PLC0415 - ruamel.yaml takes 30 ms to load

    return dump(plain(document))


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return the value with subclasses of text and numbers, tuples and mappings made plain.

    Raises:
        TypeError: the value is not data.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case Mapping():
            return {str.__str__(key): plain(item) for key, item in value.items()}
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as a result")
