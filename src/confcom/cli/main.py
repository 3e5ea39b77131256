# SPDX-License-Identifier: Apache-2.0
"""The outermost frame: every way a run can end becomes an exit code and at most one message.

Only the standard library is imported here, so that a missing package is reported like any
other mistake. Exit codes are those of `confcom.reasons.ExitCode`; a reader that goes away
early ends the program like the signal SIGPIPE would, with 141.
"""

import gc
import io
import os
import sys
import warnings
from collections.abc import Sequence

from confcom.cli.session import Session

BROKEN_PIPE = 141
PROGRAM = "confcom"
COMPLETION_VARIABLE = "_CONFCOM_COMPLETE"
_NARROWEST_HELP, _WIDEST_HELP = 52, 80


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: command line without the program's name; by default the process's own.

    Returns:
        The exit code.
    """
    # Nothing that is made while modules load is garbage; `Command.invoke` switches it on again.
    gc.disable()
    # The library for certificates warns of odd ones; whether they count is for verification to say,
    # the same for everybody.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"confcom\.dcap\.")
    _accept_every_character()
    session = Session()
    try:
        code = _run(session, sys.argv[1:] if arguments is None else list(arguments))
        _flush()
    except BrokenPipeError:
        _discard_output()
        code = BROKEN_PIPE
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - the outermost frame
        from confcom.cli.failure import present  # noqa: PLC0415 - only when something failed

        code = present(exc, session)
    finally:
        gc.enable()
        if arguments is None:
            # The process ends now; looking for garbage once more would take longer than a help.
            gc.freeze()
    return code


def _run(session: Session, arguments: list[str]) -> int:
    try:
        import click  # noqa: PLC0415 - may be missing

        from confcom.cli.commands import confcom  # noqa: PLC0415 - needs click
    except ModuleNotFoundError as exc:
        if exc.name != "click":
            raise
        from confcom.cli.failure import missing_extra  # noqa: PLC0415 - only when it is missing

        raise missing_extra(PROGRAM, "click", "cli") from exc
    if instruction := os.environ.get(COMPLETION_VARIABLE):
        from click.shell_completion import shell_complete  # noqa: PLC0415 - only to complete

        return shell_complete(confcom, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
    try:
        with confcom.make_context(
            PROGRAM, arguments, obj=session, terminal_width=_help_width()
        ) as ctx:
            result = confcom.invoke(ctx)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    return int(result) if isinstance(result, int) else 0


def _help_width() -> int:
    # What click would find out with shutil, which takes longer to load than the rest of the help.
    try:
        columns = int(os.environ.get("COLUMNS", "")) or os.get_terminal_size().columns
    except (ValueError, OSError):
        columns = _WIDEST_HELP
    return max(min(columns, _WIDEST_HELP), _NARROWEST_HELP) - 2


def _accept_every_character() -> None:
    # A file name or certificate must not break the report about it in a narrow locale.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        _discard_output()
        from confcom.errors import UsageError  # noqa: PLC0415 - only when it failed
        from confcom.reasons import Reason  # noqa: PLC0415 - only when it failed

        raise UsageError(
            Reason.OUTPUT_UNWRITABLE,
            f"cannot write to standard output: {exc.strerror}",
            hint="make room where it goes, or send it elsewhere",
        ) from exc


def _discard_output() -> None:
    # The interpreter flushes once more when it ends, and would complain on standard error.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
