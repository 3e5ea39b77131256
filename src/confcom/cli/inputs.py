# SPDX-License-Identifier: Apache-2.0
"""Read what the user names: a file or standard input; `decode_binary` reads any encoding."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason
from confcom.runtime.text import printable
from confcom.wire import Encoding, decode_binary, decode_with_encoding

__all__ = [
    "STANDARD_INPUT",
    "Encoding",
    "about",
    "decode_binary",
    "decode_with_encoding",
    "read_input",
]

STANDARD_INPUT = "-"
INSPECT = "confcom evidence inspect FILE says what a file is"


@contextmanager
def about(name: str, *, hint: str = INSPECT) -> Iterator[None]:
    """Say in errors of the block which input does not parse, and what to do about it.

    Args:
        name: path of the file, or ``-``.
        hint: given where the error has none.

    Raises:
        MalformedError: the block's own, with the input named.
    """
    try:
        yield
    except MalformedError as exc:
        where = _where(name)
        message = exc.message if where in exc.message else f"{where}: {exc.message}"
        raise MalformedError(exc.reason, message, hint=exc.hint or hint, step=exc.step) from exc


def read_input(name: str, *, limit: int, what: str) -> bytes:
    """Read a file, or standard input for ``-``, up to a limit.

    Args:
        name: path of the file, or ``-``.
        limit: the largest size accepted, in bytes.
        what: what the input should be, for messages: ``quote``, ``collateral bundle``.

    Raises:
        UsageError: there is no such file, it is a folder or cannot be read (input_unreadable).
        MalformedError: it is empty (unrecognised_input) or larger than the limit (too_large).
    """
    where = _where(name)
    try:
        data = _read_stdin(limit) if name == STANDARD_INPUT else _read_file(name, limit)
    except (OSError, ValueError) as exc:
        raise _unreadable(where, what, exc) from exc
    if not data:
        raise MalformedError(
            Reason.UNRECOGNISED_INPUT,
            f"cannot read {what} from {where}: it is empty",
            hint=f"check the command that should have written the {what}",
        )
    if len(data) > limit:
        raise MalformedError(
            Reason.TOO_LARGE,
            f"cannot read {what} from {where}: it is larger than {limit} bytes",
            hint=f"name the file with the {what}; it cannot be this one",
        )
    return data


def _where(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else f"file {printable(name)}"


def _read_stdin(limit: int) -> bytes:
    if sys.stdin is None:
        raise ValueError("it is closed")
    return sys.stdin.buffer.read(limit + 1)


def _read_file(name: str, limit: int) -> bytes:
    with Path(name).open("rb") as stream:
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size > limit:
            return b"\0" * (limit + 1)  # refused by its size; not worth reading
        return stream.read(limit + 1)


def _unreadable(where: str, what: str, exc: OSError | ValueError) -> UsageError:
    match exc:
        case FileNotFoundError():
            why, hint = "there is no such file", "check the path; - reads standard input"
        case IsADirectoryError():
            why, hint = "it is a folder", f"name the file that holds the {what}"
        case PermissionError():
            why, hint = "you may not read it", "check owner and permissions of file and folders"
        case OSError():
            why, hint = exc.strerror or "it cannot be read", "check the path"
        case _:
            why, hint = str(exc), "name a file, or redirect one to standard input"
    return UsageError(
        Reason.INPUT_UNREADABLE, f"cannot read {what} from {where}: {printable(why)}", hint=hint
    )
