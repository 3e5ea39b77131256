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
from typing import TextIO

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
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            *renderers,
        ],
    )
    _replace_handlers(_Handler(stream), formatter, settings.level)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of every field of an event, and put the usual fields first."""
    names = [name for name in _FIRST if name in event]
    names += [name for name in event if name not in _FIRST]
    return {
        redact_name(name): event[name]
        if is_measurement(name, event[name])
        else redact_value(event[name], name=name)
        for name in names
    }


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
    # ASCII only, so that no reader of the file meets a control character.
    return [structlog.processors.JSONRenderer(serializer=json.dumps)]


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
