# SPDX-License-Identifier: Apache-2.0
"""What each refusal of configfs-tsm means, and what to do about it.

Source: Linux ``drivers/virt/coco/guest/report.c``, ``tdx-guest.c`` and ``fs/configfs``.
"""

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from confcom.errors import MalformedError, UnavailableError
from confcom.reasons import Reason

_HOST: Final = (
    "the quote generation service of the host may be down, or cannot reach its certificate "
    "service; its log says why"
)
_SET_UP: Final = (
    "mount configfs at /sys/kernel/config and load the driver of the guest (modprobe tdx_guest, or "
    "sev-guest); this needs Linux 6.7 or later in a confidential guest"
)
_USER: Final = "{user}"
_PROVIDER: Final = "{provider}"


class Asked(NamedTuple):
    """What was being done when the kernel refused.

    Attributes:
        folder: where entries are made.
        attribute: the one that was read or written; empty while the entry was made.
        provider: the driver, once it is known.
        privlevel: the level that was asked for.
        floor: finds out the lowest level that there is; called only where that is needed.
    """

    folder: Path
    attribute: str = ""
    provider: str = ""
    privlevel: int | None = None
    floor: Callable[[], str] = lambda: ""


class _Meaning(NamedTuple):
    reason: Reason
    what: str
    hint: str | None


_MEANINGS: Final[Mapping[int, _Meaning]] = MappingProxyType(
    {
        errno.ENOENT: _Meaning(Reason.QUOTING_UNREACHABLE, "there is no such folder", _SET_UP),
        errno.ENOTDIR: _Meaning(
            Reason.QUOTING_UNREACHABLE,
            "it is no folder",
            "name the folder tsm/report of configfs, in which the kernel lets entries be made",
        ),
        errno.EACCES: _Meaning(
            Reason.QUOTING_UNREACHABLE,
            f"user {_USER} may not make entries there",
            "only root may, unless the folder has been given to somebody else with chown",
        ),
        errno.EPERM: _Meaning(
            Reason.QUOTING_UNREACHABLE,
            "no entries can be made there",
            "it is not the folder tsm/report of configfs, or a security policy forbids it",
        ),
        errno.EROFS: _Meaning(
            Reason.QUOTING_UNREACHABLE,
            "it is mounted read-only",
            "mount it into the container so that it can be written to",
        ),
        errno.ENXIO: _Meaning(
            Reason.QUOTING_UNREACHABLE,
            "no driver of a confidential guest has registered there",
            "load it (modprobe tdx_guest, or sev-guest); outside a confidential guest it does not "
            "load",
        ),
        errno.EBUSY: _Meaning(
            Reason.QUOTING_FAILED,
            "the kernel stayed busy",
            "the host still works on an earlier request, which may have been given up here: ask "
            "again in a moment",
        ),
        errno.EINVAL: _Meaning(
            Reason.QUOTING_FAILED,
            f"{_PROVIDER} did not accept the report data",
            "the driver takes another number of bytes than 64, or the data did not reach it",
        ),
        errno.EFBIG: _Meaning(
            Reason.QUOTING_FAILED,
            "the report is larger than this kernel can hand out",
            "ask the maker of the platform which kernel goes with its quotes",
        ),
        errno.ETIMEDOUT: _Meaning(
            Reason.QUOTING_FAILED, "the host made no quote within the kernel's time limit", _HOST
        ),
        errno.EIO: _Meaning(Reason.QUOTING_FAILED, "the host failed to make a quote", _HOST),
    }
)
_SAME_AS: Final[Mapping[int, int]] = MappingProxyType({errno.EAGAIN: errno.EBUSY})


def explain(asked: Asked, error: OSError) -> UnavailableError:
    """Make our error from the kernel's."""
    number = error.errno or 0
    meaning = _special(asked, number) or _MEANINGS.get(_SAME_AS.get(number, number))
    if meaning is None:
        meaning = _Meaning(Reason.QUOTING_FAILED, error.strerror or str(error), None)
    where = f"{asked.folder}, attribute {asked.attribute}" if asked.attribute else asked.folder
    what = meaning.what.replace(_USER, str(os.geteuid()))
    what = what.replace(_PROVIDER, asked.provider or "the kernel")
    return UnavailableError(
        meaning.reason, f"cannot get a report from {where}: {what}", hint=meaning.hint
    )


def changed(folder: Path, times: int) -> UnavailableError:
    """Make the error for entries that did not stay ours."""
    return UnavailableError(
        Reason.QUOTING_FAILED,
        f"cannot get a report from {folder}: in each of {times} new entries the generation is not "
        "what our own writes make it",
        hint="another process writes into entries that are not its own, or the kernel loses writes",
    )


def malformed(folder: Path, attribute: str, found: str) -> MalformedError:
    """Make the error for an attribute that holds what it never should."""
    return MalformedError(
        Reason.MESSAGE_FORMAT,
        f"cannot get a report from {folder}: attribute {attribute} holds {found[:64]!r}",
        hint="check that the folder is tsm/report of configfs, and nothing else",
    )


def _special(asked: Asked, number: int) -> _Meaning | None:
    """Return what an error means of one attribute only."""
    match asked.attribute, number:
        case "privlevel", errno.ENOENT:
            return _Meaning(
                Reason.QUOTING_FAILED,
                f"{_PROVIDER} has no privilege levels",
                "ask without a level: TDs have none",
            )
        case "privlevel", errno.EINVAL:
            lowest = asked.floor()
            levels = f"{lowest} to 3" if lowest.isdecimal() else "others"
            return _Meaning(
                Reason.QUOTING_FAILED,
                f"{_PROVIDER} does not allow privilege level {asked.privlevel}, but {levels}",
                "ask for a level that is allowed",
            )
        case str(name), errno.EACCES if name:
            return _Meaning(
                Reason.QUOTING_UNREACHABLE,
                f"user {_USER} may not use it",
                "a security policy forbids it, or the driver offers it for the other direction",
            )
        case str(name), errno.ENOENT if name:
            return _Meaning(
                Reason.QUOTING_UNREACHABLE,
                "the new entry has no such attribute",
                "it is not the folder tsm/report of configfs, or the driver was unloaded",
            )
        case _:
            return None
