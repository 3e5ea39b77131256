# SPDX-License-Identifier: Apache-2.0
"""All exceptions of confcom. Branches say what a caller can do, not where the error arose.

* ConfcomError
    * MalformedError: bytes do not parse (exit 3)
    * NotAuthenticError: evidence is not genuine, or not provably so (exit 1)
    * NotAcceptableError: genuine, but the relying party's rules refuse it (exit 1)
    * UnavailableError: material, network, device or service is missing (exit 4)
    * MisconfiguredError: settings or reference values are wrong (exit 5)
    * UsageError: the caller asked for something that cannot be done as asked (exit 2)

Anything else that escapes is a bug of confcom (exit 70).
"""

from typing import ClassVar

from confcom.reasons import Kind, Reason


class ConfcomError(Exception):
    """Root of the tree.

    Attributes:
        reason: the one word for machines.
        message: what was being done, to which object, what was expected and what was found;
            lower-case start, no full stop.
        hint: the next step for a person, or None.
        step: the verification step at which it happened, where one is known.
    """

    kind: ClassVar[Kind]

    def __init__(
        self, reason: Reason, message: str, *, hint: str | None = None, step: str | None = None
    ) -> None:
        if reason.kind is not self.kind:
            raise TypeError(f"{type(self).__name__} cannot carry reason {reason}")
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint
        self.step = step

    def __reduce__(self) -> tuple[object, ...]:
        """Let worker processes hand errors back whole."""
        return (_rebuild, (type(self), self.reason, self.message, self.hint, self.step))


class MalformedError(ConfcomError):
    """Bytes do not parse."""

    kind = Kind.MALFORMED


class NotAuthenticError(ConfcomError):
    """Evidence is not genuine, or cannot be shown to be genuine."""

    kind = Kind.NOT_AUTHENTIC


class NotAcceptableError(ConfcomError):
    """Evidence is genuine, but the relying party's rules refuse it."""

    kind = Kind.NOT_ACCEPTABLE


class UnavailableError(ConfcomError):
    """Needed material is neither at hand nor reachable."""

    kind = Kind.UNAVAILABLE


class MisconfiguredError(ConfcomError):
    """Settings or reference values are wrong."""

    kind = Kind.MISCONFIGURED


class UsageError(ConfcomError):
    """The caller asked for something that cannot be done as asked."""

    kind = Kind.USAGE


def _rebuild(
    cls: type[ConfcomError], reason: Reason, message: str, hint: str | None, step: str | None
) -> ConfcomError:
    return cls(reason, message, hint=hint, step=step)


BRANCHES: tuple[type[ConfcomError], ...] = (
    MalformedError,
    NotAuthenticError,
    NotAcceptableError,
    UnavailableError,
    MisconfiguredError,
    UsageError,
)
