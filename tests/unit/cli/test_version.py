# SPDX-License-Identifier: Apache-2.0
"""Facts about the installation, for reports of bugs."""

import platform
from importlib import metadata
from pathlib import Path

import pytest

from confcom.cli import version


def test_names_the_installed_version_python_and_platform() -> None:
    assert version.version() == metadata.version("confcom")
    assert version.installation() == (
        f"confcom {metadata.version('confcom')}, "
        f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}"
    )


def test_works_from_sources_that_nobody_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "_PACKAGE", "a-package-that-nobody-has")
    assert version.issue_tracker() is None


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ("Project-URL: Source, https://host/src\nProject-URL: Issues, https://host/i\n", "https://host/i"),
        ("Project-URL: Source, https://host/src\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_issue_tracker_is_the_address_that_the_package_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, links: str, expected: str | None
) -> None:
    folder = tmp_path / "named_package-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: named-package\nVersion: 1.0\n{links}"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(version, "_PACKAGE", "named-package")
    assert version.issue_tracker() == expected
