# SPDX-License-Identifier: Apache-2.0
"""Compiles the stand-ins, tells them how to behave, and seals REPORTs for them."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.requirements import missing

SOURCES: Final = Path(__file__).parent
COMPLETE: Final = "libsgx_qe3_logic.so"
SIMPLE: Final = "libsgx_dcap_ql.so.1"
NOTHING: Final = "libnothing.so"
PARTIAL: Final = "libpartial.so"
QUOTE_BYTES: Final = 436 + 580 + 64
_FILES: Final = {
    COMPLETE: "qe3_logic.c",
    SIMPLE: "dcap_ql.c",
    NOTHING: "nothing.c",
    PARTIAL: "partial.c",
    "libsgx_pce_logic.so.1": "pce_logic.c",
}
_FLAGS: Final = (
    "-std=c11",
    "-D_DEFAULT_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unused-function",
    "-shared",
    "-fPIC",
)


def compile_all(folder: Path) -> Path:
    """Compile the stand-ins into a folder with the system's C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        missing("no C compiler for the stand-ins of quoting libraries")
    for name, source in _FILES.items():
        command = [compiler, *_FLAGS, "-o", str(folder / name), str(SOURCES / source)]
        subprocess.run(command, check=True, timeout=60)
    return folder


def seal_report(body: bytes, *, target: int = 0xEE, key_id: bytes = bytes(32)) -> bytes:
    """Return a REPORT of 432 bytes that a stand-in with a target takes for genuine."""
    mac = b""
    for part in range(2):
        total = (0xCBF29CE484222325 + target + part) % 2**64
        for byte in body + key_id:
            total = ((total ^ byte) * 0x100000001B3) % 2**64
        mac += total.to_bytes(8, "little")
    return body + key_id + mac


@dataclass(frozen=True)
class Stub:
    """The stand-ins as one test uses them.

    Attributes:
        libraries: folder of the compiled stand-ins.
        folder: of the test.
    """

    libraries: Path
    folder: Path

    def behave(self, **how: object) -> None:
        """Replace what every further call does; see ``common.h``."""
        text = "".join(f"{name}={value}\n" for name, value in how.items())
        new = self.folder / "control.new"
        new.write_text(text, encoding="ascii")
        new.replace(self.folder / "control")

    @property
    def calls(self) -> list[str]:
        """What was called so far, in all processes."""
        file = self.folder / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to find this test's files."""
        return {
            **os.environ,
            "STUB_CONTROL": str(self.folder / "control"),
            "STUB_CALLS": str(self.folder / "calls"),
            "LD_LIBRARY_PATH": str(self.libraries),
        }

    def forget_key(self) -> Path:
        """Return a file for ``forget``; once a call has seen it, the key is not ready."""
        file = self.folder / "forget"
        file.touch()
        return file
