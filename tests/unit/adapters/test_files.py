# SPDX-License-Identifier: Apache-2.0
"""Files appear whole or not at all."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from confcom.adapters.files import PRIVATE, TEMPORARY_SUFFIX, write_file_atomically
from confcom.errors import UsageError
from confcom.reasons import Reason


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@contextmanager
def refused(message: str) -> Iterator[None]:
    with pytest.raises(UsageError, match=message) as caught:
        yield
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert caught.value.hint


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let writes beyond `size` bytes fail like a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("mode", "expected"), [(None, 0o644), (PRIVATE, 0o600), (0o666, 0o644)])
def test_writes_content_with_permissions(tmp_path: Path, mode: int | None, expected: int) -> None:
    file = tmp_path / "out"
    if mode is None:
        write_file_atomically(file, b"data")
    else:
        write_file_atomically(file, b"data", mode=mode)
    assert file.read_bytes() == b"data"
    assert file.stat().st_mode & 0o777 == expected


@pytest.mark.usefixtures("umask")
def test_replaces_content_and_permissions_of_an_older_file(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"older and longer")
    file.chmod(0o644)
    with file.open("rb") as reader:
        write_file_atomically(file, b"", mode=PRIVATE)
        assert reader.read() == b"older and longer"
    assert file.read_bytes() == b""
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_follows_a_symbolic_link(tmp_path: Path) -> None:
    file, link = tmp_path / "out", tmp_path / "link"
    link.symlink_to(file)
    write_file_atomically(link, b"data")
    assert link.is_symlink()
    assert file.read_bytes() == b"data"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"old")
    with file_size_limit(10), refused(f"cannot write file {file}: File too large"):
        write_file_atomically(file, b"new" * 100)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_killed_writer_leaves_the_old_file_and_a_recognisable_rest(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"old")
    program = (
        "import os, signal, sys; from pathlib import Path; from confcom.adapters import files\n"
        "os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_file_atomically(Path(sys.argv[1]), b'new')"
    )
    done = subprocess.run([sys.executable, "-c", program, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_bytes() == b"old"
    (rest,) = set(tmp_path.iterdir()) - {file}
    assert rest.name.startswith(".out.")
    assert rest.name.endswith(TEMPORARY_SUFFIX)


def test_refuses_missing_folder(tmp_path: Path) -> None:
    with refused("No such file or directory"):
        write_file_atomically(tmp_path / "missing" / "out", b"data")


def test_refuses_a_file_as_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with refused("Not a directory"):
        write_file_atomically(tmp_path / "file" / "out", b"data")


def test_refuses_name_of_a_folder(tmp_path: Path) -> None:
    with refused("it is a folder"):
        write_file_atomically(tmp_path, b"data")


def test_refuses_a_name_that_is_too_long(tmp_path: Path) -> None:
    with refused("File name too long"):
        write_file_atomically(tmp_path / ("x" * 300), b"data")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_never_replaces_a_device(device: str) -> None:
    with refused("it is not a regular file"):
        write_file_atomically(Path(device), b"data")
    assert Path(device).is_char_device()


def test_never_replaces_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with refused("it is not a regular file"):
        write_file_atomically(pipe, b"data")
    assert pipe.is_fifo()


def test_refuses_folder_where_nobody_may_create_files() -> None:
    with refused("Permission denied|Read-only file system|Operation not permitted"):
        write_file_atomically(Path("/sys/out"), b"data")
