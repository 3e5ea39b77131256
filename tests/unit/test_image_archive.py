# SPDX-License-Identifier: Apache-2.0
"""The archive of an image: the same bytes for the same files, and digests that are true."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from tools.image.archive import ImageConfig, write_archive

CONFIG = ImageConfig(
    name="example.test/confcom:1.2",
    entrypoint=("/bin/program", "-I"),
    environment={"LANG": "C.UTF-8"},
    user="65532:65532",
    labels={"org.opencontainers.image.title": "confcom"},
    created_s=1_700_000_000,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir()
    program = root / "bin" / "program"
    program.write_bytes(b"#!")
    program.chmod(0o700)
    (root / "bin" / "data").write_bytes(b"12345")
    (root / "bin" / "link").symlink_to("program")
    return root


def blobs(path: Path) -> dict[str, bytes]:
    """All files of an archive by name."""
    with tarfile.open(path) as archive:
        return {
            entry.name: found.read()
            for entry in archive
            if (found := archive.extractfile(entry)) is not None
        }


def described(files: dict[str, bytes], descriptor: dict[str, object]) -> bytes:
    """The blob of a descriptor, whose digest and size must be true."""
    algorithm, _, digest = str(descriptor["digest"]).partition(":")
    data = files[f"blobs/{algorithm}/{digest}"]
    assert hashlib.sha256(data).hexdigest() == digest
    assert len(data) == descriptor["size"]
    return data


def opened(path: Path) -> tuple[dict[str, object], tarfile.TarFile]:
    """Config and layer of an archive, by way of its index and manifest."""
    files = blobs(path)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == CONFIG.name
    manifest = json.loads(described(files, entry))
    config = json.loads(described(files, manifest["config"]))
    (descriptor,) = manifest["layers"]
    layer = gzip.decompress(described(files, descriptor))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    return config, tarfile.open(fileobj=io.BytesIO(layer))


def test_an_engine_is_told_who_runs_what(tree: Path, tmp_path: Path) -> None:
    write_archive(tree, tmp_path / "image.tar", CONFIG)
    config, _ = opened(tmp_path / "image.tar")
    assert config["config"] == {
        "User": "65532:65532",
        "Env": ["LANG=C.UTF-8"],
        "Entrypoint": ["/bin/program", "-I"],
        "WorkingDir": "/",
        "Labels": {"org.opencontainers.image.title": "confcom"},
    }
    assert (config["architecture"], config["os"]) == ("amd64", "linux")


def test_files_are_of_root_and_of_one_time(tree: Path, tmp_path: Path) -> None:
    write_archive(tree, tmp_path / "image.tar", CONFIG)
    _, layer = opened(tmp_path / "image.tar")
    entries = {entry.name: entry for entry in layer}
    assert list(entries) == ["bin", "bin/data", "bin/link", "bin/program", "tmp"]
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {
        (0, 0, CONFIG.created_s)
    }
    assert entries["bin/link"].linkname == "program"
    modes = {name: entry.mode for name, entry in entries.items()}
    assert modes["bin/program"] == 0o755
    assert modes["bin/data"] == 0o644
    assert modes["tmp"] == 0o1777


def test_what_was_made_is_told(tree: Path, tmp_path: Path) -> None:
    made = write_archive(tree, tmp_path / "image.tar", CONFIG)
    (entry,) = json.loads(blobs(tmp_path / "image.tar")["index.json"])["manifests"]
    assert made.digest == entry["digest"]
    assert made.tree_bytes == 7


def test_times_rights_and_order_of_the_disk_do_not_matter(tree: Path, tmp_path: Path) -> None:
    write_archive(tree, tmp_path / "first.tar", CONFIG)
    data = tree / "bin" / "data"
    data.unlink()
    (tree / "bin" / "program").chmod(0o755)
    data.write_bytes(b"12345")
    os.utime(data, (1, 1))
    write_archive(tree, tmp_path / "second.tar", CONFIG)
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_one_changed_byte_is_another_image(tree: Path, tmp_path: Path) -> None:
    first = write_archive(tree, tmp_path / "first.tar", CONFIG)
    (tree / "bin" / "data").write_bytes(b"12346")
    assert write_archive(tree, tmp_path / "second.tar", CONFIG).digest != first.digest
