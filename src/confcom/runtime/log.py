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
    handler = _Handler(stream)
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    after: list[Processor] = [structlog.processors.format_exc_info, redact, *renderers]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *after,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=lambda name=OWN_LOGGER: _OwnLogger(name, handler),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
    )
    # No event tells any of these, so no record need look them up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    _replace_handlers(handler, formatter, settings.level)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of every field of an event, and put the usual fields first."""
    ordered: dict[str, object] = {name: event[name] for name in _FIRST if name in event}
    ordered.update(event)
    return {
        redact_name(name): value if is_measurement(name, value) else redact_value(value, name=name)
        for name, value in ordered.items()
    }


class _Handler(logging.StreamHandler[TextIO]):
    """Writes events; one that cannot be written is reported without its content."""

    def write(self, name: str, line: str) -> None:
        """Write the line of an event of ours."""
        with self.lock or contextlib.nullcontext():
            try:
                self.stream.write(line + self.terminator)
                self.flush()
            except (OSError, ValueError):
                self._report(name)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        self._report(record.name)

    def _report(self, name: str) -> None:
        # The stream itself may be what failed; there is nobody else to tell.
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(f"error: cannot write a log event of {printable(name)}\n")


class _OwnLogger:
    """What our events come to: the level of the standard library's logger, and lines.

    A record of the standard library would be made, passed around and taken apart again for each
    of them, which takes as long as the rest.

    Args:
        name: of the logger, below ``confcom`` as a rule.
        handler: where lines go.
    """

    def __init__(self, name: str, handler: _Handler) -> None:
        self.name = name
        self._logger = logging.getLogger(name)
        self._handler = handler

    @property
    def disabled(self) -> bool:
        """Whether nothing is told at any level."""
        return self._logger.disabled

    def getEffectiveLevel(self) -> int:  # noqa: N802 - the library's name
        """Return the level from which on events are told."""
        return self._logger.getEffectiveLevel()

    def debug(self, line: str) -> None:
        """Write the line of an event, which holds its level."""
        self._handler.write(self.name, line)

    info = warning = error = critical = exception = debug


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
