# SPDX-License-Identifier: Apache-2.0
"""The files of a machine whose root folder may be mounted somewhere, such as a node's in a pod."""

import errno
import os
import stat
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST_LINKS: Final = 40


@dataclass(frozen=True, slots=True)
class Root:
    """A root folder.

    Attributes:
        folder: where it is for us.
    """

    folder: Path = Path("/")

    def locate(self, path: str | Path) -> Path:
        """Return where a path of the machine is for us, all links followed within the root.

        What does not exist is returned as it would be.

        Raises:
            OSError: links lead in a circle.
        """
        left = deque(Path(path).parts)
        found: list[str] = []
        links = 0
        while left:
            part = left.popleft()
            if part == "/":
                found.clear()
            elif part == "..":
                del found[-1:]
            elif (target := _link(self.folder.joinpath(*found, part))) is None:
                found.append(part)
            elif (links := links + 1) > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            else:
                left.extendleft(reversed(target.parts))
        return self.folder.joinpath(*found)

    def name(self, located: Path) -> Path:
        """Return what the machine calls a located path."""
        return Path("/", located.relative_to(self.folder))

    def read(self, path: str | Path, *, limit: int) -> bytes:
        """Return the start of a regular file, at most one byte more than the limit.

        Raises:
            OSError: there is none, it may not be read, or it is no regular file.
        """
        located = self.locate(path)
        # A pipe in its place would otherwise be waited for.
        descriptor = os.open(located, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file", str(path))
            data = bytearray()
            while len(data) <= limit and (part := os.read(descriptor, limit + 1 - len(data))):
                data += part
            return bytes(data)
        finally:
            os.close(descriptor)


def _link(path: Path) -> Path | None:
    try:
        return path.readlink()
    except OSError:
        return None
