# SPDX-License-Identifier: Apache-2.0
"""Results as JSON, JSON lines and YAML keep their meaning and hold no control characters."""

import enum
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from confcom.cli.output import Output, plain, to_json, to_json_line, to_yaml
from confcom.cli.session import Session
from confcom.errors import UsageError
from confcom.reasons import Kind, Reason

DOCUMENT = {
    "schemaVersion": 1,
    "authentic": True,
    "acceptable": None,
    "reason": Reason.TCB_STATUS,
    "message": "größer – 雪",
    "checks": [{"name": "b", "value": 1.5}, {}, []],
    "advisoryIds": (),
}
YAML_TEXT = """\
schemaVersion: 1
authentic: true
acceptable: null
reason: tcb_status
message: "größer – 雪"
checks:
- name: b
  value: 1.5
- {}
- []
advisoryIds: []
"""

names = st.text(min_size=1)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
# What different readers take for something other than text.
AMBIGUOUS = [
    "", " ", "~", "null", "Null", "NULL", "true", "True", "yes", "Yes", "YES", "no", "on", "Off",
    "y", "N", "0644", "0o17", "0x1f", "0b1", "1_000", "1e3", "1E3", "12e03", "1.", ".5", "-.inf",
    ".nan", "1:30", "190:20:30", "2026-11-23", "2026-11-23T10:00:00Z", "<<", "=", "-", "- a",
    "a: b", "a #b", "#a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "'a'", '"a"', "[a]",
    "{a}", "a,b", "?", ":", "a:", "---", "...", "a\nb", "\ttab", "trailing ", "\x1b[2J", "\x85",
    "\u2028", "\ufeff", "\x7f", "00906ED50000", "123456",
]  # fmt: skip


def read_yaml(text: str, version: tuple[int, int] = (1, 2)) -> object:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    document: object = yaml.load(text)
    return document


def test_json_keeps_order_and_characters() -> None:
    text = to_json(DOCUMENT)
    assert text.endswith("}\n")
    assert "größer – 雪" in text
    assert list(json.loads(text)) == list(DOCUMENT)
    assert json.loads(text)["reason"] == "tcb_status"


def test_json_line_is_one_line() -> None:
    text = to_json_line(DOCUMENT | {"message": "two\nlines\u2028\x85"})
    assert text.count("\n") == 1
    assert len(text.splitlines()) == 1
    assert json.loads(text)["message"] == "two\nlines\u2028\x85"


def test_yaml_is_block_style_in_order() -> None:
    assert to_yaml(DOCUMENT) == YAML_TEXT


@pytest.mark.parametrize("text", AMBIGUOUS)
@pytest.mark.parametrize("version", [(1, 1), (1, 2)])
def test_text_stays_text_for_every_reader(text: str, version: tuple[int, int]) -> None:
    for document in ({"a": text}, [text], text, {"x" + text: 1}):
        assert read_yaml(to_yaml(document), version) == document


@given(documents)
def test_every_document_is_read_back(document: object) -> None:
    assert json.loads(to_json(document)) == document
    assert json.loads(to_json_line(document)) == document
    for version in ((1, 1), (1, 2)):
        assert read_yaml(to_yaml(document), version) == document


@given(documents)
def test_no_control_character_gets_through(document: object) -> None:
    for text in (to_json(document), to_json_line(document), to_yaml(document)):
        assert not [char for char in text if ord(char) < 32 and char != "\n"]
        assert not [char for char in text if 0x7F <= ord(char) < 0xA0]


def test_plain_data_loses_its_subclasses() -> None:
    class Number(enum.IntEnum):
        ONE = 1

    result = plain({Reason.DEBUG: [Number.ONE, True, 1.5, None, (Reason.DEBUG,)]})
    assert result == {"debug": [1, True, 1.5, None, ["debug"]]}
    assert [type(item) for item in result["debug"][:2]] == [int, bool]
    assert type(next(iter(result))) is str


@pytest.mark.parametrize("value", [b"bytes", Kind.BUG, object(), {1, 2}, bytearray(b"x")])
def test_what_is_no_data_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_yaml({"a": value})
    with pytest.raises(TypeError):
        to_json({"a": value})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_are_finite(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json([number])
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json_line([number])
    with pytest.raises(TypeError):
        to_yaml([number])


def output_in(format_: str, *, quiet: bool = False) -> Output:
    session = Session()
    session.output_format = format_
    session.color = "never"
    session.quiet = quiet
    return Output(session)


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("table", "A table\n"),
        ("json", '{\n  "a": 1\n}\n'),
        ("jsonl", '{"a":1}\n'),
        ("yaml", "a: 1\n"),
    ],
)
def test_writes_the_format_that_was_asked_for(
    capsys: pytest.CaptureFixture[str], format_: str, expected: str
) -> None:
    output_in(format_).write({"a": 1}, lambda: "A table\n")
    assert capsys.readouterr() == (expected, "")


def test_quiet_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    output_in("json", quiet=True).write({"a": 1}, str)
    assert capsys.readouterr() == ("", "")


def test_each_json_line_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []

    class Stream(io.StringIO):
        def flush(self) -> None:
            flushed.append(self.getvalue())

    monkeypatch.setattr(sys, "stdout", Stream())
    output = output_in("jsonl")
    output.write({"a": 1}, str)
    output.write({"a": 2}, str)
    assert flushed == ['{"a":1}\n', '{"a":1}\n{"a":2}\n']


def test_a_failing_stream_is_reported_and_a_closed_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(UsageError, match="No space left on device") as caught:
        output_in("json").write({}, str)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(BrokenPipeError):
        output_in("json").write({}, str)
    monkeypatch.setattr(sys, "stdout", None)
    output_in("json").write({}, str)
