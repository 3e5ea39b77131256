# SPDX-License-Identifier: Apache-2.0
"""What the image holds: an interpreter with its library, the locked packages, shared libraries.

The interpreter is the one that runs this, so that the image fits the machine that makes it. What
only people at a keyboard use stays out: tests, IDLE, Tk, installers.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HOME: Final = Path("/opt/confcom")
"""Where the interpreter is in the image."""
PACKAGES: Final = (
    HOME / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
)
"""Where its packages are."""
_VERSION: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARIES: Final = Path("/usr/lib/x86_64-linux-gnu")
_LEFT_OUT: Final = frozenset(
    {
        *("__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages"),
        *("test", "tests", "tkinter", "turtledemo", "turtle.py", "venv"),
    }
)
_LEFT_OUT_MODULES: Final = ("_ctypes_test", "_test", "_tkinter", "_xx")
"""Beginnings of names of compiled modules that only tests and Tk use."""
_LOADED_BY_NAME: Final = ("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")
"""What the C library loads when it looks up names, which no program says that it needs."""
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_NEEDED: Final = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_FILES: Final = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
    "confcom:x:65532:65532:confcom:/nonexistent:/sbin/nologin\n",
    "etc/group": "root:x:0:\nconfcom:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def make_tree(root: Path, wheel: Path, lock: Path) -> None:
    """Put all files of the image below a folder.

    Args:
        root: an empty folder.
        wheel: of confcom.
        lock: requirements with digests.

    Raises:
        OSError: a file cannot be copied.
        subprocess.CalledProcessError: a package cannot be had, or does not compile.
    """
    home = root / HOME.relative_to("/")
    library = home / "lib" / _VERSION
    _copy_interpreter(home, library)
    _install(library / "site-packages", wheel, lock)
    _compile(root, library)
    _copy_shared(root, library)
    for name, text in _FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    if _CERTIFICATES.is_file():
        path = root / _CERTIFICATES.relative_to("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_CERTIFICATES, path)
    for name in ("tmp", "run/confcom", "var/lib/confcom"):
        (root / name).mkdir(parents=True, exist_ok=True)


def _copy_interpreter(home: Path, library: Path) -> None:
    executable = Path(sys.executable).resolve()
    (home / "bin").mkdir(parents=True)
    shutil.copyfile(executable, home / "bin" / "python3")
    (home / "bin" / "python3").chmod(0o755)

    def leave_out(_folder: str, names: list[str]) -> list[str]:
        return [
            name
            for name in names
            if name in _LEFT_OUT or name.startswith(("config-", *_LEFT_OUT_MODULES))
        ]

    shutil.copytree(
        Path(sys.base_prefix) / "lib" / _VERSION, library, symlinks=False, ignore=leave_out
    )
    _strip([home / "bin" / "python3", *sorted((library / "lib-dynload").glob("*.so"))])


def _install(folder: Path, wheel: Path, lock: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    pip += ["--no-compile", "--only-binary", ":all:", "--target", str(folder)]
    _run([*pip, "--require-hashes", "-r", str(lock)])
    _run([*pip, "--no-deps", "--no-index", "--upgrade", str(wheel)])
    for unwanted in ("bin", "__pycache__"):
        shutil.rmtree(folder / unwanted, ignore_errors=True)
    for record in folder.glob("*.dist-info/RECORD"):  # names scripts that are not there
        record.unlink()
    for direct in folder.glob("*.dist-info/direct_url.json"):  # names a path of this machine
        direct.unlink()


def _compile(root: Path, library: Path) -> None:
    """Compile everything once, so that a read-only image starts quickly; alike in each run."""
    command = [sys.executable, "-m", "compileall", "-q", "-j", "1"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/", str(library)]
    _run(command, {"PYTHONHASHSEED": "0"})


def _copy_shared(root: Path, library: Path) -> None:
    programs = [root / HOME.relative_to("/") / "bin" / "python3", *sorted(library.rglob("*.so*"))]
    wanted = {path for program in programs for path in _needs(program)}
    wanted |= {_LIBRARIES / name for name in _LOADED_BY_NAME}
    inside = root / _LIBRARIES.relative_to("/")
    inside.mkdir(parents=True)
    for path in sorted(wanted):
        # The loader is asked for by its path; all others are found where the loader looks.
        target = root / path.relative_to("/") if path.name.startswith("ld-") else inside / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path.resolve(), target)
        target.chmod(0o755)
    _strip(sorted(inside.glob("libpython*.so*")))


def _needs(program: Path) -> Iterator[Path]:
    """Yield the shared libraries outside of the image's folders that a program needs."""
    run = subprocess.run(
        ["/usr/bin/ldd", str(program)], capture_output=True, text=True, check=False
    )
    own = program.parent
    while own.name != "site-packages" and own != own.parent:
        own = own.parent
    for found in _NEEDED.findall(run.stdout):
        path = Path(found)
        if own.name != "site-packages" or not path.is_relative_to(own):
            yield path


def _strip(programs: list[Path]) -> None:
    """Take out what only debuggers read, where there is a program for it."""
    if (strip := shutil.which("strip")) is not None:
        _run([strip, "--strip-unneeded", *map(str, programs)])


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=os.environ | (environment or {}))
