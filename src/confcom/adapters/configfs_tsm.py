# SPDX-License-Identifier: Apache-2.0
"""Reports and quotes from the kernel of a confidential guest, by configfs-tsm.

Sources: Linux ``Documentation/ABI/testing/configfs-tsm-report`` (commit 43185067c6fd; in 6.7, where
it began, named ``configfs-tsm``), ``drivers/virt/coco/guest/report.c`` (commit 69050f8d6d07),
``tdx-guest.c`` and ``fs/configfs/file.c``. What the code has to know beyond the first:

* Binary attributes are written when the file is closed, and the kernel forgets what came of it. So
  a refused ``inblob`` is noticed by the generation alone.
* An entry belongs to whoever finds it. Ours has a name that nobody can guess, and is asked again
  under another one where the generation says that somebody wrote in between.
"""

import contextlib
import errno
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from confcom.adapters.configfs_tsm_errors import Asked, changed, explain, malformed
from confcom.dcap import MAX_QUOTE_BYTES
from confcom.errors import MalformedError, UnavailableError, UsageError
from confcom.reasons import Reason

DEFAULT_FOLDER: Final = Path("/sys/kernel/config/tsm/report")
DEFAULT_PATIENCE_S: Final = 30.0
"""As long as the kernel itself waits for the quote of a TD, seconds."""
REPORT_DATA_BYTES: Final = 64
HIGHEST_PRIVLEVEL: Final = 3
MAX_REPORT_BYTES: Final = MAX_QUOTE_BYTES

_MOST_TEXT_BYTES: Final = 64
_MOST_ENTRIES: Final = 4
_LONGEST_PAUSE_S: Final = 1.0
_BUSY: Final = frozenset({errno.EBUSY, errno.EAGAIN})

T = TypeVar("T")


class TsmFiles(Protocol):
    """What is asked of the file system; whatever it refuses is an `OSError`."""

    def make_folder(self, path: Path) -> None:
        """Make a folder, and with it an entry."""
        ...

    def remove_folder(self, path: Path) -> None:
        """Remove a folder, although there are attributes in it."""
        ...

    def read(self, path: Path, most: int) -> bytes:
        """Open an attribute, and return it to its end or to ``most`` bytes."""
        ...

    def write(self, path: Path, data: bytes) -> None:
        """Open an attribute that exists, write all in one piece, and close it."""
        ...


class KernelFiles:
    """The file system of the kernel."""

    def make_folder(self, path: Path) -> None:
        """Make a folder for us alone."""
        path.mkdir(mode=0o700)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder."""
        path.rmdir()

    def read(self, path: Path, most: int) -> bytes:
        """Return an attribute to its end or to ``most`` bytes."""
        with path.open("rb", buffering=0) as stream:
            data = part = stream.read(most) or b""
            while part and len(data) < most:
                part = stream.read(most - len(data)) or b""
                data += part
            return data

    def write(self, path: Path, data: bytes) -> None:
        """Write an attribute; never makes a file where there is none."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.EIO, "not all of it was written")
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class TsmReport:
    """What the kernel gave.

    Attributes:
        provider: the driver that made it, which tells the format: ``tdx_guest``, ``sev_guest``.
        data: the report, or the quote of a TD; not looked into.
        generation: how often the entry had been written to.
    """

    provider: str
    data: bytes = field(repr=False)
    generation: int


class ConfigfsTsm:
    """Asks the kernel for reports; an entry for each call, so nothing is to be closed.

    A process that is killed leaves its entry, an empty matter of some hundred bytes of the kernel's
    memory; ``rmdir`` removes it.

    Args:
        folder: where the kernel shows configfs-tsm.
        files: who opens and makes things there.
        patience_s: how many seconds a busy kernel is asked again; a single request can take as
            long again before the kernel gives it up.
        pause_s: before asking again for the first time, seconds; doubles up to a second.
        warn: told when an entry could not be removed.
    """

    def __init__(
        self,
        folder: Path = DEFAULT_FOLDER,
        *,
        files: TsmFiles | None = None,
        patience_s: float = DEFAULT_PATIENCE_S,
        pause_s: float = 0.05,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._files = KernelFiles() if files is None else files
        self._patience_s = patience_s
        self._pause_s = pause_s
        self._warn = warn

    def report(self, report_data: bytes, *, privlevel: int | None = None) -> TsmReport:
        """Return a report over data.

        1. Make an entry. 2. Read generation and provider. 3. Write the privilege level, where one
        is given, and the report data. 4. Read the report, again while the kernel is busy. 5. Read
        the generation: it has to have risen by the number of our writes, else somebody else wrote
        as well, or a write of ours was lost, and all begins anew with another entry. 6. Remove the
        entry, whatever happened.

        Args:
            report_data: 64 bytes.
            privlevel: 0 to 3, such as the VMPL of SEV-SNP; None leaves it to the kernel. TDs have
                none.

        Raises:
            UsageError: a size or level that no kernel takes (usage).
            UnavailableError: there is no configfs-tsm, no driver, no permission
                (quoting_unreachable); the kernel or the host has no report, stayed busy, or others
                kept writing (quoting_failed). The message tells which.
            MalformedError: an attribute holds what it never should (message_format), or the report
                has more than 64 KiB (too_large).
        """
        _check(report_data, privlevel)
        deadline = time.monotonic() + self._patience_s
        for _ in range(_MOST_ENTRIES):
            with self._entry(deadline) as entry:
                report = self._ask(entry, report_data, privlevel, deadline)
            if report is not None:
                return report
        raise changed(self._folder, _MOST_ENTRIES)

    @contextlib.contextmanager
    def _entry(self, deadline: float) -> Iterator[Path]:
        entry = self._make_entry(deadline)
        try:
            yield entry
        finally:
            try:
                self._files.remove_folder(entry)
            except FileNotFoundError:
                pass  # somebody tidied up
            except OSError as exc:
                self._warn(f"cannot remove {entry}: {exc.strerror}; try rmdir")

    def _make_entry(self, deadline: float) -> Path:
        for _ in range(_MOST_ENTRIES):
            entry = self._folder / f"confcom-{os.getpid()}-{secrets.token_hex(8)}"
            with contextlib.suppress(FileExistsError):
                self._patiently(
                    Asked(self._folder), deadline, partial(self._files.make_folder, entry)
                )
                return entry
        raise changed(self._folder, _MOST_ENTRIES)

    def _ask(
        self, entry: Path, report_data: bytes, privlevel: int | None, deadline: float
    ) -> TsmReport | None:
        """Return a report; None if the entry is not ours alone, or did not take a write."""
        before = self._generation(entry, deadline)
        provider = self._text(entry, "provider", deadline)
        if not provider.isidentifier():
            raise malformed(self._folder, "provider", provider)
        asked = Asked(self._folder, provider=provider, privlevel=privlevel)
        writes = {"inblob": report_data}
        if privlevel is not None:
            writes = {"privlevel": b"%d\n" % privlevel} | writes
        for name, value in writes.items():
            self._patiently(
                asked._replace(attribute=name, floor=partial(self._floor, entry)),
                deadline,
                partial(self._files.write, entry / name, value),
            )
        made = self._report(entry, asked, deadline)
        after = self._generation(entry, deadline)
        if after != before + len(writes):
            return None
        return TsmReport(provider=provider, data=made, generation=after)

    def _report(self, entry: Path, asked: Asked, deadline: float) -> bytes:
        data = self._read(
            entry, asked._replace(attribute="outblob"), MAX_REPORT_BYTES + 1, deadline
        )
        if len(data) > MAX_REPORT_BYTES:
            raise MalformedError(
                Reason.TOO_LARGE,
                f"report of {asked.provider} has more than {MAX_REPORT_BYTES} bytes",
                hint="it is no quote of a form that is known here",
            )
        if not data:
            raise UnavailableError(
                Reason.QUOTING_FAILED,
                f"cannot get a report from {self._folder}: {asked.provider} made an empty one",
                hint="the quote generation service of the host failed or is too old (DCAP before "
                "1.21); its log says why",
            )
        return data

    def _generation(self, entry: Path, deadline: float) -> int:
        text = self._text(entry, "generation", deadline)
        if not (text.isascii() and text.isdecimal()):
            raise malformed(self._folder, "generation", text)
        return int(text)

    def _text(self, entry: Path, attribute: str, deadline: float) -> str:
        asked = Asked(self._folder, attribute=attribute)
        data = self._read(entry, asked, _MOST_TEXT_BYTES + 1, deadline)
        text = data.decode("ascii", "backslashreplace").removesuffix("\n")
        if len(data) > _MOST_TEXT_BYTES:
            raise malformed(self._folder, attribute, text)
        return text

    def _floor(self, entry: Path) -> str:
        """Return the lowest level there is, for a message; nothing where that is not to be had."""
        try:
            return self._text(entry, "privlevel_floor", 0)
        except (UnavailableError, MalformedError):
            return ""

    def _read(self, entry: Path, asked: Asked, most: int, deadline: float) -> bytes:
        return self._patiently(
            asked, deadline, partial(self._files.read, entry / asked.attribute, most)
        )

    def _patiently(self, asked: Asked, deadline: float, call: Callable[[], T]) -> T:
        pause = self._pause_s
        while True:
            try:
                return call()
            except FileExistsError:
                raise  # of an entry: the next has another name
            except OSError as exc:
                if exc.errno not in _BUSY or time.monotonic() + pause > deadline:
                    raise explain(asked, exc) from exc
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def _check(report_data: bytes, privlevel: int | None) -> None:
    if len(report_data) != REPORT_DATA_BYTES:
        raise UsageError(
            Reason.USAGE,
            f"report data has {len(report_data)} bytes, expected {REPORT_DATA_BYTES}",
        )
    if privlevel is not None and not 0 <= privlevel <= HIGHEST_PRIVLEVEL:
        raise UsageError(
            Reason.USAGE, f"privilege level {privlevel}, expected 0 to {HIGHEST_PRIVLEVEL}"
        )
