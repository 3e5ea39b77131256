# SPDX-License-Identifier: Apache-2.0
"""Notes about a file: bounded, with lines, and without what was written."""

import pytest

from confcom.errors import MisconfiguredError
from confcom.protocols.quoting_conf import Weight, parse_address, require_sound
from confcom.protocols.quoting_conf.notes import MAX_NOTES, Note, Notebook, shown_name
from confcom.reasons import Reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8081",
        "ftp://pccs.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://-x/",
        "https://pccs.example:0/",
        "https://pccs.example:65536/",
        "https://pccs.example:port/",
        "https://[1]/",
        "https://[fe80::1::]/",
        "https://[::ffff:1.2.3.400]/",
        "https://pccs.example/a b",
        "https://pccs.example/#part",
        "https://pccs.example/\x1b[31m\n",
        "https://a@b@pccs.example/",
        f"https://{'x' * 300}/",
        f"https://x/{'y' * 2000}",
    ],
)
def test_refuses_what_is_no_address(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://PCCS.example:443/v4/", "https://pccs.example/v4/"),
        ("HTTP://[FE80::1]:8081", "http://[fe80::1]:8081/"),
        ("https://user:hunter2@pccs.example/v4?key=k3y", "https://pccs.example/v4"),
        ("http://169.254.169.254/metadata", "http://169.254.169.254/metadata"),
    ],
)
def test_address_shows_neither_user_nor_query(text: str, shown: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert str(address) == shown
    assert address.text == text
    assert "hunter2" not in repr(address)
    assert "k3y" not in repr(address)


def test_a_name_with_other_characters_is_not_shown() -> None:
    assert shown_name("retry-times") == "'retry-times'"
    assert "\x1b" not in shown_name("\x1b[2Jx")
    assert "Zm9v" not in shown_name("Zm9v+YmFyLw/x")


def test_notes_are_bounded_and_the_rest_is_counted() -> None:
    notebook = Notebook()
    for line in range(1, MAX_NOTES + 8):
        notebook.warn("again", line)
    notes = notebook.notes()
    assert len(notes) == MAX_NOTES + 1
    assert str(notes[0]) == "line 1: again"
    assert str(notes[-1]) == "7 more notes are left out"


def test_refusal_of_a_file_names_all_mistakes_and_no_warning() -> None:
    notes = (
        Note(Weight.MISTAKE, "expected NAME=value", 3),
        Note(Weight.WARNING, "has no meaning here", 4),
        Note(Weight.MISTAKE, "is not UTF-8 text", 9),
    )
    with pytest.raises(MisconfiguredError) as caught:
        require_sound(notes, what="file /etc/aesmd.conf")
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert caught.value.message == (
        "cannot use file /etc/aesmd.conf: line 3: expected NAME=value; line 9: is not UTF-8 text"
    )
    require_sound(notes[1:2], what="file /etc/aesmd.conf")
