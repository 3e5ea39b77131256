# SPDX-License-Identifier: Apache-2.0
"""Logs: one pipeline for our events and for those of libraries, free of secrets.

An event is a decision, named ``noun.verb_past`` (``quote.verified``), with its facts as fields.
Our own loggers are those below ``confcom``; they obey the setting ``log.level``. Libraries get
through from warnings on, and Python's warnings are events too.

Loading this takes about 0.15 s, because structlog brings asyncio and rich along: commands that
write no events do not import it.
"""

import contextlib
import json
import logging
from collections.abc import Sequence
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from confcom.runtime.redact import is_measurement, redact_name, redact_value
from confcom.runtime.settings import LogFormat, LogLevel, LogSettings
from confcom.runtime.text import printable

OWN_LOGGER = "confcom"
_FIRST = ("timestamp", "level", "event", "logger")
_LINES = ("exception", "stack")


def configure(settings: LogSettings, stream: TextIO, *, color: bool = False) -> None:
    """Send every event of the process to one stream. A second call replaces the first.

    Args:
        settings: level and format; the format ``auto`` is text on a terminal, else JSON.
        stream: where events go, standard error as a rule.
        color: whether text is coloured; JSON never is.
    """
    is_text = settings.format is LogFormat.TEXT or (
        settings.format is LogFormat.AUTO and stream.isatty()
    )
    renderers = _text_renderers(color=color) if is_text else _json_renderers()
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            _to_record,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = _Formatter(
        own=[structlog.processors.format_exc_info, redact, *renderers],
        foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            *renderers,
        ],
    )
    # No event tells any of these, so no record need look them up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    _replace_handlers(_Handler(stream), formatter, settings.level)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of every field of an event, and put the usual fields first."""
    ordered: dict[str, object] = {name: event[name] for name in _FIRST if name in event}
    ordered.update(event)
    return {
        redact_name(name): value if is_measurement(name, value) else redact_value(value, name=name)
        for name, value in ordered.items()
    }


def _to_record(_logger: WrappedLogger, _method: str, event: EventDict) -> tuple[object, object]:
    """Hand an event of ours to the standard library as it is."""
    return (event,), {"extra": {"is_own_event": True}}


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders events; ours without the copy of the record that others are given.

    Args:
        own: what makes an event of ours a line.
        options: of the base class, for records of libraries.
    """

    def __init__(self, *, own: Sequence[Processor], **options: Any) -> None:  # noqa: ANN401 passed on
        super().__init__(**options)
        self._own = own

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event."""
        if not getattr(record, "is_own_event", False):
            return super().format(record)
        event: Any = record.msg
        for process in self._own:
            event = process(None, record.levelname.lower(), event)
        return str(event)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes events; one that cannot be written is reported without its content."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        # The stream itself may be what failed; there is nobody else to tell.
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(f"error: cannot write a log event of {printable(record.name)}\n")


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        printable(name): printable(value, keep="\n\t" if name in _LINES else "")
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _json_renderers() -> list[Processor]:
    return [_to_json]


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return plain data as one line: ASCII, so that no reader meets a control character."""
    return json.dumps(event)


def _text_renderers(*, color: bool) -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=color, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )
    return [_escape, renderer]


def _replace_handlers(
    handler: logging.Handler, formatter: logging.Formatter, level: LogLevel
) -> None:
    handler.setFormatter(formatter)
    number = logging.getLevelNamesMapping()[level.value.upper()]
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old, _Handler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger(OWN_LOGGER).setLevel(number)
    logging.captureWarnings(capture=True)
