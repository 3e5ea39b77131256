# SPDX-License-Identifier: Apache-2.0
"""``--platform`` of the quote helper: a name, or a folder in place of ``--pki``."""

from pathlib import Path

import pytest

from confcom.cli.platform_option import DEFAULT_NAME, folder_and_name
from confcom.errors import UsageError

PKI = Path("pki")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hierarchy", "unfinished"):
        (tmp_path / name).mkdir()
    (tmp_path / "hierarchy" / "authority.json").touch()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("given", ["hierarchy", "./hierarchy", "hierarchy/", "a/b", ".", "..", "/"])
def test_a_folder_stands_for_the_hierarchy(given: str) -> None:
    assert folder_and_name(None, given) == (Path(given), DEFAULT_NAME)


@pytest.mark.parametrize(
    "given", [DEFAULT_NAME, "other", "unfinished", "file", "a.b", "..a", "Capital", ""]
)
def test_what_can_be_no_folder_is_a_name(given: str) -> None:
    assert folder_and_name(None, given) == (None, given)


def test_an_empty_name_is_not_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("hierarchy")
    assert folder_and_name(None, "") == (None, "")


@pytest.mark.parametrize("given", [DEFAULT_NAME, "hierarchy", "other", "unfinished", ""])
def test_beside_a_hierarchy_words_are_names(given: str) -> None:
    assert folder_and_name(PKI, given) == (PKI, given)


@pytest.mark.parametrize("given", ["./hierarchy", "hierarchy/", "/", ".", ".."])
def test_two_folders_are_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"together with --pki pki: both are folders") as caught:
        folder_and_name(PKI, given)
    assert caught.value.hint is not None
