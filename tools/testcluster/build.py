# SPDX-License-Identifier: Apache-2.0
"""``python -m tools.testcluster.build``: the programs of a Kubernetes cluster for tests.

etcd, the Kubernetes programs, kwok and containerd are built from the Go modules that their authors
publish, with the versions and digests of ``go.mod`` and ``go.sum`` beside this file. What is built
stays in ``$XDG_CACHE_HOME/confcom/testcluster``, outside the tree, in a folder that is named after
those two files and the flags: a second run builds nothing. containerd 1.6, runc, the plugins for
networks of containers and a few tools come from Debian, by apt-get, where they are missing.

Exit status: 0 everything is there, 4 something could not be fetched or built, 5 this machine lacks
Go, a tool or space.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confcom.reasons import ExitCode

HERE: Final = Path(__file__).parent
_KUBERNETES: Final = "v1.34.2"
_VERSION: Final = "k8s.io/component-base/version"
_GIB: Final = 1024**3
_SAY_EVERY_S: Final = 15.0


@dataclass(frozen=True, kw_only=True)
class Part:
    """Programs of one Go module file.

    Attributes:
        name: of its folder in the cache.
        module: folder of ``go.mod`` and ``go.sum``.
        programs: name of each program, and the package it is made of.
        flags: of ``go build``.
        space: what download, Go's cache and programs take together, bytes; measured.
    """

    name: str
    module: Path
    programs: dict[str, str]
    flags: tuple[str, ...]
    space: int

    @property
    def folder(self) -> Path:
        """Where its programs are, once they are built."""
        digest = hashlib.sha256()
        for file in ("go.mod", "go.sum"):
            digest.update((self.module / file).read_bytes())
        digest.update(repr((sorted(self.programs.items()), self.flags)).encode())
        return cache() / f"{self.name}-{digest.hexdigest()[:16]}"

    @property
    def is_built(self) -> bool:
        """Whether all programs are there; the folder gets its name only when it is whole."""
        return all((self.folder / name).is_file() for name in self.programs)


_KUBERNETES_PROGRAMS: Final = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)
_CONTAINERD_PROGRAMS: Final = ("containerd", "containerd-shim-runc-v2", "ctr")
PARTS: Final = (
    Part(
        name="kubernetes",
        module=HERE,
        programs={"etcd": "go.etcd.io/etcd/server/v3"}
        | {name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES_PROGRAMS},
        flags=(
            "-trimpath",
            # Without the version, the programs report a template, which kubectl cannot read.
            f"-ldflags=-s -w -X {_VERSION}.gitVersion={_KUBERNETES}"
            f" -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=34",
        ),
        space=5 * _GIB,
    ),
    Part(
        name="containerd",
        module=HERE / "containerd",
        programs={
            name: f"github.com/containerd/containerd/v2/cmd/{name}" for name in _CONTAINERD_PROGRAMS
        },
        flags=(
            "-trimpath",
            "-tags=no_btrfs,no_zfs,no_aufs,no_devmapper",
            "-ldflags=-s -w -X github.com/containerd/containerd/v2/version.Version=2.1.4",
        ),
        space=2 * _GIB,
    ),
    Part(
        name="kwok",
        module=HERE / "kwok",
        programs={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        flags=("-trimpath", "-ldflags=-s -w"),
        space=2 * _GIB,
    ),
)

DEBIAN: Final = {
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/bin/busybox": "busybox-static",
    "/usr/sbin/nft": "nftables",
    "/sbin/ip": "iproute2",
    "/usr/bin/cc": "gcc",
    "/usr/lib/x86_64-linux-gnu/libc.a": "libc6-dev",
}
"""A file of each package, and the package."""


class BuildError(Exception):
    """Something is missing on this machine, or could not be fetched or built."""

    def __init__(self, message: str, *, hint: str, code: ExitCode) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


def cache() -> Path:
    """Return the folder of everything that is built; it need not exist."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "confcom" / "testcluster"


def missing() -> list[str]:
    """Return the names of what is not there: parts, and packages of Debian."""
    packages = [package for file, package in DEBIAN.items() if not Path(file).exists()]
    return [part.name for part in PARTS if not part.is_built] + packages


def main() -> int:
    """Build what is not there."""
    parser = argparse.ArgumentParser(prog="python -m tools.testcluster.build")
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="compilers at once (default: one a processor)",
    )
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        _install_packages()
        for part in PARTS:
            _provide(part, arguments.jobs)
    except BuildError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return error.code
    print(f"testcluster: everything is there after {_span(started)}")
    return ExitCode.YES


def _install_packages() -> None:
    packages = [package for file, package in DEBIAN.items() if not Path(file).exists()]
    if not packages:
        return
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise BuildError(
            f"packages are missing: {', '.join(packages)}",
            hint=f"as root on Debian or Ubuntu: {command}",
            code=ExitCode.CONFIGURATION,
        )
    print(f"testcluster: installing {', '.join(packages)}", file=sys.stderr)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [apt, "-qq", *arguments], env=quiet, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BuildError(
                f"apt-get {arguments[0]} failed: {_last_lines(done.stderr or done.stdout)}",
                hint=f"see what this says: {command}",
                code=ExitCode.UNKNOWN,
            )


def _provide(part: Part, jobs: int) -> None:
    """Build a part unless it is there; two runs at once build it once."""
    started = time.monotonic()
    cache().mkdir(parents=True, exist_ok=True)
    with _alone(cache() / f"{part.name}.lock"):
        was_built = part.is_built
        if not was_built:
            _build(part, jobs)
    size = sum((part.folder / name).stat().st_size for name in part.programs) // 2**20
    how = "found" if was_built else f"built in {_span(started)}"
    print(f"{part.folder}: {', '.join(sorted(part.programs))} ({size} MiB), {how}")


def _build(part: Part, jobs: int) -> None:
    go = shutil.which("go")
    if go is None:
        raise BuildError(
            f"{part.name} is to be built, and go is not on PATH",
            hint="install Go, of the version that the go.mod files in tools/testcluster name",
            code=ExitCode.CONFIGURATION,
        )
    free = shutil.disk_usage(cache()).free
    if free < part.space:
        raise BuildError(
            f"building {part.name} needs {part.space / _GIB:.0f} GiB of disk,"
            f" and {cache()} has {free / _GIB:.1f} GiB free",
            hint="make room, or set XDG_CACHE_HOME to a folder on a larger disk",
            code=ExitCode.CONFIGURATION,
        )
    # Fetches the modules that are needed, and no others; go.sum holds their digests.
    needed = [go, "list", "-deps", *part.flags, *part.programs.values()]
    _go(part, needed, "fetching", "can this machine reach what `go env GOPROXY` names?")
    with tempfile.TemporaryDirectory(prefix=f".{part.name}-", dir=cache()) as name:
        whole = Path(name) / "whole"
        whole.mkdir()
        for program, package in part.programs.items():
            output = str(whole / program)
            command = [go, "build", "-v", f"-p={jobs}", *part.flags, "-o", output, package]
            _go(part, command, f"building {program}", "the lines above are the compiler's")
        if part.folder.exists():
            shutil.rmtree(part.folder)
        whole.rename(part.folder)


def _go(part: Part, command: list[str], doing: str, hint: str) -> None:
    """Run Go, and say now and then how far it has come: it names what it fetches or compiles."""
    started = said = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=part.module, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        for line in running.stderr or ():
            lines.append(line.rstrip())
            if time.monotonic() - said >= _SAY_EVERY_S:
                said = time.monotonic()
                print(
                    f"testcluster: {part.name}: {doing}, {len(lines)} so far, {_span(started)}",
                    file=sys.stderr,
                    flush=True,
                )
    if running.returncode:
        told = "\n".join(lines[-10:])
        raise BuildError(
            f"{doing} for {part.name} failed: {told}",
            hint=hint,
            code=ExitCode.UNKNOWN,
        )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-10:])


def _span(started: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    return f"{minutes}:{seconds:02} minutes"


if __name__ == "__main__":
    sys.exit(main())
