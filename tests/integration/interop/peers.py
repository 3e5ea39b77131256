# SPDX-License-Identifier: Apache-2.0
"""Programs that `make integration` has built, and the namespaces they run in."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.requirements import missing

SOURCES: Final = Path(__file__).parent
# Read once: the settings of the person who runs the suite are taken away from each test.
FOLDER: Final = Path(os.environ.get("CONFCOM_TEST_PEERS", ".build/peers")).absolute()

# Their paths are fixed, so each gets a file system of its own over a folder of the machine.
_AESMD: Final = (
    'mount -t tmpfs tmpfs /var/run; mkdir /var/run/aesmd; mount --bind "$1" /var/run/aesmd'
)
_TDX_GUEST: Final = "mount -t tmpfs tmpfs /dev; : >/dev/tdx-guest"


def program(name: str) -> Path:
    """Return a program that was built."""
    path = FOLDER / name
    if not path.exists():
        missing(f"no {name} in {FOLDER}; run make integration")
    return path


def with_aesmd(folder: Path, command: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
    """Run a command that finds a folder at ``/var/run/aesmd``, as a container that mounts it."""
    return _run(_AESMD, folder, command, {})


def with_tdx_guest(
    command: Sequence[str | Path], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a command that finds a file at ``/dev/tdx-guest``, and nothing else in ``/dev``."""
    return _run(_TDX_GUEST, Path(), command, environment)


def _run(
    script: str, folder: Path, command: Sequence[str | Path], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    variables = [f"{name}={value}" for name, value in environment.items()]
    return subprocess.run(
        [*_namespace(), "sh", "-euc", f'{script}; shift; exec env "$@"', "sh", folder, *variables,
         *command],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def _namespace() -> list[str]:
    unshare = shutil.which("unshare")
    command = [unshare or "unshare", "--user", "--map-root-user", "--mount"]
    if unshare is None or subprocess.run([*command, "true"], check=False, timeout=5).returncode:
        missing("nobody here may make a mount namespace")
    return command
