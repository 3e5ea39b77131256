# SPDX-License-Identifier: Apache-2.0
"""Kinds of values that options of daemons take."""

import math
from pathlib import Path
from typing import Final

import click

from confcom.errors import ConfcomError
from confcom.protocols.quotas import Rate

KINDS: Final = ("qe3", "pce", "provider", "id-enclave")


class Octal(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """A file mode, written as `chmod` takes it."""

    name = "octal"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the mode."""
        if isinstance(value, int):
            return value
        try:
            mode = int(value, 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= 0o777:
            self.fail(f"{value!r} is not a file mode such as 0666", param, ctx)
        return mode


class Address(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """A host and a port to bind."""

    name = "address"

    def convert(
        self,
        value: str | tuple[str, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        """Return host and port."""
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port[:6]) <= 65535:
            self.fail(f"{value!r} is not an address such as 127.0.0.1:8081", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


class FileOfKind(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """One of the files that the libraries look for."""

    name = "kind=path"

    def convert(
        self,
        value: str | tuple[str, Path],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, Path]:
        """Return kind and path."""
        if isinstance(value, tuple):
            return value
        kind, _, path = value.partition("=")
        if kind not in KINDS or not path:
            self.fail(f"{value!r} is not KIND=PATH with a KIND of {', '.join(KINDS)}", param, ctx)
        if not Path(path).is_file():
            self.fail(f"there is no file {path}", param, ctx)
        return kind, Path(path).absolute()


class RateOf(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """How often something may happen: ``RATE`` a second, or ``RATE:BURST``."""

    name = "rate"

    def convert(
        self, value: str | Rate, param: click.Parameter | None, ctx: click.Context | None
    ) -> Rate:
        """Return rate and burst; by default a burst is what comes in one second."""
        if isinstance(value, Rate):
            return value
        number, colon, burst = value.partition(":")
        try:
            per_second = float(number)
            most = int(burst) if colon else max(1, math.ceil(per_second))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not RATE or RATE:BURST, such as 5 or 0.5:10", param, ctx)
        try:
            return Rate(per_second, most)
        except ConfcomError as exc:
            self.fail(exc.message, param, ctx)
