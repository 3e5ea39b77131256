# SPDX-License-Identifier: Apache-2.0
"""One pipeline for our events and those of libraries; no secret gets through in any shape."""

import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import structlog

from confcom.runtime.log import configure
from confcom.runtime.secret import Secret
from confcom.runtime.settings import LogFormat, LogLevel, LogSettings

HIDDEN = "hunter2hunter2"  # part of every fake secret below; must never appear
FAKES = {
    "secret": Secret(HIDDEN),
    "pem": f"-----BEGIN {'PRIVATE'} KEY-----\n{HIDDEN}\n-----END {'PRIVATE'} KEY-----\n",
    "jwt": f"eyJhbGciOiJub25lIn0.{HIDDEN}.{HIDDEN}",
    "header": f"Authorization: Bearer {HIDDEN}",
    "address": f"https://user:{HIDDEN}@host/",
    "assignment": f"password={HIDDEN}",
    "hex": "ab" * 16 + "cd" * 24,
    "bytes": HIDDEN.encode(),
}
LOG = "confcom.test"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Holder:
    value: object


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("confcom")
    before = (root.level, own.level)
    yield
    root.handlers.clear()
    root.level, own.level = before
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def configured(
    level: LogLevel = LogLevel.DEBUG,
    format: LogFormat = LogFormat.JSON,  # noqa: A002 - the setting's name
    stream: io.StringIO | None = None,
    *,
    color: bool = False,
) -> io.StringIO:
    stream = stream or io.StringIO()
    # Those of the test runner let mistakes in messages escape; it adds them for each test.
    for handler in list(logging.getLogger().handlers):
        if type(handler).__module__.startswith("_pytest"):
            logging.getLogger().removeHandler(handler)
    configure(LogSettings(level=level, format=format), stream, color=color)
    return stream


def events(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _raise(value: object) -> None:
    raise ValueError(value)


def _with_exception(report: Callable[..., None], value: object) -> None:
    try:
        _raise(value)
    except ValueError:
        report("quote.failed", exc_info=True)


def _warn(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(text, DeprecationWarning, stacklevel=1)


def _in_context(value: object) -> None:
    structlog.contextvars.bind_contextvars(peer=value)
    structlog.get_logger(LOG).info("quote.verified")


SHAPES: dict[str, Callable[[object], None]] = {
    "event": lambda value: structlog.get_logger(LOG).info(f"saw {value}"),
    "positional": lambda value: structlog.get_logger(LOG).info("saw %s and %r", value, value),
    "field": lambda value: structlog.get_logger(LOG).info("a.b", peer=value),
    "list": lambda value: structlog.get_logger(LOG).info("a.b", peer=[1, (value,)]),
    "dictionary": lambda value: structlog.get_logger(LOG).info("a.b", peer={"x": {"y": value}}),
    "name": lambda value: structlog.get_logger(LOG).info("a.b", peer={str(value): 1}),
    "name of a field": lambda value: structlog.get_logger(LOG).info("a.b", **{str(value): 1}),
    "object": lambda value: structlog.get_logger(LOG).info("a.b", peer=Holder(value)),
    "error as value": lambda value: structlog.get_logger(LOG).info("a.b", peer=ValueError(value)),
    "bound": lambda value: structlog.get_logger(LOG).bind(peer=value).info("a.b"),
    "context": _in_context,
    "exception": lambda value: _with_exception(structlog.get_logger(LOG).error, value),
    "library message": lambda value: logging.getLogger("lib").warning(f"saw {value}"),  # noqa: G004
    "library argument": lambda value: logging.getLogger("lib").warning("%s %r", value, value),
    "library mapping": lambda value: logging.getLogger("lib").warning("%(a)s", {"a": value}),
    "library extra": lambda value: logging.getLogger("lib").warning("x", extra={"peer": value}),
    "library exception": lambda value: _with_exception(logging.getLogger("lib").error, value),
    "library mistake": lambda value: logging.getLogger("lib").warning("%d", value),
    "warning": lambda value: _warn(f"saw {value}"),
}


@pytest.mark.parametrize("format_", [LogFormat.JSON, LogFormat.TEXT])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fake", FAKES)
def test_fake_secret_never_appears(fake: str, shape: str, format_: LogFormat) -> None:
    stream = configured(format=format_)
    SHAPES[shape](FAKES[fake])
    written = stream.getvalue()
    assert written
    assert HIDDEN not in written
    assert "ab" * 16 not in written
    assert "\x1b" not in written


def test_json_event_has_time_level_name_and_fields_in_order() -> None:
    stream = configured()
    structlog.get_logger("confcom.services.quotes").info(
        "quote.verified", tee="sgx", duration_ms=1.5, subject="9f2c41aa", reason=None
    )
    (event,) = events(stream)
    assert list(event) == [
        "timestamp", "level", "event", "logger", "tee", "duration_ms", "subject", "reason",
    ]  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", str(event.pop("timestamp")))
    assert event == {
        "level": "info",
        "event": "quote.verified",
        "logger": "confcom.services.quotes",
        "tee": "sgx",
        "duration_ms": 1.5,
        "subject": "9f2c41aa",
        "reason": None,
    }


def test_auto_is_json_for_a_file_and_text_for_a_terminal() -> None:
    for stream, first in ((io.StringIO(), "{"), (Terminal(), "2")):
        configured(format=LogFormat.AUTO, stream=stream)
        structlog.get_logger(LOG).info("a.b", x=1)
        assert stream.getvalue()[0] == first


def test_text_is_coloured_only_when_asked() -> None:
    for color in (False, True):
        stream = configured(format=LogFormat.TEXT, color=color)
        structlog.get_logger(LOG).info("a.b", x=1)
        assert ("\x1b[" in stream.getvalue()) is color


@pytest.mark.parametrize("format_", [LogFormat.JSON, LogFormat.TEXT])
def test_a_value_can_neither_steer_the_terminal_nor_fake_a_line(format_: LogFormat) -> None:
    stream = configured(format=format_)
    structlog.get_logger(LOG).info("a.b", peer="x\x1b[2J\n2026 fake line\u202e", deep=["\x1b[2J"])
    written = stream.getvalue()
    assert written.count("\n") == 1
    assert written.removesuffix("\n").isprintable()


def test_level_is_for_our_events_and_libraries_start_at_warning() -> None:
    stream = configured(LogLevel.DEBUG)
    structlog.get_logger(LOG).debug("a.b")
    logging.getLogger("confcom.adapters.x").debug("c.d", extra={"host": "h"})
    logging.getLogger("lib").info("nothing to see")
    logging.getLogger("lib").warning("look %s", "here")
    assert [(event["event"], event["level"]) for event in events(stream)] == [
        ("a.b", "debug"),
        ("c.d", "debug"),
        ("look here", "warning"),
    ]
    assert events(stream)[1]["host"] == "h"


def test_a_higher_level_holds_for_libraries_too() -> None:
    stream = configured(LogLevel.ERROR)
    structlog.get_logger(LOG).warning("a.b")
    logging.getLogger("lib").warning("look here")
    assert stream.getvalue() == ""
    logging.getLogger("lib").error("look here")
    assert len(events(stream)) == 1


def test_warnings_of_python_are_events() -> None:
    stream = configured()
    _warn("old way")
    (event,) = events(stream)
    assert event["logger"] == "py.warnings"
    assert "DeprecationWarning: old way" in str(event["event"])


def test_exceptions_are_shown_with_their_traceback() -> None:
    stream = configured()
    _with_exception(structlog.get_logger(LOG).error, "what happened")
    (event,) = events(stream)
    assert str(event["exception"]).startswith("Traceback (most recent call last):\n")
    assert str(event["exception"]).endswith("ValueError: what happened")


def test_second_call_replaces_the_first() -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    first = configured()
    second = configured()
    logging.getLogger("lib").error("once")
    assert first.getvalue() == ""
    assert len(events(second)) == 1


def test_an_event_that_cannot_be_written_is_reported_without_its_content() -> None:
    stream = configured()
    logging.getLogger("lib\n").warning("%d", "hunter2")
    assert stream.getvalue() == "error: cannot write a log event of lib\\x0a\n"


def test_a_stream_that_fails_does_not_end_the_program() -> None:
    stream = configured()
    stream.close()
    logging.getLogger("lib").warning("nobody hears this")
