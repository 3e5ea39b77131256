# SPDX-License-Identifier: Apache-2.0
"""Where configuration of providers is found, and what is said when it is not."""

import os
from pathlib import Path

import pytest
from tests.rights import without_rights_of_root

from confcom.adapters.provider_conf import FileState, read_provider_conf
from confcom.adapters.rooted import Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "etc").mkdir()
    return Root(tmp_path)


def test_files_that_do_not_exist_leave_the_defaults(root: Root) -> None:
    found = read_provider_conf({}, root=root)
    assert (found.aesmd.state, found.qcnl.state) == (FileState.MISSING, FileState.MISSING)
    assert found.qcnl.conf.retry_times == 6
    assert list(found.notes()) == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle", "forbidden", "nul"])
def test_what_cannot_be_read_says_why_and_does_not_hang(root: Root, kind: str) -> None:
    path = root.folder / "conf"
    name = "/conf"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "circle":
            path.symlink_to("conf")
        case "forbidden":
            path.write_text("{}")
            path.chmod(0)
        case _:
            name = "/conf\0"
    with without_rights_of_root():
        found = read_provider_conf({"QCNL_CONF_PATH": name}, root=root)
    assert found.qcnl.state is FileState.UNREADABLE
    assert found.qcnl.why
    assert found.qcnl.named_by == "QCNL_CONF_PATH"
    assert list(found.notes()) == []


def test_the_usual_places_are_read(root: Root) -> None:
    (root.folder / "etc" / "aesmd.conf").write_text("proxy type\n")
    (root.folder / "etc" / "sgx_default_qcnl.conf").write_text('{"retry_times": 1}')
    found = read_provider_conf({"AZDCAP_X": "1"}, root=root)
    assert found.qcnl.conf.retry_times == 1
    assert [(where, str(note)) for where, note in found.notes()] == [
        ("/etc/aesmd.conf", "line 1: expected a key, = and a value"),
        ("environment", "'AZDCAP_X' is no variable that Azure's client knows"),
    ]


def test_a_variable_names_another_file_and_an_argument_wins_over_it(root: Root) -> None:
    (root.folder / "a").write_text('{"retry_times": 1}')
    (root.folder / "b").write_text('{"retry_times": 2, "retry_delay": 20}')
    environ = {"QCNL_CONF_PATH": "/a"}
    assert read_provider_conf(environ, root=root).qcnl.conf.retry_times == 1
    found = read_provider_conf(environ, root=root, qcnl=Path("/b"), aesmd=Path("/c"))
    assert found.qcnl.conf.retry_times == 2
    assert found.qcnl.named_by is None
    ((where, note),) = found.notes()
    assert where == "/b"
    assert "40 s" in note.words


def test_a_file_that_is_too_large_is_not_read_whole(root: Root) -> None:
    (root.folder / "etc" / "aesmd.conf").write_bytes(b"#" * 1_000_000)
    ((_, note),) = read_provider_conf({}, root=root).notes()
    assert "more than 65536 bytes" in note.words
