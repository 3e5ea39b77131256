# SPDX-License-Identifier: Apache-2.0
"""A folder as an image of one layer in an OCI archive, the same bytes for the same files.

Source: OCI image format specification 1.1 (layout, manifest, config, layer).
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_SHARED_FOLDERS: Final = frozenset({"tmp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What an engine is told about the image.

    Attributes:
        name: with a tag, such as ``confcom.local/confcom:0.1.0``.
        entrypoint: the program and its first arguments.
        environment: variables.
        user: numbers of user and group.
        labels: OCI annotations.
        created_s: Unix time that all files and the image are said to be of.
    """

    name: str
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]
    user: str
    labels: Mapping[str, str]
    created_s: int


@dataclass(frozen=True, slots=True)
class Made:
    """An image that was made.

    Attributes:
        digest: of its manifest, ``sha256:`` and 64 hexadecimal digits.
        layer_bytes: of the layer, compressed.
        tree_bytes: of its files.
    """

    digest: str
    layer_bytes: int
    tree_bytes: int


def write_archive(tree: Path, target: Path, config: ImageConfig) -> Made:
    """Write the archive; returns what was made.

    Raises:
        OSError: a file cannot be read or written.
    """
    layer, diff_id, size = _layer(tree, config.created_s)
    content = _json(_config(config, diff_id))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _described(_CONFIG, content),
            "layers": [_described(_LAYER, layer)],
        }
    )
    tag = config.name.rpartition(":")[2]
    index = _json(
        {
            "schemaVersion": 2,
            "manifests": [
                {
                    **_described(_MANIFEST, manifest),
                    "annotations": {
                        "io.containerd.image.name": config.name,
                        "org.opencontainers.image.ref.name": tag,
                    },
                }
            ],
        }
    )
    files = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": index,
        **{f"blobs/sha256/{_sha256(data)}": data for data in (content, layer, manifest)},
    }
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = _entry(name, config.created_s)
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))
    return Made(f"sha256:{_sha256(manifest)}", len(layer), size)


def _layer(tree: Path, created_s: int) -> tuple[bytes, str, int]:
    """Return the layer, the digest of its uncompressed form, and the bytes of its files."""
    plain, size = io.BytesIO(), 0
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(tree.rglob("*"), key=lambda path: path.relative_to(tree).parts):
            name = path.relative_to(tree).as_posix()
            entry = _entry(name, created_s)
            if path.is_symlink():
                entry.type, entry.linkname, entry.mode = (
                    tarfile.SYMTYPE,
                    str(path.readlink()),
                    0o777,
                )
                archive.addfile(entry)
            elif path.is_dir():
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o1777 if name in _SHARED_FOLDERS else 0o755
                archive.addfile(entry)
            else:
                data = path.read_bytes()
                entry.size, size = len(data), size + len(data)
                entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                archive.addfile(entry, io.BytesIO(data))
    raw = plain.getvalue()
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream:
        stream.write(raw)
    return packed.getvalue(), f"sha256:{_sha256(raw)}", size


def _config(config: ImageConfig, diff_id: str) -> dict[str, Any]:
    created = datetime.fromtimestamp(config.created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": config.user,
            "Env": [f"{name}={value}" for name, value in config.environment.items()],
            "Entrypoint": list(config.entrypoint),
            "WorkingDir": "/",
            "Labels": dict(config.labels),
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": created, "created_by": "make image"}],
    }


def _entry(name: str, created_s: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = created_s, 0o644
    return entry


def _described(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{_sha256(data)}", "size": len(data)}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
