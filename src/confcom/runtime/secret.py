# SPDX-License-Identifier: Apache-2.0
"""Values that must not leave the process: they come from files and never show themselves."""

from pathlib import Path
from typing import ClassVar, NoReturn

from confcom.errors import MisconfiguredError
from confcom.reasons import Reason

MASK = "***"
MAX_SECRET_BYTES = 64 * 1024


class Secret:
    """A value that neither prints, pickles, copies nor turns into JSON.

    Use `reveal` at the one place that needs the value, and do not keep what it returns.
    """

    __slots__ = ("_value",)
    __hash__: ClassVar[None]  # type: ignore[assignment]  # a hash would tell equal secrets apart

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # noqa: PLC0415 - loads hashlib, and every command loads this module

        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def read_secret(path: Path, *, what: str) -> Secret:
    """Read a secret from a file: UTF-8 text without the line end that editors add.

    Args:
        path: the file, usually mounted; at most 64 KiB.
        what: what the secret is for, as the message calls it ("proxy credentials").

    Raises:
        MisconfiguredError: the file cannot be read, is too large, empty or not UTF-8
            (settings_invalid). The message never quotes the content.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_SECRET_BYTES + 1)
    except OSError as exc:
        raise _unusable(path, what, exc.strerror or "it cannot be read") from exc
    if len(data) > MAX_SECRET_BYTES:
        raise _unusable(path, what, f"it is larger than {MAX_SECRET_BYTES} bytes")
    try:
        text = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # Not chained: the exception carries the bytes.
        raise _unusable(path, what, "it is not UTF-8 text") from None
    if not text:
        raise _unusable(path, what, "it is empty")
    return Secret(text)


def _unusable(path: Path, what: str, why: str) -> MisconfiguredError:
    return MisconfiguredError(
        Reason.SETTINGS_INVALID,
        f"cannot use file {path} as {what}: {why}",
        hint=f"write the {what} as UTF-8 text into that file, readable by this user only",
    )
