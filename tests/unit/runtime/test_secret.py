# SPDX-License-Identifier: Apache-2.0
"""Secrets never show themselves."""

import copy
import dataclasses
import json
import pickle
from pathlib import Path

import msgspec
import pytest

from confcom.errors import MisconfiguredError
from confcom.reasons import Reason
from confcom.runtime.secret import Secret, read_secret

SECRET = Secret("hunter2")


@dataclasses.dataclass
class Holder:
    value: Secret


@pytest.mark.parametrize(
    "shown", [repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET:>20}", f"{SECRET!s} {SECRET!r}"]
)
def test_is_masked_as_text(shown: str) -> None:
    assert "***" in shown
    assert "hunter2" not in shown


def test_is_masked_inside_other_values() -> None:
    assert "hunter2" not in repr([SECRET, {"a": SECRET}, Holder(SECRET)])


def test_reveals_itself_only_when_asked() -> None:
    assert SECRET.reveal() == "hunter2"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps([SECRET], protocol)


def test_cannot_be_copied_or_turned_into_data() -> None:
    for attempt in (
        lambda: copy.copy(SECRET),
        lambda: copy.deepcopy(SECRET),
        lambda: dataclasses.asdict(Holder(SECRET)),
        lambda: json.dumps(SECRET),
        lambda: msgspec.json.encode(SECRET),
        lambda: vars(SECRET),
        lambda: hash(SECRET),
        lambda: bytes(SECRET),  # type: ignore[call-overload]
        lambda: list(SECRET),  # type: ignore[call-overload]
    ):
        with pytest.raises(TypeError) as caught:
            attempt()
        assert "hunter2" not in str(caught.value)


def test_is_compared_by_value() -> None:
    assert Secret("hunter2") == SECRET
    assert Secret("hunter3") != SECRET
    assert SECRET != "hunter2"  # noqa: S105 - the fake one


def test_is_read_from_a_file_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"user:p\xc3\xa4ss \r\n")
    assert read_secret(file, what="proxy credentials").reveal() == "user:päss "


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"hunter2\xff", "it is not UTF-8 text"),
        (b"hunter2" * 10_000, "it is larger than 65536 bytes"),
    ],
)
def test_refuses_file(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(MisconfiguredError) as caught:
        read_secret(file, what="proxy credentials")
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert caught.value.message == f"cannot use file {file} as proxy credentials: {expected}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_refuses_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="No such file or directory"):
        read_secret(tmp_path / "missing", what="proxy credentials")
    with pytest.raises(MisconfiguredError, match="Is a directory"):
        read_secret(tmp_path, what="proxy credentials")
