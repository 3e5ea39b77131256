# SPDX-License-Identifier: Apache-2.0
"""Where configuration of providers is found, and what is said when it is not."""

import os
from pathlib import Path

import pytest
from tests.rights import without_rights_of_root

from confcom.adapters.provider_conf import FileState, read_provider_conf
from confcom.adapters.rooted import Root
from confcom.protocols.quoting_conf import Choice, CollateralChoice, Provider, Weight, Whose


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
    ((where, note),) = found.notes()
    assert where == name
    assert note.weight is Weight.MISTAKE
    assert "which QCNL_CONF_PATH names, cannot be read: " in note.words


def test_a_file_that_is_named_and_is_not_there_is_a_mistake(root: Root) -> None:
    found = read_provider_conf({"QCNL_CONF_PATH": "/none"}, root=root)
    assert found.qcnl.state is FileState.MISSING
    assert [(where, str(note)) for where, note in found.notes()] == [
        ("/none", "the file, which QCNL_CONF_PATH names, does not exist")
    ]


def test_a_file_in_its_usual_place_that_cannot_be_read_is_a_mistake(root: Root) -> None:
    (root.folder / "etc" / "aesmd.conf").mkdir()
    assert [(where, str(note)) for where, note in read_provider_conf({}, root=root).notes()] == [
        ("/etc/aesmd.conf", "the file cannot be read: it is no regular file; nothing of it is used")
    ]


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


def test_a_relative_name_begins_in_the_folder_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").write_text('{"retry_times": 1}')
    found = read_provider_conf({"QCNL_CONF_PATH": "own"}).qcnl
    assert (found.path, found.conf.retry_times) == (tmp_path / "own", 1)


def test_a_file_that_is_too_large_is_not_read_whole(root: Root) -> None:
    (root.folder / "etc" / "aesmd.conf").write_bytes(b"#" * 1_000_000)
    ((_, note),) = read_provider_conf({}, root=root).notes()
    assert "more than 65536 bytes" in note.words


def test_the_choice_names_the_file_that_it_comes_from(root: Root) -> None:
    (root.folder / "q").write_text(
        '{"use_secure_cert": false,\n"pccs_url": "https://pccs.example"}'
    )
    (root.folder / "etc" / "aesmd.conf").write_text("proxy type = manual\naesm proxy = http://p:1")
    found = read_provider_conf({"QCNL_CONF_PATH": "/q"}, root=root)
    choice = found.choose(CollateralChoice(), Provider.INTEL)
    assert choice.sources == Choice(("pccs:https://pccs.example",), "/q line 2 (pccs_url)")
    assert choice.proxy == Choice("http://p:1", "/etc/aesmd.conf line 2 (aesm proxy)")
    ((whose, note),) = choice.notes
    assert (whose, note.line) == (Whose.QCNL, 1)


@pytest.mark.parametrize("text", ["", "{", "{}", "\0", "pccs_url=https://x/", '{"pccs_url": 1}'])
def test_a_file_that_names_no_service_leaves_the_default(root: Root, text: str) -> None:
    (root.folder / "etc" / "sgx_default_qcnl.conf").write_text(text)
    choice = read_provider_conf({}, root=root).choose(CollateralChoice(), Provider.INTEL)
    assert choice == CollateralChoice()
