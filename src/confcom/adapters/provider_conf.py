# SPDX-License-Identifier: Apache-2.0
"""Find and read what configures Intel's quoting service and the certificate providers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Generic, TypeVar

from confcom.adapters.rooted import Root
from confcom.protocols.quoting_conf import (
    MAX_CONF_BYTES,
    AesmdConf,
    AzureConf,
    CollateralChoice,
    Note,
    Provider,
    QcnlConf,
    Weight,
    Whose,
    choose_collateral,
    read_aesmd_conf,
    read_azure_conf,
    read_qcnl_conf,
)

AESMD_PATH: Final = Path("/etc/aesmd.conf")
QCNL_PATH: Final = Path("/etc/sgx_default_qcnl.conf")
QCNL_VARIABLE: Final = "QCNL_CONF_PATH"
"""Names another file than `QCNL_PATH`."""

T = TypeVar("T")


class FileState(StrEnum):
    """Whether a file could be read."""

    FOUND = "found"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ConfFile(Generic[T]):
    """A file that was looked for.

    Attributes:
        path: where.
        state: whether it was read.
        conf: what it says; the defaults where it was not read.
        named_by: the variable that names it, or None for the usual place.
        why: why it could not be read, or None.
    """

    path: Path
    state: FileState
    conf: T
    named_by: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderConf:
    """All that is configured.

    Attributes:
        aesmd: Intel's quoting service.
        qcnl: Intel's certificate provider.
        azure: Azure's certificate provider.
    """

    aesmd: ConfFile[AesmdConf]
    qcnl: ConfFile[QcnlConf]
    azure: AzureConf

    @property
    def places(self) -> Mapping[Whose, str]:
        """What each of them is called."""
        return {
            Whose.AESMD: str(self.aesmd.path),
            Whose.QCNL: str(self.qcnl.path),
            Whose.AZURE: "environment",
        }

    def notes(self) -> Iterator[tuple[str, Note]]:
        """Yield where, and what is to be said of it, files that could not be read included."""
        places = self.places
        yield from ((places[Whose.AESMD], note) for note in _said(self.aesmd))
        yield from ((places[Whose.QCNL], note) for note in _said(self.qcnl))
        yield from ((places[Whose.AZURE], note) for note in self.azure.notes)

    def choose(self, own: CollateralChoice, provider: Provider | None) -> CollateralChoice:
        """Return where what verifies our own quotes comes from.

        Args:
            own: what our own settings say.
            provider: whose configuration counts.
        """
        return choose_collateral(
            own, provider, self.aesmd.conf, self.qcnl.conf, self.azure, places=self.places
        )


def _said(file: ConfFile[AesmdConf] | ConfFile[QcnlConf]) -> Iterator[Note]:
    """Yield what is to be said of a file; that one is not there only where somebody names it."""
    if file.state is FileState.FOUND:
        yield from file.conf.notes
        return
    named = "" if file.named_by is None else f", which {file.named_by} names,"
    if file.state is FileState.UNREADABLE:
        words = f"the file{named} cannot be read: {file.why}; nothing of it is used"
        yield Note(Weight.MISTAKE, words)
    elif named:
        yield Note(Weight.MISTAKE, f"the file{named} does not exist")


def read_provider_conf(
    environ: Mapping[str, str],
    *,
    root: Root | None = None,
    aesmd: Path | None = None,
    qcnl: Path | None = None,
) -> ProviderConf:
    """Read the files, each at most 64 KiB, and the variables of Azure's client; never fails.

    Args:
        environ: the environment; ``QCNL_CONF_PATH`` and ``AZDCAP_…`` are looked at.
        root: the machine's root folder, if not ours.
        aesmd: instead of ``/etc/aesmd.conf``.
        qcnl: instead of what ``QCNL_CONF_PATH`` names and ``/etc/sgx_default_qcnl.conf``.
    """
    place = root or Root()
    named = environ.get(QCNL_VARIABLE) if qcnl is None else None
    qcnl_path = qcnl or Path(named or QCNL_PATH)
    if place.folder == Path("/"):
        qcnl_path = qcnl_path.absolute()  # the provider, too, begins in the folder of its process
    return ProviderConf(
        aesmd=_read(place, aesmd or AESMD_PATH, read_aesmd_conf, None),
        qcnl=_read(place, qcnl_path, read_qcnl_conf, QCNL_VARIABLE if named else None),
        azure=read_azure_conf(environ),
    )


def _read(root: Root, path: Path, parse: Callable[[bytes], T], named_by: str | None) -> ConfFile[T]:
    try:
        data = root.read(path, limit=MAX_CONF_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return ConfFile(path, FileState.MISSING, parse(b""), named_by)
    except (OSError, ValueError) as exc:  # a path with a NUL is a ValueError
        why = exc.strerror if isinstance(exc, OSError) else None
        why = why or "it cannot be a path"
        return ConfFile(path, FileState.UNREADABLE, parse(b""), named_by, why)
    return ConfFile(path, FileState.FOUND, parse(data), named_by)
