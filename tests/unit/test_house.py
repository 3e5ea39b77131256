# SPDX-License-Identifier: Apache-2.0
"""Rules about files that no other tool looks at: licence lines and locks."""

import ast
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
CODE = [
    path
    for room in ("src", "tests", "tools", "benchmarks")
    for path in sorted((REPOSITORY / room).rglob("*.py"))
    if not path.name.endswith("_pb2.py")  # as protoc writes it; its definition has the line
]
LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
REQUIREMENT = re.compile(r"^([a-z0-9.-]+)==(\S+)((?: ; [^\\]+)?)", re.MULTILINE)


def _pins(lock: Path) -> set[tuple[str, ...]]:
    return set(REQUIREMENT.findall(lock.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_source_starts_with_its_licence_and_a_docstring(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert ast.get_docstring(ast.parse(text))


def test_installed_package_brings_its_types() -> None:
    assert (resources.files("confcom") / "py.typed").is_file()


def test_there_is_a_lock_for_each_extra_that_has_packages() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    filled = {name for name, wants in project["project"]["optional-dependencies"].items() if wants}
    assert {lock.stem for lock in LOCKS} == filled | {"base", "test", "dev", "fuzz"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_pins_every_package_by_digest(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8"))
    entries = [entry for entry in entries if not entry.startswith("#")]
    assert entries
    for entry in entries:
        assert REQUIREMENT.match(entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_names_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted-host", text)


@pytest.mark.parametrize(
    "lock", [lock for lock in LOCKS if lock.stem not in ("dev", "fuzz")], ids=lambda lock: lock.stem
)
def test_lock_agrees_with_the_development_lock(lock: Path) -> None:
    versions = {pin[:2] for pin in _pins(REPOSITORY / "requirements" / "dev.txt")}
    assert {pin[:2] for pin in _pins(lock)} <= versions


def test_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    base = {name for name, *_ in _pins(REPOSITORY / "requirements" / "base.txt")}
    cli = {name for name, *_ in _pins(REPOSITORY / "requirements" / "cli.txt")}

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=!~\[ ]", wish)[0].replace(".", "-") for wish in requirements}

    assert names(project["project"]["dependencies"]) <= base
    assert names(project["project"]["optional-dependencies"]["cli"]) <= cli
