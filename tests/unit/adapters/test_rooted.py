# SPDX-License-Identifier: Apache-2.0
"""A root folder that is mounted somewhere: nothing leads out of it."""

import os
from pathlib import Path

import pytest

from confcom.adapters.rooted import Root


def test_absolute_links_stay_within_the_root(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run").symlink_to("/run")
    assert Root(tmp_path).locate("/var/run/aesmd/x") == tmp_path / "run" / "aesmd" / "x"


@pytest.mark.parametrize("target", ["../../../../etc/passwd", "/../../etc/passwd", "/etc/passwd"])
def test_links_do_not_lead_out(tmp_path: Path, target: str) -> None:
    (tmp_path / "a").symlink_to(target)
    assert Root(tmp_path).locate("/a") == tmp_path / "etc" / "passwd"
    with pytest.raises(FileNotFoundError):
        Root(tmp_path).read("/a", limit=10)


def test_paths_do_not_lead_out(tmp_path: Path) -> None:
    assert Root(tmp_path).locate("/../../x/../y") == tmp_path / "y"


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("/a")
    with pytest.raises(OSError, match="symbolic links"):
        Root(tmp_path).locate("/a")


def test_reads_no_more_than_one_byte_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert Root(tmp_path).read("/file", limit=10) == b"x" * 11
    assert Root(tmp_path).read("/file", limit=100) == b"x" * 100


def test_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        Root(tmp_path).read("/pipe", limit=10)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no regular file"):
        Root(tmp_path).read("/", limit=10)


def test_names_a_located_path_as_the_machine_does(tmp_path: Path) -> None:
    root = Root(tmp_path)
    assert root.name(root.locate("/usr/lib")) == Path("/usr/lib")
    assert Root().locate("/proc/self/x") == Path(f"/proc/{os.getpid()}/x")
