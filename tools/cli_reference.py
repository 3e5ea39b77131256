# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/cli.md from the program's own help.

``python -m tools.cli_reference`` writes the page; a test compares page and program.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from confcom.cli.commands import confcom
from confcom.cli.main import BROKEN_PIPE
from confcom.reasons import ExitCode

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"
WIDTH: Final = 78
COMMAND_HEADING: Final = "\n## `confcom"

MEANINGS: Final = {
    ExitCode.YES: "yes: it is genuine and acceptable, or the work is done",
    ExitCode.NO: "a definite no: not genuine, or not acceptable",
    ExitCode.USAGE: "usage: unknown command or flag, input not readable, output not writable",
    ExitCode.MALFORMED: "malformed: bytes do not parse",
    ExitCode.UNKNOWN: "could not find out: material, network, device or service is missing",
    ExitCode.CONFIGURATION: "configuration: wrong settings or reference values, a missing package",
    ExitCode.BUG: "a bug of confcom; the message says how to report it",
    ExitCode.INTERRUPTED: "interrupted",
}

INTRODUCTION: Final = """\
# Command line

<!-- written by `python -m tools.cli_reference`; edit the commands in src/confcom/cli instead -->

`confcom NOUN VERB [ARGUMENT]`. The result goes to standard output, everything else to standard
error. `-` means standard input. Output that is not a terminal has no colour; `NO_COLOR` and
`TERM=dumb` turn it off on a terminal too, `FORCE_COLOR` turns it on elsewhere.

`confcom completion bash`, `zsh` or `fish` prints what the shell needs to complete commands and
flags.
"""


def page() -> str:
    """Returns the whole page."""
    root = _context(confcom, "confcom", None)
    parts = [INTRODUCTION, _exit_codes(), _global_options(root)]
    parts.extend(_sections(confcom, root))
    return "".join(parts)


def _exit_codes() -> str:
    rows = [(int(code), MEANINGS[code]) for code in ExitCode]
    rows.append((BROKEN_PIPE, "the reader of the output went away, as with the signal SIGPIPE"))
    lines = "".join(f"| {code} | {meaning} |\n" for code, meaning in rows)
    return f"\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n{lines}"


def _global_options(root: click.Context) -> str:
    found = re.search(
        r"^Global options:\n((?: .*\n)+)", f"{confcom.get_help(root)}\n", re.MULTILINE
    )
    if found is None:
        raise LookupError("the help has no global options")
    return f"\n## Global options\n\nThey may stand anywhere.\n\n```text\n{found[1]}```\n"


def _sections(command: click.Command, ctx: click.Context) -> Iterator[str]:
    yield f"\n## `{ctx.command_path}`\n\n```text\n{_help(command, ctx)}\n```\n"
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(ctx):
        try:
            inner = command.get_command(ctx, name)
        except (ImportError, AttributeError):
            # A noun that is still being written; another test demands that all can be loaded.
            yield f"\n## `{ctx.command_path} {name}`\n\nNot part of this version.\n"
            continue
        if inner is None:
            raise LookupError(name)
        yield from _sections(inner, _context(inner, name, ctx))


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(command, parent, name, terminal_width=WIDTH, **command.context_settings)


def _help(command: click.Command, ctx: click.Context) -> str:
    """Returns the help without the options that every command has."""
    text = re.sub(r"\n\nGlobal options:\n(?: .*\n?)+", "\n", command.get_help(ctx))
    return text.rstrip()


def main() -> int:
    """Writes the page."""
    text = page()
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.name}: {text.count(COMMAND_HEADING)} commands")
    return 0


if __name__ == "__main__":
    sys.exit(main())
