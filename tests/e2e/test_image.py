# SPDX-License-Identifier: Apache-2.0
"""The image that is made without an engine: twice the same bytes, and its programs run."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.requirements import missing

REPOSITORY = Path(__file__).parents[2]
PROGRAM = ("/opt/confcom/bin/python3", "-I", "-m", "confcom")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    run = subprocess.run([*command, str(REPOSITORY)], capture_output=True, text=True, check=False)
    if run.returncode:
        missing(f"no wheel can be built here: {run.stderr.strip()[-200:]}")
    return next(folder.glob("*.whl"))


def image_of(wheel: Path, path: Path) -> Path:
    """Make the image."""
    command = [sys.executable, "-m", "tools.image", "--wheel", str(wheel), "--out", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if "No matching distribution" in run.stderr or "Temporary failure" in run.stderr:
        missing("the packages of the image cannot be had here")
    assert run.returncode == 0, run.stderr[-2000:]
    return path


@pytest.fixture(scope="module")
def image(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_of(wheel, tmp_path_factory.mktemp("image") / "confcom.tar")


@pytest.fixture(scope="module")
def root(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the image."""
    folder = tmp_path_factory.mktemp("root")
    folder.chmod(0o755)  # its programs run as another user
    with tarfile.open(image) as archive:
        (entry,) = json.load(archive.extractfile("index.json"))["manifests"]  # type: ignore[arg-type]
        manifest = json.load(archive.extractfile(_blob(entry)))  # type: ignore[arg-type]
        layer = archive.extractfile(_blob(manifest["layers"][0]))
        with tarfile.open(fileobj=layer, mode="r:gz") as files:
            files.extractall(folder, filter="fully_trusted")  # noqa: S202 our own
    return folder


def _blob(descriptor: dict[str, str]) -> str:
    return "blobs/" + descriptor["digest"].replace(":", "/")


def run_in(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the image as its own user, in namespaces of its own."""
    if os.geteuid() or shutil.which("unshare") is None:
        missing("running the image needs root and unshare(1)")
    (root / "proc").mkdir(exist_ok=True)
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / "null").touch()
    enter = (
        f"ip link set lo up && mount --make-rprivate / && mount -t proc proc {root}/proc && "
        f"mount --bind /dev/null {root}/dev/null && "
        f'exec chroot --userspec=65532:65532 {root} "$@"'
    )
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--fork", "sh", "-c", enter, "sh", *command],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath + ":/usr/sbin:/sbin"},
    )


def test_two_builds_are_the_same_bytes(image: Path, wheel: Path, tmp_path: Path) -> None:
    again = image_of(wheel, tmp_path / "again.tar")
    assert again.read_bytes() == image.read_bytes()


def test_its_programs_do_their_main_job(root: Path) -> None:
    run = run_in(root, *PROGRAM, "quickstart")
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("  ok  ") == 6  # the seventh is about recorded quotes


def test_all_extras_are_there(root: Path) -> None:
    code = "import click, grpc, google.protobuf, httpx2, rich, structlog, ssl, ctypes, sqlite3"
    run = run_in(root, PROGRAM[0], "-I", "-c", code)
    assert run.returncode == 0, run.stderr


def test_nothing_in_it_installs_packages(root: Path) -> None:
    run = run_in(root, PROGRAM[0], "-I", "-m", "pip", "--version")
    assert run.returncode != 0
    assert not (root / "bin" / "sh").exists()


def test_its_packages_are_listed(root: Path) -> None:
    document = json.loads((root / "usr/share/confcom/confcom.spdx.json").read_bytes())
    names = {package["name"] for package in document["packages"]}
    assert {"CPython", "confcom", "cryptography", "grpcio"} <= names
