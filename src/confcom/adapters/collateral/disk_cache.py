# SPDX-License-Identifier: Apache-2.0
"""Answers on disk, shared by any number of processes that may be killed at any moment.

A file is written beside its place and renamed into it, so a reader sees the old content or the
new one, never a part. Its first line is the SHA-256 of all that follows; what does not match is
as good as absent. Writers take a kernel lock on the directory (``flock``), which ends with the
process that holds it: there is no lock file to leave behind. The digest finds damage, not fraud:
whoever reads verifies the document's signatures again.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from confcom.adapters.collateral.answers import Answer
from confcom.adapters.collateral.files import read_bounded
from confcom.adapters.collateral.requests import CollateralRequest
from confcom.adapters.files import PRIVATE, TEMPORARY_SUFFIX, write_file_atomically
from confcom.errors import ConfcomError, UsageError
from confcom.reasons import Reason

FORMAT: Final = 1
ENDING: Final = ".answer"
MAX_ENTRY_BYTES: Final = 2 * 1024 * 1024
_DIGEST_DIGITS: Final = 64
_LOCK_PAUSE_S: Final = 0.01


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    name: str
    source: str
    fetched_at: int
    max_age: int | None
    body: bytes
    issuer_chain: bytes | None


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer from disk, whole but not verified.

    Attributes:
        name: name of the request that it answers.
        answer: the answer.
        fetched_at: Unix seconds at which it was fetched.
    """

    name: str
    answer: Answer
    fetched_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """Bounds of a cache directory.

    Attributes:
        entries: most answers kept; the oldest go first.
        size_bytes: most bytes kept.
        lock_s: longest wait for another writer, seconds; then nothing is written.
        leftover_s: where directories cannot be locked: age at which an unfinished file is taken
            for that of a killed writer, seconds.
    """

    entries: int = 2048
    size_bytes: int = 256 * 1024 * 1024
    lock_s: float = 2.0
    leftover_s: float = 600.0


class _Lock(Enum):
    HELD = "held"
    BUSY = "busy"
    NOT_SUPPORTED = "not supported"


class DiskCache:
    """A directory of answers, readable by its owner only."""

    def __init__(self, path: Path, *, limits: CacheLimits | None = None) -> None:
        self.path = path
        self._limits = limits or CacheLimits()

    def read(self, request: CollateralRequest) -> CachedAnswer | None:
        """Return the kept answer, or None if there is none or it is damaged."""
        return _read(self.path / _file_name(request), request.name)

    def entries(self) -> Iterator[CachedAnswer]:
        """Yield every whole answer, in the order of their names."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.path))
        except OSError:
            return
        for name in names:
            if name.endswith(ENDING) and not name.startswith("."):
                found = _read(self.path / name, name.removesuffix(ENDING))
                if found is not None:
                    yield found

    def write(
        self,
        request: CollateralRequest,
        answer: Answer,
        *,
        fetched_at: int,
        may_replace: Callable[[CachedAnswer], bool] = lambda _: True,
    ) -> bool:
        """Keep an answer.

        Args:
            request: what it answers.
            answer: the answer.
            fetched_at: Unix seconds.
            may_replace: asked under the lock whether the kept answer may go; so two processes
                cannot undo one another's progress.

        Returns:
            Whether it was written; False if the kept one stays or the lock could not be had.

        Raises:
            UsageError: the directory cannot be written (``output_unwritable``).
        """
        content = _encode(request, answer, fetched_at)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self.path, self._limits.lock_s) as lock:
                if lock is _Lock.BUSY:
                    return False
                kept = self.read(request)
                if kept is not None and not may_replace(kept):
                    return False
                path = self.path / _file_name(request)
                write_file_atomically(path, content, mode=PRIVATE)
                self._prune(lock)
        except OSError as exc:
            raise UsageError(
                Reason.OUTPUT_UNWRITABLE,
                f"cannot keep {request} in directory {self.path}: {exc.strerror or exc}",
                hint="name a writable directory by collateral.cache_dir",
            ) from exc
        return True

    def _prune(self, lock: _Lock) -> None:
        """Remove leftovers of killed writers and, beyond the limits, the oldest answers."""
        # Who holds the lock is the only writer alive: every unfinished file is a leftover.
        oldest = time.time() - (0.0 if lock is _Lock.HELD else self._limits.leftover_s)
        kept: list[tuple[float, int, str]] = []
        for entry in os.scandir(self.path):
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(TEMPORARY_SUFFIX):
                    if status.st_mtime <= oldest:
                        _remove(entry.path)
                elif entry.name.endswith(ENDING):
                    kept.append((status.st_mtime, status.st_size, entry.path))
        total = sum(size for _, size, _ in kept)
        count = len(kept)
        for _, size, path in sorted(kept):
            if count <= self._limits.entries and total <= self._limits.size_bytes:
                break
            _remove(path)
            total -= size
            count -= 1


def _file_name(request: CollateralRequest) -> str:
    return f"{request.name}{ENDING}"


def _encode(request: CollateralRequest, answer: Answer, fetched_at: int) -> bytes:
    text = msgspec.json.encode(
        _Entry(
            FORMAT,
            request.name,
            answer.source,
            fetched_at,
            answer.max_age,
            answer.body,
            answer.issuer_chain,
        )
    )
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def _read(path: Path, name: str) -> CachedAnswer | None:
    try:
        data = read_bounded(path, most=MAX_ENTRY_BYTES)
    except ConfcomError:
        return None
    if data is None or data[_DIGEST_DIGITS : _DIGEST_DIGITS + 1] != b"\n":
        return None
    text = data[_DIGEST_DIGITS + 1 :]
    if not hmac.compare_digest(hashlib.sha256(text).hexdigest().encode(), data[:_DIGEST_DIGITS]):
        return None
    try:
        entry = msgspec.json.decode(text, type=_Entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # A whole file under another's name answers another request.
    if entry.format != FORMAT or entry.name != name:
        return None
    answer = Answer(
        body=entry.body,
        issuer_chain=entry.issuer_chain,
        source=entry.source,
        max_age=entry.max_age,
    )
    return CachedAnswer(entry.name, answer, entry.fetched_at)


@contextlib.contextmanager
def _locked(directory: Path, patience_s: float) -> Iterator[_Lock]:
    """Hold the directory's kernel lock, if it can be had in time."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _lock(descriptor, patience_s)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, patience_s: float) -> _Lock:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return _Lock.BUSY
            time.sleep(_LOCK_PAUSE_S)
        except OSError:
            # Some network file systems lock no directories; the rename alone keeps files whole.
            return _Lock.NOT_SUPPORTED
        else:
            return _Lock.HELD


def _remove(path: str | Path) -> None:
    with contextlib.suppress(OSError):
        Path(path).unlink()
