# SPDX-License-Identifier: Apache-2.0
"""Messages recorded from Intel's library, and that the comparison can tell right from wrong."""

from pathlib import Path

import pytest
from tests import vectors_path
from tests.qgs_samples import QUOTE, REPORT, frame, message, numbers, raw_report
from tests.vectors import exchanges
from tests.vectors.qgs_cases import check_case, compare

REQUEST = frame(message(0, numbers(1024, 0), REPORT))
REPLY = frame(message(1, numbers(0, 1000), QUOTE))
ERROR = frame(message(1, bytes(8), error=0x12001))


def test_recorded_messages_are_read_as_expected() -> None:
    folder = vectors_path.require("aesm")
    cases = [case for case in exchanges.read_cases(folder) if case.kind == "qgs"]
    assert cases
    assert {case.id: list(compare(case)) for case in cases if list(compare(case))} == {}


def _check(path: Path, data: bytes, role: str, expect: str) -> str | None:
    (path / "case.hex").write_text(data.hex(), encoding="ascii")
    return check_case(path, {"frame": "case.hex", "role": role, "expect": expect})


@pytest.mark.parametrize(
    ("data", "role", "expect"),
    [
        (REQUEST, "request", "parses: type 0, report 1024, id list 0"),
        (raw_report(), "request", "parses: raw mode, report 1024"),
        (REPLY, "response", "parses: type 1, error 0, quote 1000"),
        (ERROR, "response", "parses: 24 bytes, sizes 0, error 0x12001"),
        (REQUEST[:-1], "request", "reject"),
        (REQUEST + b"\0", "request", "reject"),
        (raw_report() + b"\0", "request", "reject"),
        (REQUEST, "response", "reject: a request"),
    ],
)
def test_agrees_with_right_expectations(
    tmp_path: Path, data: bytes, role: str, expect: str
) -> None:
    assert _check(tmp_path, data, role, expect) is None


@pytest.mark.parametrize(
    ("data", "role", "expect", "words"),
    [
        (REQUEST, "request", "reject", "expected a refusal, got GetQuoteRequest"),
        (REPLY, "response", "reject", "expected a refusal, got GetQuoteReply"),
        (REPLY, "request", "parses", "expected a message, got message_format"),
        (REQUEST[:-1], "request", "parses: type 0", "expected a message"),
        (REQUEST, "request", "parses: type 0, report 1023", "expected report 1023, got 1024"),
        (REQUEST, "request", "parses: id list 16", "expected id list 16, got 0"),
        (REPLY, "response", "parses: quote 3000", "expected quote 3000, got 1000"),
        (REPLY, "response", "parses: error 0x12001", "expected error 73729, got 0"),
        (ERROR, "response", "parses: 28 bytes", "expected bytes 28, got 24"),
        (REQUEST, "request", "perhaps", "unknown expectation"),
        (REQUEST, "observer", "parses", "unknown role"),
    ],
)
def test_finds_what_differs(
    tmp_path: Path, data: bytes, role: str, expect: str, words: str
) -> None:
    difference = _check(tmp_path, data, role, expect)
    assert difference is not None
    assert words in difference
