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
    Note,
    QcnlConf,
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

    def notes(self) -> Iterator[tuple[str, Note]]:
        """Yield where, and what is to be said of it, files that were read and the environment."""
        if self.aesmd.state is FileState.FOUND:
            yield from ((str(self.aesmd.path), note) for note in self.aesmd.conf.notes)
        if self.qcnl.state is FileState.FOUND:
            yield from ((str(self.qcnl.path), note) for note in self.qcnl.conf.notes)
        yield from (("environment", note) for note in self.azure.notes)


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
