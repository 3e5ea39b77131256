# SPDX-License-Identifier: Apache-2.0
"""Make the image: ``python -m tools.image --wheel FILE --out FILE``; see ``make image``."""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tools.image.archive import ImageConfig, write_archive
from tools.image.sbom import bill_of_materials
from tools.image.tree import HOME, PACKAGES, make_tree

_MIB: Final = 1024 * 1024
_BILL: Final = "usr/share/confcom/confcom.spdx.json"
_REPOSITORY: Final = Path(__file__).parents[2]


def main() -> int:
    """Make it and say what was made."""
    parser = argparse.ArgumentParser(prog="python -m tools.image")
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--lock", type=Path, default=_REPOSITORY / "requirements" / "all.txt")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="confcom.local/confcom")
    given = parser.parse_args()
    started = time.monotonic()
    release = version("confcom")
    revision, created_s = _revision()
    config = ImageConfig(
        name=f"{given.name}:{release}",
        entrypoint=(str(HOME / "bin" / "python3"), "-I", "-m", "confcom"),
        environment={"PATH": str(HOME / "bin"), "LANG": "C.UTF-8"},
        user="65532:65532",
        labels={
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.revision": revision,
            "org.opencontainers.image.title": "confcom",
            "org.opencontainers.image.version": release,
        },
        created_s=created_s,
    )
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="confcom-image-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        make_tree(tree, given.wheel.resolve(), given.lock.resolve())
        bill = tree / _BILL
        bill.parent.mkdir(parents=True)
        packages = tree / PACKAGES.relative_to("/")
        bill.write_bytes(
            bill_of_materials(packages, platform.python_version(), revision, created_s)
        )
        made = write_archive(tree, given.out, config)
    print(
        f"{given.out}: {config.name} {made.digest}\n"
        f"{made.tree_bytes / _MIB:.0f} MiB of files, {made.layer_bytes / _MIB:.0f} MiB compressed, "
        f"{time.monotonic() - started:.0f} s",
        file=sys.stderr,
    )
    return 0


def _revision() -> tuple[str, int]:
    """Return the commit and its time; the same for each build of it."""
    git = ["git", "-C", str(_REPOSITORY), "log", "-1", "--format=%H %ct"]
    text = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    revision, _, created = text.partition(" ")
    return revision, int(created)


if __name__ == "__main__":
    sys.exit(main())
