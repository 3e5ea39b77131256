# SPDX-License-Identifier: Apache-2.0
"""Spans of time as options take them."""

import math
from typing import Any

import click


class Seconds(click.FloatRange):
    """A number of seconds within bounds; a range of click lets what is no number through."""

    name = "seconds"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - what click takes
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the seconds."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds
