# SPDX-License-Identifier: Apache-2.0
"""Read and write the small files that hold collateral: bounded, regular files only."""

import os
import stat
from pathlib import Path
from typing import Final

from confcom.errors import MalformedError, UsageError
from confcom.reasons import Reason

MAX_ANSWER_BYTES: Final = 1024 * 1024
MAX_BUNDLE_BYTES: Final = 64 * 1024 * 1024
_HINT: Final = (
    "a bundle is what confcom collateral export writes; confcom evidence inspect FILE says what a "
    "file is"
)


def named(error: MalformedError, path: Path, data: bytes) -> MalformedError:
    """Return what is wrong with a bundle file, with its name and what to do."""
    begin = data.lstrip()[:1]
    message = f"file {path}: {error.message}"
    if begin not in {b"{", b"["}:
        why = "it is not JSON" if begin else "it is empty"
        message = f"cannot read a collateral bundle from file {path}: {why}"
    return MalformedError(error.reason, message, hint=error.hint or _HINT)


def read_bounded(path: Path, *, most: int) -> bytes | None:
    """Return the content of a file, or None if there is no such file.

    Raises:
        MalformedError: more than ``most`` bytes (``too_large``).
        UsageError: not a regular file, or not readable (``input_unreadable``).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _unreadable(path, exc.strerror or "it cannot be opened") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _unreadable(path, "it is not a regular file")
    with os.fdopen(descriptor, "rb") as stream:
        try:
            data = stream.read(most + 1)
        except OSError as exc:
            raise _unreadable(path, exc.strerror or "it cannot be read") from exc
    if len(data) > most:
        raise MalformedError(Reason.TOO_LARGE, f"file {path} has more than {most} bytes")
    return data


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(
        Reason.INPUT_UNREADABLE,
        f"cannot read collateral from file {path}: {why}",
        hint="check owner and permissions of file and folders, and that it is a regular file",
    )
