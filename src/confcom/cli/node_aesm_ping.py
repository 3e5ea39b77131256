# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm ping``: whether the daemon answers, how fast, and what to do if not."""

import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import click

from confcom.cli.command import Command, session_of
from confcom.cli.node_aesm_options import (
    SCHEMA_VERSION,
    aesm_packages,
    call_json,
    milliseconds,
    say_failure,
    socket_option,
    state_cell,
    timeout_option,
)
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.cli.progress import progress
from confcom.cli.seconds import Seconds
from confcom.cli.table import Cell, columns, pairs
from confcom.reasons import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confcom.adapters.aesm import AesmClient
    from confcom.adapters.aesm_health import Call


@click.command(
    cls=Command,
    examples=(
        "confcom node aesm ping",
        "confcom node aesm ping --socket run/aesm.socket --timeout 2",
        "confcom node aesm ping --count 10 --interval 0.5 --output json",
    ),
)
@socket_option
@timeout_option
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    metavar="N",
    default=1,
    show_default=True,
    help="How many calls to make.",
)
@click.option(
    "--interval",
    "interval_s",
    type=Seconds(0, 3600),
    metavar="SECONDS",
    default=1.0,
    show_default=True,
    help="How long to wait between two calls.",
)
@output_option("table", "json", "yaml")
@click.pass_context
def ping(ctx: click.Context, path: str, timeout_s: float, count: int, interval_s: float) -> int:
    """Ask the daemon how many attestation keys it offers.

    Exit code 0 only if every call was answered and a key is offered; 4 if the daemon cannot be
    reached, hangs or has no platform; 3 if what answers is no AESM daemon. The error says which,
    and what to do.
    """
    with aesm_packages("node aesm ping"):
        from confcom.adapters.aesm import AesmClient  # noqa: PLC0415 - loads protobuf
    client = AesmClient(path, timeout_s=timeout_s)
    session = session_of(ctx)
    calls: list[Call[int]] = []
    with progress(session, "calling the daemon", total=count) as advance:
        for number in range(count):
            time.sleep(interval_s if number else 0)
            calls.append(_ping(client))
            advance(1)
    output = Output(session)
    output.write(_to_json(path, calls), lambda: _table(path, calls, color=output.color))
    failures = [call.finding.error for call in calls if call.finding.error is not None]
    return say_failure(session, failures[-1]) if failures else ExitCode.YES


def _ping(client: "AesmClient") -> "Call[int]":
    from confcom.adapters.aesm_health import timed, without_keys  # noqa: PLC0415 - loads protobuf
    from confcom.protocols.aesm.client import ask_key_id_count  # noqa: PLC0415 - loads protobuf

    call = timed(client, ask_key_id_count())
    if call.answer == 0:
        return replace(call, finding=without_keys(client.address.path))
    return call


def _to_json(path: str, calls: "Sequence[Call[int]]") -> dict[str, object]:
    last = calls[-1]
    return {
        "schemaVersion": SCHEMA_VERSION,
        "socket": path,
        "state": last.finding.state.value,
        "keys": last.answer,
        "sent": len(calls),
        "answered": sum(call.finding.error is None for call in calls),
        "calls": [call_json(call) for call in calls],
    }


def _table(path: str, calls: "Sequence[Call[int]]", *, color: bool) -> str:
    last = calls[-1]
    facts: list[tuple[str, str | Cell]] = [
        ("socket", path),
        ("state", state_cell(last.finding.state)),
    ]
    if last.answer is not None:
        facts.append(("keys offered", str(last.answer)))
    if len(calls) == 1:
        facts.append(("time", f"{milliseconds(last.seconds):.3f} ms"))
        return pairs(facts, color=color)
    times = [milliseconds(call.seconds) for call in calls if call.finding.error is None]
    facts.append(("answered", f"{len(times)} of {len(calls)}"))
    if times:
        spread = f"{min(times):.3f}, {median(times):.3f}, {max(times):.3f} ms"
        facts.append(("least, median, most", spread))
    rows = [
        (str(number), state_cell(call.finding.state), f"{milliseconds(call.seconds):.3f}")
        for number, call in enumerate(calls, start=1)
    ]
    return f"{columns(('CALL', 'STATE', 'MS'), rows, color=color)}\n{pairs(facts, color=color)}"
