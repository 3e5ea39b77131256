# SPDX-License-Identifier: Apache-2.0
"""What the program says when a run fails, and the exit code for it."""

import errno
import sys
import traceback
from pathlib import Path

from confcom.cli.session import Session
from confcom.cli.style import Style
from confcom.errors import ConfcomError, MisconfiguredError, UsageError
from confcom.reasons import ExitCode, Reason
from confcom.runtime.redact import redact_text
from confcom.runtime.text import printable

_LONGEST_TRACEBACK = 256 * 1024
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def missing_extra(what: str, package: str, extra: str) -> MisconfiguredError:
    """Return the error that a package of an extra is not installed, with the command for it."""
    return MisconfiguredError(
        Reason.EXTRA_MISSING,
        f"cannot run {what}: the Python package {package} is not installed",
        hint=f"python -m pip install 'confcom[{extra}]'",
    )


def present(exc: BaseException, session: Session) -> int:
    """Write one message about a failure to standard error.

    Args:
        exc: what ended the run.
        session: tells about colours, and whether tracebacks are wanted.

    Returns:
        The exit code.
    """
    if session.debug:
        _show_traceback(exc)
    if isinstance(exc, ConfcomError):
        session.say("error", Style.BAD, exc.message)
        if exc.hint:
            session.say("hint", Style.WARNING, exc.hint)
        return exc.kind.outcome.exit_code
    if isinstance(exc, OSError) and exc.errno in _NO_ROOM:  # files are written elsewhere
        return present(_unwritable(exc), session)
    if isinstance(exc, KeyboardInterrupt):
        session.say("error", Style.BAD, "interrupted")
        return ExitCode.INTERRUPTED
    return _present_usage(exc, session) or _present_bug(exc, session)


def _unwritable(exc: OSError) -> UsageError:
    return UsageError(
        Reason.OUTPUT_UNWRITABLE,
        f"cannot write to standard output: {exc.strerror}",
        hint="make room where it goes, or send it elsewhere",
    )


def _present_usage(exc: BaseException, session: Session) -> int | None:
    import click  # noqa: PLC0415 - may be missing, and then another message is due

    if isinstance(exc, click.exceptions.NoArgsIsHelpError):
        print(exc.format_message(), file=sys.stderr)  # noqa: T201 - a CLI
        return ExitCode.USAGE
    if isinstance(exc, click.Abort):
        return present(KeyboardInterrupt(), session)
    if not isinstance(exc, click.ClickException):
        return None
    near: list[str] = []
    message = exc.format_message()
    if isinstance(exc, click.NoSuchOption):
        from difflib import get_close_matches  # noqa: PLC0415 - only after a mistake

        near = get_close_matches(exc.option_name, exc.possibilities or [], n=1)
        message = f"there is no option {exc.option_name}"
    session.say("error", Style.BAD, _restyle(message))
    path = exc.ctx.command_path if isinstance(exc, click.UsageError) and exc.ctx else "confcom"
    advice = f"did you mean {near[0]}? see" if near else "see"
    session.say("hint", Style.WARNING, f"{advice} {path} --help")
    return ExitCode.USAGE


def _restyle(message: str) -> str:
    # The library writes sentences and lists; ours start small, have no full stop and are one line.
    message = " ".join(message.split()).removesuffix(".")
    return message[:1].lower() + message[1:]


def _present_bug(exc: BaseException, session: Session) -> int:
    from confcom.cli.version import installation, issue_tracker  # noqa: PLC0415 - reads metadata

    # The text of a foreign exception may quote what it worked on: only --debug shows it.
    session.say("error", Style.BAD, f"confcom has a bug: {type(exc).__name__} in {_place(exc)}")
    session.say("version", Style.PLAIN, installation())
    where = issue_tracker() or "the project's issue tracker"
    again = "" if session.debug else ", after running the command again with --debug"
    session.say("hint", Style.WARNING, f"report these lines to {where}{again}")
    return ExitCode.BUG


def _place(exc: BaseException) -> str:
    """Return module and line of our own code that was running, innermost first."""
    frames = traceback.extract_tb(exc.__traceback__)
    root = str(Path(__file__).parent.parent.parent)
    ours = [frame for frame in frames if frame.filename.startswith(root)] or frames
    if not ours:
        return "an unknown place"
    module = ours[-1].filename.removeprefix(root).strip("/").removesuffix(".py").replace("/", ".")
    return f"{module}, line {ours[-1].lineno}"


def _show_traceback(exc: BaseException) -> None:
    if sys.stderr is not None:
        lines = redact_text("".join(traceback.format_exception(exc)), limit=_LONGEST_TRACEBACK)
        print(printable(lines, keep="\n"), file=sys.stderr, end="")  # noqa: T201 - a CLI
