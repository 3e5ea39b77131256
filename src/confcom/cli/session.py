# SPDX-License-Identifier: Apache-2.0
"""One run of the program: the global options, the settings, and where text goes.

The object travels as click's ``ctx.obj``. Settings are read once, when first asked for.
"""

import os
import sys
from typing import TYPE_CHECKING

from confcom.cli.style import Style, may_color, paint
from confcom.runtime.text import printable

if TYPE_CHECKING:
    from confcom.runtime.settings import Effective, Flag, Settings


class Session:
    """State of one run.

    Attributes:
        debug: show tracebacks, and log everything.
        quiet: no result, warnings or progress; errors stay.
        color: ``auto``, ``always``, ``never``, or None when no flag was given.
        config: settings file named by a flag, or None.
        output_format: what ``--output`` said, or None.
        formats: the formats that the running command offers, its own default first.
    """

    def __init__(self) -> None:
        self.debug = False
        self.quiet = False
        self.color: str | None = None
        self.config: str | None = None
        self.output_format: str | None = None
        self.formats: tuple[str, ...] = ("table",)
        self._flags: dict[str, Flag] = {}
        self._effective: Effective | None = None

    def give(self, flag: "Flag") -> None:
        """Note a setting that was given as a flag; a later one for the same key replaces it."""
        self._flags[flag.path] = flag
        self._effective = None

    @property
    def effective(self) -> "Effective":
        """The settings in force with their origins.

        Raises:
            MisconfiguredError: every mistake with its origin (settings_invalid).
        """
        if self._effective is None:
            from pathlib import Path  # noqa: PLC0415 - not for --help

            from confcom.runtime.settings import Flag, load  # noqa: PLC0415 - not for --help

            flags = dict(self._flags)
            if self.debug:
                flags["log.level"] = Flag("log.level", "--debug", "debug")
            if self.color:
                flags["output.color"] = Flag("output.color", "--color", self.color)
            config = Path(self.config) if self.config is not None else None
            self._effective = load(environ=os.environ, config=config, flags=flags.values())
        return self._effective

    @property
    def settings(self) -> "Settings":
        """The settings in force.

        Raises:
            MisconfiguredError: every mistake with its origin (settings_invalid).
        """
        return self.effective.settings

    def format(self) -> str:
        """Return the format of the result: the flag's, else the setting's, else the default."""
        if self.output_format:
            return self.output_format
        wished = self.settings.output.format.value
        return wished if wished in self.formats else self.formats[0]

    def colors_stdout(self) -> bool:
        """Tell whether the result is coloured."""
        mode = self.color or self.settings.output.color.value
        return may_color(sys.stdout, mode=mode, environ=os.environ)

    def colors_stderr(self) -> bool:
        """Tell whether messages are coloured; never fails, because errors are shown with it."""
        return may_color(sys.stderr, mode=self.color or "auto", environ=os.environ)

    def warn(self, message: str) -> None:
        """Say on standard error what somebody should look at, unless the user wants quiet."""
        if not self.quiet:
            self.say("warning", Style.WARNING, message)

    def say(self, label: str, style: Style, message: str) -> None:
        """Write one labelled message to standard error; control characters become escapes."""
        if sys.stderr is not None:
            painted = paint(f"{label}:", style, color=self.colors_stderr())
            print(painted, printable(message, keep="\n"), file=sys.stderr)  # noqa: T201 - a CLI

    def start_logging(self, *, is_daemon: bool = False) -> None:
        """Let events of the program and of libraries through to standard error.

        For commands that use the network or run for long; loading it takes a tenth of a second.

        Args:
            is_daemon: whether events are the result, so that decisions are written unless a
                setting says otherwise.
        """
        from confcom.runtime.log import configure  # noqa: PLC0415 - loads structlog
        from confcom.runtime.settings import Layer, LogLevel  # noqa: PLC0415 - not for --help

        log = self.settings.log
        if is_daemon and self.effective.origins["log.level"].layer is Layer.DEFAULT:
            log = log._replace(level=LogLevel.INFO)
        if sys.stderr is not None:
            configure(log, sys.stderr, color=self.colors_stderr())
