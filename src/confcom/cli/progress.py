# SPDX-License-Identifier: Apache-2.0
"""Progress of long work, on standard error and only where a person watches."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confcom.cli.session import Session

Advance = Callable[[int], None]


@contextmanager
def progress(session: Session, what: str, total: int | None = None) -> Iterator[Advance]:
    """Show a bar while the block runs.

    Args:
        session: quiet runs show nothing.
        what: what is being done, such as ``verifying quotes``.
        total: how many steps there are, or None where nobody knows.

    Yields:
        A function that takes the number of steps just done.
    """
    if not _is_watched(session):
        yield lambda _steps: None
        return
    from rich.console import Console  # noqa: PLC0415 - takes 50 ms to load
    from rich.progress import Progress  # noqa: PLC0415 - takes 50 ms to load

    console = Console(stderr=True, no_color=not session.colors_stderr())
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def _is_watched(session: Session) -> bool:
    return (
        not session.quiet
        and sys.stderr is not None
        and sys.stderr.isatty()
        and os.environ.get("TERM") != "dumb"
        and not os.environ.get("NO_COLOR")  # a bar moves the cursor with the same sequences
    )
