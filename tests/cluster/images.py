# SPDX-License-Identifier: Apache-2.0
"""Container images without a container engine: OCI archives of a file or two."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PAUSE: Final = Path(__file__).with_name("pause.c")
_BUSYBOX: Final = Path("/bin/busybox")


def write_pause(folder: Path, name: str) -> Path:
    """Compile the program that holds a pod's namespaces, and return its archive."""
    program = folder / "pause"
    subprocess.run(
        ["cc", "-static", "-Os", "-s", "-o", str(program), str(_PAUSE)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return write_archive(folder / "pause.tar", name, {"pause": program.read_bytes()}, ["/pause"])


def write_busybox(folder: Path, name: str) -> Path:
    """Return the archive of a shell with the usual commands."""
    listed = subprocess.run(
        [_BUSYBOX, "--list"], check=True, capture_output=True, text=True, timeout=10
    )
    links = {f"bin/{command}": "/bin/busybox" for command in listed.stdout.split()}
    links.pop("bin/busybox", None)
    return write_archive(
        folder / "busybox.tar", name, {"bin/busybox": _BUSYBOX.read_bytes()}, ["/bin/sh"], links
    )


def write_archive(
    archive: Path,
    name: str,
    files: Mapping[str, bytes],
    command: list[str],
    links: Mapping[str, str] | None = None,
) -> Path:
    """Write an image of one layer; the same arguments give the same bytes.

    Args:
        archive: the file to write, which is returned.
        name: of the image, with registry and tag.
        files: programs by their path in the image, without a slash before it.
        command: what a container runs unless it says otherwise.
        links: targets of symbolic links by path.
    """
    layer = _layer(files, links or {})
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": command},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _described("application/vnd.oci.image.config.v1+json", config),
            "layers": [_described("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    )
    described = _described("application/vnd.oci.image.manifest.v1+json", manifest)
    index = {
        "schemaVersion": 2,
        "manifests": [{**described, "annotations": {"io.containerd.image.name": name}}],
    }
    entries = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    for blob in (config, manifest, layer):
        entries[f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}"] = blob
    archive.write_bytes(_tar([_file(path, 0o644, data) for path, data in sorted(entries.items())]))
    return archive


def _layer(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    entries = [_file(path, 0o755, data) for path, data in files.items()]
    for path, target in links.items():
        link = tarfile.TarInfo(path)
        link.type, link.linkname, link.mode = tarfile.SYMTYPE, target, 0o777
        entries.append((link, b""))
    scratch = tarfile.TarInfo("tmp")
    scratch.type, scratch.mode = tarfile.DIRTYPE, 0o1777
    entries.append((scratch, b""))
    return _tar(sorted(entries, key=lambda entry: entry[0].name))


def _file(path: str, mode: int, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.size = mode, len(data)
    return entry, data


def _tar(entries: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry, data in entries:
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _described(media_type: str, data: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
