# SPDX-License-Identifier: Apache-2.0
"""Pages about reference values and results say what the code does."""

import inspect
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from confcom.attestation import TABLE, Arity, ReferenceValues, read_reference, refused
from confcom.cli.evidence_tables import verdict_of
from confcom.dcap import TcbStatus, VerificationStep, intel_root, verify
from confcom.errors import (
    MalformedError,
    NotAcceptableError,
    NotAuthenticError,
    UnavailableError,
)
from confcom.reasons import Reason

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = DOCS / "reference"
AT = datetime(2026, 1, 1, tzinfo=UTC)


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="module")
def reference_page() -> str:
    return (REFERENCE / "reference-values.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def result_page() -> str:
    return (REFERENCE / "attestation-result.md").read_text(encoding="utf-8")


def test_page_of_reference_values_is_the_table(reference_page: str) -> None:
    written = [row for row in rows(reference_page) if len(row) == 6 and row[0] != "key"]
    assert written == [
        [
            f"`{row.key}`",
            f"`{row.flag}`",
            "true"
            if row.arity is Arity.SWITCH
            else row.metavar + ("…" if row.arity is Arity.MANY else ""),
            str(row.applies),
            f"[{row.reason}](reasons/{row.reason}.md)",
            row.help,
        ]
        for row in TABLE
    ]


def test_example_of_the_page_is_read(reference_page: str) -> None:
    (example,) = re.findall(r"```toml\n(.+?)```", reference_page, re.DOTALL)
    assert read_reference({}, file=example.encode()) != ReferenceValues()


def test_page_of_results_names_every_member_of_the_schema(result_page: str) -> None:
    schema = json.loads(
        resources.files("confcom.attestation")
        .joinpath("schema/attestation-result.v1.json")
        .read_text(encoding="utf-8")
    )
    members = set(schema["properties"])
    for part in ("tcb", "sgxClaims", "tdxClaims", "check"):
        members |= set(schema["$defs"][part]["properties"])
    named = set(re.findall(r"`([A-Za-z0-9]+)`", result_page))
    registers = {f"rtmr{index}" for index in range(4)}
    assert members - registers <= named


def test_steps_of_the_explanation_are_those_of_the_code() -> None:
    page = DOCS / "explanation" / "how-a-quote-is-verified.md"
    assert _steps(page.read_text(encoding="utf-8")) == _steps(inspect.getdoc(verify) or "")


def _steps(text: str) -> list[str]:
    """The numbered items of a text, without paragraphs that explain them further."""
    items = re.findall(r"^ *\d+\. (.+?)(?=\n\n|\n *\d+\. |\Z)", text, re.MULTILINE | re.DOTALL)
    return [" ".join(item.split()).replace("``", "`") for item in items]


def test_every_step_is_in_the_list() -> None:
    steps = _steps(inspect.getdoc(verify) or "")
    assert [re.findall(r"\(`(\w+)`\)", step) for step in steps] == [
        [step.value] for step in VerificationStep
    ]


def test_schemas_of_results_and_explanations_know_the_same_statuses() -> None:
    for name in ("attestation-result", "explanation"):
        schema = json.loads(
            resources.files("confcom.attestation")
            .joinpath(f"schema/{name}.v1.json")
            .read_text(encoding="utf-8")
        )
        assert set(schema["$defs"]["status"]["enum"]) == set(TcbStatus)


def test_verdicts_of_the_table_are_explained() -> None:
    page = (DOCS / "how-to" / "verify-a-quote.md").read_text(encoding="utf-8")
    root = intel_root()
    words = {
        verdict_of(refused(error, at=AT, root=root)).text
        for error in (
            NotAuthenticError(Reason.QUOTE_SIGNATURE, "x"),
            NotAcceptableError(Reason.DEBUG, "x"),
            MalformedError(Reason.QUOTE_FORMAT, "x"),
            UnavailableError(Reason.PCK_MISSING, "x"),
        )
    }
    assert words | {"accepted"} == {
        row[0] for row in rows(page) if len(row) == 2 and row[0] != "verdict"
    }


def test_page_of_explanations_names_every_member_of_the_schema() -> None:
    schema = json.loads(
        resources.files("confcom.attestation")
        .joinpath("schema/explanation.v1.json")
        .read_text(encoding="utf-8")
    )
    members = set(schema["properties"])
    for part in ("explanation", "part", "shortfall", "level", "forecast"):
        members |= set(schema["$defs"][part]["properties"])
    page = (REFERENCE / "tcb-explanation.md").read_text(encoding="utf-8")
    assert members <= set(re.findall(r"`([A-Za-z]+)`", page))
