# SPDX-License-Identifier: Apache-2.0
"""Pages and code say the same: reasons, exit codes, dependencies, and the places they point to."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from confcom.reasons import OUTCOMES, Reason

REPOSITORY = Path(__file__).parent.parent.parent
DOCS = REPOSITORY / "docs"
REASONS = DOCS / "reference" / "reasons"
WRITTEN = {None: "null", True: "true", False: "false"}
HEADINGS = ["Meaning", "Cause", "Cure"]


def _rows(page: Path) -> Iterator[list[str]]:
    """Cells of every table row of a page; rows that only draw the table are left out."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _sections(page: Path) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _markdown() -> list[Path]:
    pages = [*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")]
    return [page for page in pages if "_build" not in page.parts]


def test_table_of_reasons_says_what_the_code_does() -> None:
    rows = [cells for cells in _rows(REASONS / "index.md") if cells[0] != "reason"]
    expected = []
    for reason in Reason:
        outcome = OUTCOMES[reason.kind]
        expected.append(
            [
                f"[{reason.value}]({reason.value}.md)",
                reason.kind.value,
                WRITTEN[outcome.authentic],
                WRITTEN[outcome.acceptable],
                str(outcome.exit_code.value),
            ]
        )
    assert rows == expected


def test_every_reason_has_a_page_and_every_page_a_reason() -> None:
    pages = {page.stem for page in REASONS.glob("*.md")} - {"index"}
    assert pages == {reason.value for reason in Reason}


@pytest.mark.parametrize("reason", Reason)
def test_page_of_a_reason_says_meaning_cause_and_cure(reason: Reason) -> None:
    page = REASONS / f"{reason.value}.md"
    assert page.read_text(encoding="utf-8").splitlines()[0] == f"# {reason.value}"
    sections = _sections(page)
    assert list(sections) == HEADINGS
    assert len(sections["Meaning"].split()) >= 10
    for heading in ("Cause", "Cure"):
        items = re.findall(r"^- (.+)$", sections[heading], re.MULTILINE)
        assert items, f"{reason.value}: {heading} lists nothing"


def test_no_two_reasons_share_their_meaning() -> None:
    meanings = [_sections(REASONS / f"{reason.value}.md")["Meaning"] for reason in Reason]
    assert len(set(meanings)) == len(Reason)


def test_every_direct_dependency_has_its_row_and_every_row_its_dependency() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    declared: set[tuple[str, str]] = set()
    groups: dict[str, list[object]] = {"base": project["project"]["dependencies"]}
    groups |= project["project"]["optional-dependencies"] | project["dependency-groups"]
    for group, requirements in groups.items():
        for requirement in requirements:
            name = re.match(r"[\w.-]+", requirement) if isinstance(requirement, str) else None
            if name and name.group() != "confcom":
                declared.add((name.group(), group))
    declared |= _of_clients()
    rows = {(row[0], row[1]) for row in _rows(DOCS / "dependencies.md") if row[0] != "package"}
    assert rows == declared


def _of_clients() -> set[tuple[str, str]]:
    """What the programs ask for that the tests build in other ways than with pyproject.toml."""
    crate, module, guest = (
        (REPOSITORY / "tests" / "integration" / "interop" / name).read_text(encoding="utf-8")
        for name in ("aesm_peer/Cargo.toml", "tdx_peer/go.mod", "td_guest/requirements.txt")
    )
    cluster = "".join(
        file.read_text(encoding="utf-8")
        for file in (REPOSITORY / "tools" / "testcluster").rglob("go.mod")
    )
    wanted = re.compile(r"^(?:require |\t)(\S+) v\S+$", re.MULTILINE)
    return (
        {(name, "Rust") for name in tomllib.loads(crate)["dependencies"]}
        | {(name, "Go") for name in wanted.findall(module + cluster)}
        | {(name, "Python") for name in re.findall(r"^([\w.-]+)==", guest, re.MULTILINE)}
    )


@pytest.mark.parametrize("page", _markdown(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [
        link for link in links if "://" not in link and not (page.parent / link).resolve().exists()
    ]
    assert not missing


def test_tests_that_the_threat_model_names_exist() -> None:
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[^`]+)`", text)
    assert named
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_recorded_cases_that_the_threat_model_names_exist(dcap_vectors: Path) -> None:
    cases = (dcap_vectors / "cases.json").read_text(encoding="utf-8")
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:real|edit|col|sim)-[\w-]+)`", text)
    assert named
    assert [name for name in named if f'"{name}"' not in cases] == []


def test_reasons_that_the_threat_model_names_exist() -> None:
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    words = {reason.value for reason in Reason}
    for clause in re.findall(r"reasons? (`\w+`(?:, `\w+`)*)", text):
        assert set(re.findall(r"`(\w+)`", clause)) <= words
